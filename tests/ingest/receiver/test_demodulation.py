"""Baseband and composite of the same moments; ends of a stretch make no peaks."""

import numpy as np

from ingest.receiver.demodulation import EDGE, FADE, Demodulation

RATE_HZ = 288_000
N = 30_000


def tone(n=N, offset_hz=3_000.0, deviation_hz=60e3, tone_hz=1_000.0):
    t = np.arange(n) / RATE_HZ
    composite = (offset_hz + deviation_hz * np.sin(2 * np.pi * tone_hz * t)) / 1e5
    phase = 2 * np.pi * np.cumsum(composite * 1e5) / RATE_HZ
    return composite.astype(np.float32), np.exp(1j * phase).astype(np.complex64)


def run(iq, cuts):
    demodulation = Demodulation()
    pieces = [demodulation.process(part.copy()) for part in np.split(iq, cuts)]
    return [*pieces, demodulation.end()]


def test_every_sample_comes_once_and_at_its_moment():
    composite, iq = tone()
    pieces = run(iq, [10, 500, 7_000, 7_001, 20_000])
    index = 0
    for piece in pieces:
        assert piece.index == index
        assert len(piece.iq) == len(piece.composite)
        index = piece.end
    assert index == N
    whole = np.concatenate([p.composite for p in pieces])
    clear = slice(EDGE + FADE, N - EDGE - FADE)
    # The composite is the phase step before a sample: half a sample early at 60 kHz · 2 pi · 1 kHz.
    assert np.abs(whole - composite)[clear].max() < 0.01
    np.testing.assert_allclose(np.concatenate([p.iq for p in pieces])[clear], iq[clear], atol=1e-6)


def test_the_ends_rest_at_the_offset():
    composite, iq = tone()
    # What a channel filter makes of the edge of a capture: the signal comes out of nothing.
    iq[:60] *= np.linspace(0.0, 1.0, 60) ** 3 * np.exp(1j * np.linspace(0, 30, 60))
    iq[-60:] *= np.linspace(1.0, 0.0, 60) ** 3 * np.exp(1j * np.linspace(0, 30, 60))
    whole = np.concatenate([p.composite for p in run(iq, [9_000])])
    assert np.abs(whole).max() < np.abs(composite).max() * 1.001
    mean = composite[EDGE + FADE : 9_000].mean()
    np.testing.assert_allclose(whole[:EDGE], whole[0])
    assert abs(whole[0] - mean) < 0.05


def test_the_same_however_it_is_cut():
    _, iq = tone()
    one = np.concatenate([p.composite for p in run(iq, [15_000])])
    other = np.concatenate([p.composite for p in run(iq, [15_000, 15_001, 22_222])])
    np.testing.assert_array_equal(one, other)


def test_a_stretch_too_short_says_nothing():
    _, iq = tone(n=200)
    whole = np.concatenate([p.composite for p in run(iq, [100])])
    assert len(whole) == 200
    assert not whole.any()


def test_a_second_stretch_knows_nothing_of_the_first():
    composite, iq = tone()
    demodulation = Demodulation()
    demodulation.process(iq)
    demodulation.end()
    demodulation.begin(1_000_000)
    first = demodulation.process(iq)
    twin = Demodulation()
    np.testing.assert_array_equal(first.composite, twin.process(iq).composite)
    assert first.index == 1_000_000
    assert len(composite) == N

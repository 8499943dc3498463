"""Spectrum frames: levels of carriers and of noise, a slow twin, the line at DC."""

import itertools

import numpy as np
import pytest

from dsp.receive.channelizer import Channelizer
from dsp.receive.spectrum import NOISE_BINS, SpectrumTally
from tests.naive.channels import as_u8, tone

RATE_HZ = 2_400_000


def frames_of(iq):
    block = Channelizer(RATE_HZ, [300_000.0])
    block.process(iq)
    return block.take_spectra()


def noise(n, rms, seed=2):
    rng = np.random.default_rng(seed)
    return rms / np.sqrt(2) * (rng.standard_normal(n) + 1j * rng.standard_normal(n))


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_carrier_on_a_bin_has_its_power_in_place(as_bytes):
    iq = tone(480_000, RATE_HZ, -400_000.0, 0.5)
    frame = frames_of(as_u8(iq) if as_bytes else iq.astype(np.complex64))[0]
    place = int(np.argmax(frame.mean))
    assert (place - len(frame.mean) // 2) * frame.bin_hz == -400_000.0
    assert frame.mean[place] == pytest.approx(0.25, rel=0.01)
    assert frame.peak[place] == pytest.approx(0.25, rel=0.01)
    away = np.abs(np.arange(len(frame.mean)) - place) > 200
    assert frame.mean[away].max() < (1e-6 if as_bytes else 1e-9)


def test_noise_adds_up_to_its_power():
    frames = frames_of(noise(1_200_000, 0.2).astype(np.complex64))
    power = np.mean([frame.mean.sum() for frame in frames]) / NOISE_BINS
    assert power == pytest.approx(0.04, rel=0.02)


def test_frames_follow_each_other_without_a_hole():
    frames = frames_of(noise(1_200_000, 0.2).astype(np.complex64))
    assert len(frames) >= 3
    for one, following in itertools.pairwise(frames):
        assert following.index == one.index + one.samples
    assert all(0.09 < frame.samples / RATE_HZ < 0.16 for frame in frames)


def test_dc_is_taken_out_and_stated():
    dc = 0.05
    frame = frames_of((noise(480_000, 0.05) + dc).astype(np.complex64))[0]
    middle = len(frame.mean) // 2
    assert frame.centre_power == pytest.approx(dc**2, rel=0.05)
    assert frame.mean[middle] < 0.02 * dc**2
    assert frame.peak[middle] > 0.5 * dc**2


def test_equals_hann_in_time():
    rng = np.random.default_rng(9)
    rows = (rng.standard_normal((1, 512)) + 1j * rng.standard_normal((1, 512))) * 0.1
    tally = SpectrumTally(5_120, 512)
    tally.add(0, 512, np.fft.fft(rows, axis=1).astype(np.complex64), 1.0)
    frame = tally.frames[0]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    expected = np.abs(np.fft.fft(rows[0] * window) / window.sum()) ** 2
    got = np.fft.ifftshift(frame.mean)
    np.testing.assert_allclose(got[2:-1], expected[2:-1], rtol=1e-4)


def test_untaken_frames_do_not_pile_up():
    tally = SpectrumTally(1_000, 64)
    for step in range(200):
        tally.add(step * 100, 100, np.ones((1, 64), np.complex64), 1.0)
    assert len(tally.frames) == 50

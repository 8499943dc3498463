"""Carriers in a spectrum: all of them, where they are, and none that is not there."""

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.receive.front.survey import Survey

RATE_HZ = 2_400_000
SECONDS = 0.4


def carrier(offset_hz, level_db, *, deviation_hz=60e3, seed=0):
    """FM by slow noise (or none: a bare carrier): power spread over what a programme takes."""
    n = round(RATE_HZ * SECONDS)
    rng = np.random.default_rng(seed)
    knots = rng.standard_normal(n // 300 + 2)
    programme = np.interp(np.arange(n) / 300.0, np.arange(len(knots)), knots)
    programme *= deviation_hz / np.abs(programme).max()
    phase = 2 * np.pi * np.cumsum(programme + offset_hz) / RATE_HZ
    return 10 ** (level_db / 20) * np.exp(1j * phase)


def eight_bits(signal, noise_db=-50.0, seed=1):
    rng = np.random.default_rng(seed)
    n = round(RATE_HZ * SECONDS)
    noise = rng.standard_normal((n, 2)) * 10 ** (noise_db / 20) / np.sqrt(2)
    pairs = np.stack([signal.real, signal.imag], axis=1) if len(signal) else 0.0
    return np.clip(np.rint((pairs + noise) * 127.5 + 127.5), 0, 255).astype(np.uint8).ravel()


def found(samples):
    survey = Survey(RATE_HZ, 127.5)
    survey.add(samples)
    return survey.carriers()


def test_noise_alone_holds_no_carrier():
    assert found(eight_bits(np.zeros(0))) == []


def test_the_dc_of_the_receiver_is_no_carrier():
    assert found(eight_bits(np.full(round(RATE_HZ * SECONDS), 0.05 + 0.02j))) == []


def test_modulated_bare_weak_and_strong_ones():
    placed = [(-1_000e3, -12), (-600e3, -40), (-200e3, -25), (250e3, -30), (800e3, -20)]
    signal = sum(
        carrier(offset, level, deviation_hz=0.0 if offset == 250e3 else 60e3, seed=k)
        for k, (offset, level) in enumerate(placed)
    )
    carriers = found(eight_bits(signal))
    assert [c.offset_hz for c in carriers] == pytest.approx([o for o, _ in placed], abs=10e3)
    levels = [10 * np.log10(c.power) for c in carriers]
    assert levels == pytest.approx([level for _, level in placed], abs=0.5)
    assert carriers[3].width_hz < 30e3 < carriers[0].width_hz


@pytest.mark.parametrize(("spacing_hz", "difference_db"), [(200e3, 10), (300e3, 20), (400e3, 25)])
def test_beside_a_giant(spacing_hz, difference_db):
    signal = carrier(100e3, -8) + carrier(100e3 + spacing_hz, -8 - difference_db, seed=5)
    carriers = found(eight_bits(signal))
    offsets = [c.offset_hz for c in carriers]
    assert offsets == pytest.approx([100e3, 100e3 + spacing_hz], abs=15e3)


def test_a_band_without_room_between():
    placed = np.arange(-1_000e3, 1_001e3, 200e3) + 30e3
    signal = sum(carrier(offset, -25, seed=k) for k, offset in enumerate(placed))
    offsets = [c.offset_hz for c in found(eight_bits(signal))]
    assert offsets == pytest.approx(list(placed), abs=15e3)


def test_the_survey_takes_both_forms_of_samples_alike():
    samples = eight_bits(carrier(300e3, -20))
    survey = Survey(RATE_HZ, 1.0)
    pairs = (samples.astype(np.float32) - 127.5) / 127.5
    survey.add(pairs.view(np.complex64))
    (a,), (b,) = found(samples), survey.carriers()
    assert (a.offset_hz, a.cn_db) == pytest.approx((b.offset_hz, b.cn_db))
    assert survey.seconds == pytest.approx(SECONDS, abs=0.01)


def test_before_a_whole_transform_nothing_is_known_and_garbage_is_refused():
    survey = Survey(RATE_HZ, 127.5)
    survey.add(np.full(200, 128, np.uint8))
    assert survey.carriers() == []
    with pytest.raises(BlockContractError):
        survey.add(np.full(10, np.nan, np.complex64))

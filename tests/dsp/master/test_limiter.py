"""True-peak limiter: contract, slow twin, known answers, and the promise under 10^4 attacks."""

import numpy as np
import pytest
from scipy.signal import firwin, resample_poly

from bench.audio.limiter_campaign import TOLERANCE_DB, run
from dsp.master.limiter import MARGIN_DB, TruePeakLimiter
from tests.dsp.contract_suite import BlockContract, programme
from tests.naive.limiting import gain_curve, group_gains, wave_peaks

RATE_HZ = 48_000


def limited(x, **options):
    """Limit a mono signal with a ceiling of -1 dBTP and take the delay out."""
    block = TruePeakLimiter(RATE_HZ, 1, ceiling_dbtp=-1.0, **options)
    padded = np.concatenate([x, np.zeros(block.delay_samples)]).astype(np.float32)
    return block.process(padded[:, None])[block.delay_samples :, 0].astype(np.float64)


class TestTruePeakLimiter(BlockContract):
    def make(self):
        return TruePeakLimiter(RATE_HZ, 2, ceiling_dbtp=-2.0)


class TestWithoutBandLimit(BlockContract):
    def make(self):
        return TruePeakLimiter(RATE_HZ, 2, ceiling_dbtp=-6.0, band_limit=False)


class TestLowRate(BlockContract):
    def make(self):
        return TruePeakLimiter(8_000, 2, ceiling_dbtp=-3.0, look_ahead_s=0.001)


def test_ten_thousand_signals_stay_below_the_ceiling():
    found = run(10_000, seed=20)
    assert sum(worst.signals for worst in found.values()) >= 10_000
    assert {kind: w.over_db for kind, w in found.items() if w.over_db > TOLERANCE_DB} == {}


def test_the_campaign_sees_a_limiter_that_is_a_tenth_of_a_decibel_too_high(monkeypatch):
    monkeypatch.setattr("dsp.master.limiter.MARGIN_DB", -0.1)
    assert any(worst.failed for worst in run(13 * 64).values())


@pytest.mark.parametrize("gain_db", [0.0, 6.0, 20.0])
def test_a_long_kaiser_oversampler_agrees(gain_db):
    # A second judge: 8x, 64 samples to either side, -6 dB at half the rate, 80 dB stop band.
    judge = firwin(2 * 64 * 8 + 1, 1 / 8, window=("kaiser", 8.0))
    x = programme(seed=3, frames=24_000, channels=1)[:, 0] * 10.0 ** (gain_db / 20.0)
    wave = resample_poly(limited(x), 8, 1, window=judge)
    assert 20 * np.log10(np.abs(wave).max()) <= -1.0 + TOLERANCE_DB


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_slow_twin(seed):
    x = programme(seed, frames=6_400, channels=1)[:, 0].astype(np.float64)
    ceiling = 10.0 ** ((-1.0 - MARGIN_DB) / 20.0)
    curve = gain_curve(group_gains(wave_peaks(x), ceiling), RATE_HZ, 0.0015, (0.06, 0.5))
    assert curve.min() < 0.8
    # float32 signal and interpolation: 40 terms of 6e-8 each, about 2e-6 of a peak near 2.
    np.testing.assert_allclose(limited(x, band_limit=False), x * curve, atol=1e-5)


def test_below_the_ceiling_a_tone_passes_untouched():
    n = np.arange(9_600)
    x = 0.5 * np.sin(2 * np.pi * 1_000 / RATE_HZ * n)
    # The band limit ripples by 10^(-50/20) = 0.3 % at most; edges of the tone are left out.
    np.testing.assert_allclose(limited(x)[200:-200], x[200:-200], atol=0.5 * 0.0032)


def test_without_the_band_limit_idle_is_bit_exact():
    x = (0.2 * programme(frames=4_000, channels=1)[:, 0]).clip(-0.3, 0.3)
    np.testing.assert_array_equal(limited(x, band_limit=False), x.astype(np.float64))


def test_a_quarter_rate_tone_at_45_degrees_is_seen_between_its_samples():
    n = np.arange(9_600)
    x = np.sin(np.pi / 2 * n + np.pi / 4)  # samples at ±0.707, wave at ±1
    settled = limited(x)[4_000:8_000]
    wanted = 10.0 ** ((-1.0 - MARGIN_DB) / 20.0) * np.sqrt(0.5)
    assert np.abs(settled).max() == pytest.approx(wanted, rel=0.004)


def test_a_limited_tone_has_no_harmonics():
    n = np.arange(96_000)
    x = 4.0 * np.sin(2 * np.pi * 1_000 / RATE_HZ * n)
    spectrum = np.abs(np.fft.rfft(limited(x)[24_000:72_000] * np.blackman(48_000)))
    tone = spectrum[990:1_011].max()
    spectrum[980:1_021] = 0.0
    # Gain that stands still makes no distortion; 100 dB is the float32 arithmetic with margin.
    assert 20 * np.log10(spectrum.max() / tone) < -100.0


def test_the_channels_share_one_gain():
    rng = np.random.default_rng(4)
    left = rng.standard_normal(4_800).astype(np.float32)
    both = np.ascontiguousarray(np.stack([left, 0.25 * left], axis=1))
    out = TruePeakLimiter(RATE_HZ, 2, ceiling_dbtp=-1.0).process(both)
    np.testing.assert_allclose(out[:, 1], 0.25 * out[:, 0], atol=1e-7)


def test_a_click_20_db_over_is_back_within_3_db_after_a_tenth_of_a_second():
    x = np.full(48_000, 0.25)
    x[2_000] = 9.0
    gain_db = 20 * np.log10(limited(x, band_limit=False)[2_000:] / 0.25)
    assert gain_db[4_800] > -3.0
    assert gain_db[36_000] > -1.0


@pytest.mark.parametrize(
    ("name", "value"),
    [("ceiling_dbtp", 30.0), ("look_ahead_s", 0.0), ("release_s", (0.5, 0.1))],
)
def test_construction_names_what_is_wrong(name, value):
    options = {"ceiling_dbtp": -1.0} | {name: value}
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        TruePeakLimiter(RATE_HZ, 1, **options)

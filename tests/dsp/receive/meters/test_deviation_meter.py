"""Peaks, distribution and the share over the limit, against known answers and the slow twin."""

import math

import numpy as np
import pytest

from dsp.receive.composite.composite_filter import composite_response, noise_bandwidth_hz3
from dsp.receive.composite.grid import AHEAD, BACK, HOP, HOPS, RATE_HZ, SEGMENT
from dsp.receive.meters.deviation_meter import FINE_BINS, FINE_HZ, DeviationMeter, fold
from dsp.receive.meters.deviation_peaks import DeviationPeaks
from dsp.receive.meters.exceedance import Exceedance, count_above, upper_bound
from dsp.receive.meters.peak_bias import PeakBias, expected_maximum
from dsp.receive.meters.quiet_crest import QuietCrests
from tests.dsp.receive.radio import tone
from tests.naive import receiver as naive

RESPONSE = composite_response()


def measured(composite_hz):
    """Rows, hop figures and histogram of one periodic second, taken as if filtered already."""
    wave = (composite_hz / 1e5).astype(np.float32)
    wave = np.concatenate([wave[-BACK:], wave, wave[:AHEAD]])
    peaks, step = DeviationPeaks(), wave.strides[0]
    rows = np.lib.stride_tricks.as_strided(wave, (HOPS, SEGMENT), (HOP * step, step))
    rows = np.ascontiguousarray(rows)
    peaks.take(rows)
    return rows, peaks.figures, peaks.counts


def judged(composite_hz, *, offset_hz=0.0, sigma_hz=0.0, limit_hz=77_000.0):
    rows, hops, counts = measured(composite_hz)
    n0_over_c = sigma_hz**2 / noise_bandwidth_hz3(RESPONSE)
    quiet = QuietCrests(RESPONSE).read(rows, hops, n0_over_c, sigma_hz, offset_hz)
    return DeviationMeter(limit_hz).second(hops, counts, offset_hz, sigma_hz, quiet)


def noise(sigma_hz, seed):
    """FM noise up to 60 kHz, parabolic, for one second."""
    rng = np.random.default_rng(seed)
    frequency = np.fft.rfftfreq(RATE_HZ, 1.0 / RATE_HZ)
    bins = rng.standard_normal((2, len(frequency))) * frequency * (frequency < 60_000.0)
    wave = np.fft.irfft(bins[0] + 1j * bins[1], RATE_HZ)
    return wave * (sigma_hz / wave.std())


def test_composite_sanity_is_75_khz():
    # facts.md 2.2: cosines of 66.25 at 1 kHz, 6.75 at 19 and 2.0 at 57 kHz meet at exactly 75.0.
    parts = [(1_000, 66_250.0), (19_000, 6_750.0), (57_000, 2_000.0)]
    composite = sum(tone(f, a, phase=math.pi / 2 + 0.3 * f / 1_000) for f, a in parts)
    assert judged(composite).peak_hz.value == pytest.approx(75_000.0, abs=20.0)


@pytest.mark.parametrize("frequency", [53_017, 57_001, 38_003, 19_000])
def test_the_peak_between_samples_is_found(frequency):
    # 53 kHz has 5.4 samples a turn; where frequency and rate share factors, none may hit the crest.
    assert judged(tone(frequency, 70_000.0, phase=0.1)).peak_hz.value == pytest.approx(
        70_000.0, rel=1.5e-3
    )


def test_hops_are_those_of_the_twin():
    composite = tone(1_017, 60_000.0) + tone(23_456, 5_000.0)
    _, rows, counts = measured(composite)
    wave = (composite / 1e5).astype(np.float32)
    twin = naive.hops(wave, 0, HOP)
    np.testing.assert_allclose(rows[:, 2:], twin[:, 2:], rtol=1e-5, atol=2e-3)
    assert (rows[:, 0] >= twin[:, 0]).all()
    assert (rows[:, 1] <= twin[:, 1]).all()
    np.testing.assert_allclose(rows[:, :2], twin[:, :2], rtol=6e-3)
    assert counts.sum() == RATE_HZ


@pytest.mark.parametrize("offset_hz", [0.0, 1_234.0, -7_550.0])
def test_the_folded_histogram_is_that_of_the_twin(offset_hz):
    composite = tone(1_017, 60_000.0) + offset_hz
    _, _, counts = measured(composite)
    ours = fold(counts.sum(axis=0, dtype=np.int64), offset_hz)
    twin = naive.folded(composite, offset_hz, FINE_HZ, FINE_BINS)
    assert ours.sum() == pytest.approx(RATE_HZ)
    # Bins may share a count across an edge; the running sums differ by less than half a bin.
    assert np.abs(np.cumsum(ours) - np.cumsum(twin)).max() < 0.6 * twin.max()


def test_seven_and_a_half_khz_of_dc_do_not_count():
    # facts.md 2.2: unremoved they would read +67.5 / -52.5 on a 60 kHz tone.
    second = judged(tone(1_000, 60_000.0) + 7_500.0, offset_hz=7_500.0)
    assert second.peak_hz.value == pytest.approx(60_000.0, abs=20.0)
    np.testing.assert_allclose(second.slots_hz, [[60_000.0, -60_000.0]] * 20, atol=30.0)


@pytest.mark.parametrize(
    ("peak_hz", "percent"),
    [(77_500, 7.2354), (78_000, 10.2050), (80_000, 17.4895), (90_000, 34.6432), (100_000, 44.0513)],
)
def test_share_of_a_sine_over_77_khz(peak_hz, percent):
    # acos(77 / A) / (pi / 2); 1009 Hz visits every phase in a second.
    share = judged(tone(1_009, float(peak_hz))).over_limit_share.value
    assert 100.0 * share == pytest.approx(percent, abs=0.02)


def test_the_distribution_has_bins_of_a_kilohertz():
    second = judged(tone(1_009, 50_000.0))
    edges = np.arange(51) / 50.0
    wanted = np.diff(np.arcsin(edges)) / (np.pi / 2) * RATE_HZ
    np.testing.assert_allclose(second.distribution[:50], wanted, rtol=0.03, atol=40)
    assert second.distribution[51:].sum() == 0


def test_upper_bound_is_three_over_n_and_clopper_pearson():
    assert upper_bound(0, 1_000_000) == pytest.approx(3.0e-6, rel=2e-3)
    # Tables: 1 of 100, one-sided 95 %: 4.656 %.
    assert upper_bound(1, 100) == pytest.approx(0.04656, abs=2e-5)
    assert upper_bound(5, 5) == upper_bound(0, 0) == 1.0


def test_a_second_cannot_show_compliance_and_fifteen_minutes_can():
    counts = np.zeros(FINE_BINS)
    counts[300] = RATE_HZ
    watched = Exceedance()
    _, _, upper = watched.add(counts, FINE_HZ, 77_000.0, 0.0)
    assert upper > 1e-6
    for _ in range(899):
        _, _, upper = watched.add(counts, FINE_HZ, 77_000.0, 0.0)
    assert upper < 1e-6


def test_counting_above_shares_the_bin_of_the_limit():
    assert count_above(np.array([4.0, 8.0, 2.0]), 100.0, 150.0) == pytest.approx(6.0)
    assert count_above(np.array([4.0]), 100.0, 500.0) == 0.0


def test_expected_maximum_is_that_of_the_twin():
    counts = np.array([1.0, 0.0, 3.5, 200.0, 7_000.0])
    for sigma in (40.0, 300.0):
        ours = expected_maximum(counts, 50.0, sigma)
        assert ours == pytest.approx(naive.expected_maximum(counts, 50.0, sigma), abs=0.02 * sigma)


@pytest.mark.parametrize("sigma_hz", [200.0, 630.0, 2_000.0])
def test_noise_does_not_lift_the_peak_of_a_tone(sigma_hz):
    wanted = 70_000.0
    readings = [
        judged(tone(1_000, wanted) + noise(sigma_hz, seed), sigma_hz=sigma_hz) for seed in range(6)
    ]
    errors = np.array([reading.peak_hz.value - wanted for reading in readings])
    raw = np.array([reading.raw_peak_hz - wanted for reading in readings])
    # Uncorrected, a second of a tone reads four sigma too high.
    assert raw.mean() > 3.0 * sigma_hz
    assert abs(errors.mean()) < 0.4 * sigma_hz
    assert all(abs(e) <= 1.6 * r.peak_hz.u for e, r in zip(errors, readings, strict=True))


def test_a_lone_crest_is_believed():
    crest = 60_000.0 * np.exp(-(((np.arange(RATE_HZ) - 144_000.0) / 30.0) ** 2))
    readings = [judged(crest + noise(600.0, seed), sigma_hz=600.0).peak_hz for seed in range(8)]
    assert abs(np.mean([r.value for r in readings]) - 60_000.0) < 200.0
    assert all(abs(r.value - 60_000.0) <= r.u < 900.0 for r in readings)


def test_noise_beside_the_signal_is_not_in_its_peak():
    # Mono: all noise from 15 kHz on can go, 0.98 of its power.
    speech = 40_000.0 * np.exp(-(((np.arange(RATE_HZ) - 144_000.0) / 3_000.0) ** 2))
    speech *= np.sin(2 * np.pi * 700.0 * np.arange(RATE_HZ) / RATE_HZ)
    wanted = np.abs(speech).max()
    readings = [judged(speech + noise(600.0, seed), sigma_hz=600.0) for seed in range(8)]
    errors = np.array([r.peak_hz.value - wanted for r in readings])
    lifted = np.array([r.raw_peak_hz - wanted for r in readings])
    assert np.abs(lifted).mean() > 600.0
    assert np.abs(errors).mean() < 200.0
    assert all(abs(e) <= r.peak_hz.u < 600.0 for e, r in zip(errors, readings, strict=True))


def test_a_stereo_difference_at_the_crest_is_kept():
    # 60 kHz of it in 3 ms of a second that is otherwise mono: its spectrum over the second is lost
    # in the noise, not that of its hop.
    n = np.arange(RATE_HZ)
    burst = np.exp(-(((n - 144_000.0) / 400.0) ** 2))
    composite = burst * 15_000.0 * np.sin(2 * np.pi * 2_000.0 * n / RATE_HZ)
    composite *= 1.0 + np.sin(2 * np.pi * 38_000.0 * n / RATE_HZ)
    wanted = np.abs(np.fft.irfft(np.fft.rfft(composite), 8 * RATE_HZ) * 8).max()
    readings = [judged(composite + noise(600.0, seed), sigma_hz=600.0) for seed in range(8)]
    errors = np.array([r.peak_hz.value - wanted for r in readings])
    assert abs(errors.mean()) < 500.0
    assert all(abs(e) <= r.peak_hz.u for e, r in zip(errors, readings, strict=True))


def test_little_noise_is_taken_off_simply_and_no_signal_gives_no_peak():
    assert PeakBias().correct(np.zeros(10), 100.0, 500.0, 10.0) == pytest.approx((485.0, 9.0))
    assert PeakBias().correct(np.zeros(10), 100.0, 500.0, 100.0) == (500.0, 100.0)


def test_a_limit_out_of_range_is_refused():
    with pytest.raises(ValueError, match="limit_hz"):
        DeviationMeter(0.0)

"""The truth's own arithmetic against waves whose figures are known in closed form."""

import math

import numpy as np
import pytest

from dsp.coder.rds_waveform import RdsWaveform
from ingest.scene import composite_figures as figures
from ingest.scene.composite_figures import MARGIN
from ingest.scene.composite_sound import LEAD, MOMENTARY, TAIL, Sound, momentary_lufs

RATE = 192_000
N = RATE
INDEX = np.arange(-MARGIN, N + MARGIN)


def wave(*parts):
    """Sum of (frequency in Hz, deviation in Hz, phase in degrees) as a multiplex with margins."""
    total = np.zeros(len(INDEX))
    for hertz, deviation_hz, phase_deg in parts:
        angle = 2 * np.pi * hertz * INDEX / RATE + np.radians(phase_deg)
        total += deviation_hz / 1e5 * np.sin(angle)
    return total.astype(np.float32)


def peak(samples):
    return figures.peak_hz(samples, figures.twice_as_dense(samples))


def power_dbr(samples):
    return figures.power_dbr(figures.power_hz2(samples[MARGIN:-MARGIN]))


def bandwidth(samples):
    return figures.occupied_bandwidth_hz(figures.twice_as_dense(samples))


@pytest.mark.parametrize("hertz", [50.0, 1_000.0, 19_000.0, 38_000.0, 53_000.0, 57_000.0])
@pytest.mark.parametrize("phase_deg", [0.0, 37.0])
def test_the_peak_of_a_sine_is_found_between_the_samples(hertz, phase_deg):
    # 48 kHz at 192 kHz and a phase of 45° would read 0.71 from the samples alone.
    assert peak(wave((hertz, 75_000.0, phase_deg))) == pytest.approx(75_000.0, abs=4.0)


def test_the_composite_whose_peaks_all_meet_has_75_khz():
    # facts §2.2: cosines of 1 kHz 66.25, 19 kHz 6.75 and 57 kHz 2.0 kHz: exactly 75.0.
    parts = ((1_000.0, 66_250.0, 90.0), (19_000.0, 6_750.0, 90.0), (57_000.0, 2_000.0, 90.0))
    assert peak(wave(*parts)) == pytest.approx(75_000.0, abs=3.0)


def test_a_single_click_between_samples_is_seen():
    samples = np.zeros(len(INDEX), np.float32)
    place = 5_000.5  # a sinc of 60 kHz width, its top between two samples
    samples[:] = 0.4 * np.sinc((np.arange(len(INDEX)) - place) * 120_000 / RATE)
    assert samples.max() < 0.36
    assert peak(samples) == pytest.approx(40_000.0, abs=20.0)


@pytest.mark.parametrize(
    ("deviation_hz", "dbr"), [(19_000, 0.0), (6_750, -8.989), (2_000, -19.554), (75_000, 11.926)]
)
def test_mpx_power_has_the_check_values_of_bs_412(deviation_hz, dbr):
    assert power_dbr(wave((1_000.0, deviation_hz, 20.0))) == pytest.approx(dbr, abs=0.001)


def test_mpx_power_of_a_sum_is_the_sum():
    parts = ((1_000.0, 66_250.0, 0.0), (19_000.0, 6_750.0, 0.0), (57_000.0, 2_000.0, 0.0))
    assert power_dbr(wave(*parts)) == pytest.approx(10.897, abs=0.001)


def test_silence_has_no_power_and_no_carriers():
    nothing = wave()
    assert power_dbr(nothing) is None
    assert peak(nothing) == 0.0
    assert figures.carriers(nothing[MARGIN:-MARGIN], 0) == (None, None, None, 0.0)


@pytest.mark.parametrize("start", [0, 1, 1_234_567])
def test_the_pilot_is_measured_beside_loud_neighbours(start):
    index = start + np.arange(N)
    pilot = 0.0675 * np.sin(2 * np.pi * (index * 19 % 192) / 192)
    near = 0.3 * np.sin(2 * np.pi * 15_000 * index / RATE)
    near += 0.3 * np.sin(2 * np.pi * 23_000 * index / RATE)
    found = figures.carriers((pilot + near).astype(np.float32), start)
    assert found.pilot_hz == pytest.approx(6_750.0, abs=0.5)
    assert found.rds_hz is None


class Bits:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def next_bits(self, count):
        return self.rng.integers(0, 2, count, dtype=np.uint8)


@pytest.mark.parametrize("phase_deg", [0.0, 90.0, 10.0, -30.0])
@pytest.mark.parametrize("start", [0, 77_777])
def test_rds_level_and_phase_of_the_shaped_signal(phase_deg, start):
    waveform = RdsWaveform(RATE, phase_deg, peak=0.02)
    rds = waveform.next(start + N, Bits(3))[start:]
    index = start + np.arange(N)
    pilot = 0.0675 * np.sin(2 * np.pi * (index * 19 % 192) / 192)
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * index / RATE)
    found = figures.carriers((rds + pilot + tone).astype(np.float32), start)
    # The power of a second of random bits is that of any other within a part in a thousand.
    assert found.rds_hz == pytest.approx(2_000.0, rel=2e-3)
    assert found.rds_phase_deg == pytest.approx(phase_deg, abs=0.05)


def test_a_turned_pilot_turns_the_phase_threefold():
    waveform = RdsWaveform(RATE, 0.0, peak=0.02)
    rds = waveform.next(N, Bits(3))
    turned = 0.0675 * np.sin(2 * np.pi * 19_000 * np.arange(N) / RATE + np.radians(10.0))
    found = figures.carriers((rds + turned).astype(np.float32), 0)
    assert found.rds_phase_deg == pytest.approx(-30.0, abs=0.05)


def bessel(order, beta):
    """J_n(beta) by its integral; the rectangle rule is exact for periodic functions."""
    t = np.arange(4_096) * 2 * np.pi / 4_096
    return np.mean(np.cos(order * t - beta * np.sin(t)))


@pytest.mark.parametrize(
    ("tone_hz", "deviation_hz"),
    [
        (15_000.0, 75_000.0),
        (10_000.0, 50_000.0),
        (5_000.0, 60_000.0),
        # 1.5 % below where the second line counts: a plain running sum reads 3.6 % too much here.
        (57_000.0, 43_100.0),
    ],
)
def test_the_occupied_bandwidth_of_a_tone_follows_bessel(tone_hz, deviation_hz):
    beta = deviation_hz / tone_hz
    lines = np.array([bessel(n, beta) ** 2 for n in range(60)])
    # The lines that 0.5 % of the power on either side still leaves out.
    order = next(n for n in range(60) if math.fsum(lines[n + 1 :]) <= 0.005)
    found = bandwidth(wave((tone_hz, deviation_hz, 0.0)))
    # The outermost line is smeared over the 2 · 47 Hz of the analysis.
    assert found == pytest.approx(2 * order * tone_hz, abs=150.0)


def test_a_bare_carrier_is_as_narrow_as_the_analysis():
    assert bandwidth(wave()) < 200.0


def test_a_louder_programme_is_wider():
    widths = [bandwidth(wave((50.0, d, 0.0))) for d in (20e3, 50e3, 75e3, 110e3)]
    assert widths == sorted(widths)
    # Slow modulation: the carrier is where the sine is, 99 % of the time within sin(0.99 · 90°).
    assert widths[2] == pytest.approx(2 * 75e3 * math.sin(math.radians(89.1)), rel=0.005)


SPAN = np.arange(LEAD + MOMENTARY + TAIL)


def sines(*parts):
    """Sum of (frequency in Hz, size of 1.0 = 100 kHz, phase in turns) over the span of loudness."""
    return sum(
        size * np.sin(2 * np.pi * (hertz * SPAN / RATE + turns)) for hertz, size, turns in parts
    ).astype(np.float32)


def emphasis(hertz, tau_us):
    return abs(1 + 2j * np.pi * hertz * tau_us * 1e-6)


@pytest.mark.parametrize("tau_us", [0.0, 50.0, 75.0])
@pytest.mark.parametrize("hertz", [997.0, 10_000.0])
def test_a_mono_tone_has_the_loudness_of_bs_1770(hertz, tau_us):
    # A 0 dBFS sine of 997 Hz in both channels: 0.0 LUFS (BS.1770 has -3.01 for one).
    composite = sines((hertz, 0.5 * 0.75 * emphasis(hertz, tau_us), 0.0))
    found = momentary_lufs(composite, 0, 0.0, Sound(75_000.0, tau_us, stereo=False))
    lift_db = {997.0: 0.0, 10_000.0: 3.31}[hertz]  # K-weighting over that at 997 Hz
    assert found == pytest.approx(-6.02 + lift_db, abs=0.05)


@pytest.mark.parametrize("turned", [0.0, 0.03])
def test_left_and_right_are_told_by_the_pilot(turned):
    """Left only: M and S alike; then both channels count as one of full size."""
    share, size = 0.66, 0.25
    main = sines((997.0, 0.5 * share * size, 0.0))
    side = sines((38_000.0, 1.0, 2 * turned)) * main
    pilot = sines((19_000.0, 0.0675, turned))
    sound = Sound(66_000.0, 0.0, stereo=True)
    found = momentary_lufs(main + side + pilot, 0, 2 * np.pi * turned, sound)
    assert found == pytest.approx(20 * np.log10(size) - 3.01, abs=0.02)
    # A subcarrier read a quarter of its cycle off is lost, and half the power with it.
    wrong = momentary_lufs(main + side + pilot, 0, 2 * np.pi * (turned + 0.125), sound)
    assert wrong == pytest.approx(found - 3.01, abs=0.05)


def test_pilot_and_rds_are_no_sound():
    carriers = sines((19_000.0, 0.0675, 0.0), (57_000.0, 0.04, 0.0))
    assert momentary_lufs(carriers, 0, 0.0, Sound(66_000.0, 50.0, stereo=True)) is None

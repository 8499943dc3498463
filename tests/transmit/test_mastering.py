"""Two-pass mastering: loudness, ceiling, length, honesty about what stood in the way."""

import numpy as np
import pytest

from dsp.errors import Refusal
from dsp.measure.loudness import KWeightedEnergy
from tests.dsp.master.test_fm_limiter import coder_peak
from transmit.alignment import aligned, faded
from transmit.loudness_series import programme_loudness
from transmit.mastering import master
from transmit.target import FmTarget, Target

RATE_HZ = 48_000
WEB = Target(loudness_lufs=-16.0, ceiling_dbtp=-1.0)
FM = Target(loudness_lufs=-16.0, ceiling_dbtp=0.0, channels="mono", fm=FmTarget())


class Identity:
    """A chain that does nothing, `delay_samples` late."""

    def __init__(self, channels=1, delay_samples=0):
        self.delay_samples = delay_samples
        self.channels = channels
        self.reset()

    def reset(self):
        self.held = np.zeros((self.delay_samples, self.channels), np.float32)

    def process(self, frames, _out=None):
        joined = np.concatenate([self.held, frames])
        self.held = joined[len(frames) :]
        return joined[: len(frames)]


def speech_like(seconds, level_db=-20.0, rate_hz=RATE_HZ, channels=1, seed=5):
    """Noise of a falling spectrum in syllables of 4 Hz with pauses: a crest factor of 15 dB."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz)
    spectrum = np.fft.rfft(rng.standard_normal((n, channels)), axis=0)
    hz = np.fft.rfftfreq(n, 1 / rate_hz)[:, None]
    noise = np.fft.irfft(spectrum * (hz > 100) / (1 + (hz / 800) ** 1.5), n, axis=0)
    t = np.arange(n)[:, None] / rate_hz
    syllables = np.maximum(0.003, np.sin(2 * np.pi * 4 * t) ** 3) * (
        np.sin(2 * np.pi * t / 3) > -0.8
    )
    x = noise * syllables
    return (x / np.sqrt(np.mean(x**2)) * 10 ** (level_db / 20)).astype(np.float32)


def mastered(x, target=WEB, rate_hz=RATE_HZ, chain=None, block=5_000):
    width = target.channel_count(x.shape[1])
    pieces = lambda: (x[a : a + block] for a in range(0, len(x), block))  # noqa: E731
    with master(pieces, rate_hz, x.shape[1], chain or Identity(width), target) as programme:
        return np.concatenate(list(programme.blocks())), programme.report


def true_peak_db(y):
    n = 1 << (len(y) + 2_000).bit_length()
    spectrum = np.fft.rfft(y.astype(np.float64), n, axis=0)
    return 20 * np.log10(np.abs(np.fft.irfft(spectrum, 8 * n, axis=0) * 8).max() + 1e-12)


def loudness(y, rate_hz=RATE_HZ):
    meter = KWeightedEnergy(rate_hz, y.shape[1])
    meter.process(y)
    return programme_loudness(meter.energies())


@pytest.mark.parametrize("seconds", [0.5, 0.7, 3.0, 20.0])
@pytest.mark.parametrize("level_db", [-45.0, -20.0, -3.0])
@pytest.mark.parametrize("target", [WEB, FM], ids=["web", "fm"])
def test_the_target_is_met_at_any_length_and_level(seconds, level_db, target):
    y, report = mastered(speech_like(seconds, level_db), target)
    assert report.limited_by is None
    assert loudness(y) == pytest.approx(-16.0, abs=0.1)
    assert true_peak_db(y) <= target.ceiling_dbtp + 0.05
    assert len(y) == int(seconds * RATE_HZ)


def test_a_long_programme_is_right_in_one_pass_where_the_limiter_works_hard():
    x = speech_like(90.0)
    y, report = mastered(x, Target(loudness_lufs=-15.0, ceiling_dbtp=-1.0))
    assert report.mean_limiting_db > 1.0
    assert report.passes == 1
    assert loudness(y) == pytest.approx(-15.0, abs=0.05)


def test_the_report_is_what_an_independent_reading_finds():
    y, report = mastered(speech_like(10.0))
    assert report.loudness_lufs == pytest.approx(loudness(y), abs=0.001)
    assert report.mean_limiting_db >= 0.0
    assert len(report.limiter_trace_db) == 100
    assert report.limiter_trace_db.max() < 0.1


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("seconds", [0.5, 2.00001])
def test_other_rates_keep_the_duration(rate_hz, seconds):
    x = speech_like(seconds, rate_hz=rate_hz)
    y, report = mastered(x, rate_hz=rate_hz)
    assert len(y) == round(len(x) * RATE_HZ / rate_hz)
    assert report.loudness_lufs == pytest.approx(-16.0, abs=0.1)


@pytest.mark.parametrize("target", [WEB, FM], ids=["web", "fm"])
def test_latency_is_taken_out(target):
    n = np.arange(48_000)
    x = (0.1 * np.sin(2 * np.pi * 440 / RATE_HZ * n) * np.hanning(48_000))[:, None].astype(
        np.float32
    )
    y, report = mastered(x, target, chain=Identity(delay_samples=777))
    gain = 10 ** (report.gain_db / 20)
    np.testing.assert_allclose(y[200:-200], gain * x[200:-200], atol=0.004 * np.abs(y).max())


def test_mastered_twice_changes_little():
    once, _ = mastered(speech_like(20.0))
    twice, report = mastered(once)
    assert abs(report.gain_db) < 0.2
    assert abs(loudness(twice) - loudness(once)) < 0.2


def test_where_peaks_forbid_the_loudness_it_says_so():
    x = np.zeros((96_000, 1), np.float32)
    x[::4_800] = 0.5  # clicks: a crest factor of 37 dB
    y, report = mastered(x)
    assert report.limited_by == "peaks"
    assert report.shortfall_lu == pytest.approx(-16.0 - loudness(y), abs=0.01)
    assert report.shortfall_lu > 0.1
    assert true_peak_db(y) <= -0.95


def test_a_whisper_is_not_raised_beyond_the_maximum():
    _, report = mastered(speech_like(3.0, level_db=-68.0))
    assert report.limited_by == "max_gain"
    assert report.gain_db == pytest.approx(WEB.max_gain_db, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1e-42, 1e-7])
def test_silence_stays_silence(value):
    y, report = mastered(np.full((24_000, 1), value, np.float32))
    assert report.limited_by == "max_gain"
    assert report.loudness_lufs is None
    assert np.abs(y).max() <= 1e-6


def test_nan_infinity_and_full_scale_squares_come_out_finite_below_the_ceiling():
    x = np.sign(np.sin(np.arange(48_000) * 0.05))[:, None].astype(np.float32)
    x[100], x[5_000], x[9_000] = np.nan, np.inf, -1e30
    y, report = mastered(x)
    assert np.isfinite(y).all()
    assert true_peak_db(y) <= -0.95
    assert (report.not_finite, report.out_of_range) == (2, 1)


@pytest.mark.parametrize("frames", [1, 2, 47, 300])
@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_the_shortest_programmes_keep_their_length(frames, rate_hz):
    y, _ = mastered(np.full((frames, 1), 0.5, np.float32), rate_hz=rate_hz)
    assert len(y) == round(frames * RATE_HZ / rate_hz)
    assert np.isfinite(y).all()


def test_an_empty_programme_is_refused():
    with pytest.raises(Refusal, match=r"audio\.empty"):
        mastered(np.zeros((0, 1), np.float32))


def test_a_source_that_fails_is_passed_on():
    def source():
        yield np.zeros((100, 1), np.float32)
        raise Refusal("audio.broken", expected="x", got="y", advice="z")

    with pytest.raises(Refusal, match=r"audio\.broken"):
        master(source, RATE_HZ, 1, Identity(), WEB)


@pytest.mark.parametrize("channels", [2, 3, 4, 5, 6])
def test_many_channels_come_down_to_the_targets(channels):
    x = speech_like(1.0, channels=channels)
    stereo, report = mastered(x)
    assert stereo.shape[1] == 2
    assert report.loudness_lufs == pytest.approx(-16.0, abs=0.1)
    mono, _ = mastered(x, Target(loudness_lufs=-20.0, ceiling_dbtp=-2.0, channels="mono"))
    assert mono.shape[1] == 1


def test_the_cut_of_the_source_does_not_matter():
    x = speech_like(1.0)
    whole, _ = mastered(x, block=len(x))
    pieces, _ = mastered(x, block=333)
    # Sums of energies are cut alike; only the gain's last digit may differ.
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


def test_mpx_power_is_held():
    noise = speech_like(70.0, channels=1)
    free = Target(loudness_lufs=-12.0, ceiling_dbtp=0.0, channels="mono", fm=FmTarget())
    _, report = mastered(noise, free)
    held_at = report.mpx_power_dbr - 3.0
    held = Target(-12.0, 0.0, "mono", fm=FmTarget(mpx_power_dbr=held_at))
    _, report = mastered(noise, held)
    assert report.limited_by == "mpx_power"
    assert report.mpx_power_dbr == pytest.approx(held_at, abs=0.1)
    assert report.mpx_power_dbr <= held_at + 0.02
    assert report.shortfall_lu > 1.0


def test_aligned_takes_any_delay_out():
    x = np.arange(1_000, dtype=np.float32)[:, None]
    for delay in (0, 1, 99, 2_000):
        pieces = (x[a : a + 100] for a in range(0, 1_000, 100))
        y = np.concatenate(list(aligned(pieces, Identity(delay_samples=delay), 1)))
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("block", [1, 7, 64, 500])
def test_fades_do_not_depend_on_the_cut(block):
    x = np.ones((500, 1), np.float32)
    pieces = (x[a : a + block].copy() for a in range(0, 500, block))
    y = np.concatenate(list(faded(pieces, 500, 96)))[:, 0]
    assert (y[0], y[-1]) == (0.0, 0.0)
    np.testing.assert_array_equal(y, y[::-1])
    np.testing.assert_array_equal(y[96:-96], 1.0)


def test_a_full_spool_is_a_refusal(tmp_path):
    with pytest.raises(Refusal, match=r"disk\.spool"):
        master(lambda: [np.zeros((9, 1), np.float32)], RATE_HZ, 1, Identity(), WEB, tmp_path / "no")


@pytest.mark.parametrize("tau_us", [50.0, 75.0])
def test_a_programme_that_starts_and_ends_at_full_level_does_not_overshoot(tau_us):
    target = Target(
        -6.0, 0.0, "mono", max_mean_limiting_db=20.0, fm=FmTarget(pre_emphasis_us=tau_us)
    )
    y, _ = mastered(np.full((24_000, 1), 1.0, np.float32), target)
    assert 20 * np.log10(coder_peak(y[:, 0], tau_us)) <= 0.05
    y, _ = mastered(np.full((24_000, 1), 1.0, np.float32), WEB)
    assert true_peak_db(y) <= -0.95

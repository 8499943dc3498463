"""DTMF: the limits of the Q.24 kind, hiss, a multiplex, cut anywhere, and no digit out of noise."""

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.receive.meters.dtmf_detector import DIGITS, DtmfDetector
from dsp.receive.meters.dtmf_windows import FREQUENCIES

RATE = 48_000


def key(digit, seconds, *, off=0.0, twist_db=0.0, level_dbfs=-20.0, rate=RATE, seed=0):
    """One key with random phases; `off` is the relative error of both frequencies."""
    index = DIGITS.index(digit)
    rng = np.random.default_rng(seed + index)
    t = np.arange(round(seconds * rate)) / rate
    low, high = FREQUENCIES[index // 4], FREQUENCIES[4 + index % 4]
    level = 10 ** (level_dbfs / 20)
    wave = level * np.cos(2 * np.pi * low * (1 + off) * t + rng.uniform(0, 6))
    wave += (
        level * 10 ** (twist_db / 20) * np.cos(2 * np.pi * high * (1 + off) * t + rng.uniform(0, 6))
    )
    return wave


def keys(digits=DIGITS, *, on_s=0.1, off_s=0.1, rate=RATE, seed=1, **more):
    """All keys with pauses that are a little irregular, so that windows fall anywhere."""
    rng = np.random.default_rng(seed)
    parts = []
    for n, digit in enumerate(digits):
        pause = np.zeros(round((off_s + rng.uniform(0, 0.005)) * rate))
        parts += [pause, key(digit, on_s, rate=rate, seed=seed + n, **more)]
    return np.concatenate([*parts, np.zeros(rate // 10)]).astype(np.float32)


def heard(samples, rate=RATE):
    detector = DtmfDetector(rate)
    return detector.process(samples) + detector.flush()


def text(digits):
    return "".join(d.digit for d in digits)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("off", "twist_db"), [(0, 0), (0.015, 0), (-0.015, 0), (0.015, -8), (-0.015, 4), (0, 4)]
)
def test_accepted_at_the_limits(off, twist_db, seed):
    samples = keys(on_s=0.04, off_s=0.04, off=off, twist_db=twist_db, seed=seed)
    assert text(heard(samples)) == DIGITS


@pytest.mark.parametrize("off", [0.035, -0.035, 0.05, -0.05])
@pytest.mark.parametrize("on_s", [0.05, 0.5])
def test_frequencies_too_far_off_are_rejected(off, on_s):
    assert heard(keys(on_s=on_s, off=off)) == []


@pytest.mark.parametrize("seed", range(20))
def test_tones_too_short_are_rejected(seed):
    assert heard(keys(on_s=0.0229, off_s=0.05, seed=seed)) == []


@pytest.mark.parametrize("twist_db", [-14, 10])
def test_one_tone_far_weaker_is_rejected(twist_db):
    assert heard(keys(twist_db=twist_db)) == []


def test_a_single_tone_is_no_digit():
    t = np.arange(RATE) / RATE
    for hertz in FREQUENCIES:
        assert heard((0.1 * np.cos(2 * np.pi * hertz * t)).astype(np.float32)) == []


def test_a_repeated_key_is_two_digits_and_a_held_one_is_one():
    assert text(heard(keys("1155", on_s=0.04, off_s=0.04))) == "1155"
    (digit,) = heard(keys("9", on_s=3.0))
    assert digit.end - digit.start == pytest.approx(3.0 * RATE, abs=0.01 * RATE)


@pytest.mark.parametrize("milliseconds", [1, 3, 5, 8, 10])
@pytest.mark.parametrize("shift", [0, 61, 122, 183])
def test_a_drop_out_does_not_cut_a_key(milliseconds, shift):
    samples = keys("5", on_s=0.2)
    middle = round(0.2 * RATE) + shift
    samples[middle : middle + milliseconds * RATE // 1_000] = 0.0
    assert text(heard(samples)) == "5"


def test_times_level_and_twist():
    start, seconds = 0.25, 0.08
    samples = np.zeros(RATE, np.float32)
    tone = key("#", seconds, twist_db=-3.0, level_dbfs=-20.0)
    samples[round(start * RATE) : round(start * RATE) + len(tone)] = tone
    (digit,) = heard(samples)
    assert digit.digit == "#"
    assert digit.start / RATE == pytest.approx(start, abs=0.006)
    assert digit.end / RATE == pytest.approx(start + seconds, abs=0.006)
    # -20 and -23 dB of a full-scale sine together.
    assert digit.level_dbfs == pytest.approx(10 * np.log10(0.01 + 0.01 / 10**0.3), abs=0.2)
    assert digit.twist_db == pytest.approx(-3.0, abs=0.2)


@pytest.mark.parametrize("level_dbfs", [-2.0 - 6.0, -45.0])
def test_any_level_of_the_range(level_dbfs):
    assert text(heard(keys(level_dbfs=level_dbfs))) == DIGITS
    assert heard(keys(level_dbfs=-60.0)) == []


@pytest.mark.parametrize("seed", range(3))
def test_heard_in_hiss(seed):
    # 12 dB in the 24 kHz of the audio.
    samples = keys(on_s=0.04, off_s=0.04, seed=seed)
    rng = np.random.default_rng(seed)
    hiss = 10 ** ((-20 + 3 - 3 - 12) / 20) * rng.standard_normal(len(samples))
    assert text(heard((samples + hiss).astype(np.float32))) == DIGITS


def test_hum_below_does_not_matter():
    samples = keys()
    t = np.arange(len(samples)) / RATE
    hum = 0.3 * np.cos(2 * np.pi * 50 * t) + 0.1 * np.cos(2 * np.pi * 150 * t)
    assert text(heard((samples + hum).astype(np.float32))) == DIGITS


@pytest.mark.parametrize("seed", range(2))
def test_a_minute_of_noise_holds_no_digit(seed):
    rng = np.random.default_rng(seed)
    assert heard((0.2 * rng.standard_normal(60 * RATE)).astype(np.float32)) == []


def test_out_of_a_multiplex():
    rate = 288_000
    audio = keys(on_s=0.05, off_s=0.05, rate=rate, level_dbfs=-12)
    t = np.arange(len(audio)) / rate
    rng = np.random.default_rng(0)
    # Pilot, a stereo side band, RDS and the noise of an FM carrier at 20 dB.
    spectrum = np.fft.rfft(rng.standard_normal(len(audio)))
    spectrum *= np.fft.rfftfreq(len(audio), 1 / rate) / rate * 0.5
    beside = 0.0675 * np.cos(2 * np.pi * 19_000 * t) + 0.2 * np.cos(2 * np.pi * 37_000 * t)
    beside += 0.02 * np.cos(2 * np.pi * 57_500 * t) + np.fft.irfft(spectrum, len(audio))
    found = heard((audio + beside).astype(np.float32), rate)
    assert text(found) == DIGITS
    assert found[0].start / rate == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("step", [1, 37, 4_800, 100_000])
def test_cut_anywhere(step):
    samples = keys("147*", on_s=0.05, off_s=0.05)[: 3_000 if step == 1 else None]
    detector, found = DtmfDetector(), []
    for start in range(0, len(samples), step):
        found += detector.process(samples[start : start + step])
        found += detector.process(samples[:0])
    found += detector.flush()
    assert found == heard(samples)
    detector.reset()
    assert detector.process(samples) + detector.flush() == found


def test_a_digit_is_given_within_the_delay():
    samples = np.concatenate([keys("7")[: -RATE // 10], np.zeros(RATE, np.float32)])
    detector = DtmfDetector()
    end = heard(samples)[0].end
    for start in range(0, len(samples), 480):
        if detector.process(samples[start : start + 480]):
            assert start + 480 - end <= detector.delay_samples + 480
            return
    pytest.fail("no digit")


def test_refused_pieces_change_nothing():
    samples = keys("12")
    detector = DtmfDetector()
    found = detector.process(samples[:9_000])
    for bad in (
        samples.astype(np.float64),
        samples[::2],
        samples[:, None],
        np.array([0, np.nan], np.float32),
    ):
        with pytest.raises(BlockContractError):
            detector.process(bad)
    assert found + detector.process(samples[9_000:]) + detector.flush() == heard(samples)


def test_another_rate_is_refused():
    with pytest.raises(ValueError, match="rate_hz"):
        DtmfDetector(44_100)


def test_the_filter_keeps_the_tones_and_loses_the_rest():
    detector = DtmfDetector()
    t = np.arange(RATE) / RATE

    def gain_db(hertz):
        detector.reset()
        wave = np.cos(2 * np.pi * hertz * t).astype(np.float32)
        out = detector._band.process(detector._slower.process(wave))[500:]
        return 20 * np.log10(np.sqrt(2 * np.mean(out.astype(np.float64) ** 2)) + 1e-9)

    assert all(abs(gain_db(f)) < 0.2 for f in FREQUENCIES)
    assert all(gain_db(f) < -38 for f in (50, 150, 250, 5_100, 7_000, 12_000))

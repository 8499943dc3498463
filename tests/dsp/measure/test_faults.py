"""Pauses, hum, clipping, channels: each found where it is, and not found where it is not."""

import numpy as np
import pytest

from dsp.measure.chunks import Chunks
from dsp.measure.hum import HumSeries, judge
from dsp.measure.lanes import LaneStatistics
from tests.dsp.measure.signals import frames, measure, speech_like, tone

RATE = 16_000


def speech(seconds=20, rate=RATE, noise_dbfs=-70, seed=1):
    """Speech with pauses of white noise at a known level (rms)."""
    rng = np.random.default_rng(seed + 100)
    sound = speech_like(seconds, rate, seed=seed)
    return sound + rng.standard_normal(len(sound)) * 10 ** (noise_dbfs / 20)


def kinds(found):
    return {fault.kind for fault in found.faults if fault.kind != "too_short"}


def only(found, kind):
    (fault,) = (fault for fault in found.faults if fault.kind == kind)
    return fault


@pytest.mark.parametrize("noise_dbfs", [-80, -60, -45, -35])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_the_noise_floor_is_that_of_the_pauses(noise_dbfs, rate):
    found = measure(frames(speech(20, rate, noise_dbfs)), rate)
    assert found.noise_floor_dbfs == pytest.approx(noise_dbfs, abs=0.5)
    assert found.u["noise_floor_dbfs"] >= 0.3
    # The pauses are half a second in every one and a half.
    at = np.flatnonzero(found.pause_mask) / 100 % 1.5
    assert at.min() >= 0.99
    assert found.pause_mask.mean() == pytest.approx(0.3, abs=0.05)


def test_a_dc_offset_is_no_noise():
    found = measure(frames(speech(noise_dbfs=-60) + 0.05), RATE)
    assert found.noise_floor_dbfs == pytest.approx(-60, abs=0.5)
    assert only(found, "dc_offset").values["offset"] == pytest.approx(0.05, abs=2e-3)


def test_silent_pauses_have_no_floor():
    found = measure(frames(speech_like(10, RATE)), RATE)
    assert found.noise_floor_dbfs is None
    assert "digital silence" in found.invalid["noise_floor_dbfs"]


def test_a_steady_sound_has_no_pauses():
    rng = np.random.default_rng(1)
    found = measure(frames(rng.standard_normal(10 * RATE) * 0.1), RATE)
    assert found.noise_floor_dbfs is None
    assert "under the speech" in found.invalid["noise_floor_dbfs"]


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
@pytest.mark.parametrize("mains_hz", [49.8, 50.0, 50.2])
def test_hum_30_db_under_the_speech_is_found(rate, mains_hz):
    sound = speech(20, rate, noise_dbfs=-65)
    level = 10 ** ((measure(frames(sound), rate).active_speech_level_dbov - 30) / 20)
    n = np.arange(len(sound)) / rate
    hum = np.sin(2 * np.pi * mains_hz * n) + 0.5 * np.sin(2 * np.pi * 3 * mains_hz * n + 1)
    hum *= level / np.sqrt(np.mean(hum**2))
    fault = only(measure(frames(sound + hum), rate), "hum")
    assert fault.values["level_dbfs"] == pytest.approx(20 * np.log10(level), abs=0.6)
    assert "50, 150 Hz" in fault.detail


@pytest.mark.parametrize("seed", range(8))
def test_no_hum_in_noise(seed):
    assert "hum" not in kinds(measure(frames(speech(seed=seed, noise_dbfs=-45)), RATE))


def test_rumble_that_rises_towards_the_bass_is_no_hum():
    sound = speech(noise_dbfs=-90)
    rumble = np.cumsum(np.random.default_rng(3).standard_normal(len(sound)))
    rumble -= np.convolve(rumble, np.ones(1600) / 1600, "same")
    assert "hum" not in kinds(measure(frames(sound + rumble * 1e-5), RATE))


def test_a_voice_at_100_hz_is_no_hum():
    n = np.arange(20 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 100 * h * n) / h for h in range(1, 20)) * (n % 1.5 < 1.0)
    sound = speech(noise_dbfs=-70) + 0.05 * voice
    assert "hum" not in kinds(measure(frames(sound), RATE))


@pytest.mark.parametrize(("rise_db", "found"), [(8, False), (12, True)])
def test_a_line_must_stand_10_db_out_of_its_surroundings(rise_db, found):
    powers = np.full((20, 17), 1e-6)
    powers[:, 1] *= 10 ** (rise_db / 10)
    assert (judge(powers, -20.0) is not None) == found


def test_a_line_that_comes_and_goes_is_no_hum():
    powers = np.full((20, 17), 1e-6)
    powers[::2, 1] = 1e-4
    assert judge(powers, -20.0) is None


def test_windows_across_the_seam_are_whole():
    sound = tone([(-20, 40)], RATE, hz=50, channels=1)
    chunks, lanes = Chunks(RATE, 1), LaneStatistics(RATE, 1)
    series = HumSeries(lanes, 1)
    for _ in chunks.push(sound):
        lanes.measure(chunks)
        series.take(lanes)
    power = np.concatenate(series._powers, axis=1)[0, 1:, 1]
    assert len(power) == 319
    np.testing.assert_allclose(10 * np.log10(power), -23.01, atol=0.01)


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_clipping_is_found_at_and_below_full_scale(gain):
    sound = np.clip(speech_like(10, RATE, level=0.5), -1, 1) * gain
    fault = only(measure((frames(sound) * 32767).astype(np.int16), RATE), "clipping")
    assert fault.channel == 0
    assert fault.values["ceiling_dbfs"] == pytest.approx(20 * np.log10(gain), abs=0.01)
    flat = np.abs(sound) >= gain * (1 - 1e-9)
    assert 0 < fault.values["samples"] <= flat.sum()


def test_clipping_of_one_wave_is_counted_exactly():
    wave = 1.2 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE + 0.3)
    top = wave >= 1.0
    found = only(measure(frames(np.minimum(wave, 1.0)), RATE), "clipping").values
    lengths = np.diff(np.flatnonzero(np.diff(np.concatenate(([0], top, [0])))))[::2]
    assert found["runs"] == np.count_nonzero(lengths >= 3)
    assert found["longest_samples"] == lengths.max()


@pytest.mark.parametrize("hz", [20, 50, 100, 440, 997, 4_000])
@pytest.mark.parametrize("level", [0, -6, -20, -35])
def test_a_whole_sine_is_not_clipped(hz, level):
    sound = np.round(tone([(level, 3)], 48_000, hz=hz, channels=1) * 32767).astype(np.int16)
    assert "clipping" not in kinds(measure(sound, 48_000))


def test_dead_identical_and_inverted_channels():
    left, other = speech(), speech(seed=2)
    pair = lambda right: np.stack([left, right], 1).astype(np.float32)  # noqa: E731 - four uses below
    assert kinds(measure(pair(other), RATE)) == set()
    same = measure(pair(left), RATE)
    assert only(same, "identical_channels").note
    assert kinds(measure(pair(-0.9 * left + 0.02 * other), RATE)) == {"inverted_channels"}
    dead = measure(pair(np.zeros_like(left)), RATE)
    assert only(dead, "dead_channel").channel == 1
    assert kinds(dead) == {"dead_channel"}


def test_a_silent_low_frequency_channel_is_not_dead():
    sound = np.stack([speech(10, seed=s) for s in range(6)], 1).astype(np.float32)
    sound[:, 3] = 0
    assert "dead_channel" not in kinds(measure(sound, RATE))
    sound[:, 4] = 0
    assert only(measure(sound, RATE), "dead_channel").channel == 4


def test_silence_is_said_once():
    found = measure(np.zeros((RATE, 2), np.int16), RATE)
    assert kinds(found) == {"silence"}
    assert found.true_peak_dbtp is None
    assert found.invalid["integrated_lufs"] == "nothing above the gate of -70 LUFS"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_is_counted_and_measured_as_zero(value):
    clean = frames(speech(), 2)
    clean[1_000:1_010, 1] = 0
    spoiled = clean.copy()
    spoiled[1_000:1_010, 1] = value
    found, expected = measure(spoiled, RATE), measure(clean, RATE)
    fault = only(found, "non_finite")
    assert (fault.channel, fault.values["samples"]) == (1, 10)
    assert found.integrated_lufs == expected.integrated_lufs
    assert found.true_peak_dbtp == expected.true_peak_dbtp

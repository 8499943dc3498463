"""The programme meter as a whole: any cut, any length, any value, JSON."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.contract import BlockContractError
from dsp.measure.figures import FIGURE_KEYS
from dsp.measure.loudness_meter import LoudnessMeter
from dsp.measure.programme import ProgrammeMeter
from tests.dsp.measure.signals import frames, measure, speech_like

RATE = 8_000
KEYS = {
    "mono_as", "integrated_lufs", "loudness_range_lu", "max_momentary_lufs",
    "max_short_term_lufs", "true_peak_dbtp", "sample_peak_dbfs", "active_speech_level_dbov",
    "speech_activity_percent", "noise_floor_dbfs", "duration_s", "sample_rate_hz", "channels",
    "faults", "u", "invalid",
}  # fmt: skip


def programme(seconds=36, channels=2, seed=1):
    rng = np.random.default_rng(seed)
    sound = np.stack([speech_like(seconds, RATE, seed=s) for s in range(channels)], 1)
    return (sound + 1e-4 * rng.standard_normal(sound.shape)).astype(np.float32)


def same(one, two):
    assert one.as_dict() == two.as_dict()
    for series in ("momentary_lufs", "short_term_lufs", "pause_mask", "energy_10ms"):
        np.testing.assert_array_equal(getattr(one, series), getattr(two, series))


SOUND = programme()
WHOLE = measure(SOUND, RATE)


@given(st.lists(st.integers(0, len(SOUND)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_figures_do_not_depend_on_the_cut(cuts):
    meter = ProgrammeMeter(RATE, 2)
    edges = [0, *sorted(cuts), len(SOUND)]
    for start, stop in pairwise(edges):
        meter.process(SOUND[start:stop])
    same(meter.result(), WHOLE)


def test_one_frame_at_a_time():
    meter = ProgrammeMeter(RATE, 2)
    for n in range(4_000):
        meter.process(SOUND[n : n + 1])
    same(meter.result(), measure(SOUND[:4_000], RATE))


def test_reset_equals_new():
    meter = ProgrammeMeter(RATE, 2)
    meter.process(programme(20, seed=9) * np.float32(3))
    meter.result()
    meter.reset()
    meter.process(SOUND)
    same(meter.result(), WHOLE)


def test_int16_and_float32_give_the_same():
    sound = np.round(SOUND * 32767).astype(np.int16)
    same(measure(sound, RATE), measure(sound.astype(np.float32) / np.float32(32768), RATE))


def test_pieces_of_both_kinds_may_follow_each_other():
    sound = np.round(SOUND * 32767).astype(np.int16)
    meter = ProgrammeMeter(RATE, 2)
    meter.process(sound[:5_000])
    meter.process(sound[5_000:].astype(np.float32) / np.float32(32768))
    same(meter.result(), measure(sound, RATE))


def test_read_only_pieces_are_taken_and_left_alone():
    sound = SOUND.copy()
    sound.flags.writeable = False
    same(measure(sound, RATE), WHOLE)


def test_nothing_can_follow_the_result():
    meter = ProgrammeMeter(RATE, 2)
    meter.result()
    with pytest.raises(RuntimeError, match="reset"):
        meter.process(SOUND)
    with pytest.raises(RuntimeError, match="reset"):
        meter.result()


@pytest.mark.parametrize(
    "spoil", [lambda f: f.astype(float), lambda f: f[:, :1].copy(), lambda f: f[::2], list]
)
def test_a_refused_piece_changes_nothing(spoil):
    meter = ProgrammeMeter(RATE, 2)
    with pytest.raises(BlockContractError):
        meter.process(spoil(SOUND))
    meter.process(SOUND)
    same(meter.result(), WHOLE)


@pytest.mark.parametrize("mono_as", ["stereo", "", None])
def test_mono_as_is_one_of_two_words(mono_as):
    with pytest.raises(ValueError, match="mono_as"):
        ProgrammeMeter(RATE, 1, mono_as=mono_as)


@pytest.mark.parametrize("samples", [0, 1, 2, 23, 79, 80, 2_400, 3_199, 3_200, 23_999, 24_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_short_clips(samples, channels):
    found = measure(programme(5, channels)[:samples], RATE)
    assert found.duration_s == samples / RATE
    assert (found.integrated_lufs is not None) == (samples >= 3_200)
    assert (found.max_short_term_lufs is not None) == (samples >= 24_000)
    assert (found.true_peak_dbtp is not None) == (samples > 0)
    assert len(found.momentary_lufs) == max(0, samples // 80 - 39)
    short = next(fault for fault in found.faults if fault.kind == "too_short")
    assert short.note == (samples >= 3_200)


@pytest.mark.parametrize("samples", [0, 1, 2_400, 160_000])
def test_json_holds_the_contract_and_no_nan(samples):
    found = json.loads(json.dumps(measure(SOUND[:samples], RATE).as_dict(), allow_nan=False))
    assert set(found) == KEYS
    for key in FIGURE_KEYS:
        assert (found[key] is None) == (key in found["invalid"])
        assert (found[key] is None) != (key in found["u"])
    assert all({"kind", "channel", "detail"} <= set(fault) for fault in found["faults"])


@pytest.mark.parametrize(
    "value", [1e-42, 1e-30, 1e-4, 1.0, -1.0, 100.0, 9e5], ids=lambda v: f"{v:g}"
)
@pytest.mark.parametrize("shape", ["constant", "square", "one click"])
def test_extreme_values_give_finite_figures(value, shape):
    sound = np.zeros((4 * RATE, 1), np.float32)
    if shape == "one click":
        sound[RATE] = value
    else:
        sound[:] = value
    if shape == "square":
        sound[np.arange(len(sound)) // 20 % 2 == 1] *= -1
    found = measure(sound, RATE)
    json.dumps(found.as_dict(), allow_nan=False)
    assert np.isfinite(found.momentary_lufs).all()
    assert found.sample_peak_dbfs is None or found.sample_peak_dbfs == pytest.approx(
        20 * np.log10(abs(value)), abs=1e-4
    )


def test_full_scale_int16():
    sound = np.full((RATE, 1), -32768, np.int16)
    assert measure(sound, RATE).sample_peak_dbfs == 0.0


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 192_000])
def test_every_rate_and_layout(rate, channels):
    sound = frames(speech_like(4, rate), channels)
    found = measure(sound, rate)
    assert (found.sample_rate_hz, found.channels, found.duration_s) == (rate, channels, 4.0)
    assert found.integrated_lufs is not None


def test_the_lead_channel_is_the_one_with_speech():
    sound = programme(20)
    sound[:, 0] *= np.float32(1e-3)
    right = measure(np.ascontiguousarray(sound[:, 1:]), RATE)
    both = measure(sound, RATE)
    assert both.active_speech_level_dbov == right.active_speech_level_dbov
    assert both.noise_floor_dbfs == right.noise_floor_dbfs


def test_the_loudness_meter_alone_finds_the_same():
    meter = LoudnessMeter(RATE, 2)
    for _ in range(2):
        meter.process(SOUND[:100_000])
        meter.process(SOUND[100_000:])
        found = vars(meter.result())
        assert found == {key: getattr(WHOLE, key) for key in found}
        meter.reset()

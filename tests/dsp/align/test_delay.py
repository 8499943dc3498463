import math

import numpy as np
import pytest

from bench.align.paths import (
    de_emphasised,
    in_room,
    slower,
    through_crossovers,
    with_noise,
    with_voices,
)
from dsp.align.delay import measure_delay, read_delay
from dsp.align.speech_band import speech_band
from dsp.contract import BlockContractError
from ingest.scene.programme import tune
from tests.dsp.align.voices import RATE, bulletin, noise, piece, tones

START_S = 4.3217083  # a whole number of samples: 207 442


def heard(snr_db=20.0, seed=3):
    return with_noise(piece(START_S, START_S + 10.0), snr_db, np.random.default_rng(seed))


def error_s(figure):
    assert figure.invalid is None
    return figure.value + round(START_S * RATE) / RATE


@pytest.mark.parametrize(("snr_db", "within_s"), [(20.0, 1e-3), (6.0, 5e-3), (0.0, 5e-3)])
def test_noise_moves_no_delay(snr_db, within_s):
    figure = measure_delay(bulletin(), heard(snr_db), RATE)
    assert abs(error_s(figure)) < within_s
    assert abs(error_s(figure)) <= figure.u < 1e-3


@pytest.mark.parametrize(
    "path",
    [
        through_crossovers,
        de_emphasised,
        lambda sound: -sound,
        lambda sound: in_room(sound, np.random.default_rng(5)),
        lambda sound: with_voices(sound, piece(16.0, 24.0)[::-1], 6.0),
    ],
    ids=["crossovers", "de-emphasis", "inverted", "room", "babble"],
)
def test_what_is_done_to_the_sound_moves_the_delay_by_less_than_a_millisecond(path):
    figure = measure_delay(bulletin(), np.ascontiguousarray(path(heard()), np.float32), RATE)
    assert abs(error_s(figure)) < 1e-3
    assert abs(error_s(figure)) <= figure.u


def test_later_is_positive_and_the_other_way_round_is_the_opposite():
    late = np.concatenate([noise(2.5, level=1e-4), piece(0.0, 12.0)])
    there = measure_delay(piece(0.0, 14.0), late, RATE)
    back = measure_delay(late, piece(0.0, 14.0), RATE)
    assert there.value == pytest.approx(2.5, abs=2e-4)
    assert back.value == pytest.approx(-2.5, abs=2e-4)


def test_a_part_of_a_sample_is_seen():
    spectrum = np.fft.rfft(piece(0.0, 12.0))
    shift_s = 1.0 + 0.4 / RATE
    turns = np.exp(-2j * np.pi * np.fft.rfftfreq(12 * RATE, 1 / RATE) * shift_s)
    late = np.fft.irfft(spectrum * turns).astype(np.float32)
    figure = measure_delay(piece(0.0, 12.0), late, RATE)
    assert figure.value == pytest.approx(shift_s, abs=3e-6)


def test_clocks_that_differ_are_told():
    slow = slower(piece(START_S, START_S + 12.0), 120.0)[: 10 * RATE]
    reading = read_delay(bulletin(), with_noise(slow, 20.0, np.random.default_rng(1)), RATE)
    assert reading.drift_ppm.value == pytest.approx(120.0, abs=reading.drift_ppm.u)
    assert reading.drift_ppm.u < 15.0
    assert error_s(reading.delay) == pytest.approx(120e-6 * 5.0, abs=5e-4)


def test_range_is_kept():
    figure = measure_delay(bulletin(), heard(), RATE, range_s=(-3.0, 3.0))
    assert figure.invalid is not None
    figure = measure_delay(bulletin(), heard(), RATE, range_s=(-5.0, -4.0))
    assert abs(error_s(figure)) < 1e-3


def tune_of(seed):
    return np.ascontiguousarray(tune(seed).frames(14 * RATE)[:, 0])


@pytest.mark.parametrize(
    ("reference", "sound", "why"),
    [
        (lambda: piece(0.0, 11.0), lambda: piece(12.0, 22.0), "not the same"),
        (bulletin, lambda: noise(10.0), "not the same"),
        (lambda: noise(20.0, 1), lambda: noise(10.0, 2), "not the same"),
        (lambda: tones(20.0), lambda: tones(10.0), ""),
        (lambda: tune_of(3), lambda: tune_of(4)[: 10 * RATE], ""),
        (bulletin, lambda: np.zeros(10 * RATE, np.float32), "heard silent"),
        (lambda: np.zeros(10 * RATE, np.float32), lambda: piece(0.0, 5.0), "reference silent"),
        (bulletin, lambda: piece(0.0, 0.2), "heard shorter"),
        (bulletin, lambda: np.zeros(0, np.float32), "heard shorter"),
        (lambda: np.tile(piece(0.0, 6.0), 2), lambda: piece(1.0, 5.0), "more than one place"),
    ],
    ids=[
        "text",
        "noise",
        "noises",
        "tones",
        "music",
        "silence",
        "nothing",
        "short",
        "empty",
        "twice",
    ],
)
def test_refuses_rather_than_guesses(reference, sound, why):
    figure = measure_delay(reference(), sound(), RATE)
    assert figure.value is None
    assert figure.invalid.startswith("inconclusive: ")
    assert why in figure.invalid


def test_a_piece_of_which_most_is_something_else_is_not_timed():
    mixed = np.concatenate([piece(2.0, 5.0), noise(7.0)])
    assert measure_delay(bulletin(), mixed, RATE).invalid is not None


@pytest.mark.parametrize(
    "bad",
    [
        np.full(RATE, np.nan, np.float32),
        np.zeros(RATE, np.float64),
        np.zeros((RATE, 2), np.float32),
    ],
)
def test_samples_of_another_kind_are_refused(bad):
    with pytest.raises(BlockContractError):
        measure_delay(bulletin(), bad, RATE)


def test_too_long_and_too_low_a_rate_are_refused():
    with pytest.raises(BlockContractError, match="1800 s"):
        measure_delay(np.zeros(8_000 * 1_801, np.float32), piece(0.0, 3.0), 8_000)
    with pytest.raises(BlockContractError, match="at least 8000"):
        speech_band(np.zeros(100, np.float32), 4_000)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_the_speech_band_moves_nothing(rate_hz):
    time_s = np.arange(2 * rate_hz) / rate_hz
    found = speech_band(np.cos(2 * np.pi * 1000 * time_s).astype(np.float32), rate_hz)
    assert len(found) == 16_000
    wanted = np.cos(2 * np.pi * 1000 * np.arange(16_000) / 8_000)
    # Away from the ends, where the tone begins from nothing.
    assert np.abs(found - wanted)[2_000:-2_000].max() < 1e-3


def test_the_speech_band_leaves_out_what_lies_beyond():
    time_s = np.arange(2 * RATE) / RATE
    for hertz in (100.0, 200.0, 3_500.0, 5_000.0):
        found = speech_band(np.cos(2 * np.pi * hertz * time_s).astype(np.float32), RATE)
        assert np.abs(found[2_000:-2_000]).max() < 2e-3
    assert math.isclose(len(speech_band(np.zeros(7, np.float32), RATE)), 2)

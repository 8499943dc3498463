"""Concealment: a vowel goes on, seams have no click, long holes end in silence."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.playout.concealment import FADE_S, conceal, rejoin


def vowel(count, rate_hz, pitch_hz=140.0, start=0):
    time = (start + np.arange(count)) / rate_hz
    wave = sum(np.sin(2 * np.pi * pitch_hz * k * time) / k for k in range(1, 8))
    return (0.2 * wave).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_a_vowel_goes_on(rate_hz):
    history = vowel(rate_hz // 10, rate_hz)
    count = rate_hz // 50
    made = conceal(history, count, rate_hz)
    wanted = vowel(count, rate_hz, start=len(history))
    assert np.dot(made, wanted) / np.sqrt(np.dot(made, made) * np.dot(wanted, wanted)) > 0.95


def test_seams_have_no_click():
    rate_hz = 48_000
    history = vowel(4800, rate_hz)
    made = conceal(history, 1920, rate_hz)
    after = vowel(960, rate_hz, start=4800 + 1920)
    joined = rejoin(conceal(history, 1920 + 240, rate_hz)[1920:], after)
    whole = np.concatenate([history, made, joined])
    usual = np.max(np.abs(np.diff(history)))
    assert np.max(np.abs(np.diff(whole))) < 2.0 * usual


def test_long_holes_end_in_silence():
    history = vowel(4800, 48_000)
    made = conceal(history, 48_000, 48_000)
    assert not np.any(made[round(FADE_S * 48_000) :])
    assert np.max(np.abs(made)) <= np.max(np.abs(history)) * 1.01


def test_after_silence_comes_silence_and_after_little_history_too():
    assert not np.any(conceal(np.zeros(4000, np.float32), 960, 48_000))
    assert not np.any(conceal(np.ones(10, np.float32), 960, 48_000))
    assert len(conceal(vowel(4800, 48_000), 0, 48_000)) == 0


def test_noise_is_repeated_not_amplified():
    noise = np.random.default_rng(1).standard_normal(4800).astype(np.float32)
    made = conceal(noise, 960, 48_000)
    assert np.std(made) <= 1.1 * np.std(noise)

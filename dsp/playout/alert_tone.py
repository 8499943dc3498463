"""Sounds that a loudspeaker makes itself: the alert ahead of an emergency, the sign of an exercise.

The alert: 660 and 880 Hz in turn, a quarter of a second each, three harmonics so that small horns
carry it. It is no tone of law: not the evacuation signals of NF S 32-001 (554/440 Hz) or ISO 8201,
and not the data bursts of other countries' warning systems. The sign of an exercise: three soft
notes that fall, twice; nobody takes one for the other.
"""

from __future__ import annotations

import numpy as np

from dsp.contract import Samples

RATE_HZ = 48_000
ALERT_S = 3.0
EXERCISE_S = 3.0
_PEAK = 0.7
_ALERT_HZ = (660.0, 880.0)
_STEP_S = 0.25
_EXERCISE_HZ = (784.0, 659.3, 523.3)
_NOTE_S = 0.5
_EDGE_S = 0.002
_HARMONICS = ((1, 1.0), (2, 0.5), (3, 0.33))


def alert() -> Samples:
    """Return the alert, float32 (3 s at 48 kHz,), peak -3 dBFS; it sounds from its first ms on."""
    count = round(_STEP_S * RATE_HZ)
    steps = [_tone(_ALERT_HZ[n % 2], count) for n in range(round(ALERT_S / _STEP_S))]
    return _scaled(np.concatenate(steps))


def exercise() -> Samples:
    """Return the sign of an exercise, float32 (3 s at 48 kHz,), peak -3 dBFS."""
    count = round(_NOTE_S * RATE_HZ)
    fall = np.exp(-np.arange(count) / (0.15 * RATE_HZ))
    notes = [_tone(frequency_hz, count, ((1, 1.0),)) * fall for frequency_hz in _EXERCISE_HZ]
    return _scaled(np.concatenate(notes * 2))


def _tone(
    frequency_hz: float, count: int, harmonics: tuple[tuple[int, float], ...] = _HARMONICS
) -> Samples:
    """Return a tone whose edges do not click."""
    phase = 2 * np.pi * frequency_hz * np.arange(count) / RATE_HZ
    wave = sum(weight * np.sin(order * phase) for order, weight in harmonics)
    edge = np.minimum(1.0, np.arange(count) / (_EDGE_S * RATE_HZ))
    return np.asarray(wave * edge * edge[::-1], np.float32)


def _scaled(wave: Samples) -> Samples:
    return np.asarray(wave * (_PEAK / np.max(np.abs(wave))), np.float32)

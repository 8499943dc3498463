"""DTMF bursts, the older way of opening and closing loudspeaker clusters.

Rec. ITU-T Q.23: two tones at once, one of a row and one of a column, each exact here (the
Recommendation allows 1.8 %). Phases are counted in integers from the start of a key, so that a key
is the same samples wherever it stands. Edges are raised cosines within the time the key is on:
abrupt ones splash over the whole audio band and are heard as clicks.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.fm.dtmf_tones import DTMF_TONES

#: Two edges. Receivers of the Q.24 kind want 0.04 s on, and off; shorter ones are for testing them.
SHORTEST_S = 0.01
LONGEST_S = 5.0
MOST_DIGITS = 100
_RAMP_S = 0.005


def dtmf_burst(
    digits: str,
    rate_hz: int = 48_000,
    level_dbfs: float = -10.0,
    on_s: float = 0.1,
    off_s: float = 0.1,
    *,
    twist_db: float = 0.0,
) -> Samples:
    """Return the samples of `digits`, each `on_s` of tones and `off_s` of silence.

    Parameters
    ----------
    digits
        1 to 100 of 0-9 A-D * #.
    rate_hz
        Of the audio, 8000 to 384 000.
    level_dbfs
        Of the louder tone; a sine of 0 dBFS has a peak of 1.0.
    on_s, off_s
        0.01 to 5 s; receivers want 0.04.
    twist_db
        How much louder the column tone is than the row tone; receivers bear -8 to +4.

    Returns
    -------
    float32, shape (n,), no sample above 1.0.

    Raises
    ------
    Refusal
        ``dtmf.digits``, or ``dtmf.value`` for anything out of range and for tones whose sum would
        clip.
    """
    if not isinstance(digits, str) or not 0 < len(digits) <= MOST_DIGITS:
        raise _bad_digits(digits)
    if unknown := [key for key in digits if key not in DTMF_TONES]:
        raise _bad_digits(unknown[0])
    _require("rate_hz", rate_hz, 8_000, 384_000)
    _require("on_s", on_s, SHORTEST_S, LONGEST_S)
    _require("off_s", off_s, SHORTEST_S, LONGEST_S)
    _require("level_dbfs", level_dbfs, -80.0, 0.0)
    _require("twist_db", twist_db, -12.0, 12.0)
    row, column = _levels(level_dbfs, twist_db)
    if row + column > 1.0:
        raise _out_of_range("level_dbfs", "tones whose sum stays below full scale", level_dbfs)
    on, off = round(on_s * rate_hz), round(off_s * rate_hz)
    envelope = _envelope(on, round(_RAMP_S * rate_hz))
    silence = np.zeros(off)
    parts: list[npt.NDArray[np.float64]] = []
    for key in digits:
        row_hz, column_hz = DTMF_TONES[key]
        tones = row * _tone(row_hz, rate_hz, on) + column * _tone(column_hz, rate_hz, on)
        parts += [envelope * tones, silence]
    return np.concatenate(parts).astype(np.float32)


def _tone(hz: int, rate_hz: int, count: int) -> npt.NDArray[np.float64]:
    """Return a sine from phase 0; the phase is an integer count of 1 / rate_hz turns."""
    return np.asarray(np.sin(2.0 * math.pi * (hz * np.arange(count) % rate_hz) / rate_hz))


def _envelope(count: int, ramp: int) -> npt.NDArray[np.float64]:
    """Return ones with raised-cosine edges of `ramp` samples."""
    envelope = np.ones(count)
    edge = 0.5 - 0.5 * np.cos(math.pi * (np.arange(ramp) + 0.5) / ramp)
    envelope[:ramp], envelope[count - ramp :] = edge, edge[::-1]
    return envelope


def _levels(level_dbfs: float, twist_db: float) -> tuple[float, float]:
    """Return the amplitudes of the row and the column tone."""
    louder, softer = 10.0 ** (level_dbfs / 20.0), 10.0 ** ((level_dbfs - abs(twist_db)) / 20.0)
    return (softer, louder) if twist_db >= 0.0 else (louder, softer)


def _require(name: str, value: object, low: float, high: float) -> None:
    """Refuse `value` unless it is a finite number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise _out_of_range(name, f"{low:g} to {high:g}", value)


def _out_of_range(name: str, expected: str, got: object) -> Refusal:
    return Refusal(
        "dtmf.value", expected=f"{name}: {expected}", got=repr(got)[:60], advice=f"another {name}"
    )


def _bad_digits(got: object) -> Refusal:
    return Refusal(
        "dtmf.digits",
        expected=f"1 to {MOST_DIGITS} of the keys 0-9 A-D * #",
        got=repr(got)[:60],
        advice="the keys of the receivers' handbook",
    )

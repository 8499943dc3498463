"""A second opinion: is what was heard this part of this reference? It knows no fingerprint.

The fingerprint says where; here both signals are set beside each other there, and four things are
looked at that a wrong text in the same voice does not have: the correlation stands out (`score`),
segments agree by themselves (`agreeing`), phases agree over time (`coherence`), bands are loud and
soft at the same moments (`envelopes`). Each is put on a scale on which wrong content lies about 0
and right content about 1; the likeness is their mean. Between the thresholds, and where there is
too little to hear, the answer is "inconclusive": an alarm needs "different", a match needs "same".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from dsp.align.delay import delay_in_band
from dsp.align.envelopes import FRAME_HZ, band_powers, modulation
from dsp.align.reading import SHORTEST_S, DelayReading
from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from dsp.receive.meters.figure import Figure

# docs/campaigns/align.md
SAME = 0.5
DIFFERENT = 0.35
WITHIN_S = 0.5
# How much the level changes, in Np: hiss 0.15, a tone 0.01, speech 6 dB under noise 0.3, speech 3.
LEAST_MODULATION = 0.22
_WRONG_SCORE, _RIGHT_SCORE = 10.0, 190.0
_RIGHT_COHERENCE = 0.8
_RIGHT_ENVELOPES = 0.85
_QUIET_DB = 35.0
_SILENT_POWER = 1e-10


@dataclass(frozen=True)
class Opinion:
    """What the second opinion says.

    Attributes
    ----------
    verdict
        "same", "different" or "inconclusive".
    likeness
        About 0 for wrong content, about 1 for right; 0 where nothing could be compared.
    why
        The reason where it is inconclusive, else "".
    reading
        The delay it was found at, and each figure by itself; None where nothing was compared.
    """

    verdict: Literal["same", "different", "inconclusive"]
    likeness: float
    why: str
    reading: DelayReading | None


def second_opinion(
    reference: npt.NDArray[np.float32],
    heard: npt.NDArray[np.float32],
    rate_hz: int,
    *,
    delay_s: float = 0.0,
    within_s: float = WITHIN_S,
) -> Opinion:
    """Say whether `heard` is `reference`, `delay_s` later (both mono float32 (n,) at `rate_hz`).

    Looked at are delays within `within_s` of `delay_s`; math.inf for all of them.

    Raises
    ------
    BlockContractError
        As `measure_delay` does.
    """
    return opinion_in_band(
        speech_band(reference, rate_hz), speech_band(heard, rate_hz), delay_s, within_s
    )


def opinion_in_band(
    reference: Band, heard: Band, delay_s: float = 0.0, within_s: float = WITHIN_S
) -> Opinion:
    """Return the opinion on two signals that are at 8 kHz in the speech band already."""
    # Only what can lie beside what was heard takes part in telling what is loud and what is silent.
    duration_s = len(reference) / BAND_RATE_HZ
    low_s = max(delay_s - within_s, -duration_s)
    high_s = min(delay_s + within_s, len(heard) / BAND_RATE_HZ)
    first = max(-round(high_s * BAND_RATE_HZ), 0)
    last = max(len(heard) - round(low_s * BAND_RATE_HZ), first)
    part = reference[first:last]
    moved_s = first / BAND_RATE_HZ
    for name, signal in (("reference", part), ("heard", heard)):
        why = too_little(signal)
        if why:
            return Opinion("inconclusive", 0.0, f"{name} {why}", None)
    reading = delay_in_band(part, heard, range_s=(low_s + moved_s, high_s + moved_s))
    if reading.delay.value is not None and reading.delay.u is not None:
        told = Figure(reading.delay.value - moved_s, reading.delay.u, reading.delay.invalid)
        reading = replace(reading, delay=told)
    likeness = likeness_of(reading)
    if likeness >= SAME:
        return Opinion("same", likeness, "", reading)
    if likeness <= DIFFERENT:
        return Opinion("different", likeness, "", reading)
    return Opinion("inconclusive", likeness, "neither alike nor different", reading)


def too_little(signal: Band) -> str:
    """Return why there is not enough of a voice in `signal` to compare, or ""."""
    powers = band_powers(signal)
    total = powers.sum(axis=0)
    if powers.shape[1] < SHORTEST_S * FRAME_HZ:
        return f"shorter than {SHORTEST_S} s"
    loud = float(np.quantile(total, 0.95))
    if loud < _SILENT_POWER:
        return "silent"
    active_s = float(np.sum(total > loud * 10.0 ** (-_QUIET_DB / 10.0))) / FRAME_HZ
    if active_s < SHORTEST_S / 2.0:
        return "silent for most of it"
    if float(np.sqrt(np.mean(modulation(total[None, :]) ** 2))) < LEAST_MODULATION:
        return "a steady sound"
    return ""


def likeness_of(reading: DelayReading) -> float:
    """Return the mean of the four figures on their scales."""
    score = math.log(max(reading.score, 1.0) / _WRONG_SCORE) / math.log(_RIGHT_SCORE / _WRONG_SCORE)
    parts = (
        score,
        reading.agreeing,
        reading.coherence / _RIGHT_COHERENCE,
        reading.envelope_correlation / _RIGHT_ENVELOPES,
    )
    return float(sum(min(max(part, 0.0), 1.2) for part in parts)) / len(parts)

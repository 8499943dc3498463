"""How much later a programme was heard: seconds, uncertainty, or why nothing can be said.

Speech of 10 s is enough. The envelopes of six bands say where to look, over minutes (`search`);
there the segments are correlated by phase and summed along lines (`segments`, `lines`); then every
frequency is weighted by its coherence over the segments (Knapp and Carter's maximum likelihood),
each segment is timed again by itself, and a line is fitted that no few of them can bend.

A delay is told only where it is beyond doubt: the correlation stands far above that at other
delays, there is no second place, and most segments agree on it by themselves.

Filters delay low frequencies more than high ones: our `ip` chain 1.9 ms at 400 Hz and 0.4 ms at
3 kHz. What is told is the delay that is left towards high frequencies, where such group delays
fall as 1 / f: the way the sound took, without the filters on it. How much was taken off so is part
of the uncertainty.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.align.envelopes import band_powers, modulation
from dsp.align.lines import best_line
from dsp.align.reading import SHORTEST_S, DelayReading, refused
from dsp.align.refine import AGREE_S, LEAST_SCORE, MOST_SECOND, Place, refine
from dsp.align.search import candidates
from dsp.align.segments import LAG_RATE_HZ, REACH, cut_segments
from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from dsp.align.wave_search import place_by_phase
from dsp.receive.meters.figure import Figure

_SILENT = 1e-5  # -100 dBFS
_NEAR_S = 0.02  # two frames of the envelopes
_FEW_S = 4.0  # within so much envelopes have candidates enough for every place of a tune


def measure_delay(
    reference: npt.NDArray[np.float32],
    heard: npt.NDArray[np.float32],
    rate_hz: int,
    *,
    range_s: tuple[float, float] | None = None,
) -> Figure:
    """Return how much later `heard` is than `reference` (both mono float32 (n,)); see the module.

    `range_s` bounds the delays that are possible. Both signals start at the same moment: a delay
    of −3 s says that the first sample heard is the reference's after 3 s.

    Raises
    ------
    BlockContractError
        Samples that are not finite or of another type, longer than half an hour, below 8 kHz.
    """
    return read_delay(reference, heard, rate_hz, range_s=range_s).delay


def read_delay(
    reference: npt.NDArray[np.float32],
    heard: npt.NDArray[np.float32],
    rate_hz: int,
    *,
    range_s: tuple[float, float] | None = None,
) -> DelayReading:
    """Return all that is known of the delay; see `measure_delay`."""
    return delay_in_band(
        speech_band(reference, rate_hz), speech_band(heard, rate_hz), range_s=range_s
    )


def delay_in_band(
    reference: Band, heard: Band, *, range_s: tuple[float, float] | None = None
) -> DelayReading:
    """Return the delay of two signals that are at 8 kHz in the speech band already."""
    for name, signal in (("reference", reference), ("heard", heard)):
        if len(signal) < SHORTEST_S * BAND_RATE_HZ:
            return refused(f"{name} shorter than {SHORTEST_S} s")
        if float(np.sqrt(np.mean(signal.astype(np.float64) ** 2))) < _SILENT:
            return refused(f"{name} silent")
    found = candidates(modulation(band_powers(reference)), modulation(band_powers(heard)), range_s)
    places: list[tuple[Place, float]] = []
    for candidate in found:
        place = look_closely(reference, heard, round(candidate.delay_s * BAND_RATE_HZ), range_s)
        if place is not None:
            places.append((place, candidate.correlation))
    best = max((place[1].score for place, _ in places), default=0.0)
    if best < LEAST_SCORE and (range_s is None or range_s[1] - range_s[0] > _FEW_S):
        places += _by_phase(reference, heard, range_s)
    if not places:
        return refused("nothing overlaps")
    places.sort(key=lambda p: p[0][1].score, reverse=True)
    reading = refine(places[0][0], places[0][1])
    others = [p for (p, _) in places[1:] if abs(at(p) - at(places[0][0])) > AGREE_S]
    rival = max((p[1].score for p in others), default=0.0) / max(places[0][0][1].score, 1e-9)
    if reading.delay.invalid is None and rival > MOST_SECOND:
        return refused("found in more than one place", reading)
    return reading


def _by_phase(
    reference: Band, heard: Band, range_s: tuple[float, float] | None
) -> list[tuple[Place, float]]:
    """Return the place that the waves themselves say, where envelopes have found none."""
    delay_s = place_by_phase(reference, heard, range_s)
    if delay_s is None:
        return []
    place = look_closely(reference, heard, round(delay_s * BAND_RATE_HZ), range_s)
    if place is None:
        return []
    near_s = (delay_s - _NEAR_S, delay_s + _NEAR_S)
    found = candidates(modulation(band_powers(reference)), modulation(band_powers(heard)), near_s)
    return [(place, found[0].correlation if found else 0.0)]


def at(place: Place) -> float:
    """Return the delay of a place in seconds."""
    return place[2] / BAND_RATE_HZ + place[1].delay_s


def look_closely(
    reference: Band, heard: Band, delay: int, range_s: tuple[float, float] | None = None
) -> Place | None:
    """Return segments and their line near `delay` (samples), or None without overlap."""
    segments = cut_segments(reference, heard, delay)
    if segments is None:
        return None
    power = np.abs(segments.correlation()) ** 2
    if range_s is not None:
        lags_s = delay / BAND_RATE_HZ + (np.arange(power.shape[1]) - REACH) / LAG_RATE_HZ
        power = np.where((lags_s >= range_s[0]) & (lags_s <= range_s[1]), power, 0.0)
    return segments, best_line(power, segments.middles_s, segments.activity), delay

"""From a place to a reading: whether the segments are of one mind, and what they say together.

Every frequency is weighted by its coherence over the segments, each segment is timed again by
itself, and a line is fitted that no few of them can bend. Where they are not of one mind there is
no delay, and the reason is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dsp.align.filter_delay import at_high_frequencies, least_variance
from dsp.align.lines import Line
from dsp.align.peaks import coherence_of, own_peaks, summed_peak
from dsp.align.reading import SHORTEST_S, DelayReading, refused
from dsp.align.segments import IN_BAND, Segments
from dsp.align.speech_band import BAND_RATE_HZ
from dsp.receive.meters.figure import Figure

# docs/campaigns/align.md: of the right content every segment agrees and the score is 52 or more
# (speech 3 dB over babble in a room); of wrong content at most half of them and never both.
LEAST_SCORE = 40.0
LEAST_AGREEING = 0.7
# A room spreads the peak over its echoes; the phases of all segments then agree all the same.
_ROOM_COHERENCE = 0.3
_ROOM_AGREEING = 0.5
_ROOM_INDEPENDENT = 6.0
_ROOM_SCORE = 8.0
MOST_SECOND = 0.7
AGREE_S = 2e-3
_GRID_S = 0.02e-3  # what the parabola through three lags leaves

Place = tuple[Segments, Line, int]


@dataclass(frozen=True)
class _Seen:
    """What the segments of a place say, each by itself.

    `shifts_s` (count,) is the line, `own_s` each segment's peak off it, `use` (count,) those that
    speak and agree; `coherence` and `weight` are by frequency. `reading` has all but the delay.
    """

    place: Place
    middle_s: float
    shifts_s: npt.NDArray[np.float64]
    coherence: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float32]
    own_s: npt.NDArray[np.float64]
    use: npt.NDArray[np.bool_]
    reading: DelayReading


def refine(place: Place, correlation: float) -> DelayReading:
    """Return the reading of a place, or why it is none; `correlation` is that of the envelopes."""
    seen = _examined(place, correlation)
    why = _doubt(seen)
    return refused(why, seen.reading) if why else _timed(seen)


def _examined(place: Place, correlation: float) -> _Seen:
    segments, line, _ = place
    middle_s = float(segments.middles_s[0] + segments.middles_s[-1]) / 2.0
    shifts_s = line.delay_s + line.slope * (segments.middles_s - middle_s)
    coherence = coherence_of(segments, shifts_s)
    weight = (coherence / (1.05 - coherence)).astype(np.float32)
    own_s, strong = own_peaks(segments, shifts_s, weight)
    active = segments.activity > 0.25
    agrees = strong & (np.abs(own_s) < AGREE_S)
    reading = DelayReading(
        Figure.missing("not yet"),
        Figure.missing("not yet"),
        line.score,
        line.second,
        float(np.mean(agrees[active])) if active.any() else 0.0,
        float(coherence[IN_BAND].mean()),
        correlation,
    )
    return _Seen(place, middle_s, shifts_s, coherence, weight, own_s, active & agrees, reading)


def _doubt(seen: _Seen) -> str:
    """Return why there is no delay, or ""."""
    found, independent = seen.reading, seen.place[0].independent
    room = found.coherence >= _ROOM_COHERENCE and independent >= _ROOM_INDEPENDENT
    if found.score < (_ROOM_SCORE if room else LEAST_SCORE):
        return "not the same programme, or too noisy to tell"
    if found.second > MOST_SECOND:
        return "fits at more than one delay"
    if found.agreeing < (_ROOM_AGREEING if room else LEAST_AGREEING):
        return "the delay changes within the piece, or parts of it differ"
    return ""


def _timed(seen: _Seen) -> DelayReading:
    """Return the reading with its delay and drift."""
    segments, line, delay = seen.place
    use, middles_s = seen.use, segments.middles_s - seen.middle_s
    slope, offset_s, spread_s = fitted(middles_s[use], seen.own_s[use], segments.activity[use])
    shifts_s = seen.shifts_s + slope * middles_s
    summed_s = summed_peak(segments, shifts_s, seen.weight)
    high_s, sigma_s = at_high_frequencies(segments, shifts_s, seen.coherence, summed_s)
    independent = max(segments.independent * float(np.mean(use)), 1.0)
    u_s = 2.0 * np.sqrt(
        spread_s**2 / independent
        + least_variance(seen.coherence, independent)
        + sigma_s**2
        + (summed_s - offset_s) ** 2 / 4.0
        + _GRID_S**2
    )
    drift = Figure.missing("inconclusive: piece too short")
    span_s = float(np.ptp(middles_s[use]))
    if span_s >= SHORTEST_S and use.sum() >= 4:
        # A line's slope: σ √12 / (span √n) for points spread evenly.
        u_slope = 2.0 * np.hypot(spread_s, _GRID_S) * np.sqrt(12.0 / independent) / span_s
        drift = Figure(round((line.slope + slope) * 1e6, 3), float(u_slope * 1e6))
    delay_s = delay / BAND_RATE_HZ + line.delay_s + high_s
    return replace(seen.reading, delay=Figure(float(delay_s), float(u_s)), drift_ppm=drift)


def fitted(
    time_s: npt.NDArray[np.float64],
    value_s: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
) -> tuple[float, float, float]:
    """Return slope, value at time 0 and robust spread of a weighted line, outliers left out."""
    slope, offset = 0.0, 0.0
    keep = weight.copy()
    spread = 0.0
    for _ in range(4):
        total = keep.sum()
        mean_t = float(np.sum(keep * time_s) / total)
        mean_v = float(np.sum(keep * value_s) / total)
        square = float(np.sum(keep * (time_s - mean_t) ** 2))
        cross = float(np.sum(keep * (time_s - mean_t) * (value_s - mean_v)))
        slope = cross / square if square > 1e-9 and len(time_s) >= 4 else 0.0
        offset = mean_v - slope * mean_t
        off = np.abs(value_s - offset - slope * time_s)
        spread = 1.4826 * float(np.median(off))
        # Huber's weights: beyond 1.5 σ a point pulls no harder.
        keep = weight / np.maximum(off / (1.5 * spread + 1e-7), 1.0)
    return slope, offset, spread

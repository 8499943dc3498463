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

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dsp.align.envelopes import band_powers, modulation
from dsp.align.lines import Line, best_line
from dsp.align.search import candidates
from dsp.align.segments import (
    FREQUENCY_HZ,
    IN_BAND,
    LAG_RATE_HZ,
    REACH,
    Segments,
    cut_segments,
    smooth,
    turned,
)
from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from dsp.receive.meters.figure import Figure

SHORTEST_S = 2.5
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
_AGREE_S = 2e-3
_NEAR = int(5e-3 * LAG_RATE_HZ)  # where a segment's own peak is looked for
_BANDS_HZ = (300.0, 500.0, 800.0, 1_200.0, 1_700.0, 2_300.0, 3_400.0)
_COHERENT = 0.05
_BAND_S = 0.03e-3  # what the delay of one band can be told to
_SLOPE_S_HZ = 1.0  # 1 ms later at 1 kHz than far above: the `ip` chain has 0.7
_MODEL_SHARE = 0.25
_UNKNOWN_S = 0.5e-3  # where too few bands were heard to tell filters from delay
_GRID_S = 0.02e-3  # what the parabola through three lags leaves
_SILENT = 1e-5  # -100 dBFS

Place = tuple[Segments, Line, int]


@dataclass(frozen=True)
class DelayReading:
    """What is known of a delay.

    Attributes
    ----------
    delay
        Seconds, + = heard later, in the middle of what was heard.
    drift_ppm
        Parts per million by which the delay grows (+ = what was heard runs slower).
    score
        See `lines.Line`.
    second
        Best power at another delay over that at this one.
    agreeing
        Share of the segments that say the same by themselves.
    coherence
        Mean squared coherence over the band, 0 … 1.
    envelope_correlation
        −1 … 1.
    """

    delay: Figure
    drift_ppm: Figure
    score: float = 0.0
    second: float = 1.0
    agreeing: float = 0.0
    coherence: float = 0.0
    envelope_correlation: float = 0.0


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
    if not places:
        return refused("nothing overlaps")
    places.sort(key=lambda p: p[0][1].score, reverse=True)
    reading = refine(places[0][0], places[0][1])
    others = [p for (p, _) in places[1:] if abs(at(p) - at(places[0][0])) > _AGREE_S]
    rival = max((p[1].score for p in others), default=0.0) / max(places[0][0][1].score, 1e-9)
    if reading.delay.invalid is None and rival > MOST_SECOND:
        return refused("found in more than one place", reading)
    return reading


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


def refused(why: str, reading: DelayReading | None = None) -> DelayReading:
    """Return a reading without a delay, for this reason; what else is known of it stays."""
    none = Figure.missing(f"inconclusive: {why}")
    if reading is None:
        return DelayReading(none, none)
    return DelayReading(
        none,
        none,
        reading.score,
        reading.second,
        reading.agreeing,
        reading.coherence,
        reading.envelope_correlation,
    )


def refine(place: Place, correlation: float) -> DelayReading:
    """Return the reading of a place, or why it is none."""
    segments, line, delay = place
    middle_s = float(segments.middles_s[0] + segments.middles_s[-1]) / 2.0
    shifts_s = line.delay_s + line.slope * (segments.middles_s - middle_s)
    coherence = coherence_of(segments, shifts_s)
    mean_coherence = float(coherence[IN_BAND].mean())
    active = segments.activity > 0.25
    weight = (coherence / (1.05 - coherence)).astype(np.float32)
    own_s, strong = own_peaks(segments, shifts_s, weight)
    agreeing = (
        float(np.mean((np.abs(own_s) < _AGREE_S)[active] & strong[active])) if active.any() else 0.0
    )
    reading = DelayReading(
        Figure.missing("not yet"),
        Figure.missing("not yet"),
        line.score,
        line.second,
        agreeing,
        mean_coherence,
        correlation,
    )
    room = mean_coherence >= _ROOM_COHERENCE and segments.independent >= _ROOM_INDEPENDENT
    if line.score < (_ROOM_SCORE if room else LEAST_SCORE):
        return refused("not the same programme, or too noisy to tell", reading)
    if line.second > MOST_SECOND:
        return refused("fits at more than one delay", reading)
    if agreeing < (_ROOM_AGREEING if room else LEAST_AGREEING):
        return refused("the delay changes within the piece, or parts of it differ", reading)
    use = active & strong & (np.abs(own_s) < _AGREE_S)
    slope, offset_s, spread_s = fitted(
        segments.middles_s[use] - middle_s, own_s[use], segments.activity[use]
    )
    shifts_s = shifts_s + slope * (segments.middles_s - middle_s)
    summed_s = summed_peak(segments, shifts_s, weight)
    high_s, sigma_s = at_high_frequencies(segments, shifts_s, coherence, summed_s)
    delay_s = delay / BAND_RATE_HZ + line.delay_s + high_s
    independent = max(segments.independent * float(np.mean(use)), 1.0)
    u_s = 2.0 * np.sqrt(
        spread_s**2 / independent
        + least_variance(coherence, independent)
        + sigma_s**2
        + (summed_s - offset_s) ** 2 / 4.0
        + _GRID_S**2
    )
    span_s = float(np.ptp(segments.middles_s[use]))
    drift = Figure.missing("inconclusive: piece too short")
    if span_s >= SHORTEST_S and use.sum() >= 4:
        # A line's slope: σ √12 / (span √n) for points spread evenly.
        u_slope = 2.0 * np.hypot(spread_s, _GRID_S) * np.sqrt(12.0 / independent) / span_s
        drift = Figure(round((line.slope + slope) * 1e6, 3), float(u_slope * 1e6))
    return DelayReading(
        Figure(float(delay_s), float(u_s)),
        drift,
        line.score,
        line.second,
        agreeing,
        mean_coherence,
        correlation,
    )


def coherence_of(segments: Segments, shifts_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the squared coherence (bins,) over segments turned back by `shifts_s`, unbiased.

    By phases alone: n independent random ones have a mean square of 1 / n, which is taken off.
    """
    weights = segments.weights * segments.activity[:, None].astype(np.float32)
    summed = np.sum(segments.phases * weights * turned(shifts_s), axis=0)
    total: npt.NDArray[np.float64] = np.asarray(np.sum(weights, axis=0), np.float64)
    # Weights of 0 (outside the band) say nothing; sums over 200 Hz steady the ratio.
    power: npt.NDArray[np.float64] = np.abs(summed).astype(np.float64) ** 2
    square = smooth(power).astype(np.float64)
    share = square / (smooth(np.square(total)).astype(np.float64) + 1e-12)
    bias = 1.0 / max(segments.independent, 1.5)
    return np.clip((share - bias) / (1.0 - bias), 0.0, 1.0) * (total > 0.0)


def own_peaks(
    segments: Segments, shifts_s: npt.NDArray[np.float64], weight: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return where each segment by itself has its peak off the line (s), and whether it has one."""
    size = np.abs(segments.correlation(shifts_s, weight))
    near = size[:, REACH - 2 * _NEAR : REACH + 2 * _NEAR + 1]
    peaks = np.array([peak_of(row) for row in near]) - 2 * _NEAR
    # In noise the size is Rayleigh with mean square 1: above 3.5 once in 2e5 lags.
    return peaks / LAG_RATE_HZ, near.max(axis=1) > 3.5


def peak_of(row: npt.NDArray[np.floating]) -> float:
    """Return the place of the highest value of `row`, between its samples by a parabola."""
    best = int(np.clip(np.argmax(row), 1, len(row) - 2))
    a, b, c = (float(v) for v in row[best - 1 : best + 2])
    bend = a - 2.0 * b + c
    return best + (float(np.clip(0.5 * (a - c) / bend, -0.5, 0.5)) if bend < 0.0 else 0.0)


def summed_peak(
    segments: Segments,
    shifts_s: npt.NDArray[np.float64],
    weight: npt.NDArray[np.floating],
) -> float:
    """Return where the correlation of all segments together has its peak off the line (s)."""
    # Summed with their phases: what differs between segments cancels, the path's own phase stays.
    turned_phases = segments.phases * turned(shifts_s) * segments.activity[:, None]
    spectrum = np.sum(turned_phases * segments.weights, axis=0, keepdims=True)
    one = Segments(
        phases=spectrum.astype(np.complex64),
        weights=np.ones_like(spectrum, np.float32),
        middles_s=np.zeros(1),
        activity=np.ones(1),
        independent=1.0,
    )
    row = np.abs(one.correlation(None, weight.astype(np.float32)))[0]
    return (peak_of(row[REACH - _NEAR : REACH + _NEAR + 1]) - _NEAR) / LAG_RATE_HZ


def at_high_frequencies(
    segments: Segments,
    shifts_s: npt.NDArray[np.float64],
    coherence: npt.NDArray[np.float64],
    whole_s: float,
) -> tuple[float, float]:
    """Return the delay that filters do not make, off the line, and its standard uncertainty (s).

    Delays of the bands are fitted with d + a / f; the slope is held back by what filters of
    mastering chains have (`_SLOPE_S_HZ`), so that noise does not make one up.
    """
    rows, values, sigmas = [], [], []
    for low_hz, high_hz in pairwise(_BANDS_HZ):
        inside = (low_hz <= FREQUENCY_HZ) & (high_hz > FREQUENCY_HZ)
        if float(coherence[inside].mean()) < _COHERENT:
            continue
        weight = inside * coherence / (1.05 - coherence)
        values.append(summed_peak(segments, shifts_s, weight))
        variance = least_variance(np.where(inside, coherence, 0.0), segments.independent)
        sigmas.append(float(np.hypot(2.0 * np.sqrt(variance), _BAND_S)))
        rows.append((1.0, float(np.sum(weight / np.maximum(FREQUENCY_HZ, 1.0)) / weight.sum())))
    if len(values) < 3:
        return whole_s, _UNKNOWN_S
    design, value, sigma = np.array(rows), np.array(values), np.array(sigmas)
    prior = np.diag([0.0, _SLOPE_S_HZ**-2])
    keep = np.ones(len(value))
    for _ in range(4):
        scaled = design / sigma[:, None] ** 2 * keep[:, None]
        inverse = np.linalg.inv(design.T @ scaled + prior)
        found = inverse @ (scaled.T @ value)
        off = np.abs(value - design @ found) / sigma
        keep = 1.0 / np.maximum(off / 1.5, 1.0)
    misfit = float(np.sqrt(np.sum(keep * off**2) / max(len(value) - 2, 1)))
    statistical = float(np.sqrt(inverse[0, 0])) * max(misfit, 1.0)
    # No chain is exactly 1 / f: part of the slope's work in the middle of the band is doubt.
    model = _MODEL_SHARE * abs(float(found[1])) * float(design[:, 1].mean())
    return float(found[0]), float(np.hypot(statistical, model))


def least_variance(coherence: npt.NDArray[np.float64], independent: float) -> float:
    """Return the Cramér-Rao bound in s² of a group delay: frequencies count from their centre."""
    information = coherence / np.maximum(1.0 - coherence, 1e-3)
    total = float(information.sum())
    if total <= 0.0:
        return 1.0
    centre = float(np.sum(information * FREQUENCY_HZ)) / total
    width = float(np.sum(information * (2.0 * np.pi * (FREQUENCY_HZ - centre)) ** 2))
    return 1.0 / (2.0 * independent * width)


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

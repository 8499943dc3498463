"""Carriers in an averaged power spectrum: where FM stations may be.

An FM carrier under modulation is no line: its power spreads over ±75 kHz and more, and where the
line would be there is often a hole. What it has is a middle. So the spectrum, as decibels above the
local noise floor, is smoothed over the width of a station, and the tops of that curve are
candidates: in decibels a station of -40 dBFS weighs nearly as much as its neighbour of -12 dBFS,
whose skirts would bury it in a sum of powers. A bare carrier has a top as well.

A candidate's place is good to some 10 kHz; receiving it tells the carrier to some hertz, and
whether there is one at all (`ingest/receiver/scan.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STATION_HALF_HZ = 75_000.0
CHANNEL_HZ = 200_000.0  # in which C/N is told
LEAST_CN_DB = 6.0

_FINE_HZ = 10_000.0
_FLOOR_HALF_HZ = 450_000.0
_QUIET_DB = 3.0  # excess below this is noise
_MOST_DB = 45.0  # a giant weighs no more than this
_LEAST_SPACING_HZ = 90_000.0
_LEAST_DIP = 0.06

Spectrum = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """A place where a carrier may be.

    `offset_hz` is from the centre of the capture; `power` over full scale within 200 kHz, the floor
    taken off; `cn_db` that power over the floor in 200 kHz; `width_hz` between the outermost points
    that stand 6 dB out of the floor.
    """

    offset_hz: float
    power: float
    cn_db: float
    width_hz: float


def find_carriers(
    powers: npt.NDArray[np.floating], bin_hz: float, noise_bins: float
) -> list[Candidate]:
    """Return the candidates of a mean spectrum in rising frequency, its middle at the centre.

    Parameters
    ----------
    powers
        (bins,), 1.0 = a carrier at full scale; averaged over a second or more.
    bin_hz, noise_bins
        Distance of the bins, and how many bins of noise one bin counts.
    """
    density = np.asarray(powers, np.float64) / noise_bins
    smooth = smoothed(density, max(1, round(_FINE_HZ / bin_hz)))
    floor = noise_floor(smooth, max(1, round(_FLOOR_HALF_HZ / bin_hz)))
    excess_db = 10.0 * np.log10(np.maximum(smooth / floor, 1e-9))
    weight = np.clip(excess_db - _QUIET_DB, 0.0, _MOST_DB)
    reach = round(STATION_HALF_HZ / bin_hz)
    score = np.convolve(weight, np.hanning(2 * reach + 3)[1:-1] / (reach + 1), mode="same")
    tops = separate_tops(score, round(_LEAST_SPACING_HZ / bin_hz))
    found = [_candidate(top, density, floor, excess_db, bin_hz) for top in tops]
    return [candidate for candidate in found if candidate.cn_db >= LEAST_CN_DB]


def smoothed(values: Spectrum, width: int) -> Spectrum:
    """Return the running mean over `width` (made odd) values, the ends held."""
    half = width // 2
    padded = np.pad(values, half, mode="edge")
    return np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")


def noise_floor(smooth: Spectrum, half: int) -> Spectrum:
    """Return the least of `smooth` within `half` bins on either side, itself smoothed."""
    half = min(half, len(smooth) // 2)
    padded = np.pad(smooth, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    least = windows.min(axis=1)
    return np.maximum(smoothed(least, half), 1e-20)


def separate_tops(score: Spectrum, spacing: int) -> list[int]:
    """Return the places of the local maxima that a real dip divides, highest within `spacing`."""
    inner = np.flatnonzero((score[1:-1] > score[:-2]) & (score[1:-1] >= score[2:])) + 1
    kept: list[int] = []
    for place in sorted(inner[score[inner] > 0.0], key=lambda k: -score[k]):
        near = [other for other in kept if abs(other - place) < spacing]
        if not near and all(_divided(score, place, other) for other in kept):
            kept.append(int(place))
    return sorted(kept)


def _divided(score: Spectrum, place: int, other: int) -> bool:
    """Whether the curve falls between two tops by a share of the lower one."""
    low, high = sorted((place, other))
    return float(score[low : high + 1].min()) < (1.0 - _LEAST_DIP) * float(score[place])


def _candidate(
    top: int, density: Spectrum, floor: Spectrum, excess_db: Spectrum, bin_hz: float
) -> Candidate:
    half = round(CHANNEL_HZ / 2 / bin_hz)
    low, high = max(top - half, 0), min(top + half + 1, len(density))
    noise = float(floor[low:high].sum())
    power = max(float(density[low:high].sum()) - noise, 0.0)
    standing = np.flatnonzero(excess_db[low:high] > 6.0)
    width = float(standing[-1] - standing[0] + 1) * bin_hz if len(standing) else 0.0
    cn_db = 10.0 * np.log10(max(power, 1e-20) / noise)
    return Candidate((top - len(density) // 2) * bin_hz, power, float(cn_db), width)

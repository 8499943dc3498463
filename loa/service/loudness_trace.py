"""Loudness over time before and after, small enough to travel with a manifest and be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from loa.bulletin import Rendition

_STEP_S, _WINDOW_S = 0.1, 3.0  # short-term loudness of EBU Tech 3341
_MOST_POINTS = 200


def loudness_trace(rendition: Rendition) -> dict[str, Any]:
    """Return the short-term loudness of source and rendition, at most 200 points each.

    `start_s` is the end of the first window of 3 s; a point without sound is None.
    """
    before, after = rendition.before.short_term_lufs, rendition.proof.figures.short_term_lufs
    stride = -(-max(len(before), len(after), 1) // _MOST_POINTS)
    return {
        "start_s": _WINDOW_S,
        "step_s": round(_STEP_S * stride, 3),
        "target_lufs": rendition.profile.target.loudness_lufs,
        "before": _points(before, stride),
        "after": _points(after, stride),
    }


def _points(series: npt.NDArray[np.float32], stride: int) -> list[float | None]:
    """Return the loudest of each `stride` values: a shout is not to be lost between two points."""
    whole = -(-len(series) // stride) * stride
    padded = np.full(whole, -np.inf)
    padded[: len(series)] = np.nan_to_num(series, nan=-np.inf)
    loudest = padded.reshape(-1, stride).max(axis=1) if whole else padded
    return [round(float(value), 1) if np.isfinite(value) else None for value in loudest]

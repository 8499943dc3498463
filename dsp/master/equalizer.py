"""Static equalizer: presence, tilt and the band limits of a horn, as one cascade of sections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.master import biquad

KINDS = ("high_pass", "low_pass", "peaking", "high_shelf")


@dataclass(frozen=True)
class Curve:
    """One filter of an equalizer.

    `kind` is one of KINDS. High- and low-passes are Butterworth of even `order`; peaks and shelves
    have `gain_db` and quality `q`.
    """

    kind: str
    corner_hz: float
    gain_db: float = 0.0
    q: float = biquad.BUTTERWORTH_Q
    order: int = 2


def curve_sections(sample_rate_hz: float, curve: Curve) -> biquad.Sections:
    """Return the rows (k, 5) of one curve; none for a low-pass that the rate already makes."""
    if curve.kind == "peaking":
        return biquad.peaking(sample_rate_hz, curve.corner_hz, curve.q, curve.gain_db)
    if curve.kind == "high_shelf":
        return biquad.high_shelf(sample_rate_hz, curve.corner_hz, curve.q, curve.gain_db)
    if curve.kind not in KINDS:
        raise ValueError(f"kind: expected {', '.join(KINDS)}, got {curve.kind}")
    if curve.kind == "low_pass" and curve.corner_hz >= 0.45 * sample_rate_hz:
        return np.empty((0, 5))
    design = biquad.low_pass if curve.kind == "low_pass" else biquad.high_pass
    rows = [design(sample_rate_hz, curve.corner_hz, q) for q in biquad.butterworth_qs(curve.order)]
    return np.vstack(rows)


class Equalizer(biquad.BiquadCascade):
    """Runs frames through a list of curves."""

    def __init__(self, sample_rate_hz: float, channels: int, curves: tuple[Curve, ...]) -> None:
        if not curves:
            raise ValueError("curves: expected at least one, got none")
        super().__init__(np.vstack([curve_sections(sample_rate_hz, c) for c in curves]), channels)

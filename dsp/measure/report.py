"""From what the meters found to figures: which are valid, how sure, what is wrong.

Uncertainties (k = 2, beyond the exactness of the samples themselves):

- loudness 0.02 LU: step edges rounded to a sample and float32 sums, against the float64 twin;
- loudness range 0.1 LU from 60 s on, and more for the few blocks of a shorter programme;
- true peak 0.3 dB: what a peak halfway between two points of 4x oversampling loses up to 0.33 of
the
  sample rate (BS.1770-5 annex 2, att. 1: 20·log10 cos(π·0.33/4)), the widest band speech fills;
- P.56 0.1 dB and 1 %: the straight line between thresholds 6 dB apart;
- noise floor: a mean of n independent values of noise, 8.7 dB / √n with 20 values a second in a
  50 Hz wide band, never better than 0.3 dB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dsp.measure import loudness
from dsp.measure.figures import FIGURE_KEYS, Fault, ProgrammeFigures

if TYPE_CHECKING:
    from dsp.measure.channels import MonoAs
    from dsp.measure.clipping import FlatTops
    from dsp.measure.hum import Hum
    from dsp.measure.pauses import Pauses
    from dsp.measure.speech_level import SpeechLevel

RANGE_NEEDS_S = 60.0


@dataclass(frozen=True)
class Evidence:
    """Everything the meters found, one entry per channel where it is a list."""

    mono_as: MonoAs
    sample_rate_hz: int
    samples: int
    energy_10ms: npt.NDArray[np.float64]
    true_peaks_dbtp: list[float | None]
    sample_peaks_dbfs: list[float | None]
    levels: list[SpeechLevel]
    pauses: list[Pauses]
    hums: list[Hum | None]
    flat_tops: list[FlatTops | None]
    refused: npt.NDArray[np.int64]
    channel_faults: list[Fault]

    @property
    def duration_s(self) -> float:
        """Length of the programme."""
        return self.samples / self.sample_rate_hz

    @property
    def lead(self) -> int:
        """The channel with the highest active speech level: the one that is reported."""
        known = [
            -math.inf if s.active_level_dbov is None else s.active_level_dbov for s in self.levels
        ]
        return int(np.argmax(known))


def report(evidence: Evidence) -> ProgrammeFigures:
    """Put the figures together."""
    energy = evidence.energy_10ms
    speech, pauses = evidence.levels[evidence.lead], evidence.pauses[evidence.lead]
    values = {
        "integrated_lufs": loudness.integrated_lufs(energy),
        "loudness_range_lu": loudness.loudness_range_lu(energy),
        "max_momentary_lufs": loudness.max_momentary_lufs(energy),
        "max_short_term_lufs": loudness.max_short_term_lufs(energy),
        "true_peak_dbtp": _highest(evidence.true_peaks_dbtp),
        "sample_peak_dbfs": _highest(evidence.sample_peaks_dbfs),
        "active_speech_level_dbov": speech.active_level_dbov,
        "speech_activity_percent": speech.activity_percent,
        "noise_floor_dbfs": pauses.noise_floor_dbfs,
    }
    momentary = loudness.sliding_means(energy, loudness.MOMENTARY_STEPS)
    hop = loudness.GATING_HOP_STEPS
    short_term = loudness.sliding_means(energy, loudness.SHORT_TERM_STEPS, hop)
    return ProgrammeFigures(
        mono_as=evidence.mono_as if len(evidence.levels) == 1 else None,
        **values,
        duration_s=evidence.duration_s,
        sample_rate_hz=evidence.sample_rate_hz,
        channels=len(evidence.levels),
        faults=tuple(_faults(evidence)),
        invalid={k: _why_not(k, evidence) for k in FIGURE_KEYS if values[k] is None},
        u={k: _uncertainty(k, evidence) for k in FIGURE_KEYS if values[k] is not None},
        momentary_lufs=loudness.to_lufs(momentary).astype(np.float32),
        short_term_lufs=loudness.to_lufs(short_term).astype(np.float32),
        pause_mask=pauses.mask,
        energy_10ms=energy,
    )


def _highest(values: list[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)


def _why_not(key: str, evidence: Evidence) -> str:
    """Reason for a figure that is missing."""
    if not evidence.samples:
        return "no sound at all"
    if key in {"true_peak_dbtp", "sample_peak_dbfs"}:
        return "digital silence"
    needed = {"loudness_range_lu": 3.0, "max_short_term_lufs": 3.0}.get(key, 0.4)
    if key.endswith(("lufs", "lu")) and len(evidence.energy_10ms) < needed * loudness.STEPS_PER_S:
        return f"shorter than {needed:g} s"
    if key in {"integrated_lufs", "loudness_range_lu"}:
        return "nothing above the gate of -70 LUFS"
    if key == "noise_floor_dbfs":
        return evidence.pauses[evidence.lead].reason or "no pause"
    return "silence" if key.endswith("lufs") else "no speech"


def _uncertainty(key: str, evidence: Evidence) -> float:
    """Return the expanded uncertainty (k = 2) of a figure, in its own unit."""
    if key == "loudness_range_lu":
        return round(0.1 + max(0.0, 4.0 * (1.0 - evidence.duration_s / RANGE_NEEDS_S)), 2)
    if key == "noise_floor_dbfs":
        independent = evidence.pauses[evidence.lead].mask.sum() / 5.0
        return round(max(0.3, 8.7 / math.sqrt(max(independent, 1.0))), 2)
    fixed = {
        "true_peak_dbtp": 0.3 if evidence.sample_rate_hz < 192_000 else 0.5,
        "sample_peak_dbfs": 0.0,
        "active_speech_level_dbov": 0.1,
        "speech_activity_percent": 1.0,
    }
    return fixed.get(key, 0.02)


def _faults(evidence: Evidence) -> list[Fault]:
    found = [
        Fault(
            "non_finite",
            c,
            f"{count} samples of channel {c + 1} are NaN, infinite or beyond +120 dBFS",
            values={"samples": float(count)},
        )
        for c, count in enumerate(evidence.refused.tolist())
        if count
    ]
    found += evidence.channel_faults
    for c, tops in enumerate(evidence.flat_tops):
        if tops is not None:
            found.append(_clipped(c, tops))
    for c, hum in enumerate(evidence.hums):
        if hum is not None:
            lines = ", ".join(str(line) for line in hum.lines_hz)
            detail = f"hum at {lines} Hz, {hum.level_dbfs:.1f} dBFS in the pauses"
            found.append(Fault("hum", c, detail, values={"level_dbfs": hum.level_dbfs}))
    if evidence.duration_s < RANGE_NEEDS_S:
        found.append(_short(evidence.duration_s))
    return found


def _clipped(channel: int, tops: FlatTops) -> Fault:
    detail = (
        f"channel {channel + 1} stands flat {tops.runs} times at {tops.ceiling_dbfs:.2f} dBFS, "
        f"{tops.longest} samples at most"
    )
    values = {
        "runs": float(tops.runs),
        "samples": float(tops.samples),
        "longest_samples": float(tops.longest),
        "ceiling_dbfs": tops.ceiling_dbfs,
    }
    return Fault("clipping", channel, detail, values=values)


def _short(duration_s: float) -> Fault:
    """Below 0.4 s nothing can be said about loudness; below 60 s not much about its range."""
    if duration_s < 0.4:
        return Fault("too_short", None, "shorter than 0.4 s: no loudness can be given")
    if duration_s < 3.0:
        detail = "shorter than 3 s: no short-term loudness and no range"
        return Fault("too_short", None, detail, note=True)
    detail = "shorter than 60 s: the loudness range is only indicative"
    return Fault("too_short", None, detail, note=True)

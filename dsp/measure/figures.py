"""What a programme measures: figures, their uncertainty, why one is missing, and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dsp.measure.channels import MonoAs

FIGURE_KEYS = (
    "integrated_lufs",
    "loudness_range_lu",
    "max_momentary_lufs",
    "max_short_term_lufs",
    "true_peak_dbtp",
    "sample_peak_dbfs",
    "active_speech_level_dbov",
    "speech_activity_percent",
    "noise_floor_dbfs",
)
FaultKind = Literal[
    "non_finite",
    "silence",
    "dead_channel",
    "identical_channels",
    "inverted_channels",
    "dc_offset",
    "clipping",
    "hum",
    "too_short",
]


@dataclass(frozen=True)
class Fault:
    """Something found in the sound.

    Parameters
    ----------
    kind
        Stable name.
    channel
        Index from 0, or None if it concerns the whole.
    detail
        One sentence for people.
    note
        True for what is only worth knowing and not wrong.
    values
        The numbers behind it, JSON ready, with units in their names.
    """

    kind: FaultKind
    channel: int | None
    detail: str
    note: bool = False
    values: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """JSON ready."""
        return {
            "kind": self.kind,
            "channel": self.channel,
            "detail": self.detail,
            "note": self.note,
            **self.values,
        }


@dataclass(frozen=True)
class ProgrammeFigures:
    """All figures of one programme (contract of `loa measure`) and the series behind them.

    A figure that could not be measured is None and `invalid` says why; `u` holds the uncertainty
    (k = 2) of those that could. dBFS of a level: 0 is rms 1.0; of a peak: 0 is magnitude 1.0.

    Attributes
    ----------
    mono_as
        How a mono programme was counted; None where it is not mono.
    momentary_lufs, short_term_lufs
        float32 series every 10 ms and every 100 ms, stamped by the end of their 400 ms and 3 s.
    pause_mask
        bool per 10 ms of the channel with the highest speech level: where nobody speaks.
    energy_10ms
        float64: channel-weighted K-weighted mean square per 10 ms.
    """

    mono_as: MonoAs | None
    integrated_lufs: float | None
    loudness_range_lu: float | None
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    active_speech_level_dbov: float | None
    speech_activity_percent: float | None
    noise_floor_dbfs: float | None
    duration_s: float
    sample_rate_hz: int
    channels: int
    faults: tuple[Fault, ...]
    invalid: dict[str, str]
    u: dict[str, float]
    momentary_lufs: npt.NDArray[np.float32]
    short_term_lufs: npt.NDArray[np.float32]
    pause_mask: npt.NDArray[np.bool_]
    energy_10ms: npt.NDArray[np.float64]

    def as_dict(self) -> dict[str, object]:
        """JSON ready: the contract's keys, `u`, `invalid` and `faults`; no series."""
        found: dict[str, object] = {"mono_as": self.mono_as}
        found.update({key: getattr(self, key) for key in FIGURE_KEYS})
        found["duration_s"] = self.duration_s
        found["sample_rate_hz"] = self.sample_rate_hz
        found["channels"] = self.channels
        found["faults"] = [fault.as_dict() for fault in self.faults]
        found["u"] = dict(self.u)
        found["invalid"] = dict(self.invalid)
        return found

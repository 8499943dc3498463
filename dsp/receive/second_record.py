"""The record of one second of one station: every figure, findings, the audio, and JSON of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dsp.receive.meters.figure import Figure

# Every key a record has, in the order of the contract; unknown figures are absent from no record.
FIGURES = (
    "level_dbfs",
    "cn_db",
    "peak_deviation_hz",
    "peak_hold_hz",
    "mpx_power_dbr",
    "pilot_hz",
    "pilot_frequency_hz",
    "rds_hz",
    "rds_unmodulated_hz",
    "rds_phase_deg",
    "offset_hz",
    "offset_ppm",
    "occupied_bandwidth_hz",
    "bandwidth_26db_hz",
    "mask_margin_db",
    "over_limit_share",
    "multipath_share",
    "co_channel_share",
    "loudness_momentary_lufs",
    "loudness_short_term_lufs",
    "loudness_integrated_lufs",
    "balance_db",
    "correlation",
)


@dataclass(frozen=True)
class SecondRecord:
    """What was measured in second `second` of a station: samples [second · rate, …) of the capture.

    Attributes
    ----------
    figures
        By the names in `FIGURES`.
    findings
        Short stable names (docs/reference/receiver-figures.md).
    missing_samples
        Of this second, at 288 kHz.
    over_limit_share_upper
        Upper end of the 95 % interval of `over_limit_share`.
    mpx_window_s
        Length of the window of `mpx_power_dbr`.
    slots_hz
        float32 (20, 2): highest and lowest deviation of every 50 ms, as read (noise included).
    distribution
        int64 (210,): samples by |deviation| in bins of 1 kHz.
    audio
        float32 (48000, 2): left and right, 1.0 = the audio's share of the rated deviation.
    notes
        What widened the uncertainties.
    """

    second: int
    figures: dict[str, Figure]
    findings: tuple[str, ...]
    missing_samples: int
    over_limit_share_upper: float | None
    mpx_window_s: int
    slots_hz: npt.NDArray[np.float32] | None
    distribution: npt.NDArray[np.int64] | None
    audio: npt.NDArray[np.float32]
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, object]:
        """JSON ready: values (None where invalid), `u`, `invalid`, findings; no series or audio."""
        found: dict[str, object] = {"second": self.second}
        for key in FIGURES:
            figure = self.figures[key]
            found[key] = figure.value if figure.invalid is None else None
        found["over_limit_share_upper"] = self.over_limit_share_upper
        found["mpx_window_s"] = self.mpx_window_s
        found["findings"] = list(self.findings)
        found["missing_samples"] = self.missing_samples
        found["notes"] = list(self.notes)
        valid = {key: f for key, f in self.figures.items() if f.invalid is None}
        found["u"] = {key: figure.u for key, figure in valid.items()}
        found["invalid"] = {
            key: figure.invalid for key, figure in self.figures.items() if figure.invalid
        }
        return found


def lost_second(second: int, missing_samples: int, audio: npt.NDArray[np.float32]) -> SecondRecord:
    """The record of a second that a gap touched: no figure of it is valid."""
    return SecondRecord(
        second=second,
        figures=dict.fromkeys(FIGURES, Figure.missing("gap")),
        findings=(),
        missing_samples=missing_samples,
        over_limit_share_upper=None,
        mpx_window_s=0,
        slots_hz=None,
        distribution=None,
        audio=audio,
    )

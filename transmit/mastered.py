"""What mastering leaves: a programme on disk and the report of what was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from dsp.contract import Frames
from transmit.loudness_series import Series
from transmit.loudness_solver import LimitedBy
from transmit.spool import BLOCK_FRAMES, Spool


@dataclass(frozen=True)
class MasterReport:
    """What was done to a programme.

    Attributes
    ----------
    gain_db
        Gain ahead of the limiter.
    loudness_lufs
        Integrated loudness of the master (mono as dual mono); None for silence.
    limited_by
        None where the target's loudness was reached; else what stood in the way.
    shortfall_lu
        How far the master stays below the target, 0 where it does not.
    mean_limiting_db
        Loudness that the limiter took away.
    mpx_power_dbr
        Highest MPX power over any 60 s; None without FM.
    not_finite, out_of_range
        Samples of the source that were NaN or infinite, or beyond ±32.
    passes
        How often pass B ran.
    limiter_trace_db
        Gain of the limiter per 100 ms (K-weighted energy out over in), float32.
    momentary_energy
        K-weighted mean square of the master per 10 ms.
    """

    gain_db: float
    loudness_lufs: float | None
    limited_by: LimitedBy | None
    shortfall_lu: float
    mean_limiting_db: float
    mpx_power_dbr: float | None
    not_finite: int
    out_of_range: int
    passes: int
    limiter_trace_db: npt.NDArray[np.float32]
    momentary_energy: Series


class MasteredProgramme:
    """A finished master on disk; close it, or use it in a `with` statement, to free the disk.

    Attributes
    ----------
    sample_rate_hz, channels, frames
        Of the master.
    report
        What was done.
    """

    def __init__(self, spool: Spool, sample_rate_hz: int, report: MasterReport) -> None:
        self._spool = spool
        self.sample_rate_hz = sample_rate_hz
        self.channels = spool.channels
        self.frames = spool.frames
        self.report = report

    @property
    def gain_db(self) -> float:
        """Gain ahead of the limiter."""
        return self.report.gain_db

    @property
    def limited_by(self) -> LimitedBy | None:
        """What kept the master from its target loudness, or None."""
        return self.report.limited_by

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[Frames]:
        """Give the master in new float32 arrays (n, channels), as often as wanted."""
        return self._spool.blocks(block_frames)

    def close(self) -> None:
        """Free the disk."""
        self._spool.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk."""
        self.close()

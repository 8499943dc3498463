"""The phase of a channel, exact for ever.

A channel is the capture times exp(-2 pi j f t), t counted from the first sample of the capture. The
bank moves it by whole bins block by block; what is missing at the start of each row, and the part
of f between two bins, are turns that this module counts in integers: f in thousandths of a hertz,
time in samples of the channel. Nothing accumulates, so nothing drifts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.receive.channel_plan import BankPlan

_PER_HZ = 1_000


class ChannelPhase:
    """The turns of all channels of a filter bank."""

    def __init__(
        self, plan: BankPlan, offsets_hz: tuple[float, ...], centres: npt.NDArray[np.int64]
    ) -> None:
        """Work out what a row turns by, and the slow turn within a row."""
        # In units of 1 / (den * _PER_HZ * num) turns per output sample of rate num / den.
        rate = plan.channel_rate_hz
        self._turn = rate.numerator * _PER_HZ
        offsets = [round(f * _PER_HZ) for f in offsets_hz]
        self._per_row = [f * plan.kept * rate.denominator % self._turn for f in offsets]
        self._rows = np.arange(plan.rows, dtype=np.int64)
        # The transform of a row counts its phase from `guard` before what is kept of it.
        self._start = centres * plan.guard % plan.block / plan.block
        residual = [
            f - int(c) * plan.rate_hz * _PER_HZ / plan.block
            for f, c in zip(offsets, centres, strict=True)
        ]
        self._slow = np.zeros((len(offsets), 0), np.complex64)
        if any(residual):
            seconds = np.arange(plan.kept) / float(rate)
            turns = np.outer(np.array(residual) / _PER_HZ, seconds)
            self._slow = np.exp(-2j * np.pi * turns).astype(np.complex64)

    def turns(self, step: int) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64]]:
        """Return the turn at the start of every row of `step`, and the turn within a row."""
        first = step * len(self._rows)
        base = np.array([each * first % self._turn for each in self._per_row], np.float64)
        counts = base[:, None] + np.outer(self._per_row, self._rows)
        turns = self._start[:, None] - counts / self._turn
        return np.exp(2j * np.pi * turns).astype(np.complex64), self._slow

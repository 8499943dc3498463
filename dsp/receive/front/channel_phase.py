"""The phase of a channel, exact for ever.

A channel is the capture times exp(-2 pi j f t), t counted from the first sample of the capture. The
bank moves it by whole bins block by block; what is missing at the start of each row, and the part
of f between two bins, are turns that this module counts in integers: f in thousandths of a hertz,
time in samples of the channel. Nothing accumulates, so nothing drifts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.receive.front.channel_plan import ROWS, BankPlan

_PER_HZ = 1_000


class ChannelPhase:
    """The turns of all channels of a filter bank."""

    def __init__(
        self, plan: BankPlan, offsets_hz: tuple[float, ...], centres: npt.NDArray[np.int64]
    ) -> None:
        """Work out what a row turns by, and the slow turn within a row.

        `per_row` (channels,) is the first in turns; `slow_turns` (2 channels, kept) is the second,
        cosines and sines, empty where no carrier lies between two bins.
        """
        rate = plan.channel_rate_hz
        # One turn, in units of a thousandth of a hertz times a channel sample.
        self._turn = rate.numerator * _PER_HZ
        offsets = [round(f * _PER_HZ) for f in offsets_hz]
        self._per_row = [f * plan.kept * rate.denominator % self._turn for f in offsets]
        self.per_row = np.array(self._per_row) / self._turn
        # The transform of a row counts its phase from `guard` before what is kept of it.
        self._start = [int(c) * plan.guard % plan.block / plan.block for c in centres]
        residual = [
            f - int(c) * plan.rate_hz * _PER_HZ / plan.block
            for f, c in zip(offsets, centres, strict=True)
        ]
        self.slow_turns = np.zeros((2 * len(offsets), 0), np.float32)
        if any(residual):
            seconds = np.arange(plan.kept) / float(rate)
            angles = -2 * np.pi * np.outer(np.array(residual) / _PER_HZ, seconds)
            planes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
            self.slow_turns = planes.reshape(2 * len(offsets), -1).astype(np.float32)

    def starts(self, step: int) -> npt.NDArray[np.float64]:
        """Return (channels,): the turn at the start of the first row of `step`."""
        first = step * ROWS
        return np.array(
            [
                start - each * first % self._turn / self._turn
                for start, each in zip(self._start, self._per_row, strict=True)
            ]
        )

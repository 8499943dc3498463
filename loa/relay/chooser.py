"""Which input is relayed: the first that can be heard, left when it has been silent for a while.

A better input that comes is turned to at once; what is urgent is better than what is not. The one
that is relayed is not left for a pause, a lost packet or a quarter of a second at the gate: only
after `leave_after_s`, and until then there is silence. Turns are cross-faded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.contract import Samples
from dsp.playout.concealment import rejoin
from loa.relay.blocks import RATE_HZ
from loa.relay.inputs import Input

_FADE_SAMPLES = 480


@dataclass(frozen=True)
class Chosen:
    """A block, whose it is (None: nobody's), and whether that one can be heard now."""

    samples: Samples
    source: Input | None
    alive: bool


class Chooser:
    """Chooses block by block.

    Parameters
    ----------
    inputs
        In order of preference.
    leave_after_s
        How long the present one may be silent.
    """

    def __init__(self, inputs: Sequence[Input], leave_after_s: float) -> None:
        self._inputs = tuple(inputs)
        self._leave_after_s = leave_after_s
        self._now: Input | None = None
        self._silent_s = 0.0
        self.turns = 0

    def process(self, count: int, moment_s: float) -> Chosen:
        """Return the next block, whose first sample is due at `moment_s` (UTC)."""
        alive = {one: one.is_alive(moment_s) for one in self._inputs}
        chosen, heard = self._choose(alive, count / RATE_HZ)
        samples, left = _rendered(chosen, count, moment_s), self._now
        if chosen is not left:
            before = _rendered(left, count, moment_s)[:_FADE_SAMPLES]
            samples = rejoin(before, samples)
            self._now = chosen
            self.turns += 1
        for one in self._inputs:
            if one.runs_on and one not in (chosen, left):
                one.render(count, moment_s)
        return Chosen(samples, chosen, heard)

    def _choose(self, alive: dict[Input, bool], block_s: float) -> tuple[Input | None, bool]:
        first = min((one for one in self._inputs if alive[one]), key=self._rank, default=None)
        now = self._now
        if now is None or (first is not None and self._rank(first) <= self._rank(now)):
            self._silent_s = 0.0
            return first, first is not None
        if alive[now]:
            self._silent_s = 0.0
            return now, True
        self._silent_s += block_s
        if now.may_pause and self._silent_s < self._leave_after_s:
            return now, False
        self._silent_s = 0.0
        return first, first is not None

    def _rank(self, one: Input) -> tuple[bool, int]:
        return not one.urgent, self._inputs.index(one)


def _rendered(source: Input | None, count: int, moment_s: float) -> Samples:
    if source is None:
        return np.zeros(count, np.float32)
    return source.render(count, moment_s)

"""Cuts composite and channel of a station into batches on a fixed grid, with gaps noted.

Pieces of any size come in; batches of a second go out, always at the same samples of
the stream. The composite is late by the discriminator's delay; that is made good here, so that both
arrays of a batch show the same moments.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dsp.receive.composite.grid import AHEAD, BACK, BATCH, RATE_HZ

# What a filter before this one may smear of a gap.
_SMEAR = 320


class CompositeInput:
    """Collects pieces into batches.

    Attributes
    ----------
    composite
        float32 (BACK + BATCH + AHEAD,): past, batch, future.
    iq
        complex64; its first BATCH samples are the batch.
    taken
        Samples of the stream so far, those of gaps included.
    """

    def __init__(self, delay_samples: int) -> None:
        if not 0 <= delay_samples <= BACK:
            raise ValueError(f"delay_samples: expected within 0 … {BACK}, got {delay_samples}")
        self._delay = delay_samples
        self.composite = np.zeros(BACK + BATCH + AHEAD, np.float32)
        self.iq = np.zeros(delay_samples + BATCH + AHEAD, np.complex64)
        self._filled = 0
        self.taken = 0
        self._gaps: list[tuple[int, int]] = []

    def push(
        self,
        composite: npt.NDArray[np.float32] | None,
        iq: npt.NDArray[np.complex64] | None,
        n: int,
    ) -> Iterator[None]:
        """Take `n` samples of both (None: zeros); yield whenever a batch is complete."""
        done = 0
        while done < n:
            take = min(n - done, len(self.iq) - self._filled)
            at = self._filled
            target = self.composite[BACK - self._delay + at : BACK - self._delay + at + take]
            target[:] = 0.0 if composite is None else composite[done : done + take]
            self.iq[at : at + take] = 0.0 if iq is None else iq[done : done + take]
            done += take
            self.taken += take
            self._filled += take
            if self._filled == len(self.iq):
                yield None
                self.composite[: BACK + AHEAD] = self.composite[BATCH:]
                self.iq[: self._delay + AHEAD] = self.iq[BATCH:]
                self._filled -= BATCH

    def hold(self) -> Iterator[None]:
        """Go on with the last value for as long as the filters look ahead: the stream has ended."""
        n = self._delay + AHEAD
        last = self.composite[BACK - self._delay + self._filled - 1]
        yield from self.push(np.full(n, last, np.float32), None, n)

    def note_gap(self, missing: int) -> None:
        """Note that the next `missing` samples of the stream do not exist."""
        self._gaps.append((self.taken, self.taken + missing))

    def skip_seconds(self, seconds: int) -> None:
        """Jump; only where everything collected is gap already."""
        self.taken += seconds * RATE_HZ

    def missing_in(self, second: int) -> tuple[int, bool]:
        """Return the samples missing in `second`, and whether a gap touches its filters at all."""
        start, end = second * RATE_HZ, (second + 1) * RATE_HZ
        early = start - BACK - self._delay - _SMEAR
        self._gaps = [gap for gap in self._gaps if gap[1] > early]
        late = end + AHEAD + self._delay
        touched = any(a < late and b > early for a, b in self._gaps)
        return sum(max(min(b, end) - max(a, start), 0) for a, b in self._gaps), touched

    def reset(self) -> None:
        """Forget the stream."""
        self.composite[:] = 0.0
        self.iq[:] = 0.0
        self._filled = 0
        self.taken = 0
        self._gaps = []

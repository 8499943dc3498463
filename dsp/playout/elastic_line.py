"""Between a source with a crystal of its own and a reader with another: a line that breathes.

Samples come when the source has them, in bursts of any size; they are read in blocks, evenly. What
counts is the *lowest* that the line gets between two bursts: it is steered to `spare_s` by reading
up to 500 ppm faster or slower, which nobody hears. A line that runs dry stops, and flows again
`spare_s` after it holds `begin_s`, a burst; what lies too high in it (a network that was held up)
is left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.playout.rate_control import LIMIT_PPM
from dsp.playout.variable_rate import REACH_AFTER, REACH_BEFORE, read_at

RATE_HZ = 48_000
_WINDOW_S = 2.0  # over which the lowest is looked for
_GAIN_PER_S = 0.01  # 50 ms off is 500 ppm; a crystal of 100 ppm stands 10 ms off
_MOST_OVER_S = 1.0

Flags = npt.NDArray[np.bool_]


class ElasticLine:
    """A line of mono samples at 48 kHz with a flag for each.

    Parameters
    ----------
    begin_s
        How much must have come before it flows: no more than comes at once.
    spare_s
        How low it is to get, and how long it waits then.
    follows
        False reads at the source's own pace: for what waits until it is read.
    """

    def __init__(self, begin_s: float, spare_s: float, *, follows: bool = True) -> None:
        if not (0.0 <= spare_s <= 30.0 and 0.0 <= begin_s <= 30.0):
            raise ValueError(f"begin_s, spare_s: expected 0 … 30, got {begin_s}, {spare_s}")
        self._begin = round(begin_s * RATE_HZ)
        self._spare_s = spare_s
        self._follows = follows
        self._samples: Samples = np.zeros(REACH_BEFORE, np.float32)
        self._flags: Flags = np.zeros(REACH_BEFORE, np.bool_)
        self._place = float(REACH_BEFORE)  # in `_samples`, of the next sample that is read
        self._lowest_s = float("inf")
        self._read_s = 0.0
        self._rate = 1.0
        self._wait = 0
        self.flowing = False
        self.ran_dry = 0
        self.left_out = 0

    @property
    def held_s(self) -> float:
        """How much is there to be read."""
        return max(0.0, (len(self._samples) - REACH_AFTER - 1 - self._place) / RATE_HZ)

    @property
    def rate_ppm(self) -> float:
        """By how much it is read faster than it was recorded."""
        return 1e6 * (self._rate - 1.0)

    @property
    def passes_next(self) -> bool:
        """Whether the sample that is read next has its flag."""
        place = round(self._place)
        return self._wait <= 0 and place < len(self._flags) and bool(self._flags[place])

    def write(self, samples: Samples, flags: Flags | None = None) -> None:
        """Take samples, float32 (n,); without `flags` all are true."""
        if flags is None:
            flags = np.ones(len(samples), np.bool_)
        self._samples = np.concatenate([self._samples, samples])
        self._flags = np.concatenate([self._flags, flags])
        if not self.flowing and self.held_s * RATE_HZ >= self._begin:
            self.flowing, self._wait = True, round(self._spare_s * RATE_HZ)

    def read(self, count: int) -> tuple[Samples, Flags]:
        """Return the next samples, zeros with flags that are false where nothing flows."""
        if not self.flowing or self._wait > 0:
            self._wait -= count
            return np.zeros(count, np.float32), np.zeros(count, np.bool_)
        if self.held_s * RATE_HZ < count * self._rate:
            self.flowing = False
            self.ran_dry += 1
            self._lowest_s, self._read_s = float("inf"), 0.0
            return np.zeros(count, np.float32), np.zeros(count, np.bool_)
        samples = read_at(self._samples, self._place, self._rate, count)
        nearest = np.round(self._place + self._rate * np.arange(count)).astype(np.int64)
        flags = self._flags[nearest]
        self._place += self._rate * count
        self._forget()
        self._steer(count / RATE_HZ)
        return samples, flags

    def _forget(self) -> None:
        gone = int(self._place) - REACH_BEFORE
        self._samples, self._flags = self._samples[gone:], self._flags[gone:]
        self._place -= gone

    def _steer(self, read_s: float) -> None:
        if not self._follows:
            return
        self._lowest_s = min(self._lowest_s, self.held_s)
        self._read_s += read_s
        if self._read_s < _WINDOW_S:
            return
        over_s = self._lowest_s - self._spare_s
        if over_s > _MOST_OVER_S:
            self._place += round(over_s * RATE_HZ)
            self.left_out += round(over_s * RATE_HZ)
            self._forget()
            over_s = 0.0
        limit = LIMIT_PPM * 1e-6
        self._rate = 1.0 + min(max(_GAIN_PER_S * over_s, -limit), limit)
        self._lowest_s, self._read_s = float("inf"), 0.0

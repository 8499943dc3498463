"""What dongles and networks share: buffers off a ring become blocks that know their losses.

A thread of the device's own puts buffers into the ring (`ring.py`). Here, in the thread that works,
they are counted against the clock (`arrivals.py`), compared with those before (`repeats.py`) and
handed on. A buffer that came twice is no signal: it is left out and counted as missing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ingest.iq import refusals
from ingest.iq.arrivals import ArrivalClock
from ingest.iq.block import FULL_SCALE, IqBlock, SampleFormat
from ingest.iq.repeats import RepeatDetector
from ingest.iq.ring import Arrival, BufferRing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.clock import Clock

STALL_S = 2.0
RING_S = 2.0
_MOST_NOTES = 1_000


class LiveSource:
    """The working half of a live source; a device's own class feeds `ring`.

    Attributes
    ----------
    lasts_s
        What is wanted of it; once so long has passed, a source that is silent ends. None: a device
        that falls silent is waited for as long as it takes.
    """

    sample_format: SampleFormat = "u8"
    full_scale = FULL_SCALE["u8"]

    def __init__(
        self, rate_hz: int, centre_hz: float | None, clock: Clock, *, buffer_samples: int = 0
    ) -> None:
        self.rate_hz = rate_hz
        self.centre_hz = centre_hz
        self.time_basis: Literal["recorded", "assumed", "received", "simulated"] = "received"
        self.ring = BufferRing(int(2 * RING_S * rate_hz))
        self.closed = False
        self.lasts_s: float | None = None
        self._clock = clock
        self._arrivals = ArrivalClock(rate_hz, buffer_samples)
        self._repeats = RepeatDetector()
        self._notes: list[dict[str, Any]] = []
        self._zero_utc: datetime | None = None

    @property
    def ppm(self) -> float | None:
        """The error of the sample clock against this machine's, once it is known."""
        return self._arrivals.ppm

    def blocks(self) -> Iterator[IqBlock]:
        """Yield blocks as they arrive, until `close`.

        Raises
        ------
        Refusal
            When the device or the server is gone for good; source.silent where nothing came at all
            within `lasts_s`.
        """
        index, missing = 0, 0
        began_s = self._clock.monotonic_s()
        while not self.closed:
            arrival = self.ring.get(STALL_S)
            if arrival is None:
                if not self.closed:
                    self.note("stall", f"nothing for {STALL_S:g} s", index=index)
                    self.on_stall()
                waited_s = self._clock.monotonic_s() - began_s
                if self.lasts_s is not None and waited_s >= self.lasts_s:
                    if not index:
                        raise refusals.silent(waited_s)
                    return
                continue
            count = len(arrival.data) // 2
            lost = self._lost_before(arrival, count, index)
            missing += lost
            index += lost
            if self._repeats.repeated(arrival.data):
                self.note("repeated_buffer", f"{count} samples came twice", index=index)
                missing += count
                index += count
                continue
            yield IqBlock(
                np.frombuffer(arrival.data, np.uint8), index, self._time_of(index), missing
            )
            index += count
            missing = 0

    def on_stall(self) -> None:
        """Do something about a device that has fallen silent; called by the working thread."""

    def close(self) -> None:
        """End the stream; may be called from any thread."""
        self.closed = True
        self.ring.close()

    def notes(self) -> list[dict[str, Any]]:
        """Return what was noticed so far."""
        return list(self._notes)

    def note(self, kind: str, detail: str, **more: Any) -> None:
        """Keep something that was noticed; the first thousand are kept."""
        if len(self._notes) < _MOST_NOTES:
            self._notes.append({"kind": kind, "detail": detail, **more})

    def _lost_before(self, arrival: Arrival, count: int, index: int) -> int:
        if self._zero_utc is None:
            age_s = self._clock.monotonic_s() - arrival.at_s + count / self.rate_hz
            self._zero_utc = self._clock.now_utc() - timedelta(seconds=age_s)
        if arrival.broke:
            self._arrivals.broke()
        lost = self._arrivals.arrived(count, arrival.at_s, arrival.lost_bytes // 2)
        if lost:
            self.note("gap", f"{lost} samples missing", index=index)
        return lost

    def _time_of(self, index: int) -> datetime:
        assert self._zero_utc is not None
        since_s = self._arrivals.time_s(index) - self._arrivals.time_s(0)
        return self._zero_utc + timedelta(seconds=since_s)


def backoff_s(attempt: int) -> float:
    """Return how long to wait before attempt number `attempt` (from 0): 0.5 s, doubling to 30."""
    return float(min(0.5 * 2.0 ** min(attempt, 10), 30.0))

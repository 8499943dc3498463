"""How late each cluster was, over days: what a delay tracker finds, kept by cluster and told.

    history = DelayHistory()
    for record in tracker.process(sound, heard): history.add("thon-3", record, reference="ban-tin")
    history.summary("thon-3"); history.apart_ms()        # horns of one square must not be far apart

Sans-I/O, no clock: times are the caller's. `loa match --delays` writes it. The memory is bounded:
the last `kept` records of each of at most `clusters` clusters; the one not heard of for longest
makes room.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from dsp.align.delay_course import DelayRecord
from dsp.receive.meters.figure import Figure


@dataclass(frozen=True)
class DelaySummary:
    """The delay of one cluster over what is kept.

    Attributes
    ----------
    measured, refused
        Records with a delay, and without.
    median_ms, low_ms, high_ms
        Of the delays: their middle, and what 5 % lie below and above; None without any.
    u_ms
        Median uncertainty (k = 2) of a record.
    drift_ppm
        As told last.
    jumps
        How many there were.
    """

    measured: int
    refused: int
    median_ms: float | None
    low_ms: float | None
    high_ms: float | None
    u_ms: float | None
    drift_ppm: Figure
    jumps: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record, when it was (None: of a file), and the reference that is late."""

    record: DelayRecord
    time: datetime | None
    reference: str


class DelayHistory:
    """The records of all clusters; see the module."""

    def __init__(self, *, kept: int = 2_000, clusters: int = 256) -> None:
        if kept < 1 or clusters < 1:
            raise ValueError(f"kept, clusters: expected 1 or more, got {kept}, {clusters}")
        self._kept = kept
        self._most = clusters
        self._records: OrderedDict[str, deque[_Kept]] = OrderedDict()

    @property
    def clusters(self) -> list[str]:
        """Return the names of the clusters, the one heard of last at the end."""
        return list(self._records)

    def add(
        self, cluster: str, record: DelayRecord, *, reference: str, time: datetime | None = None
    ) -> None:
        """Keep what was found of a cluster, at a time (aware) if it has one."""
        if cluster not in self._records:
            while len(self._records) >= self._most:
                self._records.popitem(last=False)
            self._records[cluster] = deque(maxlen=self._kept)
        self._records[cluster].append(_Kept(record, time, reference))
        self._records.move_to_end(cluster)

    def lines(self, cluster: str) -> list[dict[str, Any]]:
        """Return the records of a cluster, oldest first, JSON ready; none for one not heard of."""
        return [_line(cluster, kept) for kept in self._records.get(cluster, ())]

    def summary(self, cluster: str) -> DelaySummary | None:
        """Return what the records of a cluster amount to; None for one that was not heard of."""
        if cluster not in self._records:
            return None
        records = [kept.record for kept in self._records[cluster]]
        valid = [r for r in records if r.delay.invalid is None and r.delay.value is not None]
        delays_ms = [1e3 * (r.delay.value or 0.0) for r in valid]
        low_ms, median_ms, high_ms = (
            (float(q) for q in np.quantile(delays_ms, (0.05, 0.5, 0.95)))
            if delays_ms
            else (None, None, None)
        )
        return DelaySummary(
            measured=len(valid),
            refused=len(records) - len(valid),
            median_ms=median_ms,
            low_ms=low_ms,
            high_ms=high_ms,
            u_ms=1e3 * float(np.median([r.delay.u or 0.0 for r in valid])) if valid else None,
            drift_ppm=valid[-1].drift_ppm if valid else Figure.missing("no delay yet"),
            jumps=sum(record.jump_s is not None for record in records),
        )

    def apart_ms(self) -> float | None:
        """Return how far apart the clusters are, latest minus earliest of their last delays.

        None with fewer than two, or where they were last heard with different references.
        """
        last = [next((k for k in reversed(r) if _told(k)), None) for r in self._records.values()]
        told = [kept for kept in last if kept is not None]
        if len(told) < 2 or len({kept.reference for kept in told}) > 1:
            return None
        last_ms = [1e3 * (kept.record.delay.value or 0.0) for kept in told]
        return max(last_ms) - min(last_ms)


def _told(kept: _Kept) -> bool:
    return kept.record.delay.invalid is None and kept.record.delay.value is not None


def _line(cluster: str, kept: _Kept) -> dict[str, Any]:
    record = kept.record
    line: dict[str, Any] = {
        "time": None if kept.time is None else kept.time.isoformat(),
        "cluster": cluster,
        "heard_s": round(record.heard_s, 3),
        "reference": kept.reference,
    }
    u: dict[str, float] = {}
    invalid: dict[str, str] = {}
    for key, figure, scale in (
        ("delay_ms", record.delay, 1e3),
        ("drift_ppm", record.drift_ppm, 1.0),
    ):
        line[key] = None
        if figure.invalid is not None or figure.value is None:
            invalid[key] = figure.invalid or "unknown"
            continue
        line[key] = round(scale * figure.value, 3)
        u[key] = round(scale * (figure.u or 0.0), 3)
    line["jump_ms"] = None if record.jump_s is None else round(1e3 * record.jump_s, 3)
    return {**line, "u": u, "invalid": invalid}

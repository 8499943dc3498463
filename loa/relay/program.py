"""`loa relay`: keeps the pace, and tells.

At Ctrl-C no more is taken in; what is on its way is let out and clusters are closed, then the files
are complete.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dsp.receive.meters.figure import Figure
from ingest.clock import Clock, SystemClock
from loa import reporting
from loa.device.news import tell
from loa.interrupt import Interrupt
from loa.real_time import RealTime
from loa.relay.blocks import BLOCK_S
from loa.relay.loop import Relay
from loa.relay.settings import RelaySettings, load_relay
from loa.relay.status_line import record_of
from loa.relay.table import RelayTable

_BLOCKS_PER_S = 50
_MEASURE_EVERY_S = 5
_MOST_LATE_S = 0.25  # that a machine is behind: later it is not made up for


def run_relay(
    path: Path | None,
    settings: RelaySettings | None = None,
    *,
    seconds: float | None = None,
    as_json: bool = False,
    clock: Clock | None = None,
) -> int:
    """Relay what RELAY.toml or `settings` say, until stopped; return the exit code."""
    if settings is None:
        assert path is not None
        settings = load_relay(path)
    folder = Path() if path is None else path.parent
    clock = clock or SystemClock()
    with Relay(settings, folder, clock) as relay, Interrupt() as interrupt:
        runner = _Runner(relay, RealTime(clock), clock, interrupt)
        runner.run(seconds, as_json=as_json)
        relay.finish()
        if as_json:
            reporting.print_json("relay", {**record_of(relay, clock), "summary": True})
    return 0


class _Runner:
    """Keeps the pace, and tells."""

    def __init__(self, relay: Relay, pacer: RealTime, clock: Clock, interrupt: Interrupt) -> None:
        self._relay = relay
        self._pacer = pacer
        self._clock = clock
        self._interrupt = interrupt
        self._block = 0
        self._begun_s = 0.0
        self._shift_s = 0.0

    def run(self, seconds: float | None, *, as_json: bool) -> None:
        self._relay.rehearse()
        self._relay.warn()
        self._pacer.wait_until(0.0)
        self._begun_s = self._clock.monotonic_s()
        relay = self._relay
        title = f"loa relay {relay.settings.id}"
        with (
            ThreadPoolExecutor(1, thread_name_prefix="relay ear") as measuring,
            RelayTable(title, live=not as_json) as table,
        ):
            jobs: dict[str, Future[Figure]] = {}
            while not (self._interrupt.stopped or relay.has_ended):
                if seconds is not None and self._block * BLOCK_S >= seconds:
                    break
                self._one(takes_in=True)
                self._tell_news(as_json=as_json)
                if self._block % _BLOCKS_PER_S == 0:
                    self._tell(table, jobs, measuring, as_json=as_json)
            left = relay.end_programme()
            for _ in range(left):
                self._one(takes_in=False)
                self._tell_news(as_json=as_json)

    def _one(self, *, takes_in: bool) -> None:
        due_s = self._block * BLOCK_S + self._shift_s
        self._pacer.wait_until(due_s)
        late_s = self._clock.monotonic_s() - (self._begun_s + due_s)
        if late_s > _MOST_LATE_S:
            # What is late for the loudspeakers would be late for ever: all outputs go on from now.
            self._shift_s += late_s
            due_s += late_s
            self._relay.stalls += 1
        self._relay.step(self._begun_s + due_s, takes_in=takes_in)
        self._block += 1

    def _tell_news(self, *, as_json: bool) -> None:
        for record in self._relay.records:
            tell(record, as_json=as_json)
        self._relay.records.clear()

    def _tell(
        self,
        table: RelayTable,
        jobs: dict[str, Future[Figure]],
        measuring: ThreadPoolExecutor,
        *,
        as_json: bool,
    ) -> None:
        for name in [name for name, job in jobs.items() if job.done()]:
            self._relay.late[name] = jobs.pop(name).result()
        if not jobs and self._block % (_MEASURE_EVERY_S * _BLOCKS_PER_S) == 0:
            for name, (path, pair) in self._relay.pairs().items():
                jobs[name] = measuring.submit(path.ear.late, pair)
        record = record_of(self._relay, self._clock)
        if as_json:
            reporting.print_json("relay", record)
        table.renew(record)

"""`loa relay`: the loop that joins inputs, masters and outputs, 20 ms at a time.

The first block is due when the loop begins; sample i of every output is handed over i / 48 000 s
later. RTP says that moment by UTC as `SteadyClock` has it. At Ctrl-C no more is taken in; what is
on its way is let out and clusters are closed, then the files are complete.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsp.contract import Samples
from dsp.receive.meters.figure import Figure
from ingest.clock import Clock, SystemClock, rfc3339
from loa import reporting
from loa.interrupt import Interrupt
from loa.real_time import RealTime
from loa.relay.chooser import Chooser
from loa.relay.inputs import FileInput, Input
from loa.relay.own_ear import Memory
from loa.relay.paths import OutputPath
from loa.relay.plant import open_inputs, open_paths
from loa.relay.rehearsal import rehearse
from loa.relay.settings import RelaySettings, load_relay
from loa.relay.table import RelayTable
from loa.device.steady_clock import SteadyClock
from transmit.live.coded_line import LINGER_S
from transmit.live.live_master import LiveMaster, keep_equal
from transmit.profile import load_profile

BLOCK_SAMPLES = 960
BLOCK_S = 0.02
RATE_HZ = 48_000
_BLOCKS_PER_S = 50
_MEASURE_EVERY_S = 5
_MOST_LATE_S = 0.25  # that a machine is behind: later it is not made up for
_SETTLE_S = 0.5  # let out beyond what is on its way: coders and packets


class Relay:
    """A relay at work; a context manager.

    Parameters
    ----------
    settings
        RELAY.toml.
    folder
        What its paths are relative to.
    clock
        The clocks.

    Attributes
    ----------
    paths
        The outputs.
    begun_unix_s
        The moment (UTC) of the first sample of every output, as the clock says now.
    stalls
        How often the machine was so late that the outputs went on from a later moment.
    """

    def __init__(self, settings: RelaySettings, folder: Path, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._steady = SteadyClock(clock)
        with ExitStack() as held:
            names = [output.profile for output in settings.rtp]
            names += [output.profile for output in settings.fm]
            names += [output.profile for output in settings.line]
            self._masters = {
                name: LiveMaster(_profile(name, folder)) for name in dict.fromkeys(names)
            }
            keep_equal(self._masters.values())
            self.paths = open_paths(settings, folder, self._masters, clock, held)
            self._inputs = open_inputs(settings, folder, clock, held)
            self._held = held.pop_all()
        self._chooser = Chooser(self._inputs, settings.leave_after_s)
        self._came = Memory()
        self._blocks = 0
        self.begun_unix_s: float | None = None
        self.stalls = 0
        self._quiet_samples = round(LINGER_S * RATE_HZ)
        self._source: Input | None = None
        self._alive = False
        self.late: dict[str, Figure] = {
            path.name: Figure.missing("inconclusive: not measured yet") for path in self.paths
        }

    @property
    def has_ended(self) -> bool:
        """Whether all inputs are files that are over."""
        files = [one for one in self._inputs if isinstance(one, FileInput)]
        return len(files) == len(self._inputs) and not any(one.is_alive(0.0) for one in files)

    def rehearse(self) -> None:
        """Load everything before time counts; takes a second."""
        rehearse(self._masters.values(), self.paths)

    def step(self, block_due_s: float, *, takes_in: bool = True) -> None:
        """Relay the next 20 ms, whose first sample is due at `block_due_s` (monotonic).

        The caller keeps the pace.
        """
        moment_s = self._steady.at(block_due_s)
        if takes_in:
            chosen = self._chooser.process(BLOCK_SAMPLES, moment_s)
            samples, self._source, self._alive = chosen.samples, chosen.source, chosen.alive
        else:
            samples, self._source = np.zeros(BLOCK_SAMPLES, np.float32), None
        self._give(np.ascontiguousarray(samples, np.float32), moment_s)

    def _give(self, samples: Samples, moment_s: float) -> None:
        active = self._source is not None
        if active and self._quiet_samples >= LINGER_S * RATE_HZ:
            for path in self.paths:
                path.ear.begin_programme(self._came.end + path.ear.expected_samples)
        self._quiet_samples = 0 if active else self._quiet_samples + len(samples)
        self._came.write(samples)
        begun_unix_s = moment_s - self._blocks * BLOCK_S
        self.begun_unix_s = begun_unix_s
        mastered = {
            name: master.process(samples[:, None])[:, 0] for name, master in self._masters.items()
        }
        for path in self.paths:
            master = np.ascontiguousarray(mastered[path.profile])
            path.process(master, begun_unix_s, active=active)
        self._blocks += 1

    def end_programme(self) -> int:
        """Close the clusters; return how many more blocks let everything out."""
        left = max(path.end_programme() for path in self.paths)
        return -(-left // BLOCK_SAMPLES) + round(_SETTLE_S / BLOCK_S)

    def pairs(self) -> dict[str, tuple[OutputPath, tuple[Samples, Samples] | None]]:
        """Return what came and what was heard of it, of every output."""
        return {path.name: (path, path.ear.pair(self._came)) for path in self.paths}

    def record(self) -> dict[str, Any]:
        """Return the status, as a line of `--json`."""
        outputs = [self._about(path) for path in self.paths]
        loud = [o["loudness_lufs"] for o in outputs if o["loudness_lufs"] is not None]
        late = [o["through_ms"] for o in outputs if o["through_ms"] is not None]
        invalid = {}
        if len(loud) < 2:
            invalid["difference_lu"] = "fewer than two outputs with a programme"
        if len(late) < 2:
            invalid["apart_ms"] = "fewer than two outputs measured"
        source = self._source
        return {
            "time": rfc3339(self._clock.now_utc()),
            "id": self.settings.id,
            "begun_unix_s": None if self.begun_unix_s is None else round(self.begun_unix_s, 6),
            "state": "silent" if source is None else "relaying" if self._alive else "waiting",
            "source": None if source is None else source.name,
            "turns": self._chooser.turns,
            "stalls": self.stalls,
            "difference_lu": round(max(loud) - min(loud), 2) if len(loud) > 1 else None,
            "apart_ms": round(max(late) - min(late), 3) if len(late) > 1 else None,
            "inputs": [{"name": one.name, **one.about()} for one in self._inputs],
            "outputs": outputs,
            "invalid": invalid,
        }

    def _about(self, path: OutputPath) -> dict[str, Any]:
        loudness, late = path.ear.loudness_lufs, self.late[path.name]
        found: dict[str, Any] = {
            "name": path.name,
            "kind": path.kind,
            "profile": path.profile,
            "loudness_lufs": None if loudness is None else round(loudness, 2),
            "through_ms": None,
            "heard_after_ms": round(path.heard_after_ms, 3),
            **path.about(),
            "u": {},
            "invalid": {},
        }
        if loudness is None:
            found["invalid"]["loudness_lufs"] = "no programme so far"
        if late.invalid is None and late.value is not None and late.u is not None:
            found["through_ms"] = round(1000 * late.value + path.heard_after_ms, 3)
            found["u"]["through_ms"] = round(1000 * late.u, 3)
        else:
            found["invalid"]["through_ms"] = late.invalid
        return found

    def finish(self) -> None:
        """Complete what was begun."""
        for path in self.paths:
            path.finish()

    def close(self) -> None:
        """Let go of everything."""
        self._held.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of everything."""
        self.close()


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
            reporting.print_json("relay", {**relay.record(), "summary": True})
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
                if self._block % _BLOCKS_PER_S == 0:
                    self._tell(table, jobs, measuring, as_json=as_json)
            left = relay.end_programme()
            for _ in range(left):
                self._one(takes_in=False)

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
        record = self._relay.record()
        if as_json:
            reporting.print_json("relay", record)
        table.renew(record)


def _profile(name: str, folder: Path) -> Any:
    beside = folder / name
    return load_profile(str(beside) if beside.suffix == ".toml" else name)

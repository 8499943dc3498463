"""The loop of `loa relay`: inputs, masters and outputs joined, 20 ms at a time.

The first block is due when the loop begins; sample i of every output is handed over i / 48 000 s
later. RTP says that moment by UTC as `SteadyClock` has it.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from dsp.contract import Samples
from dsp.receive.meters.figure import Figure
from ingest.clock import Clock
from loa.device.steady_clock import SteadyClock
from loa.relay.blocks import BLOCK_S, BLOCK_SAMPLES, RATE_HZ
from loa.relay.chooser import Chooser
from loa.relay.file_input import FileInput
from loa.relay.inputs import Input
from loa.relay.own_ear import Memory
from loa.relay.paths import OutputPath
from loa.relay.plant import open_inputs, open_paths
from loa.relay.rehearsal import rehearse
from loa.relay.settings import RelaySettings
from transmit.live.coded_line import LINGER_S
from transmit.live.live_master import LiveMaster, keep_equal
from transmit.profile import load_profile

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
    inputs, paths
        In order of preference; the outputs.
    source, is_alive
        What is relayed now, and whether it can be heard.
    records
        `loa.status/1`: what came to the door and became of it, until somebody takes them.
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
            self.inputs, self._admitted = open_inputs(settings, folder, clock, held)
            if self._admitted is not None:
                self._admitted.port.start()
            self._held = held.pop_all()
        self.records: list[dict[str, Any]] = []
        self._chooser = Chooser(self.inputs, settings.leave_after_s)
        self._came = Memory()
        self._blocks = 0
        self.begun_unix_s: float | None = None
        self.stalls = 0
        self._quiet_samples = round(LINGER_S * RATE_HZ)
        self.source: Input | None = None
        self.is_alive = False
        self.late: dict[str, Figure] = {
            path.name: Figure.missing("inconclusive: not measured yet") for path in self.paths
        }

    @property
    def turns(self) -> int:
        """How often another input was turned to."""
        return self._chooser.turns

    def door(self) -> dict[str, Any]:
        """Return what a status line says of the door; nothing where there is none."""
        return {} if self._admitted is None else self._admitted.fields()

    def warn(self) -> None:
        """Tell a person why nothing signed is going to be relayed, where that is so."""
        if self._admitted is not None:
            self._admitted.warn()

    @property
    def has_ended(self) -> bool:
        """Whether all inputs are files that are over."""
        files = [one for one in self.inputs if isinstance(one, FileInput)]
        return len(files) == len(self.inputs) and not any(one.is_alive(0.0) for one in files)

    def rehearse(self) -> None:
        """Load everything before time counts; takes a second."""
        rehearse(self._masters.values(), self.paths)

    def step(self, block_due_s: float, *, takes_in: bool = True) -> None:
        """Relay the next 20 ms, whose first sample is due at `block_due_s` (monotonic).

        The caller keeps the pace.
        """
        moment_s = self._steady.at(block_due_s)
        if self._admitted is not None:
            heard_s = moment_s + self.settings.through_ms / 1000
            self.records += self._admitted.take_news(heard_s)
        if takes_in:
            chosen = self._chooser.process(BLOCK_SAMPLES, moment_s)
            samples, self.source, self.is_alive = chosen.samples, chosen.source, chosen.alive
        else:
            samples, self.source = np.zeros(BLOCK_SAMPLES, np.float32), None
        self._give(np.ascontiguousarray(samples, np.float32), moment_s)
        if self._admitted is not None:
            self.records += self._admitted.told()

    def _give(self, samples: Samples, moment_s: float) -> None:
        active = self.source is not None
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


def _profile(name: str, folder: Path) -> Any:
    beside = folder / name
    return load_profile(str(beside) if beside.suffix == ".toml" else name)

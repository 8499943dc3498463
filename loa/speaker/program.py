"""The loop of a loudspeaker: receive, choose what is played, render, play, say so.

Every 20 ms the first source that is alive is played; a change of source is cross-faded. Time is
the monotonic clock set by UTC at the start and led after it slowly (`SteadyClock`), so that a step
of the wall clock is not heard: a step beyond a second is believed when it has lasted.
"""

from __future__ import annotations

import itertools
import math
import selectors
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.playout.concealment import rejoin
from ingest.clock import Clock, SystemClock, rfc3339
from loa import reporting
from loa.interrupt import Interrupt
from loa.speaker.fallback import FileSource
from loa.speaker.live import LiveSource
from loa.speaker.outputs import BLOCK_S, BLOCK_SAMPLES, Output, WavOutput, open_output
from loa.speaker.settings import SpeakerSettings, load_settings, session_of
from loa.speaker.steady_clock import SteadyClock

_FADE_SAMPLES = 480


@dataclass
class _Second:
    """What is summed up for one line."""

    power: float = 0.0
    blocks: int = 0


class Speaker:
    """Joins sources, outputs and the clock.

    Parameters
    ----------
    settings
        SPEAKER.toml.
    sources
        Opened, in order of preference.
    outputs
        The output, and the tap where one is wanted.
    """

    def __init__(
        self,
        settings: SpeakerSettings,
        sources: list[LiveSource | FileSource],
        outputs: list[Output],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._outputs = outputs
        self._clock = clock
        self._steady = SteadyClock(clock)
        self._now: LiveSource | FileSource | None = None
        self._second = _Second()
        self._selector = selectors.DefaultSelector()
        for source in self._live():
            self._selector.register(source.media, selectors.EVENT_READ)
            self._selector.register(source.control, selectors.EVENT_READ)
        self.changes = 0
        self.begun_s: float | None = None

    def run(self, seconds: float | None, interrupt: Interrupt, *, as_json: bool) -> None:
        """Play for so long, or until interrupted; a line of status every second."""
        begun_s = self._clock.monotonic_s()
        for block in itertools.count():
            if interrupt.stopped or (seconds is not None and block * BLOCK_S >= seconds):
                break
            due_s = begun_s + block * BLOCK_S
            self._wait_until(due_s)
            # A block that is late to be rendered is heard in its turn all the same.
            self.block(self._steady.at(due_s) + self._outputs[0].latency_s)
            if (block + 1) % round(1 / BLOCK_S) == 0:
                self._say(as_json=as_json)

    def block(self, moment_s: float) -> None:
        """Play the block that is heard at `moment_s`."""
        if self.begun_s is None:
            self.begun_s = moment_s
        self._receive(moment_s)
        chosen = self._choose(moment_s)
        samples = self._rendered(chosen, moment_s)
        if chosen is not self._now:
            before = self._rendered(self._now, moment_s)[:_FADE_SAMPLES]
            samples = rejoin(before, samples)
            self._now = chosen
            self.changes += 1
        samples = samples * np.float32(self._settings.volume)
        for output in self._outputs:
            output.write(samples)
        self._second.power += float(np.mean(samples.astype(np.float64) ** 2))
        self._second.blocks += 1

    def summary(self) -> dict[str, Any]:
        """Return what was received and played, for the closing line."""
        live = {source.name: self._about(source) for source in self._live()}
        begun_s = None if self.begun_s is None else round(self.begun_s, 6)
        return {
            "id": self._settings.id,
            "begun_unix_s": begun_s,
            "changes": self.changes,
            "sources": live,
        }

    def _live(self) -> list[LiveSource]:
        return [source for source in self._sources if isinstance(source, LiveSource)]

    def _wait_until(self, due_s: float) -> None:
        """Receive until the block is due."""
        while (left_s := due_s - self._clock.monotonic_s()) > 0.0:
            if not self._live():
                self._selector.select(left_s)
            elif self._selector.select(left_s):
                self._receive(self._steady.utc_s())

    def _receive(self, moment_s: float) -> None:
        for source in self._live():
            source.receive(moment_s)

    def _choose(self, moment_s: float) -> LiveSource | FileSource | None:
        for source in self._sources:
            if isinstance(source, FileSource):
                if source is not self._now:
                    source.begin()
                return source
            if source.is_alive(moment_s):
                return source
        return None

    def _rendered(self, source: LiveSource | FileSource | None, moment_s: float) -> Samples:
        if source is None:
            return np.zeros(BLOCK_SAMPLES, np.float32)
        if isinstance(source, FileSource):
            return source.render(BLOCK_SAMPLES)
        return source.render(BLOCK_SAMPLES, moment_s)

    def _say(self, *, as_json: bool) -> None:
        second, self._second = self._second, _Second()
        power = second.power / max(1, second.blocks)
        now = self._now
        fields: dict[str, Any] = {
            "time": rfc3339(self._clock.now_utc()),
            "id": self._settings.id,
            "zone": self._settings.zone,
            "state": _state(now),
            "source": None if now is None else now.name,
            "level_dbfs": round(10 * math.log10(power), 2) if power > 0 else None,
        }
        if power <= 0:
            fields["invalid"] = {"level_dbfs": "silence"}
        if isinstance(now, LiveSource):
            fields |= self._about(now)
        if as_json:
            reporting.print_json("speaker", fields)
        else:
            level = "silent" if power <= 0 else f"{fields['level_dbfs']} dBFS"
            reporting.note(f"loa: {fields['time']} {fields['state']} {fields['source']} {level}")

    def _about(self, source: LiveSource) -> dict[str, Any]:
        player, receiver = source.player, source.receiver
        return {
            "buffered_ms": round(1000 * player.buffered_s, 1) if receiver.clock.known else 0.0,
            "in_step": receiver.clock.certain,
            "crystal_ppm": round(player.control.crystal_ppm, 2),
            "concealed_ms": round(1000 * player.counts.concealed / receiver.rate_hz, 1),
            "jumps": player.counts.jumps,
            "lost": receiver.source.lost,
            "counts": dict(sorted(receiver.counts.items())),
        }


def _state(source: LiveSource | FileSource | None) -> str:
    if source is None:
        return "waiting"
    return "playing" if isinstance(source, LiveSource) else "fallback"


def run_speaker(
    path: Path,
    *,
    seconds: float | None = None,
    tap: Path | None = None,
    as_json: bool = False,
    clock: Clock | None = None,
) -> int:
    """Run the loudspeaker; return the exit code."""
    settings = load_settings(path)
    if unused := settings.unused():
        reporting.note(f"loa: {', '.join(unused)} in {path.name} is not used yet: see loa speaker")
    clock = clock or SystemClock()
    with ExitStack() as held:
        sources = [_opened(source, path.parent, settings, held) for source in settings.sources]
        outputs = [open_output(settings.output, path.parent)]
        held.callback(outputs[0].close)
        if tap is not None:
            outputs.append(WavOutput(tap))
            held.callback(outputs[1].close)
        speaker = Speaker(settings, sources, outputs, clock)
        with Interrupt() as interrupt:
            speaker.run(seconds, interrupt, as_json=as_json)
        for output in outputs:
            output.finish()
        fields = {"summary": True, **speaker.summary()}
    if as_json:
        reporting.print_json("speaker", fields)
    return 0


def _opened(
    source: str, folder: Path, settings: SpeakerSettings, held: ExitStack
) -> LiveSource | FileSource:
    if source.startswith("file:"):
        return FileSource(source, folder / source.removeprefix("file:"))
    session = session_of(source, folder, plain_rtp=settings.plain_rtp)
    return held.enter_context(LiveSource(source, session, settings.delay_ms / 1000))

"""The loop of a loudspeaker: receive, choose what is played, render, play, say so.

Every 20 ms accepted bulletins go first, then live audio of an emergency, then the first source that
is alive; a change is cross-faded, and what was interrupted goes on. Time is the monotonic clock set
by UTC at the start and led after it slowly (`SteadyClock`), so that a step of the wall clock is not
heard: a step beyond a second is believed when it has lasted.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.playout.concealment import rejoin
from ingest.clock import Clock, rfc3339
from loa import reporting
from loa.device.admitted import Admitted
from loa.device.bulletin_source import BulletinSource
from loa.device.bulletin_voice import BulletinVoice
from loa.device.live import LiveSource
from loa.device.news import tell
from loa.device.signed_source import SignedSource
from loa.device.steady_clock import SteadyClock
from loa.interrupt import Interrupt
from loa.speaker.fallback import FileSource
from loa.speaker.health import Health
from loa.speaker.outputs import BLOCK_S, BLOCK_SAMPLES, Output
from loa.speaker.settings import SpeakerSettings
from loa.speaker.status_line import Second, about
from loa.speaker.volume import Volume
from transmit.bulletin.content import Priority

_FADE_SAMPLES = 480

Source = LiveSource | FileSource | SignedSource | BulletinSource
Heard = LiveSource | FileSource | BulletinSource | BulletinVoice


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
    admitted
        What its door lets in; None for a loudspeaker without keys.
    health
        Volume, proof of play and watchdog.
    """

    def __init__(
        self,
        settings: SpeakerSettings,
        sources: Sequence[Source],
        outputs: list[Output],
        clock: Clock,
        *,
        admitted: Admitted | None = None,
        health: Health | None = None,
    ) -> None:
        self._settings = settings
        self._sources = sources
        self._outputs = outputs
        self._clock = clock
        self._steady = SteadyClock(clock)
        self._admitted = admitted
        self._health = health or Health(Volume(settings.volume), clock.now_utc)
        self._priority: Priority | None = None
        self._now: Heard | None = None
        self._under: Heard | None = None
        self._second = Second()
        self._pause = threading.Event()
        self.changes = 0
        self.begun_s: float | None = None

    def run(self, seconds: float | None, interrupt: Interrupt, *, as_json: bool) -> None:
        """Play for so long, or until interrupted; a line of status every second."""
        begun_s = self._clock.monotonic_s()
        self._health.watchdog.ready()
        if self._admitted is not None:
            self._admitted.warn()
        for block in itertools.count():
            if interrupt.stopped or (seconds is not None and block * BLOCK_S >= seconds):
                break
            due_s = begun_s + block * BLOCK_S
            self._wait_until(due_s)
            self._second.late(self._clock.monotonic_s() - due_s)
            # A block that is late to be rendered is heard in its turn all the same.
            records = self.block(self._steady.at(due_s) + self._outputs[0].latency_s)
            for record in records:
                tell(record, as_json=as_json)
            if (block + 1) % round(1 / BLOCK_S) == 0:
                self._say(as_json=as_json)

    def block(self, moment_s: float) -> list[dict[str, Any]]:
        """Play the block that is heard at `moment_s`; return what is to be told of it."""
        if self.begun_s is None:
            self.begun_s = moment_s
        records = [] if self._admitted is None else self._admitted.take_news(moment_s)
        self._receive(moment_s - self._outputs[0].latency_s)
        samples = self._health.loud(self._chosen(moment_s), self._priority)
        for output in self._outputs:
            output.write(samples)
        self._second.add(samples)
        return records if self._admitted is None else records + self._admitted.told()

    def finish(self) -> None:
        """Complete what outputs have begun."""
        for output in self._outputs:
            output.finish()

    def summary(self) -> dict[str, Any]:
        """Return what was received and played, for the closing line."""
        begun_s = None if self.begun_s is None else round(self.begun_s, 6)
        return {
            "id": self._settings.id,
            "begun_unix_s": begun_s,
            "changes": self.changes,
            "sources": {source.name: about(source) for source in self._live()},
        }

    def _signed(self) -> list[SignedSource]:
        return [source for source in self._sources if isinstance(source, SignedSource)]

    def _live(self) -> list[LiveSource]:
        plain = [source for source in self._sources if isinstance(source, LiveSource)]
        return plain + [live for source in self._signed() for live in source.live]

    def _wait_until(self, due_s: float) -> None:
        """Wait for the block's moment; what comes meanwhile lies in the sockets, stamped."""
        while (left_s := due_s - self._clock.monotonic_s()) > 0.0:
            self._pause.wait(left_s)

    def _receive(self, moment_s: float) -> None:
        for source in self._live():
            source.receive(moment_s)

    def _chosen(self, moment_s: float) -> Samples:
        """Return what is heard, cross-faded where it is another than before."""
        before, voice = self._now, None if self._admitted is None else self._admitted.voice
        self._priority = None
        samples = None if voice is None else voice.render(BLOCK_SAMPLES, moment_s)
        if samples is not None and voice is not None:
            self._now = voice
            self._priority = "emergency" if voice.is_emergency else None
        else:
            self._now = self._choose(moment_s, before)
            samples = self._rendered(self._now, moment_s)
        if self._now is before:
            return samples
        self.changes += 1
        # A bulletin that has ended has faded by itself; what it interrupted fades out under it.
        left = None if before is voice else before
        return rejoin(self._rendered(left, moment_s)[:_FADE_SAMPLES], samples)

    def _choose(self, moment_s: float, before: Heard | None) -> Heard | None:
        first: Heard | None = None
        for source in self._sources:
            found, urgent = self._alive(source, moment_s)
            if found is not None and urgent:
                self._priority = "emergency"
                return found
            first = found if first is None else first
        if isinstance(first, FileSource | BulletinSource) and first not in (before, self._under):
            first.begin()
        self._under = first
        return first

    def _alive(self, source: Source, moment_s: float) -> tuple[Heard | None, bool]:
        """Return what can be heard of a source now, and whether it is an emergency."""
        if isinstance(source, SignedSource):
            found = source.best(moment_s)
            return (None, False) if found is None else (found[0], found[1] == "emergency")
        if isinstance(source, BulletinSource):
            return (source if source.is_alive else None), False
        if isinstance(source, LiveSource):
            return (source if source.is_alive(moment_s) else None), False
        return source, False

    def _rendered(self, heard: Heard | None, moment_s: float) -> Samples:
        if isinstance(heard, FileSource | BulletinSource):
            return heard.render(BLOCK_SAMPLES)
        if isinstance(heard, LiveSource) and heard in self._live():
            return heard.render(BLOCK_SAMPLES, moment_s)
        return np.zeros(BLOCK_SAMPLES, np.float32)

    def _say(self, *, as_json: bool) -> None:
        second, self._second = self._second, Second()
        now = self._now
        fields: dict[str, Any] = {
            "time": rfc3339(self._clock.now_utc()),
            "id": self._settings.id,
            "zone": self._settings.zone,
            "state": _state(now),
            "source": getattr(now, "name", None),
        }
        fields |= second.fields() | self._health.told(self._priority)
        if self._admitted is not None:
            fields |= self._admitted.fields()
        if fields.get("listening", True):
            self._health.watchdog.alive()
        if isinstance(now, LiveSource):
            fields |= about(now)
        if as_json:
            reporting.print_json("speaker", fields)
        else:
            loud = fields["level_dbfs"]
            level = "silent" if loud is None else f"{loud} dBFS"
            reporting.note(f"loa: {fields['time']} {fields['state']} {fields['source']} {level}")


def _state(heard: Heard | None) -> str:
    if heard is None:
        return "waiting"
    if isinstance(heard, BulletinVoice):
        return "bulletin"
    return "playing" if isinstance(heard, LiveSource) else "fallback"

"""What is heard of accepted bulletins: the alert at once, then the recordings, and who goes first.

A real emergency goes before everything, then an exercise of one, then priority; among equals the
earlier. What is interrupted goes on where it was. An emergency begins with the alert, which the
loudspeaker makes itself; where a recording is not ready the alert comes again every five seconds,
and where there is none at all, live audio of an emergency session takes its place. A test begins
with another sound and a spoken announcement, and has no alert: nobody can take it for real.

Clusters speak in step: what begins at a time begins at that sample, and the words of an emergency
begin at a multiple of `IN_STEP_S` after its `not_before`, the first after one's own alert: the same
everywhere, however long the network took, unless it took some beyond such a moment.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.playout import alert_tone
from loa.device.news import Cancel
from loa.device.shelf import Shelf
from transmit.bulletin.acceptance import Accepted
from transmit.bulletin.content import PRIORITIES, Audio
from transmit.playout.status import time_of

RATE_HZ = alert_tone.RATE_HZ
IN_STEP_S = 5.0
_AGAIN = 5 * RATE_HZ  # from alert to alert
_PATIENCE = 60 * RATE_HZ  # for a recording that does not come
_LONGEST = 600 * RATE_HZ  # of an alert alone
_HALF_SAMPLE_S = 0.5 / RATE_HZ

Live = Callable[[int, float], Samples | None]
"""Samples of a live emergency that are heard from a moment on; None where there is none."""


@dataclass
class _Item:
    """A bulletin that is played or waits.

    Attributes
    ----------
    sign
        What the loudspeaker sounds first.
    recordings
        What follows, in order.
    source
        What is heard of it: the sign, a recording, live audio, silence.
    words_s
        When the recordings begin; None for right after the sign.
    place
        In the part that is played; `waited` counts what was bridged by alerts.
    """

    accepted: Accepted
    begins_s: float
    ends_s: float
    sign: Samples
    recordings: list[Audio]
    order: tuple[bool, bool, int]
    source: str
    words_s: float | None = None
    place: int = 0
    part: int = -1
    waited: int = 0
    began_s: float | None = None
    seconds: dict[str, int] = field(default_factory=dict)
    lost: int = 0

    @property
    def is_real(self) -> bool:
        """Whether this is an emergency and no exercise."""
        bulletin = self.accepted.bulletin
        return bulletin.priority == "emergency" and not bulletin.test


class BulletinVoice:
    """Plays what the door let in.

    Parameters
    ----------
    shelf
        Of the recordings.
    live
        Live audio of an emergency.
    exercise
        What is said ahead of every test.
    zone
        For the records.

    Attributes
    ----------
    records
        `loa.status/1`: what began, was interrupted, went on and ended since they were taken.
    ended
        Names of bulletins that are done with.
    """

    def __init__(
        self, shelf: Shelf, live: Live, exercise: tuple[Audio, ...] = (), zone: str = ""
    ) -> None:
        self._shelf = shelf
        self._live = live
        self._exercise = exercise
        self._zone = zone
        self._items: list[_Item] = []
        self._present: _Item | None = None
        self._numbers = itertools.count()
        self._alert = alert_tone.alert()
        self.records: list[dict[str, Any]] = []
        self.ended: list[str] = []

    @property
    def name(self) -> str | None:
        """Issuer and id of what is heard now."""
        return None if self._present is None else self._present.accepted.name

    @property
    def is_emergency(self) -> bool:
        """Whether a real emergency is heard now."""
        return self._present is not None and self._present.is_real

    def take(self, accepted: Accepted, moment_s: float) -> None:
        """Have a bulletin played, at once or from its time on."""
        bulletin = accepted.bulletin
        real, emergency = not bulletin.test, bulletin.priority == "emergency"
        sign, source = np.zeros(0, np.float32), "recording"
        if bulletin.test:
            sign, source = alert_tone.exercise(), "exercise"
        elif emergency:
            sign, source = self._alert, "alert"
        recordings = [*(self._exercise if bulletin.test else ()), *bulletin.audio]
        for audio in recordings:
            self._shelf.want(audio)
        order = (not (real and emergency), not emergency, next(self._numbers))
        begins_s, ends_s = (
            _local_s(accepted, at, moment_s)
            for at in (bulletin.not_before_utc, bulletin.expires_utc)
        )
        item = _Item(accepted, begins_s, ends_s, sign, recordings, order, source)
        if item.is_real and not accepted.by_answer:
            alerted_s = max(moment_s, begins_s) + len(sign) / RATE_HZ
            item.words_s = begins_s + IN_STEP_S * math.ceil((alerted_s - begins_s) / IN_STEP_S)
        self._items.append(item)
        self._items.sort(key=lambda item: item.order)

    def cancel(self, news: Cancel, moment_s: float) -> None:
        """End a bulletin, where the cancel weighs as much as it."""
        weight = PRIORITIES.index(news.accepted.bulletin.priority)
        for item in list(self._items):
            bulletin = item.accepted.bulletin
            if item.accepted.name == news.name and PRIORITIES.index(bulletin.priority) <= weight:
                self._end(item, "cancelled", moment_s)

    def leave(self, name: str, moment_s: float) -> None:
        """End a bulletin whose keys were revoked."""
        for item in [item for item in self._items if item.accepted.name == name]:
            self._end(item, "revoked", moment_s)

    def render(self, count: int, moment_s: float) -> Samples | None:
        """Return what is heard from `moment_s` on; None where no bulletin plays."""
        for old in [one for one in self._items if moment_s >= one.ends_s]:
            self._end(old, "expired", moment_s)
        out, filled = np.zeros(count, np.float32), 0
        while filled < count:
            at_s = moment_s + filled / RATE_HZ
            item = next((one for one in self._items if one.begins_s <= at_s + _HALF_SAMPLE_S), None)
            if item is not self._present:
                self._turn_to(item, at_s)
            if item is None:
                wait = min((one.begins_s - at_s for one in self._items), default=np.inf) * RATE_HZ
                if wait >= count - filled:
                    break
                filled += max(1, round(wait))
                continue
            samples = self._sound(item, count - filled, at_s)
            if samples is None:
                self._end(item, "played" if item.lost == 0 else "partial", at_s)
                continue
            out[filled : filled + len(samples)] = samples
            item.seconds[item.source] = item.seconds.get(item.source, 0) + len(samples)
            filled += len(samples)
        return out if filled else None

    def _sound(self, item: _Item, count: int, moment_s: float) -> Samples | None:
        """Return up to `count` samples of an item, one at least; None at its end."""
        if item.part < 0:
            samples = item.sign[item.place : item.place + count]
            item.place += len(samples)
            if len(samples):
                return samples
            item.part, item.place = 0, 0
        if item.words_s is not None and item.recordings:
            early = round((item.words_s - moment_s) * RATE_HZ)
            item.words_s = item.words_s if early > count else None
            if early > 0:
                return self._bridge(item, min(count, early))
        if not item.recordings:
            return self._live_or_alert(item, count, moment_s)
        while item.part < len(item.recordings):
            found = self._recorded(item, item.recordings[item.part].sha256, count)
            if found is not None:
                return found
            item.part, item.place = item.part + 1, 0
        return None

    def _recorded(self, item: _Item, sha256: str, count: int) -> Samples | None:
        """Return the next of a recording, or what bridges it; None where it ends or fails."""
        length = self._shelf.length(sha256)
        if length is not None:
            if item.place >= length:
                return None
            samples = self._shelf.read(sha256, item.place, min(count, length - item.place))
            item.place += len(samples)
            item.source = "recording"
            return samples
        failure = self._shelf.failure(sha256)
        fails = failure is not None and failure.kind != "bulletin.audio_missing"
        if fails or item.waited >= _PATIENCE:
            item.lost += 1
            return None
        return self._bridge(item, count)

    def _live_or_alert(self, item: _Item, count: int, moment_s: float) -> Samples | None:
        """Return a live emergency, the alert until it comes; None when it has ended."""
        live = self._live(count, moment_s) if item.is_real else None
        if live is not None:
            item.source = "live"
            return live
        if "live" in item.seconds or not item.is_real or item.waited >= _LONGEST:
            return None
        return self._bridge(item, count)

    def _bridge(self, item: _Item, count: int) -> Samples:
        """Return silence or, in a real emergency, the alert every few seconds."""
        item.source = "alert" if item.is_real else "silence"
        # The alert has just been: the next one is due a little later.
        at = (item.waited + len(self._alert)) % _AGAIN
        item.waited += count
        if not item.is_real:
            return np.zeros(count, np.float32)
        cycle = np.zeros(count, np.float32)
        places = (at + np.arange(count)) % _AGAIN
        sounding = places < len(self._alert)
        cycle[sounding] = self._alert[places[sounding]]
        return cycle

    def _turn_to(self, item: _Item | None, moment_s: float) -> None:
        before, self._present = self._present, item
        if before is not None and before in self._items:
            self._record("interrupted", before, moment_s)
        if item is not None:
            resumed = item.began_s is not None
            item.began_s = item.began_s if resumed else moment_s
            self._record("resumed" if resumed else "began", item, moment_s)

    def _end(self, item: _Item, outcome: str, moment_s: float) -> None:
        self._items.remove(item)
        if self._present is item:
            self._present = None
        self.ended.append(item.accepted.name)
        self._record("ended", item, moment_s, outcome)

    def _record(self, event: str, item: _Item, moment_s: float, outcome: str | None = None) -> None:
        bulletin = item.accepted.bulletin
        seconds = {name: round(n / RATE_HZ, 3) for name, n in item.seconds.items()}
        self.records.append(
            {
                "time": time_of(1000 * moment_s),
                "zone": self._zone,
                "event": event,
                "name": item.accepted.name,
                "priority": bulletin.priority,
                "test": bulletin.test,
                "source": item.source if item.began_s is not None else None,
                "began": None if item.began_s is None else time_of(1000 * item.began_s),
                "played_s": round(seconds.get("recording", 0.0) + seconds.get("live", 0.0), 3),
                "seconds": seconds,
                "outcome": outcome,
            }
        )


def _local_s(accepted: Accepted, at: datetime, moment_s: float) -> float:
    """Return when a time is by the clock of the sound, which nobody may have set."""
    if accepted.by_answer:
        return moment_s + (at - accepted.accepted_utc).total_seconds()
    return at.timestamp()

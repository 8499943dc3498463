"""What the door of a device has let in, as the loop that speaks hears of it.

The door's thread gives news; here they become sound: bulletins in `voice`, live audio in the signed
sources of the settings, and an end of both where a key was revoked or a session is over. Everything
that happens is told as a record of `loa.status/1`.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.clock import Clock, rfc3339
from loa import reporting
from loa.device.bulletin_source import BulletinSource
from loa.device.bulletin_voice import BulletinVoice
from loa.device.news import Cancel, Join, Leave, News, Play, Refused, name_of, told
from loa.device.provisioned import Provisioned
from loa.device.signed_source import SignedSource


class Admitted:
    """What may be heard of signed words and sessions.

    Parameters
    ----------
    keys
        Of the device: its door begins to listen when `port` is started; `held` ends it.
    sources
        All of the device; those that are signed are led by the door.
    clock, zone
        For the records.
    ahead_s
        How much later than it is rendered a block is heard: what begins at a moment is heard then.
    """

    def __init__(
        self,
        keys: Provisioned,
        sources: Sequence[object],
        clock: Clock,
        zone: str,
        held: ExitStack,
        *,
        ahead_s: float = 0.0,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._zone = zone
        self._ahead_s = ahead_s
        self._sessions = [one for one in sources if isinstance(one, SignedSource)]
        self._recordings = [one for one in sources if isinstance(one, BulletinSource)]
        self.port = keys.open([one.name for one in self._sessions], held)
        self.voice = BulletinVoice(keys.shelf, self._live_emergency, keys.exercise, zone)

    def fields(self) -> dict[str, Any]:
        """Return what a status line says of the door."""
        return {"listening": self.port.is_well, "trusted": self._keys.tells_fresh}

    def warn(self) -> None:
        """Tell a person why nothing is going to be heard, where that is so."""
        if not self._keys.tells_fresh:
            reporting.note(
                "loa: nobody vouches for this clock, or the memory of what was played is gone: "
                "only emergencies that answer this device are heard, no sessions; set the clock "
                '(NTP), or clock = "trusted" where it is right'
            )

    def take_news(self, heard_s: float) -> list[dict[str, Any]]:
        """Take what the door let in, before the block that is heard at a moment; tell of it."""
        records = []
        for source in self._sessions:
            source.expire(heard_s)
        while True:
            try:
                news = self.port.news.get_nowait()
            except queue.Empty:
                break
            try:
                self._take(news, heard_s)
                records.append(told(news))
            except Refusal as refusal:
                records.append(told(Refused(name_of(news), refusal)))
                if isinstance(news, Join) and refusal.exit_code == 4:
                    self.port.not_joined(news.signed.session.id)
        if not records:
            return []
        now = rfc3339(self._clock.now_utc())
        return [{"time": now, "zone": self._zone, **record} for record in records]

    def told(self) -> list[dict[str, Any]]:
        """Return what bulletins did, and let the door forget those that are done with."""
        for name in self.voice.ended:
            self.port.done(name)
        records = self.voice.records[:]
        self.voice.ended.clear()
        self.voice.records.clear()
        return records

    def _take(self, news: News, heard_s: float) -> None:
        if isinstance(news, Join):
            for source in self._sessions:
                if source.name == news.source:
                    source.join(news, heard_s)
        elif isinstance(news, Leave):
            self._leave(news, heard_s)
        elif isinstance(news, Play):
            self.voice.take(news.accepted, heard_s)
        elif isinstance(news, Cancel):
            self.voice.cancel(news, heard_s)

    def _leave(self, news: Leave, heard_s: float) -> None:
        """Drop what was signed by a key that was revoked."""
        self.voice.leave(news.name, heard_s)
        for session in self._sessions:
            session.leave(news.name)
        for recording in self._recordings:
            if recording.bulletin == news.name:
                recording.is_revoked = True

    def _live_emergency(self, count: int, heard_s: float) -> Samples | None:
        """Return live audio of an emergency session, None where there is none."""
        for source in self._sessions:
            found = source.render_emergency(count, heard_s - self._ahead_s)
            if found is not None:
                return found
        return None

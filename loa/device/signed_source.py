"""Live audio of signed sessions: joined when the door lets them in, left when they expire.

Several may hold at once: the one before and the one after a change of keys, a programme and an
emergency. Of those that are alive the most urgent is heard, then the newest. A session at the
address and port of another takes its place.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from dsp.packet.sdp import AudioSession, parse_session
from dsp.packet.srtp import crypto_line
from ingest.clock import Clock
from loa.device.live import LiveSource
from loa.device.news import Join
from transmit.bulletin.content import PRIORITIES, Priority
from transmit.bulletin.session import Session

_MOST_JOINED = 4


@dataclass
class _Joined:
    """A session that is listened to, and until when by the monotonic clock."""

    session: Session
    live: LiveSource
    deadline_s: float


class SignedSource:
    """A source that is whatever session was announced for it.

    Parameters
    ----------
    name
        As the settings have it.
    delay_s
        From capture until it is given on.
    listen
        Address of this machine for unicast; None is that of the description on loopback, else all.
    clock
        The clocks: a wall clock that is set back keeps no session alive.
    """

    def __init__(self, name: str, delay_s: float, listen: str | None, clock: Clock) -> None:
        self.name = name
        self._delay_s = delay_s
        self._listen = listen
        self._clock = clock
        self._joined: list[_Joined] = []

    @property
    def live(self) -> list[LiveSource]:
        """What is listened to."""
        return [one.live for one in self._joined]

    def join(self, news: Join, moment_s: float) -> None:
        """Listen to a session from now on.

        Raises
        ------
        Refusal
            "session.sdp" for a description of no audio we play; "network.listen".
        """
        session = news.signed.session
        if any(one.session == session for one in self._joined):
            return  # joining again would forget which packets were heard
        described = self._described(news)
        place = (described.address, described.port)
        for one in list(self._joined):
            if one.live.place == place or one.session.id == session.id:
                self._drop(one)
        live = LiveSource(f"{self.name} {session.id}", described, self._delay_s, self._clock)
        left_s = session.expires_utc.timestamp() - moment_s
        self._joined.insert(0, _Joined(session, live, self._clock.monotonic_s() + left_s))
        for one in self._joined[_MOST_JOINED:]:
            self._drop(one)

    def receive(self, moment_s: float) -> None:
        """Take what has arrived."""
        for one in self._joined:
            one.live.receive(moment_s)

    def leave(self, session_id: str) -> None:
        """Leave a session whose keys were revoked."""
        for one in [one for one in self._joined if one.session.id == session_id]:
            self._drop(one)

    def expire(self, moment_s: float) -> None:
        """Leave what has expired."""
        for one in list(self._joined):
            over = moment_s >= one.session.expires_utc.timestamp()
            if over or self._clock.monotonic_s() >= one.deadline_s:
                self._drop(one)

    def best(self, moment_s: float) -> tuple[LiveSource, Priority] | None:
        """Return what is to be heard of it, and how urgent it is; None where nothing is alive."""
        alive = [one for one in self._joined if one.live.is_alive(moment_s)]
        if not alive:
            return None
        found = max(alive, key=lambda one: PRIORITIES.index(one.session.priority))
        return found.live, found.session.priority

    def render_emergency(self, count: int, moment_s: float) -> Samples | None:
        """Return what is heard of a live emergency, None where there is none."""
        found = self.best(moment_s)
        if found is None or found[1] != "emergency":
            return None
        return found[0].render(count, moment_s)

    def close(self) -> None:
        """Leave all."""
        for one in list(self._joined):
            self._drop(one)

    def _drop(self, one: _Joined) -> None:
        one.live.close()
        self._joined.remove(one)

    def _described(self, news: Join) -> AudioSession:
        try:
            found = parse_session(news.sdp)
        except RemoteFormatError as error:
            raise Refusal(
                "session.sdp",
                expected="a description of an audio session",
                got=str(error),
                advice="the file that loa stream --sdp writes",
            ) from error
        address = ipaddress.ip_address(found.address)
        host = found.address
        if not address.is_multicast and self._listen is not None:
            host = self._listen
        elif not (address.is_multicast or address.is_loopback):
            host = "::" if address.version == 6 else "0.0.0.0"  # noqa: S104 - SRTP decides, not the address
        return replace(found, address=host, crypto=(crypto_line(news.key),))

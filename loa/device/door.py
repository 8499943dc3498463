"""The door of a device: datagrams in; what may be heard, and answers for the wire, out.

Sans I/O but for the anti-replay memory, which is on the disk before anything is let in. Datagrams
are put together (`transmit.bulletin.datagrams`), messages judged (`acceptance`): bulletins of
priority *emergency* and *priority*, cancels, announced sessions, answers to our own challenges. A
*normal* bulletin is the commune's to schedule, by `loa play`.

Everything is said over and over on a network that loses: what was judged is known by its digest and
not judged again. A device whose clock is not trusted answers an emergency with a challenge.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from typing import Any

from dsp.errors import Refusal
from dsp.packet.errors import RemoteFormatError
from loa.device.known import Known
from loa.device.news import Cancel, Join, Leave, News, Play, Refused
from loa.device.questions import Address, Questions
from transmit.bulletin.acceptance import Acceptance, Accepted, name_of
from transmit.bulletin.announced import SCHEMA as SESSION_SCHEMA
from transmit.bulletin.announced import read_announced
from transmit.bulletin.canonical import strict_json
from transmit.bulletin.challenge import ANSWER_SCHEMA, Challenger, read_answer
from transmit.bulletin.content import SCHEMA as BULLETIN_SCHEMA
from transmit.bulletin.datagrams import Assembler
from transmit.bulletin.envelope import Envelope, read_envelope
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.keyring import Keyring
from transmit.bulletin.session import SignedSession

_MOST_TOLD_A_SECOND = 10
# What may be right a moment later: it is judged again when it comes again.
_PASSING = {"bulletin.early", "bulletin.clock", "bulletin.nonce"}
_UNTOLD = {"bulletin.early", "bulletin.clock", "bulletin.nonce"}


class CommandDoor:
    """Judges what comes to one device.

    Parameters
    ----------
    device
        Its id.
    acceptance
        With its keyring, place, policy and memory.
    challenger
        The one that `acceptance` has.
    key
        Of this device; None joins no session.
    takes_tests
        Whether there is an announcement to play ahead of a test.

    Attributes
    ----------
    counts
        Datagrams and messages by what became of them.
    """

    def __init__(
        self,
        device: str,
        acceptance: Acceptance,
        challenger: Challenger,
        *,
        key: DeviceKey | None = None,
        takes_tests: bool = False,
    ) -> None:
        self._device = device
        self._acceptance = acceptance
        self._questions = Questions(challenger)
        self._key = key
        self._takes_tests = takes_tests
        self._assembler = Assembler()
        self._known = Known()
        self._joined: dict[str, SignedSession] = {}
        self._playing: dict[str, Accepted] = {}
        self._telling_s, self._told = 0.0, 0
        self.counts: Counter[str] = Counter()

    def datagram(
        self, data: bytes, sender: Address, now_utc: datetime | None, monotonic_s: float
    ) -> list[News]:
        """Take a datagram; return what it gives rise to.

        Parameters
        ----------
        sender
            Where a challenge goes.
        now_utc
            The time; None where no clock is trusted.
        monotonic_s
            Of the clock that challenges are timed by.
        """
        try:
            message = self._assembler.add(data)
        except RemoteFormatError as error:
            self.counts[error.kind] += 1
            return []
        return [] if message is None else self.message(message, sender, now_utc, monotonic_s)

    def message(
        self,
        content: bytes,
        sender: Address,
        now_utc: datetime | None,
        monotonic_s: float,
        source: str = "session:",
    ) -> list[News]:
        """Take a whole message; as `datagram`. `source` is what a session is announced for."""
        digest = hashlib.sha256(content).digest()
        if digest in self._known:
            self.counts["repeated"] += 1
            return []
        try:
            news = self._judged(content, sender, now_utc, monotonic_s, source)
            joined = [one.signed.session.id for one in news if isinstance(one, Join)]
            self._known.accept(digest, joined)
        except Refusal as refusal:
            self.counts[refusal.kind] += 1
            if not (refusal.kind in _PASSING or refusal.exit_code == 4):
                self._known.refuse(digest)
            if refusal.kind in _UNTOLD or not self._may_tell(monotonic_s):
                return []
            return [Refused(str(sender), refusal)]
        self.counts["accepted"] += 1
        return news

    def replies(self) -> list[tuple[bytes, Address]]:
        """Return the datagrams to be sent now, and to whom."""
        return self._questions.to_be_sent()

    def hold(self, accepted: Accepted) -> None:
        """Watch over something that plays by other ways than this door: its keys may be revoked."""
        self._playing[accepted.name] = accepted

    def done(self, name: str) -> None:
        """Know that a bulletin was played to its end, or ended."""
        self._playing.pop(name, None)
        self._acceptance.done(name)

    def judge_again(self, session_id: str) -> None:
        """Join a session once more when it is announced again: the network did not let us yet."""
        self._joined.pop(session_id, None)
        self._known.forget_session(session_id)

    def rest(self) -> None:
        """Do what nobody waits for: the second writing of the memory's generation."""
        self._acceptance.bear_witness()

    def unplayed(self, now_utc: datetime | None) -> list[News]:
        """Return what was to be played before a restart."""
        found = self._acceptance.unplayed(now_utc)
        self._playing |= {accepted.name: accepted for accepted in found}
        return [Play(accepted) for accepted in found]

    def renew(self, keyring: Keyring, now_utc: datetime | None) -> list[News]:
        """Take another keyring; return what does not hold any more."""
        self._acceptance.renew(keyring)
        self._known.forget_refused()
        gone: list[News] = []
        for name, signed in list(self._joined.items()):
            try:
                if now_utc is not None:
                    self._acceptance.session_again(signed, now_utc)
            except Refusal as refusal:
                gone.append(Leave(name, refusal.kind))
                del self._joined[name]
        for name, accepted in list(self._playing.items()):
            try:
                self._acceptance.again(accepted.envelope, accepted.accepted_utc)
            except Refusal as refusal:
                gone.append(Leave(name, refusal.kind))
                self.done(name)
        return gone

    def _may_tell(self, monotonic_s: float) -> bool:
        """Whether to tell of a refusal: a flood is counted, and fills no disk with its records."""
        if not 0.0 <= monotonic_s - self._telling_s < 1.0:
            self._telling_s, self._told = monotonic_s, 0
        self._told += 1
        if self._told > _MOST_TOLD_A_SECOND:
            self.counts["untold"] += 1
        return self._told <= _MOST_TOLD_A_SECOND

    def _judged(
        self,
        content: bytes,
        sender: Address,
        now_utc: datetime | None,
        monotonic_s: float,
        source: str,
    ) -> list[News]:
        schema = _schema_of(content)
        if schema == BULLETIN_SCHEMA:
            return self._bulletin(content, sender, now_utc, monotonic_s)
        if schema == SESSION_SCHEMA:
            return [self._session(content, now_utc, source)]
        if schema == ANSWER_SCHEMA:
            return self._answered(content, monotonic_s)
        raise Refusal(
            "command.schema",
            expected="a bulletin, an announced session or an answer",
            got=str(schema)[:60],
            advice="`loa bulletin send`",
        )

    def _bulletin(
        self, content: bytes, sender: Address, now_utc: datetime | None, monotonic_s: float
    ) -> list[News]:
        envelope = read_envelope(content)
        self._require_playable(envelope)
        try:
            accepted = self._acceptance.check(envelope, now_utc)
        except Refusal as refusal:
            if refusal.kind == "bulletin.clock" and envelope.bulletin.priority == "emergency":
                asked = self._questions.ask(envelope, content, sender, monotonic_s)
                self.counts["asked"] += asked
            raise
        return [self._let_in(accepted)]

    def _let_in(self, accepted: Accepted) -> News:
        """Keep it on the disk, then let it in."""
        bulletin = accepted.bulletin
        is_cancel = bulletin.cancels is not None
        self._acceptance.mark(accepted, pending=not is_cancel, witness=False)
        if is_cancel:
            return Cancel(f"{bulletin.issuer}/{bulletin.cancels}", accepted)
        self._playing[accepted.name] = accepted
        return Play(accepted)

    def _require_playable(self, envelope: Envelope) -> None:
        bulletin = envelope.bulletin
        if bulletin.cancels is None and bulletin.priority == "normal":
            raise Refusal(
                "bulletin.unscheduled",
                expected="an emergency, a priority bulletin or a cancel",
                got=f"a normal bulletin, {name_of(bulletin)}",
                advice="`loa play`, whose schedule says when",
            )
        if bulletin.test and not self._takes_tests:
            raise Refusal(
                "bulletin.exercise",
                expected="a device with an announcement for exercises",
                got="none",
                advice='exercise = "ENVELOPE.json" in its settings',
            )

    def _answered(self, content: bytes, monotonic_s: float) -> list[News]:
        given = read_answer(content)
        asked = self._questions.asked(given)
        accepted = self._acceptance.check(
            asked.envelope, None, answer=given, monotonic_s=monotonic_s
        )
        self._questions.settled(given)
        self._known.accept(asked.message)
        return [self._let_in(accepted)]

    def _session(self, content: bytes, now_utc: datetime | None, source: str) -> News:
        announced = read_announced(content)
        name, session = self._device, announced.session.session
        if self._key is None or name not in announced.wraps:
            raise Refusal(
                "session.key",
                expected=f"the session's key wrapped for {name}",
                got="no wrap" if self._key is not None else "no device_key in its settings",
                advice="`loa bulletin session` with this device among its devices",
            )
        # Before the counter is marked: a wrap that was damaged must not make the session old.
        announced.session.require_description(announced.sdp)
        key = announced.session.unwrap(announced.wraps[name], self._key, name)
        signed = self._acceptance.accept_session(announced.session.to_bytes(), now_utc)
        self._joined[session.id] = signed
        return Join(source, signed, announced.sdp, key)


def _schema_of(content: bytes) -> Any:
    try:
        table = strict_json(content)
    except ValueError as error:
        raise Refusal(
            "command.json",
            expected="one JSON object, UTF-8, whole numbers, no key twice",
            got=str(error)[:100],
            advice="`loa bulletin send`",
        ) from error
    return table.get("schema") if isinstance(table, dict) else None

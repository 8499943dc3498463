"""Whether a statement may be heard *here*, *now*, *once*: the last door before sound.

`check` says what a signed bulletin is to this place without changing anything; `mark` makes it
known for ever, durable before it returns; `accept` is both. In this order, and the first that fails
is the answer: readable, signed and within rights (`verify`), addressed to this place, the clock,
the time, not cancelled, not seen before.

A clock is not trusted where nobody vouches for it (None), where it lies before a time that a
trusted key has signed, and nor is a memory that was lost or put back. Then only an emergency is
accepted that answers our own fresh nonce (`challenge`), at the time that the answer says.

What stops one bulletin from ending another: a cancel holds for its own issuer's bulletins, only
where it is addressed, and only with at least their priority.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dsp.errors import Refusal
from transmit.bulletin.anti_replay import Cancel, ReplayMemory
from transmit.bulletin.challenge import Answer, Challenger
from transmit.bulletin.content import Bulletin, read_time
from transmit.bulletin.envelope import Envelope, read_envelope
from transmit.bulletin.keyring import Keyring, Statement, TrustedKey
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.session import SignedSession, read_session
from transmit.bulletin.verify import STRICT, Policy, verify, verify_statement

_SESSIONS = "session:"


@dataclass(frozen=True)
class Place:
    """Where a loudspeaker stands, or which zones a playout or a relay serves.

    Attributes
    ----------
    as_one
        Whoever speaks here is heard in all zones: then all of them must be addressed, not one.
    """

    commune: str
    zones: tuple[str, ...]
    as_one: bool = False

    @property
    def zones_said(self) -> str:
        """The zones in words."""
        return (" and " if self.as_one else ", ").join(self.zones)

    def is_addressed(self, said: Statement) -> bool:
        """Tell whether something said is meant for here."""
        here, meant = set(self.zones), set(said.zones)
        if self.commune in said.communes:
            return True
        return bool(here) and here <= meant if self.as_one else bool(here & meant)


@dataclass(frozen=True)
class Accepted:
    """A bulletin that may be played from `not_before` on, once.

    Attributes
    ----------
    envelope, signers
        What was said, and by which keys.
    accepted_utc
        When, by our clock, or by the answer where ours is not trusted.
    by_answer
        Accepted without a trusted clock.
    """

    envelope: Envelope
    signers: tuple[TrustedKey, ...]
    accepted_utc: datetime
    by_answer: bool = False

    @property
    def bulletin(self) -> Bulletin:
        """The content."""
        return self.envelope.bulletin

    @property
    def name(self) -> str:
        """Issuer and id, by which a cancel names it."""
        return name_of(self.bulletin)

    @property
    def is_exercise(self) -> bool:
        """Whether it must be announced as a test before a word of it is heard."""
        return self.bulletin.test


class Acceptance:
    """Judges what arrives at one place.

    Parameters
    ----------
    keyring, policy
        Whose keys count, and how many holders sign what.
    place
        Where this is.
    memory
        What was seen.
    challenger
        Gives and knows our nonces; None for a place that never plays without a clock.
    """

    def __init__(
        self,
        keyring: Keyring,
        place: Place,
        memory: ReplayFile,
        policy: Policy = STRICT,
        challenger: Challenger | None = None,
    ) -> None:
        self._keyring = keyring
        self._place = place
        self._file = memory
        self._policy = policy
        self._challenger = challenger

    def renew(self, keyring: Keyring) -> None:
        """Judge by other keys from now on: some were added, some revoked."""
        self._keyring = keyring

    def trusts(self, now_utc: datetime | None) -> bool:
        """Tell whether clock and memory can tell fresh from old; see the module."""
        return now_utc is not None and self._file.is_trusted and not self._is_behind(now_utc)

    def check(
        self,
        content: bytes | Envelope,
        now_utc: datetime | None,
        *,
        answer: Answer | None = None,
        monotonic_s: float = 0.0,
    ) -> Accepted:
        """Return what `content` is to this place; nothing is remembered of it.

        Parameters
        ----------
        content
            An envelope, or the bytes of one.
        now_utc
            The time; None where no clock is trusted.
        answer
            To a challenge of our own about this bulletin; used up where it is right.
        monotonic_s
            Of the clock that challenges are timed by.

        Raises
        ------
        Refusal
            As `read_envelope` and `verify` say; "bulletin.elsewhere", "bulletin.clock",
            "bulletin.nonce", "bulletin.cancelled", "bulletin.replay".
        """
        envelope = content if isinstance(content, Envelope) else read_envelope(content)
        bulletin = envelope.bulletin
        signers = verify(envelope, self._keyring, None, self._policy)
        self._require_here(bulletin)
        by_answer = False
        if now_utc is None or not self.trusts(now_utc):
            self._require_answer(envelope, answer, monotonic_s)
            assert answer is not None
            now_utc, by_answer = read_time("time", answer.time), True
        verify_time(bulletin, now_utc, self._policy)
        name = name_of(bulletin)
        if self._file.memory.is_cancelled(name, bulletin.priority):
            raise _refuse("cancelled", "a bulletin in force", bulletin.id, "a new bulletin")
        if not self._file.memory.is_fresh(_streams(signers), bulletin.counter):
            raise _refuse("replay", "a counter not seen before", f"{bulletin.counter}", "the next")
        return Accepted(envelope, signers, now_utc, by_answer)

    def mark(self, accepted: Accepted, *, pending: bool = False, witness: bool = True) -> None:
        """Remember it; when this returns a replay is refused, also after a power cut.

        Parameters
        ----------
        pending
            Remember as well, in the same step, that it is still to be played.
        witness
            False leaves the witness for `bear_witness`, which is called when nobody waits.

        Raises
        ------
        Refusal
            If the disk does not take it; then it must not be played.
        """
        before = self._file.memory.copy()
        self._remember(accepted)
        if pending:
            text = accepted.envelope.to_bytes().decode()
            self._file.memory.pending[accepted.name] = text
        self._save(before, witness=witness)

    def bear_witness(self) -> None:
        """Write the generation of the memory a second time, after `mark(witness=False)`."""
        self._file.bear_witness()

    def done(self, name: str) -> None:
        """Remember that what was pending needs not be played any more."""
        before = self._file.memory.copy()
        if self._file.memory.pending.pop(name, None) is not None:
            self._save(before)

    def unplayed(self, now_utc: datetime | None) -> list[Accepted]:
        """Return what was accepted before a restart and not played to its end, still in force.

        Without a trusted clock nobody can tell whether it is: then nothing.
        """
        found = []
        for name, text in list(self._file.memory.pending.items()):
            try:
                if now_utc is None or not self.trusts(now_utc):
                    raise _no_clock("a bulletin from before a restart")
                accepted = self.again(read_envelope(text.encode()), now_utc)
                verify_time(accepted.bulletin, now_utc, self._policy)
                found.append(accepted)
            except Refusal:
                self._file.memory.pending.pop(name)
        return found

    def again(self, envelope: Envelope, accepted_utc: datetime) -> Accepted:
        """Return what was accepted before a restart, if its keys are still in force.

        Raises
        ------
        Refusal
            As `verify`, and "bulletin.elsewhere".
        """
        signers = verify(envelope, self._keyring, None, self._policy)
        self._require_here(envelope.bulletin)
        return Accepted(envelope, signers, accepted_utc)

    def remember_all(self, before: list[Accepted]) -> None:
        """Mark what was accepted before a restart, where the memory does not know it yet."""
        unknown = [
            one
            for one in before
            if self._file.memory.is_fresh(_streams(one.signers), one.bulletin.counter)
        ]
        for one in unknown:
            self._remember(one)
        if unknown:
            self._file.save()

    def _remember(self, accepted: Accepted) -> None:
        bulletin, memory = accepted.bulletin, self._file.memory
        memory.mark(_streams(accepted.signers), bulletin.counter)
        if bulletin.cancels is not None:
            cancel = Cancel(bulletin.expires, bulletin.priority)
            memory.cancel(f"{bulletin.issuer}/{bulletin.cancels}", cancel)
            self._end_pending(f"{bulletin.issuer}/{bulletin.cancels}")
        if accepted.by_answer:
            told = f"{accepted.accepted_utc:%Y-%m-%dT%H:%M:%SZ}"
            memory.not_earlier = max(memory.not_earlier or told, told)
        memory.forget_before(accepted.accepted_utc)

    def _end_pending(self, name: str) -> None:
        """Forget that a bulletin is to be played, where the cancel weighs enough."""
        memory = self._file.memory
        if name in memory.pending:
            priority = read_envelope(memory.pending[name].encode()).bulletin.priority
            if memory.is_cancelled(name, priority):
                del memory.pending[name]

    def accept(
        self,
        content: bytes | Envelope,
        now_utc: datetime | None,
        *,
        answer: Answer | None = None,
        monotonic_s: float = 0.0,
    ) -> Accepted:
        """Check and mark in one."""
        accepted = self.check(content, now_utc, answer=answer, monotonic_s=monotonic_s)
        self.mark(accepted)
        return accepted

    def accept_session(self, content: bytes, now_utc: datetime | None) -> SignedSession:
        """Return a session that may be joined now; the newest of a key is told again as it was.

        Sessions are announced over and over, for those who join late: the same one is taken again,
        an older one is not.

        Raises
        ------
        Refusal
            As `read_session` and `verify`; "bulletin.elsewhere", "bulletin.clock",
            "bulletin.replay".
        """
        signed = read_session(content)
        session = signed.session
        policy = self._policy
        signers = verify_statement(session, signed.signatures, self._keyring, None, policy)
        self._require_here(session)
        if now_utc is None or not self.trusts(now_utc):
            raise _no_clock("a session needs the time")
        verify_statement(session, signed.signatures, self._keyring, now_utc, policy)
        # An emergency beside a programme is a stream of its own: neither makes the other old.
        urgent = f"{session.priority}:" if session.priority == "emergency" else ""
        streams = _streams(signers, _SESSIONS + urgent)
        memory = self._file.memory
        highest = max(
            memory.windows[name].highest if name in memory.windows else 0 for name in streams
        )
        if session.counter < highest:
            raise _refuse("replay", f"counter {highest} or later", f"{session.counter}", "the next")
        if session.counter > highest:
            before = memory.copy()
            memory.mark(streams, session.counter)
            self._save(before)
        return signed

    def session_again(self, signed: SignedSession, now_utc: datetime) -> None:
        """Refuse a session that was joined and holds no more: expired, or a key was revoked."""
        verify_statement(signed.session, signed.signatures, self._keyring, now_utc, self._policy)

    def _save(self, before: ReplayMemory, *, witness: bool = True) -> None:
        """Keep the memory; where the disk does not take it, it is as before, to be tried again."""
        try:
            self._file.save(witness=witness)
        except Refusal:
            self._file.memory = before
            raise

    def _require_here(self, said: Statement) -> None:
        if not self._place.is_addressed(said):
            here = f"{self._place.commune} or {self._place.zones_said}"
            raise _refuse("elsewhere", f"something addressed to {here}", "another address", "none")

    def _require_answer(
        self, envelope: Envelope, answer: Answer | None, monotonic_s: float
    ) -> None:
        if envelope.bulletin.priority != "emergency":
            raise _no_clock(f"priority {envelope.bulletin.priority}")
        if answer is None or self._challenger is None:
            raise _no_clock("an emergency without an answer to our challenge")
        self._challenger.require(answer, envelope, self._keyring, monotonic_s)

    def _is_behind(self, now_utc: datetime) -> bool:
        known = self._file.memory.not_earlier
        error = timedelta(seconds=self._policy.clock_error_s)
        return known is not None and now_utc < read_time("not_earlier", known) - error


def name_of(bulletin: Bulletin) -> str:
    """Return issuer and id of a bulletin: an id is the issuer's own."""
    return f"{bulletin.issuer}/{bulletin.id}"


def verify_time(said: Statement, now_utc: datetime, policy: Policy) -> None:
    """Refuse what holds no more; what holds later is kept until then."""
    if now_utc >= said.expires_utc + timedelta(seconds=policy.clock_error_s):
        raise _refuse("expired", "an envelope in force", said.expires, "a new envelope")


def _streams(signers: tuple[TrustedKey, ...], prefix: str = "") -> tuple[str, ...]:
    return tuple(prefix + key.id for key in signers)


def _no_clock(got: str) -> Refusal:
    expected = "a trusted clock and memory, or an emergency that answers our own fresh challenge"
    return _refuse("clock", expected, got, "setting the clock")


def _refuse(kind: str, expected: str, got: str, advice: str) -> Refusal:
    return Refusal(f"bulletin.{kind}", expected=expected, got=got, advice=advice)

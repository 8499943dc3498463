"""What a bulletin says about itself: the part of an envelope that is signed.

The tiers are those of the public-address network; a district, abolished in July 2025, is an alias
that old senders still use and that carries no more weight than a commune. The three priorities are
those of Circular 39/2020/TT-BTTTT: *thông thường*, *ưu tiên*, *khẩn cấp*.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from transmit.bulletin.canonical import MOST_INTEGER, canonical_bytes

SCHEMA = "loa.bulletin/1"
Tier = Literal["central", "province", "district", "commune"]
Priority = Literal["normal", "priority", "emergency"]
PRIORITIES: tuple[Priority, ...] = ("normal", "priority", "emergency")  # the most urgent last
TIERS = ("central", "province", "commune")  # the highest first
TIER_ALIASES = {"district": "commune"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_MOST_AREAS, _MOST_AUDIO, _MOST_LANGUAGES = 500, 16, 16
_MOST_TITLE, _MOST_TEXT, _MOST_BOARD, _MOST_LINE = 200, 20_000, 1_000, 200
_MOST_DAYS = 366
# Marks that turn the direction of text about: what is read must be what was signed.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class BoardText:
    """What public boards show, and until when."""

    text: str
    expires: str

    def __post_init__(self) -> None:
        """Refuse text and times that are none."""
        _text("board_text.text", self.text, _MOST_BOARD)
        read_time("board_text.expires", self.expires)


@dataclass(frozen=True)
class Audio:
    """One recording of the bulletin, named by the SHA-256 of its bytes."""

    sha256: str
    size_bytes: int
    language: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a digest, a size, a language."""
        _match("audio.sha256", self.sha256, _DIGEST, "64 hexadecimal digits, lower case")
        _integer("audio.size_bytes", self.size_bytes)
        _match("audio.language", self.language, _LANGUAGE, "a language tag such as vi or km")


@dataclass(frozen=True)
class Bulletin:
    """What is signed.

    Attributes
    ----------
    id
        Name of the bulletin, the issuer's own; with `counter` it tells a repetition from a replay.
    issuer, tier
        Who sends it, and from which tier.
    communes, zones
        Whom it addresses: every loudspeaker of these communes and of these zones. There is no
        "everybody": who may be reached is spelt out, and can be checked.
    field
        Subject, in the issuer's own words ("weather").
    languages, priority, title, text
        What it is.
    not_before, expires
        When it may be played: RFC 3339, UTC, whole seconds. `expires` is the first moment at
        which it may not.
    counter
        Grows with every envelope of the issuer; a loudspeaker plays none twice.
    author, approver
        Who wrote it and who released it.
    audio
        Its recordings; none where only boards show it, or where it only cancels.
    board_text
        What boards show.
    reply_to
        Where an answer goes: an address or a number, as text.
    cancels
        Id of a bulletin of the same issuer that this one ends.
    test
        An exercise; a loudspeaker says so before it plays.
    """

    id: str
    issuer: str
    tier: Tier
    field: str
    languages: tuple[str, ...]
    priority: Priority
    title: str
    text: str
    not_before: str
    expires: str
    counter: int
    author: str
    approver: str
    communes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    audio: tuple[Audio, ...] = ()
    board_text: BoardText | None = None
    reply_to: str | None = None
    cancels: str | None = None
    test: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ("id", "issuer"):
            _match(name, getattr(self, name), _NAME, "letters, digits and . _ ~ -, at most 100")
        if self.cancels is not None:
            _match("cancels", self.cancels, _NAME, "the id of a bulletin")
        self._check_lists()
        for name in ("field", "title", "author", "approver"):
            _text(name, getattr(self, name), _MOST_TITLE, one_line=True)
        _text("text", self.text, _MOST_TEXT, may_be_empty=True)
        if self.reply_to is not None:
            _text("reply_to", self.reply_to, _MOST_LINE, one_line=True)
        _integer("counter", self.counter)
        self._check_times()
        if not (self.audio or self.board_text or self.cancels):
            raise ValueError("audio: expected a recording, a board_text or cancels, got none")

    @property
    def rank(self) -> int:
        """Place of the tier in `TIERS`, 0 the highest; an alias has the place it stands for."""
        return TIERS.index(TIER_ALIASES.get(self.tier, self.tier))

    @property
    def not_before_utc(self) -> datetime:
        """First moment at which it may be played."""
        return read_time("not_before", self.not_before)

    @property
    def expires_utc(self) -> datetime:
        """First moment at which it may not be played any more."""
        return read_time("expires", self.expires)

    def addresses(self, commune: str, zone: str) -> bool:
        """Tell whether a loudspeaker of `commune`, in `zone`, is addressed."""
        return commune in self.communes or zone in self.zones

    def for_boards(self) -> dict[str, Any]:
        """Return what public boards show, and until when, for a record; empty where nothing is."""
        return {} if self.board_text is None else {"board_text": vars(self.board_text)}

    def as_dict(self) -> dict[str, Any]:
        """Return the content as JSON has it; what is not said is not there."""
        content: dict[str, Any] = _as_json(self)
        return {"schema": SCHEMA} | content

    def to_sign(self) -> bytes:
        """Return the bytes that a signature covers: the schema's name, a line feed, the content."""
        return SCHEMA.encode() + b"\n" + canonical_bytes(self.as_dict())

    def _check_lists(self) -> None:
        for name in ("communes", "zones"):
            for value in _several(name, getattr(self, name), _MOST_AREAS):
                _match(name, value, _NAME, "letters, digits and . _ ~ -, at most 100")
        if not (self.communes or self.zones):
            raise ValueError("communes: expected a commune or a zone, got none")
        for value in _several("languages", self.languages, _MOST_LANGUAGES, least=1):
            _match("languages", value, _LANGUAGE, "a language tag such as vi or km")
        _several("audio", tuple(audio.sha256 for audio in self.audio), _MOST_AUDIO)
        strange = [audio.language for audio in self.audio if audio.language not in self.languages]
        if strange:
            raise ValueError(f"audio.language: expected one of languages, got {strange[0]}")

    def _check_times(self) -> None:
        begins, ends = self.not_before_utc, self.expires_utc
        if not begins < ends <= begins + timedelta(days=_MOST_DAYS):
            raise ValueError(
                f"expires: expected within {_MOST_DAYS} days after not_before, got {self.expires}"
            )


def read_time(name: str, value: str) -> datetime:
    """Return the moment that `value` names; raises ValueError where it names none."""
    if _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            pass
    raise ValueError(f"{name}: expected a time such as 2026-11-24T05:00:00Z, got {value[:40]}")


def _as_json(value: Any) -> Any:
    if is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _as_json(inner) for name, inner in pairs if inner is not None}
    return [_as_json(inner) for inner in value] if isinstance(value, tuple) else value


def _match(name: str, value: str, pattern: re.Pattern[str], expected: str) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"{name}: expected {expected}, got {value[:60]!r}")


def _several(name: str, values: tuple[str, ...], most: int, least: int = 0) -> tuple[str, ...]:
    if not least <= len(values) <= most or len(set(values)) != len(values):
        raise ValueError(
            f"{name}: expected {least} to {most}, each once, got {len(values)} "
            f"({len(set(values))} different)"
        )
    return values


def _text(
    name: str, value: str, most: int, *, one_line: bool = False, may_be_empty: bool = False
) -> None:
    allowed = "" if one_line else "\n\t"
    strange = [
        mark
        for mark in value
        if mark in _TURNING or (unicodedata.category(mark) in ("Cc", "Cs") and mark not in allowed)
    ]
    if strange:
        raise ValueError(f"{name}: expected text, got the control character {strange[0]!r}")
    if len(value) > most or not (may_be_empty or value.strip()):
        raise ValueError(f"{name}: expected 1 to {most} characters, got {len(value)}")


def _integer(name: str, value: int) -> None:
    if not 1 <= value <= MOST_INTEGER:
        raise ValueError(f"{name}: expected 1 to {MOST_INTEGER}, got {value}")

"""No statement twice: the counters of every key that were seen, and bulletins that were cancelled.

Networks reorder, and a cancel may be signed beforehand, so the counters of a key are not one number
but a window as in RFC 4303 §3.4.3: the highest, and which of the `WINDOW` below it were seen. What
lies below the window is refused. Rows belong to keys, not to issuers, so that who steals one key
and uses up its counters silences that key only.

Sans I/O: `to_bytes` and `from_bytes`; `replay_file` keeps it on a disk.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime

from transmit.bulletin.canonical import MOST_INTEGER, canonical_bytes, strict_json
from transmit.bulletin.content import PRIORITIES, Priority, read_time

SCHEMA = "loa.anti-replay/1"
WINDOW = 1_024
_MOST_CANCELS = 4_096


@dataclass(frozen=True)
class Window:
    """The counters of one key that were seen: `highest`, and bit i of `seen` for highest − i."""

    highest: int = 0
    seen: int = 0

    def is_fresh(self, counter: int) -> bool:
        """Tell whether `counter` was not seen and can be told from those that were."""
        behind = self.highest - counter
        return counter >= 1 and (behind < 0 or (behind < WINDOW and not self.seen >> behind & 1))

    def with_seen(self, counter: int) -> Window:
        """Return the window after `counter` was seen."""
        ahead = counter - self.highest
        if ahead > WINDOW:  # also keeps a leap of 2^53 from making a number of 2^53 bits
            return Window(counter, 1)
        if ahead > 0:
            return Window(counter, (self.seen << ahead | 1) & ((1 << WINDOW) - 1))
        if -ahead >= WINDOW:
            return self
        return Window(self.highest, self.seen | 1 << -ahead)


@dataclass(frozen=True)
class Cancel:
    """A bulletin that was ended, until when the cancel holds, and with what weight."""

    expires: str
    priority: Priority


@dataclass
class ReplayMemory:
    """What a loudspeaker or a playout remembers.

    Attributes
    ----------
    windows
        By stream: the id of a key, or "session:" and the id.
    cancels
        By "issuer/id" of a bulletin.
    not_earlier
        The latest time that a trusted key has vouched for: a clock before it is wrong.
    pending
        Accepted and not yet played to the end, by "issuer/id": the envelope as JSON text. It is
        kept with the counters, in one step, so that a power cut neither loses nor doubles it.
    generation
        Counts the changes.
    is_doubted
        It goes on after one that was lost, broken or put back: what was seen before is not in it.
    """

    windows: dict[str, Window] = field(default_factory=dict)
    cancels: dict[str, Cancel] = field(default_factory=dict)
    not_earlier: str | None = None
    generation: int = 0
    pending: dict[str, str] = field(default_factory=dict)
    is_doubted: bool = False

    def copy(self) -> ReplayMemory:
        """Return the same as it is now."""
        return replace(
            self,
            windows=dict(self.windows),
            cancels=dict(self.cancels),
            pending=dict(self.pending),
        )

    def is_fresh(self, streams: tuple[str, ...], counter: int) -> bool:
        """Tell whether `counter` is new in all of `streams`."""
        return all(self.windows.get(name, Window()).is_fresh(counter) for name in streams)

    def mark(self, streams: tuple[str, ...], counter: int) -> None:
        """Remember `counter`: of every signer, so that leaving out a signature renews nothing."""
        for name in streams:
            self.windows[name] = self.windows.get(name, Window()).with_seen(counter)

    def cancel(self, name: str, cancel: Cancel) -> None:
        """Remember that a bulletin was ended, the heavier cancel where there are two."""
        before = self.cancels.get(name)
        if before is None or _weight(before) <= _weight(cancel):
            self.cancels[name] = cancel

    def is_cancelled(self, name: str, priority: Priority) -> bool:
        """Tell whether a bulletin of `priority` was ended by something of that weight."""
        found = self.cancels.get(name)
        return found is not None and _weight(found) >= PRIORITIES.index(priority)

    def forget_before(self, now_utc: datetime) -> None:
        """Forget cancels of the past; what they ended has gone by too, or the newest are kept."""
        kept = {
            name: cancel
            for name, cancel in self.cancels.items()
            if read_time("expires", cancel.expires) > now_utc
        }
        newest = sorted(kept, key=lambda name: kept[name].expires)[-_MOST_CANCELS:]
        self.cancels = {name: kept[name] for name in newest}

    def to_bytes(self) -> bytes:
        """Return it as one line of JSON with a checksum."""
        content = {
            "schema": SCHEMA,
            "generation": self.generation,
            "windows": {
                name: {"highest": window.highest, "seen": f"{window.seen:x}"}
                for name, window in self.windows.items()
            },
            "cancels": [
                {"bulletin": name, "expires": one.expires, "priority": one.priority}
                for name, one in sorted(self.cancels.items())
            ],
        }
        if self.pending:
            content["pending"] = self.pending
        if self.is_doubted:
            content["doubted"] = True
        if self.not_earlier is not None:
            content["not_earlier"] = self.not_earlier
        content["sha256"] = hashlib.sha256(canonical_bytes(content)).hexdigest()
        return json.dumps(content).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> ReplayMemory:
        """Read what `to_bytes` wrote; raises ValueError for anything else, half of it included."""
        table = strict_json(content)
        if not isinstance(table, dict) or table.get("schema") != SCHEMA:
            raise ValueError(f"schema: expected {SCHEMA}, got something else")
        digest = table.pop("sha256", None)
        if digest != hashlib.sha256(canonical_bytes(table)).hexdigest():
            raise ValueError("sha256: expected the digest of the content, got another")
        try:
            windows = {
                name: _window(int(row["highest"]), int(row["seen"], 16))
                for name, row in table["windows"].items()
            }
            cancels = {
                row["bulletin"]: Cancel(row["expires"], row["priority"]) for row in table["cancels"]
            }
            pending = {str(name): str(text) for name, text in table.get("pending", {}).items()}
            told = table.get("not_earlier")
            generation, doubted = int(table["generation"]), bool(table.get("doubted", False))
            return cls(windows, cancels, told, generation, pending, doubted)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"content: expected counters, got {error!r}") from error


def _window(highest: int, seen: int) -> Window:
    if not (0 <= highest <= MOST_INTEGER and 0 <= seen < 1 << WINDOW):
        raise ValueError(f"highest: expected 0 to {MOST_INTEGER}, got {highest}")
    return Window(highest, seen)


def _weight(cancel: Cancel) -> int:
    return PRIORITIES.index(cancel.priority)

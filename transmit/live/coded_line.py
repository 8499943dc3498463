"""A delay line that opens clusters ahead of a programme and closes them behind it.

The delay is what makes it possible: when the first word of a programme comes in, the codes are laid
so that they end where that word will go out, `delay_samples` later, and no word waits for them. A
programme has ended when nothing has come for `LINGER_S`; the closing codes follow then. What begins
again before they have gone out takes them back; what begins while they go out is opened behind
them, and its words are silent until then: loudspeakers that are closed would not speak them anyway.

Codes are sent as they are, behind the mastering: a station's decoders know their level.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dsp.coder.rds_blocks import Group
from dsp.contract import Samples
from transmit.control_codes import ControlCode
from transmit.multiplex_codes import CodedBits, code_as_audio

RATE_HZ = 48_000
LINGER_S = 5.0


@dataclass(frozen=True)
class Codes:
    """The codes of a transmission, released to its station (`transmit.control_codes`)."""

    before: tuple[ControlCode, ...] = ()
    after: tuple[ControlCode, ...] = ()

    @property
    def opening_samples(self) -> int:
        """How long the codes before a programme take."""
        return _length(self.before)

    @property
    def closing_samples(self) -> int:
        """How long the codes after a programme take."""
        return _length(self.after)


@dataclass(frozen=True)
class _Laid:
    """A code in the line: from which sample on, and whether it opens."""

    start: int
    line: Samples
    groups: tuple[Group, ...]
    opens: bool

    @property
    def end(self) -> int:
        return self.start + len(self.line)


class CodedLine:
    """Delays a mono programme and lays codes around it.

    Parameters
    ----------
    delay_samples
        Of the programme at 48 kHz: at least as long as the codes before it.
    codes
        Before and after.
    bits
        Takes groups of RDS; needed where codes have some.
    linger_s
        How long nothing must come until a programme has ended.

    Raises
    ------
    ValueError
        A delay in which the codes before a programme have no room; RDS codes without RDS.
    """

    def __init__(
        self,
        delay_samples: int,
        codes: Codes,
        bits: CodedBits | None = None,
        linger_s: float = LINGER_S,
    ) -> None:
        if codes.opening_samples > delay_samples:
            raise ValueError(
                f"delay_samples: expected {codes.opening_samples} or more for the codes before a "
                f"programme, got {delay_samples}"
            )
        if bits is None and any(code.rds for code in (*codes.before, *codes.after)):
            raise ValueError("bits: expected RDS where codes are RDS groups, got none")
        self.delay_samples = delay_samples
        self._codes = codes
        self._bits = bits
        self._linger = round(linger_s * RATE_HZ)
        self._held: Samples = np.zeros(delay_samples, np.float32)
        self._index = 0  # of the next sample that comes in
        self._last_active = 0
        self._laid: list[_Laid] = []
        self.open = False
        self.opened = 0
        self.closed = 0

    def process(self, samples: Samples, *, active: bool) -> Samples:
        """Return as many samples, float32 (n,), `delay_samples` later, with the codes in them.

        `active` tells whether `samples` belong to a programme; what is silent in one does too.
        """
        if active:
            self._last_active = self._index + len(samples)
            if not self.open:
                self._lay_opening()
        elif self.open and self._index - self._last_active >= self._linger:
            self.end_programme()
        line = np.concatenate([self._held, samples])
        out = line[: len(samples)].copy()
        self._held = line[len(samples) :]
        first = self._index - self.delay_samples
        self._index += len(samples)
        self._put_codes(out, first)
        return out

    def end_programme(self) -> None:
        """Lay the closing codes behind what has come in, if clusters are open."""
        if self.open:
            self.open = False
            start = max(self._index, max((one.end for one in self._laid), default=0))
            self._lay(self._codes.after, start, opens=False)

    @property
    def to_come_samples(self) -> int:
        """How many samples go out until everything that came in, and every code, is out."""
        last = max([self._last_active, *(one.end for one in self._laid)], default=0)
        return max(0, last - (self._index - self.delay_samples))

    def _lay_opening(self) -> None:
        self.open = True
        reading = self._index - self.delay_samples
        kept = [one for one in self._laid if one.opens or one.start < reading]
        taken_back = len(kept) < len(self._laid)
        closing = any(not one.opens for one in kept)
        self._laid = kept
        if taken_back and not closing:
            return  # the clusters were never closed
        busy = max((one.end for one in kept), default=reading)
        start = max(self._index - self._codes.opening_samples, busy)
        self._lay(self._codes.before, start, opens=True)

    def _lay(self, codes: Iterable[ControlCode], start: int, *, opens: bool) -> None:
        for code in codes:
            line, groups = code_as_audio(code, RATE_HZ)
            self._laid.append(_Laid(start, line, groups, opens))
            start += len(line)

    def _put_codes(self, out: Samples, first: int) -> None:
        """Put the codes that are due over `out`, whose first sample is number `first`."""
        last = first + len(out)
        for one in self._laid:
            low, high = max(one.start, first), min(one.end, last)
            if low >= high:
                continue
            out[low - first : high - first] = one.line[low - one.start : high - one.start]
            if low == one.start:
                if one.groups and self._bits is not None:
                    self._bits.send(one.groups)
                self.opened += one.opens
                self.closed += not one.opens
        self._laid = [one for one in self._laid if one.end > last]


def _length(codes: tuple[ControlCode, ...]) -> int:
    return sum(len(code_as_audio(code, RATE_HZ)[0]) for code in codes)

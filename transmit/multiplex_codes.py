"""A station's control codes around a programme: clusters are opened before it and closed after it.

DTMF is heard as audio ahead of the programme and behind it. RDS groups take the places of the
scheduler's next groups (whose clock therefore stays right), while the audio is silent: a receiver
is open when the first word comes. Which codes there are, and whose, is for `control_codes` to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dsp.coder.multiplex import RdsBits
from dsp.coder.rds_blocks import Group, group_bits
from dsp.contract import Samples
from dsp.rds.code import GROUP_BITS
from dsp.rds.shaping import BIT_RATE_DENOMINATOR, BIT_RATE_NUMERATOR
from transmit.control_codes import ControlCode
from transmit.intake import Block

_GROUP_S = GROUP_BITS * BIT_RATE_DENOMINATOR / BIT_RATE_NUMERATOR
# The group under way when a code is sent, and one of reserve for bits taken ahead.
_SPARE_GROUPS = 2
_PAUSE_S = 0.2  # between the last code and the first word


class CodedBits:
    """RDS bits of a scheduler, in which single groups are replaced by those of a code."""

    def __init__(self, bits: RdsBits) -> None:
        self._bits = bits
        self._codes: deque[Group] = deque()
        self._open = np.empty(0, np.uint8)  # what is left of the group under way

    def send(self, groups: Iterable[Group]) -> None:
        """Send `groups` from the next group on."""
        self._codes.extend(groups)

    @property
    def waiting(self) -> int:
        """Groups of codes that are not yet sent."""
        return len(self._codes)

    def next_bits(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the next `count` bits, uint8 of 0 and 1."""
        pieces = [self._open]
        held = len(self._open)
        while held < count:
            group = self._bits.next_bits(GROUP_BITS)
            if self._codes:
                group = group_bits(self._codes.popleft())
            pieces.append(group)
            held += GROUP_BITS
        line = np.concatenate(pieces)
        self._open = line[count:]
        return line[:count]


def with_codes(
    source: Iterable[Block],
    form: tuple[int, int],
    before: tuple[ControlCode, ...],
    after: tuple[ControlCode, ...],
    bits: CodedBits | None,
) -> Iterator[Block]:
    """Give the blocks of a programme with its codes before and after.

    `form` is the sample rate in Hz and the channels of `source`; `bits` is needed for RDS codes.
    """
    yield from _codes_as_audio(before, form, bits)
    yield from source
    yield from _codes_as_audio(after, form, bits)


def code_as_audio(code: ControlCode, rate_hz: int) -> tuple[Samples, tuple[Group, ...]]:
    """Return a code as the audio that carries it, or waits for it, and its groups of RDS.

    The groups are to be sent with the first sample; a pause is at the end of the audio.
    """
    groups = code.groups()
    tones = code.audio(rate_hz)
    if groups:
        tones = np.zeros(round((len(groups) + _SPARE_GROUPS) * _GROUP_S * rate_hz), np.float32)
    return np.concatenate([tones, np.zeros(round(_PAUSE_S * rate_hz), np.float32)]), groups


def _codes_as_audio(
    codes: tuple[ControlCode, ...], form: tuple[int, int], bits: CodedBits | None
) -> Iterator[Block]:
    rate_hz, channels = form
    for code in codes:
        line, groups = code_as_audio(code, rate_hz)
        if groups and bits is not None:
            bits.send(groups)
        frames = np.zeros((len(line), channels), np.float32)
        frames[:, :2] = line[:, None]  # left and right, or the one there is
        yield frames

"""RDS blocks and groups as bits: checkwords, the 104 bits of a group, differential encoding.

IEC 62106 annexes A and B. A group is four words of 16 bits; bit B0 of the second word tells the
version, and with it the offset word of the third block (C in version A, C' in version B).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.errors import Refusal
from dsp.rds.code import (
    BLOCK_BITS,
    BLOCKS_PER_GROUP,
    BLOCKS_VERSION_A,
    BLOCKS_VERSION_B,
    CHECK_BITS,
    DATA_BITS,
    GENERATOR,
    OFFSET_WORDS,
    BlockName,
)

Bits = npt.NDArray[np.uint8]

_WORD = (1 << DATA_BITS) - 1
_VERSION_B = 1 << 11


class Group(NamedTuple):
    """One group: the data words of its four blocks, each 0 to 0xFFFF."""

    a: int
    b: int
    c: int
    d: int

    @property
    def is_version_b(self) -> bool:
        """Whether block 3 repeats the PI and carries the offset C'."""
        return bool(self.b & _VERSION_B)

    @property
    def kind(self) -> str:
        """Group type with version, such as ``"0A"``."""
        return f"{self.b >> 12}{'B' if self.is_version_b else 'A'}"

    def hex(self) -> str:
        """Sixteen hexadecimal digits, as truth files and receivers print them."""
        return "".join(f"{word:04X}" for word in self)


def parse_group(text: str) -> Group:
    """Return the group written as 16 hexadecimal digits; blanks between blocks are allowed.

    Raises
    ------
    Refusal
        ``rds.group`` where it is anything else.
    """
    digits = "".join(text.split()) if isinstance(text, str) else ""
    if len(digits) != BLOCKS_PER_GROUP * 4 or not set(digits) <= set("0123456789abcdefABCDEF"):
        raise Refusal(
            "rds.group",
            expected="a group of 16 hexadecimal digits",
            got=repr(text)[:60],
            advice='four blocks of four digits, such as "7001 0028 E0CD 5452"',
        )
    return Group(*(int(digits[i : i + 4], 16) for i in range(0, 16, 4)))


@lru_cache(maxsize=4096)
def checkword(data: int) -> int:
    """Return the remainder of `data` · x^10 by the generator, before the offset is added."""
    value = data << CHECK_BITS
    for shift in range(DATA_BITS - 1, -1, -1):
        if value >> (shift + CHECK_BITS) & 1:
            value ^= GENERATOR << shift
    return value


def encode_block(data: int, name: BlockName) -> int:
    """Return the 26 bits of a block: data, then checkword plus offset word."""
    if not 0 <= data <= _WORD:
        raise ValueError(f"data: expected 16 bits, got {data}")
    return data << CHECK_BITS | (checkword(data) ^ OFFSET_WORDS[name])


def encode_group(group: Group) -> int:
    """Return the 104 bits of a group as one number, first bit highest."""
    names = BLOCKS_VERSION_B if group.is_version_b else BLOCKS_VERSION_A
    bits = 0
    for data, name in zip(group, names, strict=True):
        bits = bits << BLOCK_BITS | encode_block(data, name)
    return bits


@lru_cache(maxsize=4096)
def group_bits(group: Group) -> Bits:
    """Return the bits of a group, uint8 (104,), in the order of transmission; read-only."""
    packed = encode_group(group).to_bytes(BLOCKS_PER_GROUP * BLOCK_BITS // 8, "big")
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8))
    bits.flags.writeable = False
    return bits


def encode_differentially(bits: Bits, state: int) -> Bits:
    """Return output bits, each the exclusive or of an input bit and the output bit before it.

    `bits` is uint8 (n,) of 0 and 1; `state` is the output bit before the first, 0 at the start.
    """
    encoded = np.bitwise_xor.accumulate(np.concatenate([np.array([state], np.uint8), bits]))
    return encoded[1:]

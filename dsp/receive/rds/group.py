"""One received RDS group: four blocks as they came, each with what was done to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOST: Final = -1
_HALF_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class RdsGroup:
    """Four blocks of 16 bits.

    Attributes
    ----------
    blocks
        Values of A, B, C or C', D; None where a block was lost.
    corrected
        Bits corrected in each block: 0, 1 or 2; -1 for a lost block.
    version_b
        Whether the third block bore the offset word C' (None where it was lost): its content is
        the PI again.
    sample
        Index of the multiplex sample (288 kHz) at the end of the last bit.
    """

    blocks: tuple[int | None, int | None, int | None, int | None]
    corrected: tuple[int, int, int, int] = (0, 0, 0, 0)
    version_b: bool | None = None
    sample: int = 0

    @property
    def whole(self) -> bool:
        """Whether all four blocks came."""
        return None not in self.blocks

    @property
    def empty(self) -> bool:
        """Whether no block came."""
        return self.blocks == (None, None, None, None)

    @property
    def lost_blocks(self) -> int:
        """How many blocks were lost."""
        return sum(block is None for block in self.blocks)

    def hex(self) -> str:
        """Return 16 hexadecimal digits, dashes for lost blocks."""
        return "".join("-" * _HALF_BYTES if b is None else f"{b:04X}" for b in self.blocks)


def group_of_hex(text: str) -> RdsGroup:
    """Return the group of 16 hexadecimal digits (spaces allowed, dashes for a lost block).

    Raises
    ------
    ValueError
        If it is anything else.
    """
    digits = "".join(text.split())
    if len(digits) != 4 * _HALF_BYTES:
        raise ValueError(f"text: expected 16 hexadecimal digits, got {text!r}")
    parts = [digits[i : i + _HALF_BYTES] for i in range(0, len(digits), _HALF_BYTES)]
    a, b, c, d = (None if p == "-" * _HALF_BYTES else int(p, 16) for p in parts)
    found = (a, b, c, d)
    corrected = tuple(LOST if block is None else 0 for block in found)
    return RdsGroup(found, corrected, None if b is None else bool(b & 0x0800))  # type: ignore[arg-type]

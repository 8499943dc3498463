"""The shortened cyclic code of RDS: generator, offset words, syndromes (IEC 62106 annexes A, B, C).

A group is 104 bits: blocks A, B, C or C', D of 16 data bits and a checkword of 10 bits, first bit
first. The checkword is the remainder of data · x^10 by g(x) with an offset word added.

The syndrome of a correct block has two forms in the literature; keep them apart. The standard's
parity matrix gives `SYNDROMES_MATRIX`; the plain remainder of the 26 bits by g(x) gives the offset
words themselves, `SYNDROMES_REMAINDER`.
"""

from __future__ import annotations

from typing import Final, Literal

BlockName = Literal["A", "B", "C", "C'", "D"]

#: g(x) = x^10 + x^8 + x^7 + x^5 + x^4 + x^3 + 1.
GENERATOR: Final = 0x5B9

DATA_BITS: Final = 16
CHECK_BITS: Final = 10
BLOCK_BITS: Final = DATA_BITS + CHECK_BITS
BLOCKS_PER_GROUP: Final = 4
GROUP_BITS: Final = BLOCKS_PER_GROUP * BLOCK_BITS

OFFSET_WORDS: Final[dict[BlockName, int]] = {
    "A": 0x0FC,
    "B": 0x198,
    "C": 0x168,
    "C'": 0x350,
    "D": 0x1B4,
}

#: Syndromes of error-free blocks by the parity matrix of the standard (table B.1).
SYNDROMES_MATRIX: Final[dict[BlockName, int]] = {
    "A": 0x3D8,
    "B": 0x3D4,
    "C": 0x25C,
    "C'": 0x3CC,
    "D": 0x258,
}

#: Syndromes of error-free blocks as the plain remainder of the 26 bits by g(x).
SYNDROMES_REMAINDER: Final[dict[BlockName, int]] = OFFSET_WORDS

#: Names of the four blocks of a version A and of a version B group, in the order of transmission.
BLOCKS_VERSION_A: Final[tuple[BlockName, ...]] = ("A", "B", "C", "D")
BLOCKS_VERSION_B: Final[tuple[BlockName, ...]] = ("A", "B", "C'", "D")

#: Longest error burst that the code can correct, and the longest that should be (IEC 62106 annex
#: B: more than two bits lets too many false blocks pass).
LONGEST_BURST_BITS: Final = 5
SAFE_BURST_BITS: Final = 2

"""The basic character table G0 of RDS (IEC 62106 annex E, EN 50067 table E.1), both ways.

Bytes 0x20 to 0xFE are letters. Below are four controls. The table follows ISO 646 except for 0x24
(¤), 0x5E (―), 0x60 (‖) and 0x7E (¯). Sources differ on the names of three glyphs; the letters a
reader means are taken: 0x8D ß (drawn like β), 0xCE Đ (drawn like Ð), 0x60 ‖. `CODES` accepts the
look-alikes too.
"""

from __future__ import annotations

from typing import Final

LINE_BREAK: Final = 0x0A
END_OF_HEADLINE: Final = 0x0B
END_OF_TEXT: Final = 0x0D
SOFT_HYPHEN: Final = 0x1F
SPACE: Final = 0x20

_FIRST: Final = 0x20
_ROWS: Final = (
    " !\"#¤%&'()*+,-./",
    "0123456789:;<=>?",
    "@ABCDEFGHIJKLMNO",
    "PQRSTUVWXYZ[\\]―_",
    "‖abcdefghijklmno",
    "pqrstuvwxyz{|}¯\0",
    "áàéèíìóòúùÑÇŞß¡Ĳ",
    "âäêëîïôöûüñçşǧıĳ",
    "ªα©‰Ǧěňőπ€£$←↑→↓",
    "º¹²³±İńűµ¿÷°¼½¾§",
    "ÁÀÉÈÍÌÓÒÚÙŘČŠŽĐĿ",
    "ÂÄÊËÎÏÔÖÛÜřčšžđŀ",
    "ÃÅÆŒŷÝÕØÞŊŔĆŚŹŦð",
    "ãåæœŵýõøþŋŕćśźŧ\0",
)

#: 256 entries, byte to character; None for the controls and the two positions without a letter.
CHARACTERS: Final[tuple[str | None, ...]] = (None,) * _FIRST + tuple(
    None if letter == "\0" else letter for row in _ROWS for letter in row
)

#: Character to byte, with the look-alikes.
CODES: Final[dict[str, int]] = {
    letter: code for code, letter in enumerate(CHARACTERS) if letter is not None
} | {"β": 0x8D, "Ð": 0xCE, "║": 0x60, "—": 0x5E, "–": 0x2D, "μ": 0xB8, "\u00a0": 0x20}

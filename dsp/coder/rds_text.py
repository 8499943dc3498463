"""Text for PS, RadioText and PTYN: Unicode into the one-byte characters of RDS.

What the table G0 of the standard has is kept, which for Vietnamese means all letters with a plain
acute or grave, â ê ô, ã õ, ý and đ. For the others the nearest letter is taken, in this order: the
letter itself, the letter without its tone mark (ế becomes ê, ậ becomes â), the bare letter (ă ơ ư
become a o u; ả becomes a). With `letters="ascii"` everything becomes a bare letter and đ becomes d:
many pocket receivers draw nothing else.

Khmer and Chinese have no transliteration here that a listener would recognise: they are refused.
Enhanced RadioText carries them in UTF-8.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

from dsp.errors import Refusal
from dsp.rds.characters import CODES, SPACE

Letters = Literal["table", "ascii"]

#: Tone marks of Vietnamese: grave, acute, hook above, tilde, dot below.
_TONES: Final = frozenset("\u0300\u0301\u0309\u0303\u0323")
_INSTEAD: Final = {
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
    "…": "...",
    "–": "-",
    "—": "-",
    "~": "-",
    "`": "'",
    "\u00a0": " ",
    "•": "*",
    "\n": " ",
    "\r": " ",
    "\t": " ",
    "₫": "đ",
}
_BARE: Final = {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ø": "o", "Ø": "O", "ß": "ss", "ı": "i"}


def _nearest(letter: str, letters: Letters) -> str | None:
    """Return what stands for `letter` (one NFC character), None if nothing does."""
    ascii_only = letters == "ascii"
    letter = _INSTEAD.get(letter, letter)
    if ascii_only:
        letter = _BARE.get(letter, letter)
    if all(c in CODES and not (ascii_only and ord(c) > 0x7E) for c in letter):
        return letter
    marks = unicodedata.normalize("NFD", letter)
    toneless = unicodedata.normalize("NFC", "".join(c for c in marks if c not in _TONES))
    for tried in (toneless, marks[0]):
        if len(tried) == 1 and tried in CODES and not (ascii_only and ord(tried) > 0x7E):
            return tried
    return None


def encode_text(text: str, *, name: str, most: int, letters: Letters = "table") -> bytes:
    """Return `text` in RDS characters, at most `most` of them; `name` is the key it came from.

    Raises
    ------
    Refusal
        ``rds.text`` where a character has no counterpart or the text is too long.
    """
    if not isinstance(text, str):
        raise Refusal("rds.text", expected=f"{name} as text", got=repr(text)[:60], advice="quotes")
    encoded = bytearray()
    for letter in unicodedata.normalize("NFC", text):
        near = _nearest(letter, letters)
        if near is None:
            raise Refusal(
                "rds.text",
                expected=f"{name} in letters that RDS can send",
                got=f"{letter!r} (U+{ord(letter):04X}) in {text[:40]!r}",
                advice="Latin letters here, and the ert key for Khmer or Chinese in UTF-8",
            )
        encoded += bytes(CODES[c] for c in near)
    if len(encoded) > most:
        raise Refusal(
            "rds.text",
            expected=f"{name} of at most {most} characters",
            got=f"{len(encoded)}: {text[:80]!r}",
            advice="a shorter text",
        )
    return bytes(encoded)


def padded(text: bytes, length: int) -> bytes:
    """Return `text` filled with spaces to `length`."""
    return text.ljust(length, bytes([SPACE]))

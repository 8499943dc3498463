"""Announcements made up from our own words: as many different texts as one asks for, from a seed.

    text = announcement(np.random.default_rng(7), syllables=400)

A text is a greeting, sentences drawn from patterns whose every slot is drawn anew, and a closing.
`shared_run` tells how long a run of syllables two texts have in common: a synthetic voice reads the
same words in the same way, so this is what makes two different bulletins alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from bench.match.halves import Half, own_half
from bench.match.words import WORDS

_SLOT = re.compile(r"{(\w+?)\d?}")


def number(value: int) -> str:
    """The number 0 … 999 in Vietnamese words."""
    digit = WORDS["digits"]
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    said = [digit[hundreds], "trăm"] if hundreds else []
    if tens == 1:
        said.append("mười")
    elif tens:
        said += [digit[tens], "mươi"]
    elif hundreds and ones:
        said.append("lẻ")
    if ones or not said:
        said.append("lăm" if ones == 5 and tens else digit[ones])
    return " ".join(said)


def _person(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS[part]) for part in ("families", "middles", "given"))


def _hour(rng: np.random.Generator) -> str:
    minute = number(int(rng.integers(1, 12)) * 5)
    return f"{number(int(rng.integers(4, 22)))} giờ {minute}"


def _day(rng: np.random.Generator) -> str:
    return f"ngày {number(int(rng.integers(1, 31)))} tháng {number(int(rng.integers(1, 13)))}"


def _phone(rng: np.random.Generator) -> str:
    return " ".join(WORDS["digits"][int(digit)] for digit in rng.integers(0, 10, 7))


_MADE: dict[str, Callable[[np.random.Generator], str]] = {
    "person": _person,
    "hour": _hour,
    "day": _day,
    "phone": _phone,
    "count": lambda rng: number(int(rng.integers(2, 990))),
}
_LISTED = {
    "place": WORDS["places"],
    "body": WORDS["bodies"],
    "crop": WORDS["crops"],
    "animal": WORDS["animals"],
    "pest": WORDS["pests"],
    "illness": WORDS["illnesses"],
    "goods": WORDS["goods"],
    "road": WORDS["roads"],
    "weather": WORDS["weather"],
    "deed": WORDS["deeds"],
    "people": WORDS["people"],
    "daypart": WORDS["dayparts"],
    "weekday": WORDS["weekdays"],
}


def filled(pattern: str, rng: np.random.Generator) -> str:
    """Return `pattern` with every slot drawn anew."""

    def draw(slot: re.Match[str]) -> str:
        name = slot.group(1)
        made = _MADE.get(name)
        return made(rng) if made else str(rng.choice(_LISTED[name]))

    said = _SLOT.sub(draw, pattern)
    return said[0].upper() + said[1:]


def announcement(rng: np.random.Generator, *, syllables: int, half: Half | None = None) -> str:
    """Return a Vietnamese announcement of at least so many syllables, of one half's patterns."""

    def one(kind: str) -> str:
        return filled(str(rng.choice(_of(kind, half))), rng)

    parts = [one("greetings")]
    while sum(len(part.split()) for part in parts) < syllables:
        parts.append(one("sentences"))
    parts.append(one("closings"))
    return " ".join(parts)


def _of(kind: str, half: Half | None) -> list[str]:
    return own_half(WORDS[kind], half) if half else WORDS[kind]


def revised(text: str, rng: np.random.Generator) -> str:
    """Return the bulletin as it would be read the next day: only its numbers are others."""
    numerals = set(WORDS["digits"]) - {"năm", "không", "ba"}
    return " ".join(
        str(rng.choice(sorted(numerals))) if word in numerals else word for word in text.split()
    )


def english_announcement(
    rng: np.random.Generator, *, syllables: int, half: Half | None = None
) -> str:
    """Return an English announcement of at least about so many syllables, of one half's words."""
    parts: list[str] = []
    while 1.5 * sum(len(part.split()) for part in parts) < syllables:
        drawn = [
            str(rng.choice(options))
            for options in (
                _of(f"english_{slot}", half)
                for slot in ("times", "subjects", "verbs", "things", "places")
            )
        ]
        said = " ".join(drawn).replace("{count}", str(rng.integers(2, 29)))
        parts.append(said[0].upper() + said[1:] + ".")
    return " ".join(parts)


def plain(text: str) -> list[str]:
    """Return the syllables of a text as they are said, without marks and capitals."""
    return re.sub(r"[.,]", "", text).lower().split()


def shared_run(text: str, others: Iterable[str], *, longest: int = 40) -> int:
    """Return the longest run of syllables that `text` has in common with any of `others`."""
    mine = plain(text)
    theirs = [plain(other) for other in others]
    best = 0
    for length in range(1, longest + 1):
        known = {tuple(o[i : i + length]) for o in theirs for i in range(len(o) - length + 1)}
        if not any(tuple(mine[i : i + length]) in known for i in range(len(mine) - length + 1)):
            break
        best = length
    return best

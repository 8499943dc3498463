"""The one row of bytes that stands for a JSON value: RFC 8785, for values without fractions.

And the way back, `strict_json`: what has no canonical form is not read either.

Keys in order, no white space, text as UTF-8 with only the escapes that JSON demands. Fractions are
refused: how they are written is where canonical forms disagree, and an envelope needs none.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

# RFC 8785 §3.2.2.3 writes numbers as ECMAScript does, which is exact up to here.
MOST_INTEGER = 2**53 - 1


def canonical_bytes(value: Any) -> bytes:
    """Return the canonical form of `value`: objects with ASCII keys, lists, text, integers, flags.

    Raises
    ------
    ValueError
        For anything else: a fraction, an integer beyond 2**53 - 1, half a surrogate pair.
    """
    _require_plain(value)
    # Python's escapes are those of §3.2.2.2, and ASCII keys sort by code unit (§3.2.3) as by point.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")  # UnicodeEncodeError is a ValueError


def _require_plain(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError(f"key: expected ASCII text, got {key!r}")
            _require_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _require_plain(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > MOST_INTEGER:
            raise ValueError(f"integer: expected within ±{MOST_INTEGER}, got {value}")
    elif not isinstance(value, str | bool):
        raise ValueError(  # noqa: TRY004 - one error for all that has no canonical form
            f"value: expected text, integer, flag, list or object, got {value!r}"
        )


def strict_json(content: bytes) -> Any:
    """Return the JSON value in UTF-8 text, as long as it has no key twice and no fractions.

    Raises
    ------
    ValueError
        For everything else, however deep or long.
    """
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    except RecursionError as error:
        raise ValueError("a value too deep") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key that stands twice")
    return found


def _no_fraction(text: str) -> NoReturn:
    raise ValueError(f"the number {text[:40]}")

"""How every command speaks: results on stdout, everything else on stderr, one line for an error.

With `--json` stdout carries JSON Lines, each object with `"schema": "loa.<command>/1"`; NaN and
infinity never appear (docs/reference/commands.md).
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.errors import Refusal


def print_json(command: str, fields: Mapping[str, Any]) -> None:
    """Print one JSON Lines object of `command` on stdout."""
    line = json.dumps({"schema": f"loa.{command}/1", **fields}, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Print what went wrong as one line on stderr, and as an object on stdout with `--json`."""
    line = (
        f"loa: {refusal.kind}: expected {refusal.expected}, got {refusal.got}; try {refusal.advice}"
    )
    sys.stderr.write(" ".join(line.split()) + "\n")
    if as_json:
        fields = {
            "kind": refusal.kind,
            "expected": refusal.expected,
            "got": refusal.got,
            "try": refusal.advice,
        }
        print_json("error", fields)


def refusal_of(error: OSError) -> Refusal:
    """Turn an error of the operating system into words and exit code 4."""
    from dsp.errors import Refusal

    where = f" ({error.filename})" if error.filename else ""
    return Refusal(
        "system." + type(error).__name__.removesuffix("Error").lower(),
        expected="the operating system to allow it",
        got=f"{error.strerror or error}{where}",
        advice="another folder, more free space or other permissions",
        exit_code=4,
    )


def note(line: str) -> None:
    """Say something to the person at the terminal, apart from the results."""
    sys.stderr.write(line + "\n")

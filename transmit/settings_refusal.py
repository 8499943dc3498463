"""The refusal of a value that a dsp block does not take: its ValueError in the command's words."""

from __future__ import annotations

from dsp.errors import Refusal


def refusal_of_value(kind: str, error: ValueError) -> Refusal:
    """Word "KEY: expected RANGE, got VALUE" as the refusal `kind`."""
    wanted, _, got = str(error).partition(", got ")
    return Refusal(
        kind,
        expected=wanted.replace(": expected ", " ", 1),
        got=got or "that",
        advice="a value in that range",
    )

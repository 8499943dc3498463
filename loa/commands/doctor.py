"""`loa doctor`: which optional parts this machine has, and the one command that mends each."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """List every part Loa can use, its state, and the one command that mends it.

    Exit code 3 only if a part that Loa cannot do without is missing.

    Example: loa doctor --json
    """
    from loa.parts import report_parts

    return report_parts(as_json=as_json)

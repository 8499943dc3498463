"""One row of a bench: what was timed, the value, what is required, the peer."""

from __future__ import annotations

from typing import Any


def row(
    work: str, value: float, unit: str, required: str | None, *, ok: bool | None, **more: Any
) -> dict[str, Any]:
    """Return a bench row of contract.md, `loa bench`."""
    fields = {"peer": None, "peer_value": None, "ratio": None}
    return {"work": work, "value": value, "unit": unit, "required": required, "ok": ok} | (
        fields | more
    )

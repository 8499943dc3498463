"""Answers given on the connection itself, before a request is worth any work: bytes, whole."""

from __future__ import annotations

import json

from dsp.errors import Refusal
from loa.service import addresses, problems
from loa.service.first_bytes import FIRST_BYTES

_REASONS = {408: "Request Timeout", 429: "Too Many Requests"}


def too_slow(receive_s: float) -> bytes:
    """Return the answer to a body whose first bytes do not come."""
    return _whole(
        Refusal(
            "request.too_slow",
            expected=f"the first {FIRST_BYTES} bytes of a body, or all of it, "
            f"within {receive_s:g} s",
            got="fewer",
            advice="a better line",
        )
    )


def too_many(most: int) -> bytes:
    """Return the answer to one connection too many of a client."""
    return _whole(addresses.too_many(most, "connections"))


def _whole(refusal: Refusal) -> bytes:
    problem = problems.problem_of(refusal)
    body = json.dumps(problem).encode()
    lines = [f"HTTP/1.1 {problem['status']} {_REASONS[problem['status']]}"]
    lines += [f"Content-Type: {problems.MEDIA_TYPE}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in problems.retry_after(refusal).items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body

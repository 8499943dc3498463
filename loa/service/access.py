"""Who asks, and how often they may: the dependencies of every route."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Annotated

from anyio import to_thread
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dsp.errors import Refusal
from loa.service import problems
from loa.service.room import Room
from loa.service.tokens import Caller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_BEARER = HTTPBearer(auto_error=False, description="A token of `loa token create`.")


async def room_of(request: Request) -> Room:
    """Return what the service holds."""
    room: Room = request.app.state.room
    return room


async def caller_of(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
) -> Caller:
    """Return whom the request comes from, within the rate of its token.

    What is remembered is answered here; looking up takes a thread, and hashing one of two that are
    there for it, so that whoever guesses waits for himself only.
    """
    caller = None
    if bearer is not None:
        room: Room = request.app.state.room
        tokens, token = room.tokens, bearer.credentials
        caller = tokens.remembered(token)
        if caller is None:
            limiter = None if tokens.is_familiar(token) else request.app.state.hashing
            caller = await to_thread.run_sync(tokens.caller, token, limiter=limiter)
    if caller is None:
        raise problems.unauthorised()
    request.app.state.rates.take(caller)
    return caller


def with_scope(scope: str) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency of a route that needs a token with `scope`."""

    async def checked(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not caller.may(scope):
            raise problems.forbidden(f"the scope {scope}")
        return caller

    return checked


class Rates:
    """Token buckets, one a token: as many requests at once as are allowed in a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: Caller) -> None:
        """Count one request; raises Refusal "request.rate" for one too many."""
        now_s, most = time.monotonic(), caller.limits.requests_per_minute
        with self._lock:
            left, at_s = self._left.get(caller.token_id, (float(most), now_s))
            left = min(float(most), left + (now_s - at_s) * most / 60)
            self._left[caller.token_id] = (max(left - 1, 0.0) if left >= 1 else left, now_s)
        if left < 1:
            raise Refusal(
                "request.rate",
                expected=f"at most {most} requests a minute",
                got="more",
                advice="again in a second",
            )


Submitter = Annotated[Caller, Depends(with_scope("submit"))]
Reader = Annotated[Caller, Depends(with_scope("read"))]
Manager = Annotated[Caller, Depends(with_scope("manage"))]
RoomHere = Annotated[Room, Depends(room_of)]

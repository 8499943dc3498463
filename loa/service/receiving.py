"""Who sends slowly is sent away: deadlines for a request's head and for its body.

uvicorn waits for ever for the end of a request. `Http` gives the head `receive_s`; `received_parts`
asks of a body that it keeps to a pace, so that 5 000 slow senders cost 5 000 sockets for seconds.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from dsp.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Request

    from loa.service.settings import Limits


def http_protocol(receive_s: float) -> type[H11Protocol]:
    """Return uvicorn's HTTP/1.1 with a deadline of `receive_s` for the head of every request."""

    class Http(H11Protocol):
        """One connection."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            """Start the clock."""
            super().connection_made(transport)
            self._arm()

        def data_received(self, data: bytes) -> None:
            """Stop the clock once the head is complete."""
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._disarm()

        def on_response_complete(self) -> None:
            """Start the clock for the next request."""
            super().on_response_complete()
            waits = self.cycle is None or self.cycle.response_complete
            if waits and not self.transport.is_closing():
                self._arm()

        def connection_lost(self, exc: Exception | None) -> None:
            """Stop the clock."""
            self._disarm()
            super().connection_lost(exc)

        def _arm(self) -> None:
            self._disarm()
            self._deadline = self.loop.call_later(receive_s, self.transport.abort)

        def _disarm(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Http


async def received_parts(
    request: Request, limits: Limits, piece_bytes: int
) -> AsyncIterator[bytes]:
    """Yield the body of `request` in pieces of about `piece_bytes`.

    Raises
    ------
    Refusal
        "request.too_large" and "request.too_slow".
    """
    most = limits.upload_bytes
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise _too_large(most, f"{told} bytes by its header")
    began, size, held = time.monotonic(), 0, bytearray()
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(limits.receive_s):
                piece = await anext(stream, None)
        except TimeoutError:
            raise _too_slow(limits, f"a pause of {limits.receive_s:g} s") from None
        if piece is None:
            break
        size += len(piece)
        if size > most:
            raise _too_large(most, "more than that")
        took_s = time.monotonic() - began
        if took_s > limits.receive_s and size < took_s * limits.receive_bytes_per_s:
            raise _too_slow(limits, f"{size / took_s:.0f} bytes a second")
        held += piece
        if len(held) >= piece_bytes:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _too_large(most: int, got: str) -> Refusal:
    return Refusal(
        "request.too_large",
        expected=f"a body of at most {most} bytes",
        got=got,
        advice="FLAC in place of WAV, or a token with a higher limit",
    )


def _too_slow(limits: Limits, got: str) -> Refusal:
    return Refusal(
        "request.too_slow",
        expected=f"a body at {limits.receive_bytes_per_s:.0f} bytes a second or more",
        got=got,
        advice="a better line, or a smaller file",
    )

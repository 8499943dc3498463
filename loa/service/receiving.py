"""Who sends slowly is sent away: deadlines for a request's head and for its body.

uvicorn waits for ever for the end of a request. The gate (`gate.py`) passes a connection on once
the head and the first bytes of its first request are there. `Http` gives the later requests of a
connection, and the first where there is no gate, the same time for the same; `received_parts` asks
of the rest that it keeps to a pace.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dsp.errors import Refusal
from loa.service.first_bytes import FirstBytes
from loa.service.short_answers import too_slow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import Request

    from loa.service.settings import Limits


class Http(H11Protocol):
    """One connection; its subclass says for how long it waits, and what it answers then."""

    receive_s: float
    too_slow: bytes
    _deadline: asyncio.TimerHandle | None = None
    _first: FirstBytes | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Hold the start of a request back; stop the clock once it is passed on."""
        if self._first is None and self._is_between_requests():
            self._first = FirstBytes()
            if self.cycle is not None:
                self._arm()  # a later request has its own time
        if self._first is not None:
            self._unset_keepalive_if_required()
            enough = self._first.take(data)
            if enough is None:
                return
            self._first, data = None, enough
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

    def _is_between_requests(self) -> bool:
        return self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(self.receive_s, self._send_away)

    def _send_away(self) -> None:
        if self._first is None or not self._first.has_head:
            self.transport.abort()
            return
        self.transport.write(self.too_slow)
        self.transport.close()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def http_protocol(receive_s: float) -> type[H11Protocol]:
    """Return uvicorn's HTTP/1.1 with a deadline of `receive_s` for the start of every request."""

    class Timed(Http):
        pass

    Timed.receive_s, Timed.too_slow = receive_s, too_slow(receive_s)
    return Timed


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

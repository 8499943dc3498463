"""One HTTP exchange with a checked destination: h11 over a socket, within a time and a size.

Nothing is kept between exchanges, no proxy and no environment is asked, no redirection is followed
here: `fetching` checks each one as if it were a new URL.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from loa.service.destinations import (
    Destination,
    Resolver,
    checked_addresses,
    system_resolver,
    unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loa.service.settings import Outgoing

_RECEIVE_BYTES = 1 << 16
_AGENT = "loa"


@dataclass(frozen=True)
class Answer:
    """What came back: the head, and the body piece by piece while the exchange is open."""

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class Visitor:
    """Goes to destinations by the operator's rules.

    Parameters
    ----------
    resolve
        Names to addresses; a test gives its own.
    trust
        Whom TLS trusts; the system's authorities where none is given.
    """

    rules: Outgoing
    resolve: Resolver = system_resolver
    trust: ssl.SSLContext | None = None

    @contextlib.contextmanager
    def visit(
        self, place: Destination, method: str, headers: dict[str, str], body: bytes = b""
    ) -> Iterator[Answer]:
        """Hold one exchange open; it ends after `total_s` whatever happens.

        Raises
        ------
        Refusal
            "url.forbidden", "url.unreachable".
        """
        ends_at = time.monotonic() + self.rules.total_s
        addresses = checked_addresses(place, self.rules, self.resolve)
        with _failures(place), contextlib.closing(self._connect(place, addresses)) as line:
            exchange = _Exchange(line, ends_at, self.rules.connect_s)
            told = {"Host": place.authority, "User-Agent": _AGENT, "Connection": "close"} | headers
            exchange.send(h11.Request(method=method, target=place.target, headers=[*told.items()]))
            if body:
                exchange.send(h11.Data(data=body))
            exchange.send(h11.EndOfMessage())
            head = exchange.head()
            found = {name.decode().lower(): value.decode("latin-1") for name, value in head.headers}
            yield Answer(head.status_code, found, exchange.pieces())

    def _connect(self, place: Destination, addresses: list[str]) -> socket.socket:
        line = None
        for number, address in enumerate(addresses):
            try:
                line = socket.create_connection((address, place.port), self.rules.connect_s)
                break
            except OSError:
                if number == len(addresses) - 1:
                    raise
        assert line is not None
        if place.scheme == "http":
            return line
        try:
            context = self.trust or ssl.create_default_context()
            return context.wrap_socket(line, server_hostname=place.host)
        except BaseException:
            line.close()
            raise


class _Exchange:
    """h11 on a connected socket."""

    def __init__(self, line: socket.socket, ends_at: float, pause_s: float) -> None:
        self._line = line
        self._ends_at = ends_at
        self._pause_s = pause_s
        self._peer = h11.Connection(h11.CLIENT)

    def send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self._peer.send(event)
        if data:
            self._line.settimeout(self._left_s())
            self._line.sendall(data)

    def head(self) -> h11.Response:
        while True:
            event = self._event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("the connection ended before an answer")

    def pieces(self) -> Iterator[bytes]:
        while not isinstance(event := self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise h11.RemoteProtocolError("the connection ended within the answer")
            yield bytes(event.data)

    def _event(self) -> object:
        while (event := self._peer.next_event()) is h11.NEED_DATA:
            self._line.settimeout(min(self._pause_s, self._left_s()))
            self._peer.receive_data(self._line.recv(_RECEIVE_BYTES))
        return event

    def _left_s(self) -> float:
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no time left")
        return left_s


@contextlib.contextmanager
def _failures(place: Destination) -> Iterator[None]:
    """Turn what a peer or a network does wrong into a refusal."""
    try:
        yield
    except TimeoutError as error:
        raise unreachable(place, "no answer in time") from error
    except (OSError, h11.RemoteProtocolError) as error:
        raise unreachable(place, str(error) or type(error).__name__) from error

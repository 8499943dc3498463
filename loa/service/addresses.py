"""Who a connection counts for: its address, or none for a proxy that speaks for others."""

from __future__ import annotations

import ipaddress
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from loa.service import problems

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]
    Receive = Callable[[], Awaitable[Message]]
    App = Callable[[Message, Receive, Send], Awaitable[None]]

_OF_ONE_SITE_BITS = 64  # a subscriber has so many IPv6 addresses to himself, or more


class Clients:
    """Tells the clients apart whose connections are counted."""

    def __init__(self, trusted_proxies: tuple[str, ...]) -> None:
        networks = [ipaddress.ip_network(network) for network in trusted_proxies]

        @lru_cache(maxsize=10_000)
        def client(address: str) -> str | None:
            try:
                found = ipaddress.ip_address(address.partition("%")[0])
            except ValueError:  # not an IP connection
                return None
            if isinstance(found, ipaddress.IPv6Address):
                found = found.ipv4_mapped or found
            if any(found in network for network in networks):
                return None
            if found.version == 4:
                return str(found)
            return str(ipaddress.ip_network((int(found), _OF_ONE_SITE_BITS), strict=False))

        self.client = client


def too_many(most: int, what: str) -> Refusal:
    """Refuse one connection or request too many of an address."""
    return Refusal(
        "request.too_many",
        expected=f"at most {most} {what} of one address at once",
        got="more",
        advice="again in a few seconds, or fewer at once",
    )


class PerAddress:
    """Answers so many requests of one address at once around an application (ASGI)."""

    def __init__(self, app: App, most: int, trusted_proxies: tuple[str, ...]) -> None:
        self._app, self._most = app, most
        self._clients = Clients(trusted_proxies)
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 429."""
        address = scope.get("client")
        client = self._clients.client(address[0]) if address else None
        if client is None:
            await self._app(scope, receive, send)
            return
        if self._open[client] >= self._most:
            refusal = too_many(self._most, "requests")
            await problems.problem_response(refusal)(scope, receive, send)
            return
        self._open[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

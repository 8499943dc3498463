"""Where the service may connect to on a caller's word: listed hosts, at checked addresses.

A URL is read once into a `Destination`; its host is resolved once; every address of it must be one
of the open internet, or of a network that the operator listed. The connection then goes to
that address, not to the name: a name that means something else a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from dsp.errors import Refusal

if TYPE_CHECKING:
    from loa.service.settings import Outgoing

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]
MOST_URL = 1000
# Addresses that hold an IPv4 address inside: what counts is where that one leads.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")


@dataclass(frozen=True)
class Destination:
    """One URL, taken apart."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == {"http": 80, "https": 443}[self.scheme]
        return host if usual else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL again."""
        return f"{self.scheme}://{self.authority}{self.target}"


def destination(url: str, rules: Outgoing) -> Destination:
    """Return where `url` leads, if the rules allow the host.

    Raises
    ------
    Refusal
        "url.invalid", "url.forbidden".
    """
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_URL
    try:
        parts = urlsplit(url) if plain else None
        port = parts.port if parts else None
    except ValueError:
        parts = port = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid(url)
    if parts.username is not None or parts.password is not None or "\\" in url:
        raise _invalid(url)
    host = parts.hostname.rstrip(".").lower()
    port = port or {"http": 80, "https": 443}[parts.scheme]
    if parts.scheme == "http" and not rules.plain_http:
        raise _forbidden("https", "http")
    if port not in rules.ports:
        raise _forbidden(f"one of the ports {', '.join(map(str, rules.ports))}", str(port))
    if not any(_matches(host, allowed) for allowed in rules.hosts):
        raise _forbidden("a host of the service's allow-list", host)
    query = f"?{parts.query}" if parts.query else ""
    return Destination(parts.scheme, host, port, (parts.path or "/") + query)


def redirected(place: Destination, location: str, rules: Outgoing) -> Destination:
    """Return where a redirection leads, checked as the first URL was."""
    return destination(urljoin(place.url, location), rules)


def checked_addresses(place: Destination, rules: Outgoing, resolve: Resolver) -> list[str]:
    """Return the addresses of `place`, all of which may be connected to.

    Raises
    ------
    Refusal
        "url.unreachable" where the name has none, "url.forbidden" where one of them is private.
    """
    try:
        found = resolve(place.host, place.port)
    except OSError as error:
        raise unreachable(place, f"no address: {error.strerror or error}") from error
    if not found:
        raise unreachable(place, "no address")
    for text in found:
        if not _may_reach(ipaddress.ip_address(text.partition("%")[0]), rules):
            # The address itself is not told: the answer would map the network behind us.
            raise _forbidden("a host with addresses of the open internet", place.host)
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def unreachable(place: Destination, got: str) -> Refusal:
    """Refuse a host that does not answer as it should."""
    return Refusal(
        "url.unreachable",
        expected=f"an answer from {place.host}",
        got=got[:200],
        advice="again later, or sending the file itself",
    )


def _may_reach(address: Address, rules: Outgoing) -> bool:
    if any(address in ipaddress.ip_network(network) for network in rules.networks):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        inside = _inside(address)
        if inside is not None:
            return _may_reach(inside, rules)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    )


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _matches(host: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return host.endswith(allowed[1:]) and host != allowed[2:]
    return host == allowed.lower()


def _invalid(url: str) -> Refusal:
    return Refusal(
        "url.invalid",
        expected=f"an https URL of at most {MOST_URL} ASCII characters, without a password",
        got=repr(url)[:200],
        advice="percent-encoding what is not ASCII",
    )


def _forbidden(expected: str, got: str) -> Refusal:
    return Refusal(
        "url.forbidden",
        expected=expected,
        got=got[:200],
        advice="sending the file itself, or asking the operator for [outgoing] in SERVICE.toml",
    )

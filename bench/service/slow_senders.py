"""Thousands of half-sent requests, from a process of their own.

    python -m bench.service.slow_senders URL TOKEN COUNT

The callers whose answers are timed must not share an interpreter with these. Prints how long the
last was open, in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
import time
from urllib.parse import urlsplit

_OPENED_AT_ONCE = 200


def main() -> int:
    """Hold them open until the service closes them."""
    url, token, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(asyncio.run(_held_open(url, token, count)))
    return 0


async def _held_open(url: str, token: str, count: int) -> float:
    place = urlsplit(url)
    said = f"Host: loa\r\nAuthorization: Bearer {token}\r\n"
    head = f"GET /v1/jobs HTTP/1.1\r\n{said}".encode()
    body = f"PUT /v1/jobs/slow HTTP/1.1\r\n{said}Content-Length: 100000\r\n\r\nRIFF".encode()
    opening = asyncio.Semaphore(_OPENED_AT_ONCE)

    async def hold(number: int) -> float:
        async with opening:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
        began_s = time.monotonic()
        writer.write(body if number % 2 else head)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        return time.monotonic() - began_s

    return max(await asyncio.gather(*(hold(number) for number in range(count))))


if __name__ == "__main__":
    sys.exit(main())

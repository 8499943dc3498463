"""What comes first of a request is held back until it is worth work, and never for ever."""

import asyncio

import pytest

from loa.service.first_bytes import FirstBytes
from loa.service.receiving import http_protocol
from loa.service.settings import load_settings
from tests.service.inside import inside

PUT = b"PUT /v1/jobs/k HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        GET,
        GET.replace(b"\r\n", b"\n"),
        b"\r\n\r\n",
        PUT + b"Content-Length: 5\r\n\r\nRIFF!",
        PUT + b"content-length:5\r\n\r\nRIFF!",
        PUT + b"Content-Length: 100000\r\n\r\n" + bytes(4096),
        PUT + b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
        CHUNKED + b"4\r\nRIFF\r\n0\r\n\r\n",
        CHUNKED + b"4\r\nRIFF\r\n0\r\nX-A: b\r\n\r\n",
        CHUNKED + b"fff\r\n" + bytes(4091),
        bytes(65_537),
    ],
)
def test_what_is_enough_is_let_through_whole_and_at_once_however_it_is_cut(request_):
    for step in (1, 7, len(request_)):
        first = FirstBytes()
        pieces = [request_[start : start + step] for start in range(0, len(request_), step)]
        came = [first.take(piece) for piece in pieces]
        assert came == [None] * (len(pieces) - 1) + [request_]


@pytest.mark.parametrize(
    ("request_", "has_head"),
    [
        (GET[:-1], False),
        (PUT + b"Content-Length: 5\r\n\r\nRIFF", True),
        (PUT + b"Content-Length: 100000\r\n\r\n" + bytes(4095), True),
        (CHUNKED + b"4\r\nRIFF\r\n", True),
        (bytes(65_536), False),
    ],
)
def test_what_is_not_enough_is_held(request_, has_head):
    first = FirstBytes()
    assert first.take(request_) is None
    assert first.has_head is has_head


def test_requests_in_one_go_and_one_after_the_other_are_all_answered(tmp_path, cheap_hashes):
    """Pipelined, then with a body whose start is held back on the same connection."""
    with inside(load_settings(None, tmp_path)) as api:
        line = f"Host: x\r\nAuthorization: Bearer {api.token()}\r\n".encode()
        get = b"GET /v1/jobs HTTP/1.1\r\n" + line + b"\r\n"
        put = b"PUT /v1/jobs/piped HTTP/1.1\r\n" + line + b"Content-Length: 8\r\n\r\nRIFF"
        place = api.url.removeprefix("http://").split(":")

        async def talk():
            reader, writer = await asyncio.open_connection(*place)

            async def answer():
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                return head.split(b" ")[1], await reader.readexactly(size)

            writer.write(get + get + get[:20])
            found = [await answer(), await answer()]
            writer.write(get[20:])
            found.append(await answer())
            writer.write(put)
            await writer.drain()
            writer.write(b"WAVE" + get)
            found += [await answer(), await answer()]
            writer.close()
            return found

        found = asyncio.run(asyncio.wait_for(talk(), 60.0))
    assert [status for status, _ in found] == [b"200", b"200", b"200", b"202", b"200"]
    assert b"piped" in found[-1][1]


def test_a_protocol_answers_with_its_own_deadline():
    assert b"within 2 s" in http_protocol(2.0).too_slow
    assert b"within 6 s" in http_protocol(6.0).too_slow

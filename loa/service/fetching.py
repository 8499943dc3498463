"""A bulletin by URL: fetched before the job is accepted, so that what was accepted is kept.

Between the caller's word and the bytes stand the allow-list, the checked address (again at every
redirection), and limits on size and time. What the other side says about the type is not believed:
the decoder looks at the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsp.errors import Refusal
from loa.service.destinations import Destination, destination, redirected, unreachable
from loa.service.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loa.service.outgoing import Answer, Visitor

_MOST_REDIRECTIONS = 3
_REDIRECTIONS = (301, 302, 303, 307, 308)
_ASKED = {"Accept": "audio/*, application/octet-stream;q=0.9", "Accept-Encoding": "identity"}


def fetch(url: str, visitor: Visitor, folder: Path, most_bytes: int) -> Part:
    """Return the bytes behind `url` as a part in `folder`; the caller closes it.

    Raises
    ------
    Refusal
        "url.invalid", "url.forbidden", "url.unreachable", "url.answer", "request.too_large".
    """
    place = destination(url, visitor.rules)
    for _ in range(_MOST_REDIRECTIONS + 1):
        with visitor.visit(place, "GET", _ASKED) as answer:
            if answer.status not in _REDIRECTIONS:
                return _kept(place, answer, folder, most_bytes)
            place = redirected(place, answer.headers.get("location", ""), visitor.rules)
    raise unreachable(place, f"more than {_MOST_REDIRECTIONS} redirections")


def _kept(place: Destination, answer: Answer, folder: Path, most_bytes: int) -> Part:
    encoding = answer.headers.get("content-encoding", "identity")
    if answer.status != 200 or encoding != "identity":
        raise Refusal(
            "url.answer",
            expected=f"200 and the file as it is from {place.host}",
            got=f"{answer.status}, {encoding}"[:200],
            advice="a URL that answers with the file itself",
        )
    told = answer.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most_bytes:
        raise _too_large(most_bytes)
    part = Part(folder)
    try:
        for piece in _bounded(answer.pieces, most_bytes):
            part.write(piece)
    except BaseException:
        part.close()
        raise
    return part


def _bounded(pieces: Iterator[bytes], most_bytes: int) -> Iterator[bytes]:
    size_bytes = 0
    for piece in pieces:
        size_bytes += len(piece)
        if size_bytes > most_bytes:
            raise _too_large(most_bytes)
        yield piece


def _too_large(most_bytes: int) -> Refusal:
    return Refusal(
        "request.too_large",
        expected=f"a file of at most {most_bytes} bytes",
        got="more than that",
        advice="FLAC in place of WAV, or a token with a higher limit",
    )

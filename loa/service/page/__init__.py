"""The service's page: its jobs, before and after, in three languages, with nothing from elsewhere.

The page holds no data: it asks the API with the token that its user enters, which the browser keeps
until the tab is closed. The policy on content lets it load from this service only.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

from loa.words import LANGUAGES, load_words

if TYPE_CHECKING:
    from collections.abc import Callable

_MEDIA_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# What the page says with the words of the demo's page; its "failed" speaks of a rendition.
_SHARED = (
    "name",
    "before",
    "after",
    "ip",
    "fm",
    "web",
    "passed",
    "limited",
    "integrated_lufs",
    "loudness_range_lu",
    "true_peak_dbtp",
    "active_speech_level_dbov",
    "noise_floor_dbfs",
    "duration_s",
    "listen_before",
    "listen_after",
    "loudness",
)


def page_router() -> APIRouter:
    """Return the routes of the page: `/` and what it loads."""
    router = APIRouter(include_in_schema=False)
    folder = resources.files(__name__)
    files = {
        f"/{name}": (folder.joinpath(name).read_bytes(), kind)
        for name, kind in _MEDIA_TYPES.items()
    }
    files["/"] = files.pop("/index.html")
    files["/words.json"] = json.dumps(page_words()).encode(), "application/json"
    font = resources.files("loa.page").joinpath("fonts", "noto-sans-khmer.woff2").read_bytes()
    files["/khmer.woff2"] = font, "font/woff2"
    for path, (content, kind) in files.items():
        router.add_api_route(path, _answer(content, kind), response_class=Response)
    return router


def page_words() -> dict[str, dict[str, str]]:
    """Return every word of the page, by language."""
    text = resources.files(__name__).joinpath("words.json").read_text(encoding="utf-8")
    own: dict[str, dict[str, str]] = json.loads(text)
    words = {}
    for language in LANGUAGES:
        shared = load_words(language)
        words[language] = {key: shared[key] for key in _SHARED}
        words[language] |= {"failed_rendition": shared["failed"]} | own[language]
    return words


def _answer(content: bytes, kind: str) -> Callable[[], Response]:
    def answer() -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return answer

"""The application: routes, problems for everything that goes wrong, health and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dsp.errors import Refusal
from loa.service import problems
from loa.service.access import Rates, RoomHere
from loa.service.addresses import PerAddress
from loa.service.answers import Health
from loa.service.blobs import free_bytes
from loa.service.database import failures_refused
from loa.service.events import Watch
from loa.service.events import router as events_router
from loa.service.log import job_log
from loa.service.metrics import MEDIA_TYPE, Counted, Metrics
from loa.service.page import page_router
from loa.service.routes import router
from loa.service.submit_routes import Fetches
from loa.service.submit_routes import router as submit_router

if TYPE_CHECKING:
    from loa.service.room import Room

_ROUTERS = (submit_router, router, events_router)
_LEAST_FREE_BYTES = 64 << 20
_HASHES_AT_ONCE = 2


def create_app(room: Room) -> FastAPI:
    """Return the application over `room`."""
    app = FastAPI(
        title="Loa transcoding service",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # they load scripts from another's server
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.room = room
    app.state.rates = Rates()
    app.state.hashing = anyio.CapacityLimiter(_HASHES_AT_ONCE)
    app.state.watch = Watch(room)
    app.state.metrics = Metrics(room)
    app.state.closing = lambda: False
    app.add_middleware(Counted, metrics=app.state.metrics)
    incoming = room.settings.incoming
    app.add_middleware(
        PerAddress,
        most=incoming.connections_per_address,
        trusted_proxies=incoming.trusted_proxies,
    )
    app.state.fetches = Fetches(room.settings.outgoing.fetches)
    for routes in (*_ROUTERS, page_router()):
        app.include_router(routes)
    app.add_api_route("/healthz", healthz)
    app.add_api_route("/readyz", readyz, responses={503: {"model": Health}})
    app.add_api_route("/metrics", metrics, response_class=Response)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _own_bug)
    return app


def healthz() -> Health:
    """Tell that the process answers."""
    return Health(status="ok", parts={})


def readyz(room: RoomHere, response: Response) -> Health:
    """Tell whether jobs would be accepted: the database writes, and the disk has room."""
    parts = {}
    try:
        with room.database.write():
            parts["database"] = "ok"
    except Refusal as refusal:
        parts["database"] = refusal.got
    with failures_refused():
        free = free_bytes(room.blobs)
    parts["disk"] = "ok" if free >= _LEAST_FREE_BYTES else f"{free} bytes free"
    ready = all(state == "ok" for state in parts.values())
    response.status_code = 200 if ready else 503
    return Health(status="ok" if ready else "not ready", parts=parts)


def metrics(request: Request) -> Response:
    """Give the figures that Prometheus asks for."""
    state = request.app.state
    return Response(state.metrics.shown(state.watch.streams), media_type=MEDIA_TYPE)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problems.problem_response(error)


def _not_valid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"])
    return problems.problem_response(
        problems.invalid(f"{where}: {first['msg']}", repr(first.get("input")))
    )


def _http_error(request: Request, error: Exception) -> Response:
    """Word what the framework refuses: an unknown path, another method."""
    assert isinstance(error, HTTPException)
    kind = {404: "request.not_here", 405: "request.method"}.get(
        error.status_code, "request.invalid"
    )
    refusal = Refusal(
        kind,
        expected="a path and a method of /v1/openapi.json",
        got=f"{request.method} {request.url.path}"[:200],
        advice="GET /v1/openapi.json",
    )
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    return problems.problem_response(refusal, headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods of a path, whichever routes they belong to."""
    found: set[str] = set()
    for route in [*request.app.routes, *(route for one in _ROUTERS for route in one.routes)]:
        pattern, methods = getattr(route, "path_regex", None), getattr(route, "methods", None)
        if pattern is not None and methods and pattern.match(request.url.path):
            found |= methods
    return sorted(found)


def _own_bug(request: Request, error: Exception) -> Response:
    job_log().error("bug", path=request.url.path, error=repr(error))
    refusal = Refusal(
        "service.bug",
        expected="an answer",
        got="a bug in Loa",
        advice="again later, and reporting it with the time of day",
    )
    from fastapi.responses import JSONResponse

    return JSONResponse(problems.problem_of(refusal, 500), 500, media_type=problems.MEDIA_TYPE)

"""Figures for Prometheus: what waits, what was answered, what room there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from loa.service.blobs import free_bytes
from loa.service.tables import JOBS, TOKENS, WEBHOOKS, WORKERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from loa.service.room import Room

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]

MEDIA_TYPE = "text/plain; version=0.0.4"


class Metrics:
    """The figures of one API process; those of the service are read when asked for."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "loa_http_answers",
            "Answers by method and status",
            ["method", "status"],
            registry=self.registry,
        )
        self._jobs = self._gauge("loa_jobs", "Jobs kept, by state", "state")
        self._oldest = self._gauge("loa_queued_oldest_seconds", "Age of the oldest queued job")
        self._webhooks = self._gauge("loa_webhooks_waiting", "Webhooks still to be heard")
        self._workers = self._gauge("loa_workers_seen", "Workers that gave a sign within 20 s")
        self._tokens = self._gauge("loa_tokens_in_force", "Tokens neither expired nor revoked")
        self._streams = self._gauge("loa_event_streams", "Open streams of events")
        self._free = self._gauge("loa_disk_free_bytes", "Room for uploads")

    def shown(self, streams: int) -> bytes:
        """Return the text for Prometheus."""
        for state, count in self._room.jobs.counts().items():
            self._jobs.labels(state).set(count)
        with self._room.database.read() as connection:
            now_s = self._room.database.now_s(connection)

            def one(query: Any) -> float:
                return float(connection.execute(query).scalar_one() or 0.0)

            oldest = one(sa.select(sa.func.min(JOBS.c.created_at)).where(JOBS.c.state == "queued"))
            self._oldest.set(now_s - oldest if oldest else 0.0)
            self._webhooks.set(one(_count(WEBHOOKS, WEBHOOKS.c.due_at.is_not(None))))
            self._workers.set(one(_count(WORKERS, WORKERS.c.seen_at > now_s - 20.0)))
            lasting = sa.or_(TOKENS.c.expires_at.is_(None), TOKENS.c.expires_at > now_s)
            self._tokens.set(one(_count(TOKENS, TOKENS.c.revoked_at.is_(None), lasting)))
        self._streams.set(streams)
        self._free.set(free_bytes(self._room.blobs))
        return generate_latest(self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(name, about, labels, registry=self.registry)


class Counted:
    """Counts answers around an application (ASGI)."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send
    ) -> None:
        """Pass a request on."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.answers.labels(method, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted)


_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")


def _count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> Any:
    return sa.select(sa.func.count()).select_from(table).where(*conditions)

"""The API on a real port within this process, without workers: a test ends the jobs itself."""

import contextlib
import socket
import threading

import httpx
import uvicorn

from loa.service.api import create_app
from loa.service.receiving import http_protocol
from loa.service.room import open_room

MADE = [
    {
        "target": "ip",
        "sha256": "b" * 64,
        "size_bytes": 5,
        "media_type": "audio/mpeg",
        "url": "/v1/blobs/" + "b" * 64,
        "holds": True,
    }
]


class Inside:
    """One API server in a thread."""

    def __init__(self, settings):
        self.room = open_room(settings)
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(self.room)
        protocol = http_protocol(settings.limits.receive_s)
        self._server = uvicorn.Server(
            uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_config=None)
        )
        app.state.closing = lambda: self._server.should_exit
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()

    def token(self, owner="platform", scopes=("submit", "read", "manage"), **options):
        return self.room.tokens.create(owner, scopes, **options)

    def client(self, token=None, **options):
        headers = {"Authorization": f"Bearer {token or self.token(**options)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60.0)

    def end(self, job_id, made=None):
        """Do what a worker would do for a job."""
        row = self.room.jobs.get(job_id)
        assert self.room.jobs.begin(job_id, row["attempt"])
        assert self.room.jobs.publish(job_id, row["attempt"], made or MADE)

    def stop(self):
        self._server.should_exit = True
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        self.room.close()


@contextlib.contextmanager
def inside(settings):
    running = Inside(settings)
    try:
        yield running
    finally:
        running.stop()

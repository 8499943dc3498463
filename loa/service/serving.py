"""`loa serve` and `loa worker`: everything embedded, on loopback, ended by Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import resource
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dsp.errors import Refusal
from loa import reporting
from loa.interrupt import Interrupt
from loa.service.memory import Tidying, keep_heaps_small, settle_names
from transmit.atomic import OutputSet

if TYPE_CHECKING:
    from collections.abc import Callable

    import uvicorn
    from fastapi import FastAPI

    from loa.service.gatekeeper import Gatekeeper
    from loa.service.room import Room
    from loa.service.settings import Settings

_BACKLOG = 4096
# The loop wants the interpreter back from the threads sooner than after Python's 5 ms.
_SWITCH_S = 0.0005
# Looking for cycles among thousands of fresh connections stops all answers for a while: what is
# there at the start is left out, and it is done after so many new objects, not 700.
_COLLECTED_AFTER = 20_000
_FIRST_SCOPES = ("submit", "read", "manage")


class _Companion(Protocol):
    """What runs beside the answers."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def serve(
    settings: Settings, host: str, port: int, ready_file: Path | None, *, with_workers: bool = True
) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit code."""
    if with_workers:
        require_isolation(settings)
    _raise_descriptor_limit()
    keep_heaps_small()
    from loa.service.gatekeeper import Gatekeeper, rules_of
    from loa.service.log import configure_log
    from loa.service.room import open_room
    from loa.service.webhooks import Notifier
    from loa.service.worker_process import Supervisor

    configure_log()
    with contextlib.ExitStack() as ends:
        listener = ends.enter_context(_listen(host, port))
        room = ends.enter_context(contextlib.closing(open_room(settings)))
        companions: list[_Companion] = [Notifier(room), Tidying()]
        if with_workers:
            companions.insert(0, Supervisor(settings))
        for companion in companions:
            companion.start()
            ends.callback(companion.stop)
        ends.callback(listener.close)  # who comes now is refused, not kept waiting for the workers
        gatekeeper = Gatekeeper(listener, rules_of(settings))
        ends.callback(gatekeeper.close)
        url = f"http://{_bracketed(host)}:{listener.getsockname()[1]}"
        _answer(room, gatekeeper, lambda: _announce(room, url, ready_file))
    return 0


def _answer(room: Room, gatekeeper: Gatekeeper, announce: Callable[[], None]) -> None:
    """Answer whom the gate lets in, until SIGTERM or Ctrl-C."""
    from loa.service.api import create_app

    app = create_app(room)
    server = server_of(_configured(app, room.settings), gatekeeper)
    app.state.closing = lambda: server.should_exit
    _prefer_answers()

    def leave(*_: object) -> None:
        server.should_exit = True

    # For the moment before uvicorn listens to signals, and for that after: it raises the signal
    # that ended it once more when it is done, and we are not done then.
    signal.signal(signal.SIGTERM, leave)
    with contextlib.suppress(KeyboardInterrupt):
        announce()
        server.run(sockets=[])


def _prefer_answers() -> None:
    """Let nothing hold up the loop that answers for long."""
    sys.setswitchinterval(_SWITCH_S)
    settle_names()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)


def _configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    import uvicorn

    from loa.service.receiving import http_protocol

    proxies = list(settings.incoming.trusted_proxies)
    return uvicorn.Config(
        app,
        http=http_protocol(settings.limits.receive_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
    )


def server_of(config: uvicorn.Config, gatekeeper: Gatekeeper) -> uvicorn.Server:
    """Return a server that does not accept by itself: its connections come through the gate."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            loop = asyncio.get_running_loop()
            gatekeeper.attach(
                loop,
                lambda: config.http_protocol_class(  # type: ignore[call-arg]
                    config=config,
                    server_state=self.server_state,
                    app_state=self.lifespan.state,
                    _loop=loop,
                ),
            )

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            gatekeeper.close()
            await super().shutdown(sockets)

    return Server(config)


def work(settings: Settings) -> int:
    """Work until SIGTERM or Ctrl-C; returns the exit code."""
    require_isolation(settings)
    from loa.service.room import open_room
    from loa.service.worker_process import Supervisor

    open_room(settings).close()
    supervisor = Supervisor(settings)
    ended = threading.Event()
    with Interrupt(ended.set):
        supervisor.start()
        reporting.note("loa: workers at work")
        ended.wait()
        supervisor.stop()
    return 0


def require_isolation(settings: Settings) -> None:
    """Refuse to take files from strangers where the decoder cannot be locked in."""
    if not settings.require_isolation:
        return
    from ingest.decode.decoder import Decoder

    with Decoder() as decoder:
        barriers = decoder.isolation
    if "system_call_filter" not in barriers:
        raise Refusal(
            "service.isolation",
            expected="a kernel that filters the decoder's system calls (seccomp)",
            got=", ".join(barriers) or "no barrier at all",
            advice="another kernel, or --without-seccomp if you trust every file and caller",
            exit_code=3,
        )


def _announce(room: Room, url: str, ready_file: Path | None) -> None:
    """Print where the service is, and the first token the first time; fill the ready file."""
    token = None
    if ready_file is not None or not room.tokens.listed():
        token = room.tokens.create("first", _FIRST_SCOPES)
    reporting.note(f"loa: serving at {url} (data in {room.settings.data})")
    if ready_file is not None:
        with OutputSet([ready_file]) as output:
            part = output.part(ready_file)
            part.chmod(0o600)
            part.write_text(json.dumps({"url": url, "token": token}) + "\n", encoding="utf-8")
            output.commit()
    elif token is not None:
        reporting.note(f"loa: your token, shown this once: {token}")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named: asyncio turns Nagle's algorithm off for such sockets only, and an
    # answer of two segments would otherwise wait 40 ms for the caller's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Refusal(
            "service.port",
            expected=f"to listen on {host} port {port}",
            got=(error.strerror or str(error)).lower(),
            advice="another --port, or --port 0 for a free one",
            exit_code=4,
        ) from error
    listener.listen(_BACKLOG)
    return listener


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _raise_descriptor_limit() -> None:
    """Allow as many open connections as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

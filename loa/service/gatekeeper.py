"""The API's side of the gate: starts it, takes what it passes on, replaces it should it die."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from typing import TYPE_CHECKING

from loa.service.gate import Rules, command
from loa.service.log import job_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from loa.service.settings import Settings

# Of the connections that wait to be taken over, so many in one turn of the loop.
_TAKEN_AT_ONCE = 8
_AGAIN_AFTER_S = 0.2
_END_S = 5.0


def rules_of(settings: Settings) -> Rules:
    """Return what the settings say to the gate."""
    incoming = settings.incoming
    return Rules(
        settings.limits.receive_s, incoming.connections_per_address, incoming.trusted_proxies
    )


class Gatekeeper:
    """Keeps one gate before `listener`; belongs to the main thread and its event loop."""

    def __init__(self, listener: socket.socket, rules: Rules) -> None:
        self._listener, self._rules = listener, rules
        self._process, self._channel = self._open()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._taking: set[asyncio.Task[object]] = set()

    def attach(
        self, loop: asyncio.AbstractEventLoop, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        """Give each connection that comes a `protocol` on `loop`."""
        self._loop, self._protocol = loop, protocol
        loop.add_reader(self._channel, self._take)

    def close(self) -> None:
        """Let nobody else in; who waits at the gate is sent away."""
        if self._loop is not None:
            self._loop.remove_reader(self._channel)
        self._loop = None
        self._end()

    def _open(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            numbers = (self._listener.fileno(), theirs.fileno())
            process = subprocess.Popen(
                command(*numbers, self._rules), stdin=subprocess.DEVNULL, pass_fds=numbers
            )
        return process, ours

    def _take(self) -> None:
        assert self._loop is not None
        for _ in range(_TAKEN_AT_ONCE):
            try:
                told, descriptors, _, _ = socket.recv_fds(
                    self._channel, 1, 1, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except ConnectionResetError:
                told, descriptors = b"", []
            if not told:
                self._replace()
                return
            for descriptor in descriptors:
                connection = socket.socket(fileno=descriptor)
                connection.setblocking(False)
                made = self._loop.connect_accepted_socket(self._protocol, connection)
                task = self._loop.create_task(made)
                self._taking.add(task)
                task.add_done_callback(self._taking.discard)

    def _replace(self) -> None:
        assert self._loop is not None
        job_log().warning("gate", error="it ended, and is started again")
        self._loop.remove_reader(self._channel)
        self._loop.call_later(_AGAIN_AFTER_S, self._open_again)

    def _open_again(self) -> None:
        if self._loop is None:
            return
        self._end()
        self._process, self._channel = self._open()
        self._loop.add_reader(self._channel, self._take)

    def _end(self) -> None:
        self._channel.close()  # which ends the gate
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

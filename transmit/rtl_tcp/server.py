"""The sockets of an rtl_tcp server: one thread that serves every client, one that plays the band.

`RtlTcpServer.play` runs in the caller's thread: it takes block after block from a source, waits for
the moment at which a dongle would have delivered it, and hands it to every client's queue. The
other thread, started by `open`, accepts, reads commands and writes samples, all without blocking: a
client that vanishes, sends rubbish or never reads costs nobody else anything, and itself the
samples that do not fit its queue, which are counted.

The band begins when the first client is there, so that a monitor hears second 0; later clients join
in the middle. When the band ends, every client gets what waits for it, as long as it keeps taking,
and is hung up on.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dsp.errors import Refusal
from transmit.rtl_tcp.client_queue import ClientQueue
from transmit.rtl_tcp.protocol import CommandParser, greeting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

MOST_CLIENTS = 16
_READ_BYTES = 4_096
_WRITE_BYTES = 1 << 18
_POLL_S = 0.05
_MOST_PORT = 65_535


class Pacer(Protocol):
    """Makes time pass: the machine's clock in service, nobody's in tests."""

    def wait_until(self, elapsed_s: float) -> bool:
        """Return when `elapsed_s` have passed since the first call; False to stop at once."""

    def monotonic_s(self) -> float:
        """Return seconds since some fixed moment."""


@dataclass
class ServerCounts:
    """What a server did; samples are pairs of bytes."""

    clients: int = 0
    refused_clients: int = 0
    commands: int = 0
    unknown_commands: int = 0
    samples_played: int = 0
    samples_sent: int = 0
    samples_dropped: int = 0
    last_commands: dict[str, int] = field(default_factory=dict)


class _Client:
    def __init__(self, connection: socket.socket, peer: str, most_bytes: int) -> None:
        self.connection = connection
        self.peer = peer
        self.parser = CommandParser()
        self.queue = ClientQueue(most_bytes)
        self.progress_s = 0.0
        self.told_loss = False


class RtlTcpServer:
    """Serves a band to any rtl_tcp client; a context manager.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes a free one, see `address`.
    pacer
        Makes time pass.
    queue_bytes
        How much may wait for one client; a second at 2.4 MS/s is 4.8 MB.
    linger_s
        After the end of the band, how long a client may take nothing before it is hung up on.
    log
        Hears one line for what an operator should know.

    Raises
    ------
    Refusal
        "network.listen", exit code 4, where the address cannot be had.
    """

    def __init__(
        self,
        host: str,
        port: int,
        pacer: Pacer,
        *,
        queue_bytes: int = 8_000_000,
        linger_s: float = 5.0,
        log: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._pacer = pacer
        self._queue_bytes = queue_bytes
        self._linger_s = linger_s
        self._log = log
        self._listener = _listen(host, port)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self.counts = ServerCounts()
        self.first_client = threading.Event()
        self._lock = threading.Lock()
        self._clients: dict[socket.socket, _Client] = {}
        self._ended = False  # no more blocks will come
        self._stopped = False  # hang up on everybody now
        self._waker, self._wakened = socket.socketpair()
        for end in (self._waker, self._wakened, self._listener):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._serve, name="rtl_tcp", daemon=True)

    def __enter__(self) -> Self:
        """Start to accept clients."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up on everybody and stop listening; the samples still waiting are counted."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """End `play` and the service; may be called from any thread and from a signal's handler."""
        self._stopped = True
        self.first_client.set()
        self._wake()

    def play(self, blocks: Iterable[tuple[bytes, float]]) -> None:
        """Play (bytes, seconds at which they are due) to whoever is there; return at the end.

        Waits for the first client, then in real time by the pacer, then for the clients to take
        what waits for them.
        """
        self.first_client.wait()
        for block, due_s in blocks:
            if self._stopped or not self._pacer.wait_until(due_s):
                break
            self._publish(block)
        self._ended = True
        self._wake()
        self._thread.join()

    def _publish(self, block: bytes) -> None:
        with self._lock:
            self.counts.samples_played += len(block) // 2
            for client in self._clients.values():
                if not client.queue.put(block):
                    self.counts.samples_dropped += len(block) // 2
                    if not client.told_loss:
                        client.told_loss = True
                        self._log(f"{client.peer} reads too slowly and loses samples")
        self._wake()

    def _wake(self) -> None:
        # A full pipe wakes as well, a closed one has nobody to wake.
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b"\0")

    def _serve(self) -> None:
        """Run until stopped, or until the band has ended and everybody has what waited."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        try:
            while not self._stopped and not (self._ended and not self._clients):
                for key, events in self._selector.select(_POLL_S):
                    self._handle(key.fileobj, events)
                self._look_after_clients()
        finally:
            for client in list(self._clients.values()):
                self._hang_up(client)
            self._selector.close()
            for end in (self._listener, self._waker, self._wakened):
                end.close()

    def _handle(self, place: object, events: int) -> None:
        if place is self._listener:
            self._accept()
        elif place is self._wakened:
            with contextlib.suppress(BlockingIOError):
                self._wakened.recv(_READ_BYTES)
        elif isinstance(place, socket.socket) and place in self._clients:
            client = self._clients[place]
            try:
                if events & selectors.EVENT_READ:
                    self._read(client)
                if events & selectors.EVENT_WRITE:
                    self._write(client)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._log(f"{client.peer} is gone: {error.strerror or error}")
                self._hang_up(client)

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except OSError:
            return  # it left between the two calls, or there are no descriptors left
        connection.setblocking(False)
        if len(self._clients) >= MOST_CLIENTS or self._ended:
            self.counts.refused_clients += 1
            connection.close()
            return
        peer = ":".join(map(str, address[:2])) or "client"
        client = _Client(connection, peer, self._queue_bytes)
        client.progress_s = self._pacer.monotonic_s()
        client.queue.put(greeting())
        with self._lock:
            self._clients[connection] = client
            self.counts.clients += 1
        self._selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
        self._log(f"{peer} listens")
        self.first_client.set()

    def _read(self, client: _Client) -> None:
        data = client.connection.recv(_READ_BYTES)
        if not data:
            self._log(f"{client.peer} has hung up")
            self._hang_up(client)
            return
        for command in client.parser.feed(data):
            self.counts.commands += 1
            if command.name is None:
                self.counts.unknown_commands += 1
            else:
                self.counts.last_commands[command.name] = command.value

    def _write(self, client: _Client) -> None:
        if client.connection not in self._clients:
            return
        while (head := client.queue.head()) is not None:
            count = client.connection.send(head[:_WRITE_BYTES])
            client.progress_s = self._pacer.monotonic_s()
            with self._lock:
                client.queue.sent(count)
            if count < len(head):
                break

    def _look_after_clients(self) -> None:
        """Ask for room only where something waits; hang up where nothing more will come."""
        now_s = self._pacer.monotonic_s()
        for client in list(self._clients.values()):
            waiting = client.queue.head() is not None
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0)
            if self._selector.get_key(client.connection).events != wanted:
                self._selector.modify(client.connection, wanted)
            idle_s = now_s - client.progress_s
            if self._ended and (not waiting or idle_s > self._linger_s):
                self._hang_up(client)

    def _hang_up(self, client: _Client) -> None:
        with self._lock:
            if self._clients.pop(client.connection, None) is None:
                return
            self.counts.samples_dropped += client.queue.waiting_bytes // 2
            self.counts.samples_sent += max(0, client.queue.sent_bytes - len(greeting())) // 2
            client.queue.clear()
        self._selector.unregister(client.connection)
        client.connection.close()


def _listen(host: str, port: int) -> socket.socket:
    got = f"port {port}"
    # create_server leaks its socket where the port is out of range.
    if 0 <= port <= _MOST_PORT:
        try:
            family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, port), family=family, backlog=MOST_CLIENTS)
        except (OSError, UnicodeError) as error:
            got = getattr(error, "strerror", None) or str(error)
    raise Refusal(
        "network.listen",
        expected=f"to listen at {host}:{port}",
        got=got,
        advice="another port, or port 0 for a free one",
        exit_code=4,
    )

"""rtl_tcp over a socket: connects, reconnects with back-off, tells a stall from a gap.

The first connection is made when the source is opened, so that a wrong address is an error and not
a wait. Afterwards a connection that closes, breaks or falls silent is made anew, for as long as it
takes, or until `patience_s` have passed without samples.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from ingest.iq.live_source import STALL_S, LiveSource, backoff_s
from ingest.iq.rtl_tcp_protocol import RtlTcpError, RtlTcpProtocol, TunerSettings

if TYPE_CHECKING:
    from ingest.clock import Clock

DEFAULT_PORT = 1234
CONNECT_S = 5.0
_READ_BYTES = 1 << 17
_LEAST_PUT_BYTES = 1 << 15


class RtlTcpSource(LiveSource):
    """Samples of one rtl_tcp server.

    Raises
    ------
    Refusal
        rtl_tcp.unreachable or rtl_tcp.protocol, both with exit code 4.
    """

    def __init__(
        self,
        host: str,
        port: int,
        settings: TunerSettings,
        clock: Clock,
        *,
        patience_s: float | None = None,
    ) -> None:
        super().__init__(settings.rate_hz, settings.centre_hz, clock)
        self._address = (host, port)
        self._settings = settings
        self._patience_s = patience_s
        self._waiting = threading.Event()
        self._socket: socket.socket | None = None
        self._connect()
        self._thread = threading.Thread(target=self._read, name="rtl_tcp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up and end the stream."""
        super().close()
        self._waiting.set()
        self._hang_up()
        if self._thread is not threading.current_thread():
            self._thread.join(CONNECT_S + 1)

    def _connect(self) -> None:
        """Connect and ask for the settings; the greeting is awaited with the samples."""
        try:
            self._socket = socket.create_connection(self._address, CONNECT_S)
            self._socket.settimeout(STALL_S)
            self._socket.sendall(self._settings.commands())
        except OSError as error:
            self._hang_up()
            raise self._unreachable(error.strerror or str(error)) from None
        self._protocol = RtlTcpProtocol()

    def _read(self) -> None:
        """Read until closed or given up; the thread's whole life."""
        last_s, attempt = self._clock.monotonic_s(), 0
        try:
            while not self.closed:
                if self._socket is not None and self._receive_all():
                    last_s, attempt = self._clock.monotonic_s(), 0
                self._hang_up()
                waited_s = self._clock.monotonic_s() - last_s
                if self._patience_s is not None and waited_s > self._patience_s:
                    self.ring.fail(self._unreachable(f"nothing for {waited_s:.0f} s"))
                    return
                self._waiting.wait(backoff_s(attempt))
                attempt += 1
                if not self.closed:
                    self._reconnect()
        except RtlTcpError as error:
            self.ring.fail(self._no_rtl_tcp(error))
        finally:
            self._hang_up()

    def _reconnect(self) -> None:
        with contextlib.suppress(Refusal):
            self._connect()
            self.ring.mark_break()
            self.note("reconnected", f"to {self._address[0]}:{self._address[1]}")

    def _receive_all(self) -> bool:
        """Put what comes into the ring until the connection ends; tell whether samples came."""
        held, came = b"", False
        while not self.closed:
            connection = self._socket
            try:
                data = connection.recv(_READ_BYTES) if connection is not None else b""
            except OSError:
                data = b""
            if not data:
                break
            held += self._protocol.receive(data)
            if len(held) >= _LEAST_PUT_BYTES:
                self.ring.put(held, self._clock.monotonic_s())
                held, came = b"", True
        if held:
            self.ring.put(held, self._clock.monotonic_s())
        return came or bool(held)

    def _hang_up(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _unreachable(self, why: str) -> Refusal:
        host, port = self._address
        return Refusal(
            "rtl_tcp.unreachable",
            expected=f"an rtl_tcp server at {host}:{port}",
            got=why,
            advice=f"rtl_tcp -a {host} -p {port} on the machine with the dongle",
            exit_code=4,
        )

    def _no_rtl_tcp(self, error: RtlTcpError) -> Refusal:
        host, port = self._address
        return Refusal(
            "rtl_tcp.protocol",
            expected=f"rtl_tcp at {host}:{port}",
            got=str(error),
            advice="checking which program listens on that port",
            exit_code=4,
        )

"""A loudspeaker that hangs is started again: systemd's notification protocol, sd_notify(3).

`READY=1` when it plays, `WATCHDOG=1` every second in which sound went out and the threads were
alive. With `WatchdogSec=` and `Restart=always` in the unit, systemd ends what has not said so.
Outside systemd nothing is said.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping


class Watchdog:
    """Tells the one who watches, if there is one.

    Parameters
    ----------
    environment
        `NOTIFY_SOCKET` in it names a datagram socket; "@" begins an abstract one.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def ready(self) -> None:
        """Say that it plays now."""
        self._tell(b"READY=1")

    def alive(self) -> None:
        """Say that it still plays."""
        self._tell(b"WATCHDOG=1")

    def _tell(self, what: bytes) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),  # whoever watches is gone: the sound goes on
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as opened,
        ):
            opened.setblocking(False)
            opened.sendto(what, self._address)

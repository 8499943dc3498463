"""The client's side of rtl_tcp, sans I/O: bytes in, samples out; settings in, commands out.

The server greets with twelve bytes, "RTL0", the kind of tuner and its number of gains, both
big-endian; then come 8-bit I and Q for ever. A command is five bytes, its number and a big-endian
value. Nothing is ever answered, so a wrong greeting is the one thing that can be told.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

GREETING_BYTES = 12
_MAGIC = b"RTL0"
_MOST_GAINS = 256
_COMMAND = struct.Struct(">BI")

SET_FREQUENCY, SET_RATE, SET_GAIN_MODE, SET_GAIN, SET_PPM, SET_BIAS_TEE = 1, 2, 3, 4, 5, 14


class RtlTcpError(ValueError):
    """The server sent what no rtl_tcp server sends (the remote side's fault)."""


@dataclass(frozen=True)
class Greeting:
    """What the server says of itself."""

    tuner: int
    gains: int


class RtlTcpProtocol:
    """Follows one connection; a new one gets a new object."""

    def __init__(self) -> None:
        self.greeting: Greeting | None = None
        self._held = b""

    def receive(self, data: bytes) -> bytes:
        """Take bytes as they come; return whole samples, perhaps none.

        Raises
        ------
        RtlTcpError
            If the connection does not begin as rtl_tcp does; told by the first byte that differs.
        """
        held = self._held + data
        if self.greeting is None:
            begun = held[: len(_MAGIC)]
            if not _MAGIC.startswith(begun):
                raise RtlTcpError(f"a greeting that begins with {begun!r}")
            if len(held) < GREETING_BYTES:
                self._held = held
                return b""
            tuner, gains = struct.unpack(">II", held[4:GREETING_BYTES])
            if gains > _MOST_GAINS:
                raise RtlTcpError(f"a tuner with {gains} gains")
            self.greeting = Greeting(tuner, gains)
            held = held[GREETING_BYTES:]
        whole = len(held) // 2 * 2
        self._held = held[whole:]
        return held[:whole]


@dataclass(frozen=True)
class TunerSettings:
    """What the server is asked for; None leaves it as it is."""

    rate_hz: int
    centre_hz: float | None
    gain_db: float | None = None
    ppm: int = 0
    bias_tee: bool = False

    def commands(self) -> bytes:
        """Return the bytes that ask for all of it; without a gain the tuner sets its own."""
        commands = [(SET_RATE, self.rate_hz)]
        if self.ppm:
            commands.append((SET_PPM, self.ppm))
        if self.centre_hz is not None:
            commands.append((SET_FREQUENCY, round(self.centre_hz)))
        commands.append((SET_GAIN_MODE, int(self.gain_db is not None)))
        if self.gain_db is not None:
            commands.append((SET_GAIN, round(10 * self.gain_db)))
        if self.bias_tee:
            commands.append((SET_BIAS_TEE, 1))
        return b"".join(_COMMAND.pack(kind, value & 0xFFFF_FFFF) for kind, value in commands)

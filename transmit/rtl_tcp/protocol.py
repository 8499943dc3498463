"""The wire of rtl_tcp, sans I/O: the greeting out, commands in.

The server greets with twelve bytes, "RTL0", the type of tuner and the number of its gains, both
big-endian; then 8-bit I and Q follow for ever. A client sends commands of five bytes, one of the
id and a big-endian uint32 (`>BI`). There are no answers, no lengths and no errors: what is not
known is passed over, as librtlsdr's rtl_tcp does.

`CommandParser` takes bytes as they come, however cut, and gives commands; it keeps four bytes at
most.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"RTL0"
TUNER_R820T = 5
R820T_GAINS = 29
_COMMAND = struct.Struct(">BI")

COMMANDS = {
    0x01: "frequency_hz",
    0x02: "sample_rate_hz",
    0x03: "gain_mode",
    0x04: "gain_tenth_db",
    0x05: "correction_ppm",
    0x06: "if_gain",
    0x07: "test_mode",
    0x08: "agc_mode",
    0x09: "direct_sampling",
    0x0A: "offset_tuning",
    0x0B: "rtl_crystal_hz",
    0x0C: "tuner_crystal_hz",
    0x0D: "gain_index",
    0x0E: "bias_tee",
}
# These carry an int32 in the same four bytes.
_SIGNED = {0x04, 0x05}


@dataclass(frozen=True)
class Command:
    """What a client asked for; `name` is None for an id nobody knows."""

    identity: int
    value: int
    name: str | None


def greeting(tuner: int = TUNER_R820T, gains: int = R820T_GAINS) -> bytes:
    """Return the twelve bytes that a client is met with."""
    return struct.pack(">4sII", MAGIC, tuner, gains)


def encode_command(identity: int, value: int) -> bytes:
    """Return the five bytes of a command; for clients and tests."""
    return _COMMAND.pack(identity, value & 0xFFFFFFFF)


class CommandParser:
    """Turns a client's bytes into commands."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[Command]:
        """Return the commands that are complete with `data`; anything is a command."""
        held = self._held + data
        whole = len(held) // _COMMAND.size * _COMMAND.size
        self._held = held[whole:]
        return [_named(*pair) for pair in _COMMAND.iter_unpack(held[:whole])]


def _named(identity: int, value: int) -> Command:
    if identity in _SIGNED and value >= 1 << 31:
        value -= 1 << 32
    return Command(identity, value, COMMANDS.get(identity))

"""What runs between the decoder's parent and its child: a ring of slots and short messages.

Samples never pass through a pipe: the child decodes straight into a slot of a shared, sealed memory
file (memfd) and sends only "slot 3 holds 174 762 frames"; the parent lends the slot out as an array
and gives it back afterwards. Two processes, two cores, one copy.

The memory file is sealed against shrinking, because a child that cut it short would kill the parent
with SIGBUS. Messages are JSON in a SOCK_SEQPACKET pair: packets arrive whole or not at all, and the
parent never unpickles anything. The child is not trusted: see `decode.py` for the checks on
arrival.

Parent to child: `{"do": "open", "suffix"}` with the descriptor attached, `{"do": "free", "slot"}`,
`{"do": "stop"}`. Child to parent: `{"is": "ready", "isolation"}`, `{"is": "format", ...}`,
`{"is": "block", "slot", "frames"}`, `{"is": "end"}`, `{"is": "refusal", ...}`.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import socket
from typing import Any

SLOT_COUNT = 6
# 512 Ki int16 or 256 Ki float32 samples: one message per 2.7 s of mono at 96 kHz costs nothing, and
# the whole ring stays within a shared cache of a few MB.
SLOT_BYTES = 1 << 20
# For who plays in real time, many programmes at once: a third of a second of stereo a slot.
SLOT_BYTES_PLAYED = 1 << 16
MESSAGE_BYTES = 4096

Message = dict[str, Any]


def make_ring(slot_bytes: int = SLOT_BYTES) -> int:
    """Return the descriptor of a new memory file of SLOT_COUNT slots, its size sealed."""
    descriptor = os.memfd_create("loa-samples", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, SLOT_COUNT * slot_bytes)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def map_ring(descriptor: int) -> list[memoryview]:
    """Return the slots of the ring as writable views, SLOT_COUNT equal parts of it."""
    whole = os.fstat(descriptor).st_size
    slot_bytes = whole // SLOT_COUNT
    view = memoryview(mmap.mmap(descriptor, whole))
    return [view[n * slot_bytes : (n + 1) * slot_bytes] for n in range(SLOT_COUNT)]


def send(control: socket.socket, message: Message, *descriptors: int) -> None:
    """Send one message, with file descriptors where some are given."""
    packet = json.dumps(message).encode()
    if descriptors:
        socket.send_fds(control, [packet], list(descriptors))
    else:
        control.send(packet)


def receive(control: socket.socket, flags: int = 0) -> Message:
    """Return the next message.

    Raises
    ------
    EOFError
        If the other side is gone.
    ValueError
        If what came is not one of our messages.
    """
    return parse(control.recv(MESSAGE_BYTES, flags))


def parse(packet: bytes) -> Message:
    """Read one packet; errors as in `receive`."""
    if not packet:
        raise EOFError
    message = json.loads(packet)
    if not isinstance(message, dict) or not message.keys() & {"is", "do"}:
        raise ValueError("message: expected an object with a kind, got something else")
    return message

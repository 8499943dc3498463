"""The child of the decoder: one process that turns descriptors into samples, file after file.

It imports its libraries, locks itself in (`sandbox.py`), says it is ready, and then serves one file
at a time. It never sees a path: the parent opens the file and sends the descriptor. Nothing in here
is trusted by the parent.

A source (`sources.py`) has a `format`, `read_into(view) -> frames` (0 at the end; raises Refusal
when the stream ends otherwise than the file promised) and `close()`.
"""

from __future__ import annotations

import array  # noqa: F401 - loaded inside recv_fds, when no file can be opened any more
import os
import select
import socket
from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from dsp.errors import Refusal
from ingest.decode import refusals
from ingest.decode.link import SLOT_COUNT, Message, map_ring, parse, receive, send
from ingest.decode.sandbox import lock_down

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.decode.audio_format import AudioFormat


class Source(Protocol):
    """An opened file on its way to samples."""

    format: AudioFormat

    def read_into(self, view: memoryview) -> int:
        """Fill `view` (bytes, writable) with interleaved samples; return the frames written."""

    def close(self) -> None:
        """Let go of the decoder, not of the descriptor."""


class ElsewhereError(Exception):
    """The file is one for a library that this process does not have."""


class _Stopped(Exception):  # noqa: N818 - a request of the parent, not an error
    """The parent wants no more of this file."""


class Worker:
    """Serves decoding requests on a control socket until the parent is gone."""

    def __init__(
        self,
        control: socket.socket,
        slots: list[memoryview],
        open_source: Callable[[int, str], Source],
    ) -> None:
        self._control = control
        self._slots = slots
        self._open_source = open_source
        self._free: deque[int] = deque()

    def serve(self) -> None:
        """Answer requests for ever; return when the parent closes its end."""
        while True:
            packet, descriptors, _, _ = socket.recv_fds(self._control, 4096, 1)
            if not packet:
                return
            request = parse(packet)
            if request["do"] == "open":
                self._serve_file(descriptors[0], str(request["suffix"]))

    def _serve_file(self, descriptor: int, suffix: str) -> None:
        self._free = deque(range(SLOT_COUNT))
        try:
            self._decode(descriptor, suffix)
            answer: Message = {"is": "end"}
        except _Stopped:
            answer = {"is": "end"}
        except Refusal as refusal:
            answer = _as_message(refusal)
        except ElsewhereError:
            answer = {"is": "elsewhere"}
        except MemoryError:
            answer = _as_message(
                refusals.too_costly(
                    "a file that fits the decoder's memory", "more than it may take"
                )
            )
        finally:
            os.close(descriptor)
        send(self._control, answer)

    def _decode(self, descriptor: int, suffix: str) -> None:
        source = self._open_source(descriptor, suffix)
        try:
            send(self._control, {"is": "format", **asdict(source.format)})
            while True:
                slot = self._take_slot()
                frames = source.read_into(self._slots[slot])
                if frames == 0:
                    return
                send(self._control, {"is": "block", "slot": slot, "frames": frames})
        finally:
            source.close()

    def _take_slot(self) -> int:
        """Return a free slot; wait for the parent where it holds them all."""
        while not self._free or select.select([self._control], [], [], 0)[0]:
            message = receive(self._control)
            if message["do"] == "stop":
                raise _Stopped
            self._free.append(int(message["slot"]))
        return self._free.popleft()


def _as_message(refusal: Refusal) -> Message:
    return {
        "is": "refusal",
        "kind": refusal.kind,
        "expected": refusal.expected[:600],
        "got": refusal.got[:600],
        "advice": refusal.advice[:600],
    }


def run(open_source: Callable[[int, str], Source], *numbers: int) -> None:
    """Lock the process in, then serve `open_source`.

    `numbers` are those of `process.py`: the descriptors of the control socket and the ring,
    the parent's process id, the bytes of memory and the seconds of CPU time allowed.
    """
    control_descriptor, ring_descriptor, parent_id, memory_bytes, cpu_s = numbers
    control = socket.socket(fileno=control_descriptor)
    slots = map_ring(ring_descriptor)
    isolation = lock_down(
        keep=(control_descriptor, ring_descriptor),
        parent_id=parent_id,
        memory_bytes=memory_bytes,
        cpu_s=cpu_s,
    )
    send(control, {"is": "ready", "isolation": isolation})
    Worker(control, slots, open_source).serve()


def main(*numbers: int) -> None:
    """Run the real thing; the parent starts this."""
    # The codecs load in the child only, and not where a test brings its own source.
    from ingest.decode.lean_soundfile import load_soundfile

    load_soundfile()
    from ingest.decode.sources import open_source, rehearse

    rehearse()
    run(open_source, *numbers)

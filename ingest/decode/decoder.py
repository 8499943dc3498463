"""Decoding of untrusted audio files, in a process that can do nothing else.

    with Decoder() as decoder, decoder.open(Path("bulletin.mp3")) as audio:
        for block in audio.blocks():            # (n, channels) int16 or float32
            ...

A `Decoder` owns one child process, started without waiting and used for many files: at first one
without FFmpeg (`child_light.py`), and from the first file that needs it the full one
(`child.py`). This side opens the path, passes the descriptor on, and hands out blocks as
they come. What the child says is checked, not believed: slots, frame counts and texts out of range
end the child. Whatever goes wrong in there, crash, hang, hunger, becomes one Refusal for that file,
and the next file gets a fresh child.

What happens to a broken file (kinds are in `refusals.py`): a file that ends early is refused with
what there is of it, also when its samples so far were good, since half a bulletin must not go on
the air; damage inside a file is refused where the format can show it (checksums, lost
synchronisation, sample counts). A changed bit that leaves a valid file is a valid file. NaN and
infinity in float files pass through for the meter and the chain to mend and report.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ingest.decode.audio_format import AudioFormat, DecodeLimits
from ingest.decode.decoded_audio import DecodedAudio, PassedOnError
from ingest.decode.link import SLOT_BYTES
from ingest.decode.process import ChildProcess
from ingest.decode.regular_file import open_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["AudioFormat", "DecodeLimits", "DecodedAudio", "Decoder"]

CHILD = "ingest.decode.child"
LIGHT_CHILD = "ingest.decode.child_light"
_SUFFIXES_OF_FFMPEG = frozenset({".opus", ".ogg", ".oga", ".m4a", ".mp4", ".aac", ".g722"})


class Decoder:
    """One resident decoding process, used for many files one after another.

    Belongs to the thread that made it: the kernel ends the child with that thread.
    """

    def __init__(
        self,
        limits: DecodeLimits | None = None,
        *,
        child: str = LIGHT_CHILD,
        files: Sequence[Path] = (),
        slot_bytes: int = SLOT_BYTES,
    ) -> None:
        """Start the child, the module `child`, without waiting for it.

        `files` may name those that will come, so that the child which their suffixes ask for is
        started, and no second one later.
        `slot_bytes` is the most that a block holds: the child decodes six of them ahead.
        """
        self.limits = limits or DecodeLimits()
        self._child_module = child
        self._slot_bytes = slot_bytes
        if any(file.suffix.lower() in _SUFFIXES_OF_FFMPEG for file in files):
            self._child_module = CHILD
        self._audio: DecodedAudio | None = None
        self._served = 0
        self._process: ChildProcess | None = self._start()

    def open(self, path: Path) -> DecodedAudio:
        """Begin decoding `path`; whatever was open before is closed.

        Raises
        ------
        Refusal
            If the file cannot be opened, is no audio we take, or breaks a limit by its header.
        """
        if self._audio is not None:
            self._audio.close()
        descriptor = open_regular(path)
        try:
            self._audio = self._begin(descriptor, path.suffix.lower())
        except PassedOnError:
            self._child_module = CHILD
            self.close()
            self._audio = self._begin(descriptor, path.suffix.lower())
        finally:
            os.close(descriptor)
        return self._audio

    @property
    def isolation(self) -> tuple[str, ...]:
        """Names of the barriers around the child that this kernel granted, for `loa doctor`."""
        return self._ready_process().isolation

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _begin(self, descriptor: int, suffix: str) -> DecodedAudio:
        process = self._ready_process()
        self._served += 1
        process.request(descriptor, suffix)
        try:
            return DecodedAudio(process, self.limits)
        except PassedOnError:
            if self._child_module == CHILD:
                raise process.condemn("a decoder without its libraries") from None
            raise

    def _start(self) -> ChildProcess:
        self._served = 0
        return ChildProcess(self._child_module, self.limits, self._slot_bytes)

    def _ready_process(self) -> ChildProcess:
        """Return a live child that has said it is ready; replace a dead or well-used one."""
        process = self._process
        if process is not None and (not process.fit or self._served >= self.limits.files_per_child):
            process.kill()
            process = None
        if process is None:
            process = self._process = self._start()
        process.wait_ready()
        return process

    def __enter__(self) -> Self:
        """Return this decoder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()

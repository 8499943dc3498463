"""Frames kept between two passes: in memory while they are few, else in an unlinked temporary file.

A bulletin of ten minutes at 24 kHz is 58 MB of float32 and stays in memory: through the system's
page cache it would cost a twelfth of the whole mastering. A three-hour stereo programme is 4 GB. On
disk that costs no memory of ours (the file is read and written, never mapped: mapped pages would
count), and as the file has no name it vanishes with the process, however that ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from dsp.contract import Frames
from dsp.errors import Refusal

BLOCK_FRAMES = 24_576  # 16 laps of 1536 frames (dsp/master/state_space.py)


MEMORY_BYTES = 64 << 20  # two spools of it fit beside everything else into the 300 MB of a job


class Spool:
    """A programme, written once from front to back, read any number of times.

    Parameters
    ----------
    channels
        Of the programme.
    folder
        Where to put what does not stay in memory; None is the system's temporary folder.
    memory_bytes
        Most that stays in memory.
    """

    def __init__(
        self, channels: int, folder: Path | None = None, *, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self.channels = channels
        self.frames = 0
        self._folder = folder
        # Only the pages that are written to become memory.
        self._kept: Frames | None = np.empty((memory_bytes // (4 * channels), channels), np.float32)
        self._file: IO[bytes] | None = None

    def append(self, frames: Frames) -> None:
        """Add frames, (n, channels), at the end.

        Raises
        ------
        Refusal
            ``disk.spool`` where the disk is full or fails.
        """
        if not len(frames):
            return
        end = self.frames + len(frames)
        if self._kept is not None and end <= len(self._kept):
            self._kept[self.frames : end] = frames
        else:
            self._move_to_disk()
            self._write(np.ascontiguousarray(frames, np.float32))
        self.frames = end

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[Frames]:
        """Give the programme in new arrays of `block_frames`, the last one shorter.

        Any number of threads may read at once: each keeps its own place.
        """
        for start in range(0, self.frames, block_frames):
            yield self.part(start, min(block_frames, self.frames - start))

    def part(self, start: int, count: int) -> Frames:
        """Return `count` frames from `start` on, all of which are there, in a new array."""
        if self._kept is not None:
            return self._kept[start : start + count].copy()
        assert self._file is not None
        block = np.empty((count, self.channels), np.float32)
        left, place = block.data.cast("B"), start * 4 * self.channels
        while len(left):
            got = os.preadv(self._file.fileno(), [left], place)
            if not got:
                raise self._refused(OSError("end of file"))
            left, place = left[got:], place + got
        return block

    def clear(self) -> None:
        """Make it empty for another programme of as many channels; its room stays its own."""
        if self._file is not None:
            self._file.seek(0)
        self.frames = 0

    def close(self) -> None:
        """Give memory and disk space back."""
        self._kept = None
        if self._file is not None:
            self._file.close()

    def _move_to_disk(self) -> None:
        if self._file is not None:
            return
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - see close()
        except OSError as error:
            raise self._refused(error) from error
        if self._kept is not None:
            self._write(self._kept[: self.frames])
            self._kept = None

    def _write(self, frames: Frames) -> None:
        assert self._file is not None
        left = frames.data.cast("B") if len(frames) else memoryview(b"")
        try:
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> Refusal:
        return Refusal(
            "disk.spool",
            expected="room for the audio between two passes",
            got=error.strerror or str(error),
            advice="free disk space, or another folder in TMPDIR",
            exit_code=4,
        )

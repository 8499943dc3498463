"""Frames on disk between two passes: an unlinked temporary file, read and written, never mapped.

A three-hour stereo programme is 4 GB of float32. On disk it costs no memory of ours (mapped pages
would count), and as the file has no name it vanishes with the process, however that ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dsp.contract import Frames
from dsp.errors import Refusal

BLOCK_FRAMES = 24_576  # 16 laps of 1536 frames (dsp/master/state_space.py)


class Spool:
    """A programme on disk, written once from front to back, read any number of times.

    Parameters
    ----------
    channels
        Of the programme.
    folder
        Where to put it; None is the system's temporary folder.
    """

    def __init__(self, channels: int, folder: Path | None = None) -> None:
        self.channels = channels
        self.frames = 0
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - see close()
        except OSError as error:
            raise self._refused(error) from error

    def append(self, frames: Frames) -> None:
        """Add frames, (n, channels), at the end.

        Raises
        ------
        Refusal
            ``disk.spool`` where the disk is full or fails.
        """
        if not len(frames):
            return
        left = np.ascontiguousarray(frames, np.float32).data.cast("B")
        try:
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            raise self._refused(error) from error
        self.frames += len(frames)

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[Frames]:
        """Give the programme in new arrays of `block_frames`, the last one shorter.

        Any number of threads may read at once: each keeps its own place.
        """
        for start in range(0, self.frames, block_frames):
            yield self.part(start, min(block_frames, self.frames - start))

    def part(self, start: int, count: int) -> Frames:
        """Return `count` frames from `start` on, all of which are there, in a new array."""
        block = np.empty((count, self.channels), np.float32)
        left, place = block.data.cast("B"), start * 4 * self.channels
        while len(left):
            got = os.preadv(self._file.fileno(), [left], place)
            if not got:
                raise self._refused(OSError("end of file"))
            left, place = left[got:], place + got
        return block

    def clear(self) -> None:
        """Make it empty for another programme of as many channels; the disk space stays its own."""
        self._file.seek(0)
        self.frames = 0

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def _refused(self, error: OSError) -> Refusal:
        return Refusal(
            "disk.spool",
            expected="room for the audio between two passes",
            got=error.strerror or str(error),
            advice="free disk space, or another folder in TMPDIR",
            exit_code=4,
        )

"""A line as an input of the relay: a sound card's line-in, or a pipe that a program writes to.

Both have a crystal of their own; an elastic line follows it.
"""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.playout.elastic_line import ElasticLine
from ingest.sound_card import RECORDS, device_of, no_card, sound_library
from loa.relay.blocks import RATE_HZ
from loa.relay.inputs import Input
from loa.relay.settings import InputSettings
from loa.sample_pipe import SamplePipe

_OPEN_LINE_S = 10.0
_PIPE_ROOM_S = 0.2  # held beyond what is needed: the rest waits in the pipe
_CARD_BLOCK = 960
_BURST_S = 0.02


class PipeInput(Input):
    """Live audio out of a named pipe (`loa.sample_pipe`).

    What is not needed yet waits in the pipe, so that a program faster than sound is held back.
    """

    runs_on = True

    def __init__(self, settings: InputSettings, folder: Path) -> None:
        self.name = settings.source
        path = folder / settings.source.removeprefix("pipe:")
        self._pipe = SamplePipe(path, "relay.pipe")
        buffer_s = settings.buffer_ms / 1000
        self._line = ElasticLine(_BURST_S, buffer_s)
        self._most_s = buffer_s + _PIPE_ROOM_S

    def is_alive(self, moment_s: float) -> bool:
        """Take what has come; tell whether it flows."""
        del moment_s
        while (room_s := self._most_s - self._line.held_s) > 0.0:
            came = self._pipe.read(max(1, round(room_s * RATE_HZ)))
            if came is None:
                break
            self._line.write(came)
        return self._line.flowing

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next samples."""
        del moment_s
        return self._line.read(count)[0]

    def about(self) -> dict[str, Any]:
        """Return how it flows."""
        return about_line(self._line)

    def close(self) -> None:
        """Close the pipe."""
        self._pipe.close()


class CardInput(Input):
    """A sound card's line-in; softer than `alive_dbfs` for ten seconds it is an open line."""

    runs_on = True

    def __init__(self, settings: InputSettings, library: Any = None) -> None:
        self.name = settings.source
        self._queue: queue.SimpleQueue[Samples] = queue.SimpleQueue()
        buffer_s = settings.buffer_ms / 1000
        self._line = ElasticLine(_BURST_S, buffer_s)
        self._alive_power = 10.0 ** (settings.alive_dbfs / 10.0)
        self._soft_s = _OPEN_LINE_S
        name = settings.source.removeprefix("card:")
        library = library if library is not None else sound_library(RECORDS)
        try:
            self._stream = library.InputStream(
                samplerate=RATE_HZ,
                blocksize=_CARD_BLOCK,
                device=device_of(name),
                channels=1,
                dtype="float32",
                callback=self._take,
            )
            self._stream.start()
        except Exception as error:  # noqa: BLE001 - PortAudioError is known to the library only
            raise no_card(str(error), "arecord -l; or pipe:PATH with arecord", RECORDS) from None

    def _take(self, frames: Any, count: int, time: Any, status: Any) -> None:
        """Take what the card gives, in PortAudio's own thread; never wait."""
        del count, time, status
        self._queue.put(np.array(frames[:, 0], np.float32))

    def is_alive(self, moment_s: float) -> bool:
        """Take what has come; tell whether somebody speaks on the line."""
        del moment_s
        for _ in range(self._queue.qsize()):  # a card that never stops giving holds nobody up
            samples = np.clip(np.nan_to_num(self._queue.get_nowait()), -1.0, 1.0)
            loud = float(np.mean(samples**2)) > self._alive_power
            self._soft_s = 0.0 if loud else self._soft_s + len(samples) / RATE_HZ
            self._line.write(samples)
        return self._line.flowing and self._soft_s < _OPEN_LINE_S

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next samples."""
        del moment_s
        return self._line.read(count)[0]

    def about(self) -> dict[str, Any]:
        """Return how it flows."""
        return about_line(self._line)

    def close(self) -> None:
        """Stop the card."""
        self._stream.close()


def about_line(line: ElasticLine) -> dict[str, Any]:
    """Return what a status line says of an elastic line."""
    return {
        "held_ms": round(1000 * line.held_s, 1),
        "rate_ppm": round(line.rate_ppm, 1),
        "ran_dry": line.ran_dry,
    }

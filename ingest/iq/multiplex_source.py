"""A ready multiplex, from a file or a sound card, as composite at 288 kS/s (1.0 = 100 kHz).

A tuner with an MPX output and a sound card at 192 kHz, or a recording of one: no radio, so no
channelizer and no discriminator. What is not a station's baseband has no RF level and no carrier.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.errors import Refusal
from dsp.fm.constants import RECEIVE_RATE_HZ
from ingest.iq import refusals
from ingest.iq.byte_stream import ByteStream
from ingest.sound_card import RECORDS, device_of, no_card, sound_library

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ingest.clock import Clock

MIN_RATE_HZ, MAX_RATE_HZ = 171_000, 384_000
_BLOCKS_PER_S = 10
_CARD = f"{RECORDS} a multiplex"


@dataclass(frozen=True, slots=True)
class MultiplexBlock:
    """Composite float32 (n,) at 288 kS/s; `index` counts its samples, the missing ones too."""

    samples: NDArray[np.float32]
    index: int
    time_utc: datetime
    missing_samples: int = 0


class MultiplexFile:
    """A WAV or FLAC at 171 … 384 kHz; of several channels the first is taken."""

    rate_hz = RECEIVE_RATE_HZ
    time_basis = "assumed"

    def __init__(self, path: Path, clock: Clock, *, full_scale_hz: float = 100_000.0) -> None:
        """Open `path`; a sample of 1.0 in it is a deviation of `full_scale_hz`.

        Raises
        ------
        Refusal
            iq.not_found, iq.header or multiplex.rate.
        """
        import soundfile as sf

        ByteStream(path).close()  # words what is missing or may not be read
        try:
            self._file = sf.SoundFile(path)
        except sf.SoundFileError as error:
            raise refusals.header("a WAV or FLAC with a multiplex", str(error)) from None
        if not MIN_RATE_HZ <= self._file.samplerate <= MAX_RATE_HZ:
            got = f"{self._file.samplerate} Hz"
            self._file.close()
            raise _wrong_rate(got)
        self.rate_in_hz: int = self._file.samplerate
        self._gain = np.float32(full_scale_hz / 100_000.0)
        self._start_utc = clock.now_utc()
        self._notes: list[dict[str, Any]] = []

    def blocks(self) -> Iterator[MultiplexBlock]:
        """Yield the file; what is not finite becomes a gap of the whole block it lies in."""
        converter = _Converter(self.rate_in_hz)
        index, missing, any_given = 0, 0, False
        per_block = self.rate_in_hz // _BLOCKS_PER_S
        while not self._file.closed:
            frames = self._file.read(per_block, dtype="float32", always_2d=True)
            last = len(frames) < per_block
            mono = np.ascontiguousarray(frames[:, 0]) * self._gain
            bad = not np.isfinite(mono).all()
            if bad:
                self._notes.append({"kind": "not_finite", "detail": f"near sample {index}"})
                mono = np.zeros_like(mono)
            samples = converter.process(mono, last=last)
            if bad:
                missing += len(samples)
            elif len(samples):
                time_utc = self._start_utc + timedelta(seconds=index / self.rate_hz)
                yield MultiplexBlock(samples, index, time_utc, missing)
                missing, any_given = 0, True
            index += len(samples)
            if last:
                break
        if not any_given and not self._file.closed:
            raise refusals.empty("a multiplex without samples")

    def notes(self) -> list[dict[str, Any]]:
        """Return what was noticed so far."""
        return list(self._notes)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class MultiplexCard:
    """A sound card that listens to a tuner's MPX output."""

    rate_hz = RECEIVE_RATE_HZ
    time_basis = "received"

    def __init__(
        self,
        card: str,
        clock: Clock,
        *,
        rate_in_hz: int = 192_000,
        full_scale_hz: float = 100_000.0,
        library: Any = None,
    ) -> None:
        """Open the card of that name or number; empty for the default.

        Raises
        ------
        Refusal
            sound_card.missing with exit code 3.
        """
        self._library = library if library is not None else sound_library(_CARD)
        self.rate_in_hz = rate_in_hz
        self._gain = np.float32(full_scale_hz / 100_000.0)
        self._clock = clock
        self._queue: queue.Queue[tuple[NDArray[np.float32], bool] | None] = queue.Queue(40)
        self._lost = 0
        self._notes: list[dict[str, Any]] = []
        try:
            self._stream = self._library.InputStream(
                samplerate=rate_in_hz,
                blocksize=rate_in_hz // _BLOCKS_PER_S,
                device=device_of(card),
                channels=1,
                dtype="float32",
                callback=self._take,
            )
            self._stream.start()
        except Exception as error:  # noqa: BLE001 - PortAudioError is known to the library only
            raise no_card(
                str(error), "arecord -l, and a card that records at 192 kHz", _CARD
            ) from None

    def _take(self, frames: Any, count: int, _time: Any, status: Any) -> None:
        """Take what the card gives, in PortAudio's own thread; never wait."""
        overflow = bool(getattr(status, "input_overflow", False))
        try:
            self._queue.put_nowait((np.array(frames[:, 0], np.float32), overflow))
        except queue.Full:
            self._lost += count

    def blocks(self) -> Iterator[MultiplexBlock]:
        """Yield what the card gives until `close`."""
        converter, index, start_utc = _Converter(self.rate_in_hz), 0, self._clock.now_utc()
        while (entry := self._queue.get()) is not None:
            mono, overflow = entry
            lost, self._lost = self._lost, 0
            if overflow or lost:
                # PortAudio does not tell how much an overflow lost: at least one sample did.
                self._notes.append({"kind": "gap", "detail": f"card overflow near {index}"})
            missing = max(lost * self.rate_hz // self.rate_in_hz, int(overflow))
            samples = converter.process(mono * self._gain, last=False)
            index += missing
            time_utc = start_utc + timedelta(seconds=index / self.rate_hz)
            yield MultiplexBlock(samples, index, time_utc, missing)
            index += len(samples)

    def notes(self) -> list[dict[str, Any]]:
        """Return what was noticed so far."""
        return list(self._notes)

    def close(self) -> None:
        """Stop the card."""
        self._stream.close()
        self._queue.put(None)


class _Converter:
    """From the rate of the file to 288 kS/s, with nothing below 100 kHz touched where it can be."""

    def __init__(self, rate_in_hz: int) -> None:
        import soxr

        self._stream = soxr.ResampleStream(
            rate_in_hz, RECEIVE_RATE_HZ, 1, dtype="float32", quality="VHQ"
        )

    def process(self, samples: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        converted: NDArray[np.float32] = self._stream.resample_chunk(samples, last=last)
        return converted


def _wrong_rate(got: str) -> Refusal:
    return Refusal(
        "multiplex.rate",
        expected=f"a multiplex at {MIN_RATE_HZ} … {MAX_RATE_HZ} Hz",
        got=got,
        advice="recording at 192000 Hz: below 171 kHz there is no room for RDS",
    )

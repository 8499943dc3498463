"""What a station's studio has to send: files in a loop, a tone, silence, a tune, hiss.

A programme gives the next frames of 48 kHz stereo for ever, float32 (n, 2), 1.0 = 0 dBFS. It is
pulled from front to back; what it gives does not depend on how many frames are asked for at a time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dsp.fm.constants import AUDIO_EDGE_HZ, AUDIO_RATE_HZ
from dsp.master.high_pass import HighPass
from ingest.decode.decoder import Decoder
from ingest.decode.link import SLOT_BYTES_PLAYED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from dsp.contract import Frames

_HISS_LOOP_S = 10
_HISS_TAU_S = 50e-6
_NOTES_HZ = (262.0, 294.0, 330.0, 392.0, 440.0, 523.0, 587.0, 659.0)
_NOTE_FRAMES = AUDIO_RATE_HZ // 4
_NOTES = 64
# Coupling capacitors, transformers, and the processor's filter below 30 Hz: exciters that are
# synthesised may pass DC, what stands before them does not. A synthetic voice has a mean of up to
# 0.6 % of full scale and rumbles below a hertz: 400 Hz of carrier that no station shows.
LINE_HZ = 20.0


class Programme(Protocol):
    """A source of sound without an end."""

    name: str

    def frames(self, count: int) -> Frames:
        """Return the next `count` frames, float32 (count, 2)."""

    def close(self) -> None:
        """Let go of files and processes."""


class _Loop:
    """A programme that repeats an array (n, 2) for ever; made when it is first heard."""

    def __init__(self, name: str, make: Callable[[], npt.NDArray[np.float32]]) -> None:
        self.name = name
        self._make = make
        self._loop = np.empty((0, 2), np.float32)
        self._place = 0

    def frames(self, count: int) -> Frames:
        """Return the next `count` frames."""
        if not len(self._loop):
            self._loop = self._make()
        index = (self._place + np.arange(count)) % len(self._loop)
        self._place = (self._place + count) % len(self._loop)
        return self._loop[index]

    def close(self) -> None:
        """Give the memory back."""
        self._loop = self._loop[:0].copy()


class Silence:
    """A studio that sends nothing."""

    name = "silence"

    def frames(self, count: int) -> Frames:
        """Return zeros."""
        return np.zeros((count, 2), np.float32)

    def close(self) -> None:
        """Nothing is held."""


class Tone:
    """A sine of `tone_hz` at `level_db` dBFS in both channels, exact in phase for ever."""

    name = "tone"

    def __init__(self, tone_hz: float, level_db: float) -> None:
        self._turns = tone_hz / AUDIO_RATE_HZ
        self._level = 10.0 ** (level_db / 20.0)
        self._done = 0

    def frames(self, count: int) -> Frames:
        """Return the next `count` frames."""
        turns = (self._done + np.arange(count)) * self._turns % 1.0
        self._done += count
        mono = (self._level * np.sin(2.0 * math.pi * turns)).astype(np.float32)
        return np.repeat(mono[:, None], 2, axis=1)

    def close(self) -> None:
        """Nothing is held."""


def tune(seed: int) -> Programme:
    """Return a plucked tune of 16 s, in stereo, about -20 LUFS: a stranger without a file."""
    return _Loop("tune", lambda: _plucked(seed))


def _plucked(seed: int) -> npt.NDArray[np.float32]:
    rng = np.random.Generator(np.random.SFC64(seed))
    loop = np.zeros((_NOTES * _NOTE_FRAMES, 2))
    seconds = np.arange(2 * _NOTE_FRAMES) / AUDIO_RATE_HZ
    for note in range(_NOTES):
        pitch_hz = float(rng.choice(_NOTES_HZ))
        wave = sum(np.sin(2 * math.pi * pitch_hz * k * seconds) / k**1.5 for k in range(1, 6))
        wave = wave * np.exp(-5.0 * seconds) * np.minimum(1.0, seconds / 0.004)
        pan = rng.uniform(0.3, 0.7)
        for half in range(2):  # a note rings into the next one
            start = (note + half) % _NOTES * _NOTE_FRAMES
            sound = wave[half * _NOTE_FRAMES : (half + 1) * _NOTE_FRAMES, None]
            loop[start : start + _NOTE_FRAMES] += sound * np.array([pan, 1.0 - pan])
    frames: Frames = (0.45 * loop / np.abs(loop).max()).astype(np.float32)
    return frames


def hiss(level_dbfs: float, seed: int) -> Programme:
    """Return the noise of an FM receiver without a signal, at `level_dbfs` RMS in each channel.

    Noise after a discriminator rises with frequency; de-emphasis of 50 µs bends it flat above
    3.2 kHz; it ends at 15 kHz. A loop of 10 s without a seam.
    """
    return _Loop("hiss", lambda: _rising_noise(level_dbfs, seed))


def _rising_noise(level_dbfs: float, seed: int) -> npt.NDArray[np.float32]:
    count = _HISS_LOOP_S * AUDIO_RATE_HZ
    rng = np.random.Generator(np.random.SFC64(seed))
    hertz = np.fft.rfftfreq(count, 1.0 / AUDIO_RATE_HZ)
    shape = hertz / np.sqrt(1.0 + (2.0 * math.pi * _HISS_TAU_S * hertz) ** 2)
    shape[hertz > AUDIO_EDGE_HZ] = 0.0
    phases = rng.uniform(0.0, 2.0 * math.pi, (2, len(hertz)))
    noise = np.fft.irfft(shape * np.exp(1j * phases), count, axis=1)
    rms = np.sqrt(np.mean(noise**2, axis=1, keepdims=True))
    loop = 10.0 ** (level_dbfs / 20.0) * noise / rms
    frames: Frames = np.ascontiguousarray(loop.T, np.float32)
    return frames


class Files:
    """Audio files one after another, resampled to 48 kHz, over a line that passes no DC.

    Parameters
    ----------
    paths
        At least one. Mono goes to both channels; of more than two channels both get the mean.

    Raises
    ------
    Refusal
        As `ingest.decode.decoder.Decoder` does: from `check` and `frames`.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self.name = ", ".join(path.name for path in paths)
        self._paths = paths
        self._decoder: Decoder | None = None  # a process: not before it is needed
        self._pieces: Generator[Frames, None, None] | None = None
        self._held = np.empty((0, 2), np.float32)
        self._line = HighPass(AUDIO_RATE_HZ, 2, LINE_HZ)

    def check(self) -> None:
        """Open every file once, so that one that is no audio is refused before the work."""
        with Decoder() as decoder:
            for path in self._paths:
                decoder.open(path).close()

    def frames(self, count: int) -> Frames:
        """Return the next `count` frames."""
        if self._pieces is None:
            self._pieces = self._endless()
        parts, have = [self._held], len(self._held)
        while have < count:
            piece = next(self._pieces)
            parts.append(piece)
            have += len(piece)
        joined = np.concatenate(parts) if len(parts) > 1 else self._held
        self._held = joined[count:]
        return self._line.process(np.ascontiguousarray(joined[:count]))

    def close(self) -> None:
        """End the decoder, and what reads of it first."""
        if self._pieces is not None:
            self._pieces.close()
            self._pieces = None
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def _endless(self) -> Generator[Frames, None, None]:
        while True:
            for path in self._paths:
                yield from self._file(path)

    def _file(self, path: Path) -> Iterator[Frames]:
        import soxr

        decoder = self._decoder = self._decoder or Decoder(slot_bytes=SLOT_BYTES_PLAYED)
        with decoder.open(path) as audio:
            rate_hz = audio.format.sample_rate_hz
            if rate_hz == AUDIO_RATE_HZ:
                for block in audio.blocks():
                    yield _stereo(block)
                return
            stream = soxr.ResampleStream(rate_hz, AUDIO_RATE_HZ, 2, dtype="float32")
            for block in audio.blocks():
                yield stream.resample_chunk(_stereo(block))
            yield stream.resample_chunk(np.empty((0, 2), np.float32), last=True)


def _stereo(block: npt.NDArray[np.generic]) -> Frames:
    """Return a decoded block, int16 or float32 (n, channels), as new finite frames (n, 2)."""
    scale = 1.0 / 32768.0 if block.dtype == np.int16 else 1.0
    frames = block.astype(np.float32) * np.float32(scale)
    if frames.shape[1] != 2:
        frames = np.repeat(frames.mean(axis=1, keepdims=True), 2, axis=1)
    # A broken float file must not silence the transmitter for ever.
    finite: Frames = np.clip(np.nan_to_num(frames), -8.0, 8.0)
    return finite

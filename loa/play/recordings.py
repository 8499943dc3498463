"""Decoded recordings on the disk, mono at 48 kHz, read anywhere at any time.

An emergency cannot wait for a decoder, so everything is decoded when it is taken in, by the
isolated decoder, and kept under its key: after a restart it is there at once. 11.5 MB a minute.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from transmit.atomic import OutputSet, failures_refused
from transmit.intake import Intake
from transmit.playout.zone_player import SAMPLES_PER_MS
from transmit.rtp.payloads import AUDIO_RATE_HZ

_SAMPLE_BYTES = 4


class Recordings:
    """A shelf (`transmit.playout.zone_player.Shelf`) in a folder; any thread may read it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._mapped: dict[str, Samples] = {}
        self._named: dict[str, str] = {}

    def add(self, key: str, path: Path, decoder: Decoder) -> int:
        """Decode `path` unless that was done before; return its length in ms.

        Raises
        ------
        Refusal
            What the decoder refuses; a recording of less than a millisecond; a full disk.
        """
        final = self._folder / f"{self._name_of(key, path)}.f32"
        if not final.exists():
            _decode(path, final, decoder)
        self._named[key] = final.name
        samples = self._map(final)
        self._mapped[key] = samples
        length_ms = len(samples) // SAMPLES_PER_MS
        if length_ms == 0:
            raise Refusal(
                "audio.empty",
                expected="a recording of a millisecond at least",
                got=f"{len(samples)} samples in {path.name}",
                advice="another recording",
            )
        return length_ms

    def read(self, key: str, offset: int, count: int) -> Samples:
        """Return samples of a recording; raises KeyError where there is none of that key."""
        return np.array(self._mapped[key][offset : offset + count])

    def keep_only(self, keys: set[str]) -> None:
        """Remove what is decoded and not named any more, of this call or an earlier one."""
        for key in set(self._mapped) - keys:
            del self._mapped[key], self._named[key]
        kept = set(self._named.values())
        for path in self._folder.glob("*.f32"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    @staticmethod
    def _name_of(key: str, path: Path) -> str:
        """Return a name that changes when the file does; a digest is a name already."""
        if len(key) == 64 and path.name.lstrip(".").startswith(key):
            return key
        told = path.stat()
        text = f"{path.resolve()}\n{told.st_size}\n{told.st_mtime_ns}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    @staticmethod
    def _map(final: Path) -> Samples:
        if final.stat().st_size < _SAMPLE_BYTES:
            return np.zeros(0, np.float32)
        return np.memmap(final, np.float32, "r")


def _decode(path: Path, final: Path, decoder: Decoder) -> None:
    with decoder.open(path) as audio, OutputSet([final]) as output:
        form = audio.format
        intake = Intake(audio.blocks(), (form.sample_rate_hz, AUDIO_RATE_HZ), (form.channels, 1))
        with failures_refused(final), output.part(final).open("wb") as file:
            for frames in intake.blocks():
                file.write(np.ascontiguousarray(frames, np.float32).data)
        output.commit()

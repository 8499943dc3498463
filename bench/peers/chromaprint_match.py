"""Peer: Chromaprint. Prints by its own `fpcalc` (Debian libchromaprint-tools), compared by us.

Chromaprint compares two prints by their bit errors at the best offset; its server only adds a table
to find candidates. Here every offset of every reference is tried, which is all that a table could
find: the best that Chromaprint's prints can do, at the price of a slow search (told apart in the
speed rows). A print is 32 bits every 0.1238 s, each over 2.4 s of sound.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import numpy.typing as npt
import soxr

from bench.match.system import RATE_HZ, Found, Sound

PRINT_S = 1_365 / 11_025
_RATE_HZ = 11_025

Words = npt.NDArray[np.uint32]


def installed() -> bool:
    """Whether `fpcalc` is there."""
    return shutil.which("fpcalc") is not None


def prints_of(sound: Sound) -> Words:
    """Return the raw prints of mono `sound` at 48 kHz, uint32 (k,); empty if it is too short."""
    low = soxr.resample(sound, RATE_HZ, _RATE_HZ)
    pcm = np.round(np.clip(low, -1.0, 1.0) * 32767.0).astype("<i2")
    command = ["fpcalc", "-raw", "-plain", "-length", "0", "-format", "s16le"]
    command += ["-rate", str(_RATE_HZ), "-channels", "1", "-"]
    done = subprocess.run(command, input=pcm.tobytes(), capture_output=True, check=False)
    said = done.stdout.decode().strip()
    # fpcalc ends with an error where a pipe ends; the prints are complete all the same.
    if not said:
        return np.zeros(0, np.uint32)
    return np.array([int(word) & 0xFFFFFFFF for word in said.split(",")], np.uint32)


class Chromaprint:
    """Every offset of every reference, by bit errors."""

    name = "Chromaprint"
    threshold = 0.65  # share of equal bits; AcoustID asks for about as much

    def __init__(self) -> None:
        self._names: list[str] = []
        self._prints: list[Words] = []

    def add(self, name: str, sound: Sound) -> None:
        """Take a bulletin into the index."""
        self._names.append(name)
        self._prints.append(prints_of(sound))

    def query(self, sound: Sound) -> Found | None:
        """Return the offset with the fewest bit errors; the score is the share of equal bits."""
        return self.search(prints_of(sound))

    def search(self, wanted: Words) -> Found | None:
        """The same for prints that are there already."""
        k = len(wanted)
        best: Found | None = None
        if k < 4:
            return None
        for name, prints in zip(self._names, self._prints, strict=True):
            if len(prints) < k:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(prints, k)
            wrong = np.bitwise_count(windows ^ wanted).sum(axis=1, dtype=np.int32)
            at = int(np.argmin(wrong))
            score = 1.0 - float(wrong[at]) / (32 * k)
            if best is None or score > best.score:
                best = Found(name, at * PRINT_S, score)
        return best

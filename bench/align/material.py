"""Voices to align: real speech of the shared test material where it is, else espeak-ng's.

Every voice is one long reading, so that the same voice with another text is one of its own places.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

Mono = npt.NDArray[np.float32]
RATE_HZ = 48_000
DATA = Path(
    os.environ.get("LOA_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
_REAL = {
    "vi, south, woman": ("speech/vi/south_nu_giong_nam.wav",),
    "en, woman": ("speech/en_prompts/demo-congrats.wav", "speech/en_prompts/conf-adminmenu.wav"),
    "km, woman": ("speech/km/spkr05*.wav",),
    "km, man": ("speech/km/spkr03*.wav",),
    "vi, several": ("speech/vi/VIVOS*.wav", "speech/vi/R00*.wav"),
}
_TEXTS = Path(__file__).parents[2] / "examples" / "bulletin-vi.txt"
_SPOKEN = {"vi, espeak": ("vi", 160), "vi, espeak, fast": ("vi-vn-x-south", 190)}


def real_voices() -> dict[str, Mono]:
    """Return the voices of the shared material, float32 (n,) at 48 kHz; none without it."""
    found = {}
    for name, patterns in _REAL.items():
        paths = [path for pattern in patterns for path in sorted(DATA.glob(pattern))]
        if paths:
            found[name] = np.concatenate([read_mono(path) for path in paths])
    return found


def spoken_voices() -> dict[str, Mono]:
    """Return the example bulletin as two voices of espeak-ng read it, float32 (n,) at 48 kHz."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (voice, words_a_minute) in _SPOKEN.items():
            path = Path(folder) / "voice.wav"
            subprocess.run(
                ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "-f", _TEXTS, "-w", path],
                check=True,
            )
            found[name] = read_mono(path)
    return found


def read_mono(path: Path) -> Mono:
    """Return a file as mono at 48 kHz, its rms at −20 dBFS."""
    frames, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    mono = np.asarray(soxr.resample(frames.mean(axis=1), rate_hz, RATE_HZ), np.float32)
    return np.asarray(mono * (0.1 / np.sqrt(np.mean(mono**2) + 1e-12)), np.float32)

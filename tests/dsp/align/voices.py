"""What the tests of alignment listen to: the example bulletin, and what is none."""

from functools import cache
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

RATE = 48_000
BULLETIN = Path(__file__).resolve().parents[3] / "examples" / "bulletin-vi.flac"


@cache
def bulletin():
    """The bulletin, float32 (n,) at 48 kHz; not to be written to."""
    samples, rate_hz = sf.read(BULLETIN, dtype="float32")
    sound = np.asarray(soxr.resample(samples, rate_hz, RATE), np.float32)
    sound.setflags(write=False)
    return sound


def piece(start_s, end_s):
    return bulletin()[round(start_s * RATE) : round(end_s * RATE)].copy()


def noise(seconds, seed=1, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def tones(seconds):
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (
        0.3 * np.sin(2 * np.pi * 440 * time_s) + 0.2 * np.sin(2 * np.pi * 1000 * time_s)
    ).astype(np.float32)

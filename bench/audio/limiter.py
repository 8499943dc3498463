"""What the limiter and the two mastering passes cost: CPU nanoseconds per mono sample at 48 kHz.

`python -m bench.audio.limiter [WAV]`: medians of seven, on speech put 4 dB over what fits, or on
the WAV (mono, 48 kHz) at its own level.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import soundfile as sf

from dsp.contract import Frames, output_for
from dsp.master.fm_limiter import FmLimiter
from dsp.master.limiter import TruePeakLimiter
from transmit.mastering import master
from transmit.target import FmTarget, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RATE_HZ = 48_000
BLOCK = 16_384
RUNS = 7


class Nothing:
    """A chain that does nothing."""

    delay_samples = 0

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return a copy of `frames`."""
        target = output_for(frames, out)
        target[:] = frames
        return target

    def reset(self) -> None:
        """Do nothing."""


def syllables(seconds: int = 120) -> Frames:
    """Noise of a speech-like spectrum and rhythm whose peaks stand 2 dB over full scale."""
    rng = np.random.default_rng(2)
    n = seconds * RATE_HZ
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    noise = np.fft.irfft(spectrum * (hz > 100) / (1 + (hz / 800) ** 1.5), n)
    x = noise * np.maximum(0.003, np.sin(2 * np.pi * 4 * np.arange(n) / RATE_HZ) ** 3)
    return np.asarray(1.26 * x / np.abs(x).max(), np.float32)[:, None]


def blocks(x: Frames) -> Iterator[Frames]:
    """Cut `x` into blocks."""
    return (x[a : a + BLOCK] for a in range(0, len(x), BLOCK))


def cost_ns(work: Callable[[], object], samples: int) -> float:
    """Median CPU time of `work` per sample, after one run to compile and to warm the caches."""
    work()
    times = []
    for _ in range(RUNS):
        start_s = time.process_time()
        work()
        times.append(time.process_time() - start_s)
    return statistics.median(times) / samples * 1e9


def main() -> None:
    """Print the table."""
    x = (
        sf.read(sys.argv[1], dtype="float32", always_2d=True)[0]
        if len(sys.argv) > 1
        else syllables()
    )
    out = np.zeros((BLOCK, 1), np.float32)

    def through(block: TruePeakLimiter | FmLimiter) -> Callable[[], None]:
        def work() -> None:
            for frames in blocks(x):
                block.process(frames, out[: len(frames)])

        return work

    limiters: dict[str, TruePeakLimiter | FmLimiter] = {
        "true-peak limiter": TruePeakLimiter(RATE_HZ, 1, ceiling_dbtp=-2.0),
        "the same without its band limit": TruePeakLimiter(
            RATE_HZ, 1, ceiling_dbtp=-2.0, band_limit=False
        ),
        "FM limiter": FmLimiter(RATE_HZ, 1),
    }
    for name, block in limiters.items():
        print(f"{name}: {cost_ns(through(block), len(x)):.1f} ns a sample")
    targets = {
        "master web": Target(-16.0, -1.0),
        "master fm": Target(-16.0, 0.0, fm=FmTarget()),
    }
    for name, target in targets.items():

        def work(target: Target = target) -> None:
            master(lambda: blocks(x), RATE_HZ, 1, Nothing(), target).close()

        print(f"{name}, both passes: {cost_ns(work, len(x)):.1f} ns a sample")


if __name__ == "__main__":
    main()

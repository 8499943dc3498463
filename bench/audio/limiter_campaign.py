"""No true peak over the ceiling: a million random and adversarial signals through the limiter.

The judge shares nothing with the limiter's detector: it pads the spectrum of each (silence-padded)
output to eight times the rate, the exact band-limited interpolation, in float64. Run as
`python -m bench.audio.limiter_campaign [COUNT]`; prints a line per kind and fails over 0.05 dB.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

from bench.audio.limiter_signals import KINDS, draw
from dsp.master.limiter import TruePeakLimiter

SAMPLE_RATE_HZ = 48_000
SAMPLES = 448
CEILING_DBTP = -1.0
TOLERANCE_DB = 0.05
_FRAME = 1024  # signal, delay, the filters' tails and silence
_OVERSAMPLING = 8
_BATCH = 64


@dataclass
class Worst:
    """How far the worst signal of a kind stood over the ceiling, and how many passed the limit."""

    signals: int = 0
    over_db: float = -np.inf
    failed: int = 0


def true_peaks(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Largest magnitude of each row between its samples too, shape (rows,)."""
    spectrum = rfft(frames.astype(np.float64), axis=1)
    wave = irfft(spectrum, frames.shape[1] * _OVERSAMPLING, axis=1) * _OVERSAMPLING
    return np.asarray(np.abs(wave).max(axis=1))


def run(count: int, seed: int = 1) -> dict[str, Worst]:
    """Limit and judge `count` signals, kinds in turn; the same seed gives the same signals."""
    rng = np.random.default_rng(seed)
    limiter = TruePeakLimiter(SAMPLE_RATE_HZ, 1, ceiling_dbtp=CEILING_DBTP)
    found = {kind: Worst() for kind in KINDS}
    kinds = list(KINDS)
    batch = np.zeros((_BATCH, _FRAME), np.float32)
    for index in range(-(-count // _BATCH)):
        kind = kinds[index % len(kinds)]
        for row in batch:
            limiter.reset()
            frames = np.zeros((_FRAME, 1), np.float32)
            frames[:SAMPLES, 0] = draw(rng, kind, SAMPLES)
            row[:] = limiter.process(frames, frames)[:, 0]
        over_db = 20.0 * np.log10(true_peaks(batch) + 1e-9) - CEILING_DBTP
        worst = found[kind]
        worst.signals += _BATCH
        worst.over_db = max(worst.over_db, float(over_db.max()))
        worst.failed += int((over_db > TOLERANCE_DB).sum())
    return found


def main() -> int:
    """Run the campaign and print its table."""
    found = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    print("| signals | number | worst over the ceiling, dB | over 0.05 dB |")
    print("|---|---|---|---|")
    for kind, worst in found.items():
        print(f"| {kind} | {worst.signals} | {worst.over_db:+.3f} | {worst.failed} |")
    return 1 if any(worst.failed for worst in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Signals that try to break a limiter: random ones and the classic traps, all short.

Used by the tests (10^4 of them) and by the long campaign (10^6). Amplitudes reach +20 dB over full
scale; every signal starts and ends abruptly, which is a trap of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

Signal = npt.NDArray[np.float64]
Random = np.random.Generator


def _tone(rng: Random, n: int) -> Signal:
    frequency = rng.choice([0.25, 1 / 6, 1 / 8, 0.2, rng.uniform(0.001, 0.5)])
    return np.asarray(np.sin(2 * np.pi * (frequency * np.arange(n) + rng.random())))


def _near_nyquist(rng: Random, n: int) -> Signal:
    gate = np.arange(n) % rng.integers(40, n) < rng.integers(20, n)
    return np.asarray(
        np.cos(2 * np.pi * rng.uniform(0.4, 0.5) * np.arange(n) + rng.random()) * gate
    )


def _square(rng: Random, n: int) -> Signal:
    return np.asarray(
        np.sign(np.sin(2 * np.pi * (rng.uniform(0.0005, 0.3) * np.arange(n) + rng.random())))
    )


def _impulses(rng: Random, n: int) -> Signal:
    out = np.zeros(n)
    at = rng.integers(0, n, rng.integers(1, 12))
    out[at] = rng.choice([-1.0, 1.0], len(at)) * rng.uniform(0.1, 1.0, len(at))
    return np.asarray(out)


def _clipped_noise(rng: Random, n: int) -> Signal:
    return np.asarray(np.clip(rng.standard_normal(n) * rng.uniform(0.5, 20.0), -1.0, 1.0))


def _noise(rng: Random, n: int) -> Signal:
    return np.asarray(rng.standard_normal(n) / 3.0)


def _chirp(rng: Random, n: int) -> Signal:
    sweep = np.linspace(rng.uniform(0.0, 0.5), rng.uniform(0.0, 0.5), n)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(sweep)))


def _sparse_bursts(rng: Random, n: int) -> Signal:
    gate = np.repeat(rng.random(n // 16 + 1) < 0.2, 16)[:n]
    return np.asarray(rng.standard_normal(n) * gate / 3.0)


def _alternating(rng: Random, n: int) -> Signal:
    flips = np.cumsum(rng.random(n) < 0.02)
    return np.asarray(np.where((np.arange(n) + flips) % 2 == 0, 1.0, -1.0))


def _level_step(rng: Random, n: int) -> Signal:
    level = np.where(np.arange(n) < rng.integers(0, n), 0.05, 1.0)
    return np.asarray(level * np.sin(2 * np.pi * rng.uniform(0.002, 0.4) * np.arange(n)))


def _dc(rng: Random, n: int) -> Signal:
    return np.asarray(np.full(n, rng.choice([-1.0, 1.0])) + 0.1 * rng.standard_normal(n))


def _worst_sinc(rng: Random, n: int) -> Signal:
    """Signs of the interpolator itself: between two samples everything adds up."""
    return np.asarray(np.sign(np.sinc(np.arange(n) - n // 2 - rng.uniform(0.2, 0.8)) + 1e-12))


def _silence_then_noise(rng: Random, n: int) -> Signal:
    return np.asarray(np.where(np.arange(n) < n // 2, 0.0, rng.uniform(-1.0, 1.0, n)))


KINDS: dict[str, Callable[[Random, int], Signal]] = {
    "tone": _tone,
    "near Nyquist": _near_nyquist,
    "square": _square,
    "impulses": _impulses,
    "clipped noise": _clipped_noise,
    "noise": _noise,
    "chirp": _chirp,
    "sparse bursts": _sparse_bursts,
    "alternating signs": _alternating,
    "step of level": _level_step,
    "DC": _dc,
    "signs of the sinc": _worst_sinc,
    "noise after silence": _silence_then_noise,
}


def draw(rng: Random, kind: str, samples: int) -> npt.NDArray[np.float32]:
    """Draw one signal of a kind, shape (samples,), with a peak of -6 … +20 dB."""
    raw = KINDS[kind](rng, samples)
    gain = 10.0 ** (rng.uniform(-6.0, 20.0) / 20.0)
    return np.asarray((raw * gain).astype(np.float32))

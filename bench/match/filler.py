"""Ten thousand bulletins that nobody ever read: prints with the statistics of real speech.

The values behind the 32 signs of a word are taken as a Gaussian process of 32 components. Its
cross-spectra (what each sign has to do with every other one, at every lag) are measured on real
speech and synthetic voices; from them come as many processes as one likes. Where a reference speaks
and where it pauses is cut from real activity. Speech also repeats itself, which no Gaussian does:
now and then a second of a real bulletin stands in a made one, the same second in some hundreds of
ten thousand, as a word does in the mouth of one announcer. `statistics` measures what matters for
an index on both: ones, runs, distances over time, keys that collide, anchors by the minute.

Prints are made, not sound: 833 hours of sound would take half an hour of printing every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from dsp.recognise.fingerprint import VALUE_SCALE, Prints
from dsp.recognise.grid import KEY_BITS, STEP, STEPS_PER_SECOND, WORD_BITS
from dsp.recognise.reference_prints import ReferencePrints, keep_reference

SEGMENT = 256  # steps of a spectrum: 15 s
_AT_ONCE = 16
_SAID_BEFORE = 0.5  # share of the seconds that a real bulletin has said
_PATCH = 17  # steps of one of them: a second
_TURN = np.uint32(1) << np.arange(WORD_BITS - 1, -1, -1, dtype=np.uint32)

Words = npt.NDArray[np.uint32]


class PrintModel:
    """What is measured on real prints, and new ones of the same kind.

    Parameters
    ----------
    real
        Prints of whole bulletins.
    seconds
        Length of the bulletins to be made.
    """

    def __init__(self, real: Sequence[Prints], seconds: float) -> None:
        self.steps = round(seconds * STEPS_PER_SECOND)
        # What is said of every frame beside its word: activity, level and the like.
        self._beside = {
            field.name: np.concatenate([getattr(prints, field.name)[::STEP] for prints in real])
            for field in fields(Prints)
            if field.name not in ("first", "words", "values")
        }
        self._said = np.concatenate([prints.values[::STEP] for prints in real]).astype(np.float32)
        self._mixing = _mixing(_cross_spectra(real), self.steps)

    def make(self, count: int, seed: int) -> Iterator[Prints]:
        """Yield prints of `count` bulletins, the same for the same seed."""
        rng = np.random.default_rng([20_26, seed])
        while count > 0:
            now = min(count, _AT_ONCE)
            yield from self._batch(now, rng)
            count -= now

    def _batch(self, count: int, rng: np.random.Generator) -> Iterator[Prints]:
        bins = len(self._mixing)
        drawn = rng.standard_normal((bins, WORD_BITS, 2 * count), dtype=np.float32)
        mixed = self._mixing @ np.ascontiguousarray(drawn).view(np.complex64)
        values = scipy.fft.irfft(mixed, self.steps, axis=0)  # (steps, 32, count)
        for number in range(count):
            yield self._prints(np.ascontiguousarray(values[:, :, number]), rng)

    def _prints(self, values: npt.NDArray[np.float32], rng: np.random.Generator) -> Prints:
        known = len(self._said)
        for first in range(0, self.steps - _PATCH, _PATCH):
            if rng.random() < _SAID_BEFORE:
                at = int(rng.integers(known // _PATCH - 1)) * _PATCH
                values[first : first + _PATCH] = self._said[at : at + _PATCH]
        places = (rng.integers(known) + np.arange(self.steps)) % known
        activity = self._beside["activity"][places]
        words = ((values > 0.0) * _TURN).sum(axis=1, dtype=np.uint32)
        rms = np.sqrt(np.mean(values**2, axis=1, keepdims=True)) + 1e-9
        stored = np.clip(values / rms * activity[:, None] * VALUE_SCALE, -127, 127).astype(np.int8)
        # A reference keeps every STEP-th word: each stands for STEP frames here.
        beside = {name: np.repeat(part[places], STEP) for name, part in self._beside.items()}
        return Prints(
            first=0,
            words=np.repeat(words, STEP),
            values=np.repeat(stored, STEP, axis=0),
            **beside,
        )


def _cross_spectra(real: Sequence[Prints]) -> npt.NDArray[np.complex128]:
    """Mean cross-spectra (bins, 32, 32) over all stretches that speak."""
    window = np.hanning(SEGMENT + 1)[:SEGMENT]
    total = np.zeros((SEGMENT // 2 + 1, WORD_BITS, WORD_BITS), np.complex128)
    count = 0
    for prints in real:
        values = prints.values[::STEP].astype(np.float64) / VALUE_SCALE
        for first in range(0, len(values) - SEGMENT + 1, SEGMENT // 2):
            piece = values[first : first + SEGMENT] * window[:, None]
            bins = scipy.fft.rfft(piece, axis=0)
            total += bins[:, :, None] * bins[:, None, :].conj()
            count += 1
    if count == 0:
        raise ValueError("real: expected prints of 15 s or more, got none")
    return total / count / np.sum(window**2)


def _mixing(spectra: npt.NDArray[np.complex128], steps: int) -> npt.NDArray[np.complex64]:
    """Square roots (bins of `steps`, 32, 32): times white noise they give the process."""
    wanted = np.linspace(0.0, len(spectra) - 1.0, steps // 2 + 1)
    low = np.minimum(wanted.astype(int), len(spectra) - 2)
    part = (wanted - low)[:, None, None]
    between = spectra[low] * (1.0 - part) + spectra[low + 1] * part
    power, vectors = np.linalg.eigh(between)
    roots: Any = vectors * np.sqrt(np.maximum(power, 0.0))[:, None, :]
    return np.asarray(roots * np.sqrt(steps / 2.0), np.complex64)


@dataclass(frozen=True)
class Statistics:
    """What an index feels of the prints it holds.

    Attributes
    ----------
    ones
        Smallest and largest share of ones of any bit.
    run_steps
        Mean length of a run of equal signs, over all bits.
    distance
        Mean bits between a word and the one 1, 2, 4, 8 and 16 steps later.
    coupling
        Root mean square of the correlation of two different bits of a word.
    collisions
        How much likelier than chance two anchors of two bulletins have one key.
    anchors_per_minute
        Places where a reference is looked up.
    """

    ones: tuple[float, float]
    run_steps: float
    distance: tuple[float, ...]
    coupling: float
    collisions: float
    anchors_per_minute: float


def statistics(kept: Sequence[ReferencePrints]) -> Statistics:
    """Measure references as an index keeps them, where they speak."""
    words = np.concatenate([reference.words for reference in kept])
    bits = ((words[:, None] & _TURN) > 0).astype(np.float32)
    ones = bits.mean(axis=0)
    changes = np.mean(bits[1:] != bits[:-1])
    between = np.corrcoef(bits.T) - np.eye(WORD_BITS)
    anchors = sum(len(reference.anchors) for reference in kept)
    return Statistics(
        (float(ones.min()), float(ones.max())),
        float(1.0 / changes),
        tuple(
            float(np.mean(np.bitwise_count(words[lag:] ^ words[:-lag]))) for lag in (1, 2, 4, 8, 16)
        ),
        float(np.sqrt(np.sum(between**2) / (WORD_BITS * (WORD_BITS - 1)))),
        _collisions(kept),
        anchors / (len(words) / STEPS_PER_SECOND / 60.0),
    )


def _collisions(kept: Sequence[ReferencePrints]) -> float:
    """Pairs of anchors of different bulletins with one key, over what 2^-KEY_BITS would give."""
    keys = [reference.words[reference.anchors] >> (WORD_BITS - KEY_BITS) for reference in kept]
    everything = np.concatenate(keys)

    def pairs(of: Any) -> float:
        _, counts = np.unique(of, return_counts=True)
        return float(np.sum(counts * (counts - 1.0)) / 2.0)

    found = pairs(everything) - sum(pairs(of) for of in keys)
    possible = (len(everything) ** 2.0 - float(np.sum([len(of) ** 2 for of in keys]))) / 2.0
    return found / possible * 2.0**KEY_BITS if possible else 0.0


def references(model: PrintModel, count: int, seed: int) -> Iterator[tuple[str, ReferencePrints]]:
    """Yield `count` references ready for an index, with names of their own."""
    for number, prints in enumerate(model.make(count, seed)):
        yield f"filler-{seed}-{number}", keep_reference(prints)

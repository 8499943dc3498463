"""Only what is known is let through: off-air sound beside the bulletin it should be.

    heard ─┬─ recogniser ─ which bulletin, where ─ delay, timed ─ lock
           └─ held for `hold_s` ─ every quarter of a second beside the reference ─ out, or silence

The fingerprint says which bulletin is on the air; once it is locked, every half second of what was
heard, in steps of a quarter, is set beside the same half second of the reference itself
(`dsp.align.same_wave`). A quarter is let through where the windows over it, the one before and the
one behind it all are the reference; so a window that is not shuts the gate over itself and a
quarter on either side, and neither beginning nor end of a strange word is heard. Where the
reference says nothing, nothing loud may be heard. What is not decided when it is due is not let
through.

So the delay covers the decision, and there are two sensible ones. A `hold_s` of 1.25 s lets no
stranger through, but a bulletin is recognised only after about ten seconds, which are not heard
then. With 15 s the lock comes in time to let its first word through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.align.delay import delay_in_band
from dsp.align.same_wave import WINDOW, Likeness, compare_waves
from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from dsp.contract import Samples, require_samples
from dsp.recognise.reference_index import ReferenceIndex
from ingest.reference.answer import Answer
from ingest.reference.recogniser import Recogniser

RATE_HZ = 48_000
# With less the edge of a quarter would go out before its neighbour is decided.
LEAST_HOLD_S, MOST_HOLD_S = 1.25, 30.0
SAME = 0.5
_HOP = RATE_HZ // 4
_EDGE = RATE_HZ // 20  # the band filter rings 10 ms; what lies beyond the window steadies it
_LOCK_S = 4.0
_WITHIN_S = 0.3  # of the place that the recogniser names
_LAG_S = 0.004  # drift between two windows, and filters of the chain between studio and antenna
_FOLLOW = 0.1  # share of a lag that the delay follows: crystals are off by 200 ppm at most
_SOFT = 10.0**-1.5  # a reference this far under its loud seconds says nothing
_STILL = 10.0**-1.1  # and then what is heard must lie so far under the loud windows heard
_LOST_S = 30.0
_FADE = 480
_RISE = np.linspace(0.0, 1.0, _FADE, dtype=np.float32)


@dataclass(frozen=True)
class GateState:
    """What the gate knows now.

    Attributes
    ----------
    verdict
        "match" while a bulletin is locked and heard, "stranger" while it is locked and something
        else is heard; else what the recogniser said last.
    reference
        The bulletin that is locked, if any.
    place_s
        Where in it.
    likeness
        Of the last window that said something, 0 … 1.
    passing
        Whether the last quarter of a second decided is let through.
    """

    verdict: str
    reference: str | None
    place_s: float | None
    likeness: float | None
    passing: bool


@dataclass
class _Lock:
    """A bulletin that is followed: heard sample n is its sample n − delay."""

    reference: str
    band: Band
    delay_s: float
    loud: float  # power of its loud windows
    heard_loud: float = 0.0  # power heard in windows that were the reference
    good_at: int = 0


class ContentGate:
    """Holds mono sound at 48 kHz and lets through what is a reference.

    Parameters
    ----------
    index
        Prints of the references.
    bands
        The references themselves in the speech band, by id: those without are never let through.
    hold_s
        The delay, 1.25 to 30 s; see the module.

    Raises
    ------
    ValueError
        For a hold out of range.
    """

    def __init__(
        self, index: ReferenceIndex, bands: Mapping[str, Band], hold_s: float = LEAST_HOLD_S
    ) -> None:
        if not LEAST_HOLD_S <= hold_s <= MOST_HOLD_S:
            raise ValueError(f"hold_s: expected {LEAST_HOLD_S:g} … {MOST_HOLD_S:g}, got {hold_s:g}")
        self._bands = bands
        self._recogniser = Recogniser(index, rate_hz=RATE_HZ)
        self.delay_samples = round(hold_s * RATE_HZ)
        self._keep = self.delay_samples + round((_LOCK_S + 4.0) * RATE_HZ)
        self._heard: Samples = np.zeros(self._keep, np.float32)
        self._end = 0  # samples taken
        self._answers: list[Answer] = []
        self._said = "silence"
        self._windows: dict[int, bool] = {}  # by hop: whether the window from it on is known
        self._lock: _Lock | None = None
        self._likeness: float | None = None

    def process(self, samples: Samples) -> tuple[Samples, npt.NDArray[np.bool_]]:
        """Take samples, float32 (n,); return as many, `delay_samples` late, and which passed.

        What did not pass is zero; edges are faded over 10 ms. The first `delay_samples` are zero.
        """
        require_samples(samples, np.float32)
        sounds, passed = [], []
        start = 0
        while start < len(samples):
            stop = min(len(samples), start + _HOP - self._end % _HOP)
            sound, through = self._piece(samples[start:stop])
            sounds.append(sound)
            passed.append(through)
            start = stop
        if not sounds:
            return samples, np.zeros(0, np.bool_)
        return np.concatenate(sounds), np.concatenate(passed)

    @property
    def state(self) -> GateState:
        """What is known now."""
        newest = (self._end - 2 * WINDOW * RATE_HZ // BAND_RATE_HZ) // _HOP
        passing = self._passes(newest - 1)
        lock = self._lock
        if lock is None:
            return GateState(self._said, None, None, self._likeness, passing)
        place_s = self._end / RATE_HZ - lock.delay_s
        verdict = "match" if self._windows.get(newest, False) else "stranger"
        return GateState(verdict, lock.reference, place_s, self._likeness, passing)

    def _piece(self, samples: Samples) -> tuple[Samples, npt.NDArray[np.bool_]]:
        """Take samples that do not reach over the end of a hop."""
        self._answers += self._recogniser.process(samples)
        self._heard = np.concatenate([self._heard, samples])[-self._keep :]
        self._end += len(samples)
        if self._end % _HOP == 0:
            self._decide()
        return self._release(len(samples))

    def _decide(self) -> None:
        """Look at what the recogniser said, then at every window that is complete."""
        for answer in self._answers:
            self._said = answer.verdict
            if answer.verdict == "match" and answer.reference is not None:
                self._consider(answer)
        self._answers = []
        last = (self._end - _EDGE - WINDOW * RATE_HZ // BAND_RATE_HZ) // _HOP
        if self._lock is not None and last >= 0:
            self._look(last)
            self._give_up_if_over(last)
        oldest = (self._end - self._keep) // _HOP
        self._windows = {hop: known for hop, known in self._windows.items() if hop >= oldest}

    def _consider(self, answer: Answer) -> None:
        """Lock to what the recogniser names, if the sounds themselves agree; else go on."""
        assert answer.reference is not None
        assert answer.offset_s is not None
        delay_s = answer.second - answer.offset_s
        lock, band = self._lock, self._bands.get(answer.reference)
        same = lock is not None and lock.reference == answer.reference
        if band is None or (same and lock is not None and abs(lock.delay_s - delay_s) < _WITHIN_S):
            return
        end = (answer.second + 1) * RATE_HZ
        start = max(end - round(_LOCK_S * RATE_HZ), 0)
        heard = speech_band(self._sound(start, end), RATE_HZ)
        first = round((start / RATE_HZ - delay_s) * BAND_RATE_HZ)
        expected = _part(band, first, len(heard))
        reading = delay_in_band(expected, heard, range_s=(-_WITHIN_S, _WITHIN_S))
        if reading.delay.invalid is not None or reading.delay.value is None:
            return
        exact_s = start / RATE_HZ - first / BAND_RATE_HZ + reading.delay.value
        loud = float(np.quantile(_powers(band), 0.95))
        self._lock = _Lock(answer.reference, band, exact_s, loud, good_at=self._end)
        # What is still held is looked at again: it may have been the bulletin all the time.
        oldest = max(-3, (self._end - self.delay_samples) // _HOP - 2)
        last = (self._end - _EDGE - WINDOW * RATE_HZ // BAND_RATE_HZ) // _HOP
        likes = [self._compare(hop)[1] for hop in range(oldest, last + 1)]
        alike = [like.heard_power for like in likes if like.correlation >= SAME]
        self._lock.heard_loud = float(np.quantile(alike, 0.9)) if alike else 0.0
        for hop in range(oldest, last + 1):
            self._look(hop)

    def _look(self, hop: int) -> None:
        """Decide about the window that begins with `hop`; those before it are decided."""
        lock = self._lock
        assert lock is not None
        place, like, late_s = self._compare(hop)
        if like.correlation >= SAME:
            self._windows[hop] = True
            self._likeness = like.correlation
            if like.reference_power > _SOFT * lock.loud:
                self._follow(lock, like, late_s)
            return
        soft = like.reference_power <= _SOFT * lock.loud
        if not soft:
            self._likeness = like.correlation
        # A pause belongs to the bulletin as long as nobody else was heard in it, and only within.
        own = self._windows.get(hop - 1, False) or place < WINDOW // 2
        still = like.heard_power <= _STILL * lock.heard_loud
        within = place < len(lock.band) + WINDOW // 2
        self._windows[hop] = soft and own and still and within

    def _follow(self, lock: _Lock, like: Likeness, late_s: float) -> None:
        """Learn from a window that is the reference: drift, and how loud it is heard."""
        lock.delay_s += _FOLLOW * late_s
        usual = lock.heard_loud or like.heard_power
        lock.heard_loud = max(like.heard_power, usual + 0.05 * (like.heard_power - usual))
        lock.good_at = self._end

    def _compare(self, hop: int) -> tuple[int, Likeness, float]:
        """Return the window's place in the reference, how it compares, and how late it was."""
        lock = self._lock
        assert lock is not None
        start = hop * _HOP
        size = WINDOW * RATE_HZ // BAND_RATE_HZ
        sound = speech_band(self._sound(start - _EDGE, start + size + _EDGE), RATE_HZ)
        edge = _EDGE * BAND_RATE_HZ // RATE_HZ
        heard = np.ascontiguousarray(sound[edge : edge + WINDOW])
        place = round((start / RATE_HZ - lock.delay_s) * BAND_RATE_HZ)
        off_s = start / RATE_HZ - lock.delay_s - place / BAND_RATE_HZ
        like = compare_waves(_part(lock.band, place, WINDOW), heard, _LAG_S)
        return place, like, like.lag_s + off_s

    def _give_up_if_over(self, hop: int) -> None:
        """Let go of a bulletin that is over, or has not been heard for long."""
        lock = self._lock
        assert lock is not None
        place_s = hop * _HOP / RATE_HZ - lock.delay_s
        over = place_s > len(lock.band) / BAND_RATE_HZ + 1.0
        if over or self._end - lock.good_at > _LOST_S * RATE_HZ:
            self._lock = None

    def _passes(self, hop: int) -> bool:
        """Whether a quarter is let through: the windows before, over and behind it are known."""
        return all(self._windows.get(hop + step, False) for step in (-2, -1, 0, 1))

    def _release(self, count: int) -> tuple[Samples, npt.NDArray[np.bool_]]:
        first = self._end - self.delay_samples - count
        places = np.arange(first, first + count)
        hops = places // _HOP
        through = np.zeros(count, np.bool_)
        gains = np.zeros(count, np.float32)
        for hop in np.unique(hops).tolist():
            if self._passes(hop):
                own = hops == hop
                through[own] = True
                gains[own] = self._edges(hop)[places[own] - hop * _HOP]
        return self._sound(first, first + count) * gains, through

    def _edges(self, hop: int) -> Samples:
        """Return gains over a quarter that passes: faded within it where a neighbour does not."""
        gains = np.ones(_HOP, np.float32)
        if not self._passes(hop - 1):
            gains[:_FADE] = _RISE
        if not self._passes(hop + 1):
            gains[-_FADE:] = _RISE[::-1]
        return gains

    def _sound(self, start: int, end: int) -> Samples:
        """Return samples heard, zeros where there are none (yet, or any more)."""
        base = self._end - self._keep
        out = np.zeros(end - start, np.float32)
        low, high = max(start, base), min(end, self._end)
        if low < high:
            out[low - start : high - start] = self._heard[low - base : high - base]
        return out


def _part(band: Band, first: int, count: int) -> Band:
    """Return samples of a reference, zeros outside it."""
    out = np.zeros(count, np.float32)
    low, high = max(first, 0), min(first + count, len(band))
    if low < high:
        out[low - first : high - first] = band[low:high]
    return out


def _powers(band: Band) -> npt.NDArray[np.float64]:
    """Return the mean square of every half second."""
    whole = max(1, len(band) // WINDOW)
    padded = _part(band, 0, whole * WINDOW)
    return np.asarray((padded.astype(np.float64) ** 2).reshape(whole, WINDOW).mean(axis=1))

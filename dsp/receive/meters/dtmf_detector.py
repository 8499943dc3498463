"""DTMF detector: audio in, digits with their times out (Rec. ITU-T Q.23, Q.24).

The oldest coding of commune loudspeakers opens and closes clusters with these tone pairs, so they
must be heard in hiss, and never in speech.

Audio is decimated to 8 kHz and cut to 450 … 3000 Hz. Every 5 ms a window of 20 ms (raised cosine)
is correlated with the eight nominal frequencies. The step of the phase from window to window gives
each tone's frequency far better than the width of a window. A window speaks for a digit if

- its two tones hold nearly all the energy there is (speech has harmonics and formants),
- both are within 2.5 % of nominal (accepted up to 1.5 %, rejected from 3.5 % on),
- the high tone is 9.5 dB weaker to 5.5 dB stronger than the low one (accepted -8 … +4),

and a digit is five such windows in a row, or more, with one level: tones of 40 ms always make
five, those below 23 ms never.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples, require_samples
from dsp.fm.constants import AUDIO_RATE_HZ, RECEIVE_RATE_HZ
from dsp.fm.dtmf_tones import DTMF_KEYS
from dsp.kernel import ready
from dsp.master.low_pass import design_low_pass
from dsp.receive.meters.dtmf_windows import (
    FREQUENCIES,
    HOP,
    NO_DIGIT,
    RATE_HZ,
    TONES,
    WINDOW,
    decimate_audio,
    judge_windows,
)

DIGITS: Final = "".join(DTMF_KEYS)

# What the tone must not fill of a window for the window to speak for it; see `_report`.
_EDGE: Final = 50
_LEAST_WINDOWS: Final = 5
_MOST_MISSING: Final = 5
_MOST_SPREAD_DB: Final = 4.0


@dataclass(frozen=True, slots=True)
class DtmfDigit:
    """One key: its name, first and last sample of the input, level and twist of the tones.

    `level_dbfs` is the power of both tones over that of a full-scale sine; `twist_db` the high tone
    over the low one.
    """

    digit: str
    start: int
    end: int
    level_dbfs: float
    twist_db: float


def _decimator(rate_hz: int) -> npt.NDArray[np.float32]:
    """Return taps that leave 3 kHz of audio at 8 kHz, 60 dB down from 5 kHz on."""
    taps = design_low_pass(3_000.0 / rate_hz, 5_000.0 / rate_hz, 60.0)
    return taps.astype(np.float32)


def _band() -> npt.NDArray[np.float32]:
    """Return taps at 8 kHz that take hum and plosives away: 40 dB down at 300 Hz."""
    low = design_low_pass(300.0 / RATE_HZ, 500.0 / RATE_HZ, 40.0)
    band = -low
    band[len(low) // 2] += 1.0
    return band.astype(np.float32)


class _Filter:
    """A filter that keeps one of `step` outputs, piece after piece."""

    def __init__(self, taps: npt.NDArray[np.float32], step: int) -> None:
        self.delay = len(taps) // 2
        self._taps = taps
        self._step = step
        self.reset()

    def reset(self) -> None:
        self._held = np.zeros(len(self._taps) - 1, np.float32)

    def process(self, samples: Samples) -> Samples:
        window = np.concatenate([self._held, samples])
        count = max((len(window) - len(self._taps)) // self._step + 1, 0)
        out = np.empty(count, np.float32)
        decimate_audio(window, count, self._step, self._taps, out)
        self._held = window[count * self._step :].copy()
        return out


class DtmfDetector:
    """Finds DTMF digits in one channel of audio, block after block.

    Parameters
    ----------
    rate_hz
        48 000 for audio; 288 000 for a multiplex, of which only the audio up to 3 kHz is heard.
    least_level_dbfs
        Power of the pair below which nothing is a digit, over a full-scale sine.
    """

    def __init__(self, rate_hz: int = AUDIO_RATE_HZ, *, least_level_dbfs: float = -50.0) -> None:
        if rate_hz not in {AUDIO_RATE_HZ, RECEIVE_RATE_HZ}:
            raise ValueError(
                f"rate_hz: expected {AUDIO_RATE_HZ} or {RECEIVE_RATE_HZ}, got {rate_hz}"
            )
        ready(decimate_audio, judge_windows)
        self.rate_hz = rate_hz
        self._step = rate_hz // RATE_HZ
        self._slower = _Filter(_decimator(rate_hz), self._step)
        self._band = _Filter(_band(), 1)
        self._delay = self._slower.delay + self._band.delay * self._step
        #: A digit is given at most this long after its end: filters, a window, and the wait.
        self.delay_samples = self._delay + (WINDOW + (_MOST_MISSING + 2) * HOP) * self._step
        self._least = 10.0 ** (least_level_dbfs / 10.0)
        turn = 2.0 * np.pi * FREQUENCIES[:, None] * np.arange(WINDOW) / RATE_HZ
        self._shape = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)
        waves = np.empty((2 * TONES, WINDOW))
        waves[::2], waves[1::2] = np.cos(turn) * self._shape, -np.sin(turn) * self._shape
        self._waves = waves
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next sample is number 0."""
        self._slower.reset()
        self._band.reset()
        self._audio = np.zeros(0, np.float32)
        self._before = np.zeros(2 * TONES)
        self._windows = 0
        self._run: list[tuple[int, float, float]] = []
        self._digit = NO_DIGIT

    def process(self, samples: Samples) -> list[DtmfDigit]:
        """Take float32 (n,); return the digits that have ended.

        Raises
        ------
        BlockContractError
            Where the samples are not of that kind or not finite; nothing has changed then.
        """
        require_samples(samples, np.float32)
        return self.advance(samples)

    def advance(self, samples: Samples) -> list[DtmfDigit]:
        """Do what `process` does with samples that are known to be good."""
        fresh = self._band.process(self._slower.process(samples))
        self._audio = np.concatenate([self._audio, fresh])
        count = max((len(self._audio) - WINDOW) // HOP + 1, 0)
        digits = np.empty(count, np.int64)
        measures = np.zeros((count, 2))
        judge_windows(
            self._audio,
            count,
            self._waves,
            self._shape,
            self._before,
            self._least,
            digits,
            measures,
        )
        self._audio = self._audio[count * HOP :].copy()
        found = self._follow(digits, measures)
        self._windows += count
        return found

    def flush(self) -> list[DtmfDigit]:
        """Return a digit that goes on to the end of the stream; `reset` must follow."""
        silence = np.zeros(self.delay_samples + self._step * WINDOW, np.float32)
        return self.process(silence)

    def _follow(
        self, digits: npt.NDArray[np.int64], measures: npt.NDArray[np.float64]
    ) -> list[DtmfDigit]:
        """Join windows to digits; most audio has none and costs nothing here."""
        found: list[DtmfDigit] = []
        if not self._run and not (digits >= 0).any():
            return found
        for n, digit in enumerate(digits.tolist()):
            window = self._windows + n
            late = bool(self._run) and window - self._run[-1][0] > _MOST_MISSING
            if self._run and (late or digit not in (self._digit, NO_DIGIT)):
                found += self._report()
            if digit >= 0:
                self._digit = digit
                self._run.append((window, float(measures[n, 0]), float(measures[n, 1])))
        return found

    def _report(self) -> list[DtmfDigit]:
        """End the run; return its digit if it was one."""
        run, self._run = self._run, []
        powers = [power for _, power, _ in run]
        spread_db = 10.0 * math.log10(max(powers) / min(powers))
        if len(run) < _LEAST_WINDOWS or spread_db > _MOST_SPREAD_DB:
            return []
        # The first window speaks as soon as the tone fills all but _EDGE samples of it.
        start = run[0][0] * HOP + _EDGE - HOP
        end = run[-1][0] * HOP + WINDOW - _EDGE
        power = sorted(powers)[len(powers) // 2]
        twist = sorted(twist for _, _, twist in run)[len(run) // 2]
        return [
            DtmfDigit(
                DIGITS[self._digit],
                start * self._step - self._delay,
                end * self._step - self._delay,
                10.0 * math.log10(power),
                twist,
            )
        ]

"""In step: what the loudspeaker plays at each moment, from the timeline of what was received.

A block is asked for with the UTC moment at which its first sample will be heard. What should be
heard then is what the sender captured `delay_s` earlier; loudspeakers with one delay and clocks in
step therefore speak in step, whatever their networks and crystals do. The rate of reading follows
by parts per million (`dsp.playout.rate_control`); holes are concealed; an error of more than 20 ms
is a jump, cross-faded. So is a smaller one when the first sender report says what arrivals had only
let guess: at 500 ppm, ten milliseconds would be audible between two horns for twenty seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.playout.concealment import FADE_S, HISTORY_S, conceal, rejoin
from dsp.playout.rate_control import RateControl
from dsp.playout.variable_rate import REACH_AFTER, REACH_BEFORE, read_at
from ingest.rtp.receiver import RtpReceiver

OUTPUT_RATE_HZ = 48_000
_SEAM_S = 0.005
_KEPT_S = 0.1  # of what was read: concealment looks back 40 ms, a jump a little
_KEPT_UNPLAYED_S = 0.3
_REJOIN_S = 0.005
_IN_STEP_S = 0.0001  # what is not worth a jump when the first report comes


@dataclass
class PlayerCounts:
    """What was played, in samples of the stream's rate, and how often it jumped."""

    played: int = 0
    concealed: int = 0
    silent: int = 0
    jumps: int = 0


class _Line:
    """The stream without holes, as far as it was read: arrived, concealed or silent."""

    def __init__(self, receiver: RtpReceiver, counts: PlayerCounts, start: int) -> None:
        self._receiver = receiver
        self._counts = counts
        self._rate_hz = receiver.rate_hz
        self._samples: Samples = np.zeros(0, np.float32)
        self._start = self.end = start
        self._before_hole: Samples | None = None
        self._hole = 0
        # What came before this line began is history for concealment, where it is still there.
        back = round(_KEPT_S * self._rate_hz)
        self._samples, _ = receiver.read(start - back, back)
        self._start = start - back

    def extend(self, end: int) -> None:
        """Read up to `end`."""
        if end <= self.end:
            return
        samples, there = self._receiver.read(self.end, end - self.end)
        for run, present in _runs(samples, there):
            self._samples = np.concatenate(
                [self._samples, self._arrived(run) if present else self._missing(len(run))]
            )
        self.end = end
        self._receiver.timeline.advance(end - round(_KEPT_S * self._rate_hz))

    def forget_before(self, place: int) -> None:
        """Give up what lies more than `_KEPT_S` before `place`."""
        self._trim(max(0, place - round(_KEPT_S * self._rate_hz) - self._start))

    def read(self, place: float, step: float, count: int) -> Samples:
        """Return `count` samples from `place` on; everything they need is read first."""
        self.extend(int(np.floor(place + step * (count - 1))) + REACH_AFTER + 1)
        return read_at(self._samples, place - self._start, step, count)

    def _trim(self, count: int) -> None:
        count = min(count, len(self._samples) - round(HISTORY_S * self._rate_hz))
        if count > 0:
            self._samples = self._samples[count:]
            self._start += count

    def _arrived(self, run: Samples) -> Samples:
        self._counts.played += len(run)
        if self._before_hole is None:
            return run
        more = min(len(run), round(_REJOIN_S * self._rate_hz))
        under = conceal(self._before_hole, self._hole + more, self._rate_hz)[self._hole :]
        self._before_hole = None
        return rejoin(under, run)

    def _missing(self, count: int) -> Samples:
        if self._before_hole is None:
            self._before_hole = self._samples[-round(HISTORY_S * self._rate_hz) :].copy()
            self._hole = 0
        made = conceal(self._before_hole, self._hole + count, self._rate_hz)[self._hole :]
        audible = max(0, min(count, round(FADE_S * self._rate_hz) - self._hole))
        self._hole += count
        self._counts.concealed += audible
        self._counts.silent += count - audible
        return made


def _runs(samples: Samples, there: npt.NDArray[np.bool_]) -> list[tuple[Samples, bool]]:
    """Cut samples into runs that are there and runs that are not."""
    if there.all():  # nearly always
        return [(samples, True)]
    edges = np.flatnonzero(np.diff(there)) + 1
    pieces = zip(np.split(samples, edges), np.split(there, edges), strict=True)
    return [(run, bool(present[0])) for run, present in pieces]


class Player:
    """Plays what a receiver has.

    Parameters
    ----------
    receiver
        Whose timeline is played.
    delay_s
        From capture to the loudspeaker, the same for all that speak in step.
    """

    def __init__(self, receiver: RtpReceiver, delay_s: float) -> None:
        self._receiver = receiver
        self.delay_s = delay_s
        self.counts = PlayerCounts()
        self.control = RateControl()
        self._line: _Line | None = None
        self._place = 0.0
        self._was_certain = False

    @property
    def place(self) -> float:
        """Place that is read next."""
        return self._place

    @property
    def buffered_s(self) -> float:
        """How much of the stream is there beyond the place that is read."""
        return (self._receiver.end - self._place) / self._receiver.rate_hz

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next `count` samples at 48 kHz; the first is heard at `moment_s` (UTC).

        Silence before anything was received.
        """
        clock, rate_hz = self._receiver.clock, self._receiver.rate_hz
        if not clock.known:
            return np.zeros(count, np.float32)
        self.keep_up(moment_s)
        wanted = clock.place_at(moment_s - self.delay_s)
        usual = rate_hz / OUTPUT_RATE_HZ
        error_s = (wanted - self._place) / rate_hz
        known_now, self._was_certain = clock.certain and not self._was_certain, clock.certain
        if known_now:  # what it has followed until now were arrivals, not crystals
            self.control.reset()
        if self._line is None:
            self._begin(wanted)
            rate: float | None = 1.0
        elif known_now and abs(error_s) > _IN_STEP_S:
            rate = None
        else:
            rate = self.control.rate(error_s, count / OUTPUT_RATE_HZ)
        if rate is None:
            return self._jump(wanted, usual, count)
        return self._read(usual * rate, count)

    def keep_up(self, moment_s: float) -> None:
        """Give up what cannot be heard from `moment_s` on, also while something else is played."""
        clock = self._receiver.clock
        if clock.known:
            place = clock.place_at(moment_s - self.delay_s - _KEPT_UNPLAYED_S)
            self._receiver.forget_before(int(place))

    def _begin(self, place: float) -> None:
        self._place = place
        self._line = _Line(self._receiver, self.counts, int(np.floor(place)) - REACH_BEFORE)

    def _read(self, step: float, count: int) -> Samples:
        assert self._line is not None
        out = self._line.read(self._place, step, count)
        self._place += step * count
        self._line.forget_before(int(self._place))
        return out

    def _jump(self, wanted: float, step: float, count: int) -> Samples:
        """Go on at `wanted`, cross-faded from where it would have gone on."""
        assert self._line is not None
        seam = min(count, round(_SEAM_S * OUTPUT_RATE_HZ))
        old = self._line.read(self._place, step, seam)
        self.counts.jumps += 1
        self.control.reset()
        self._begin(wanted)
        return rejoin(old, self._read(step, count))

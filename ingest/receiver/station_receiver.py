"""The receiver of one station: its channel in, a record each second out, and a summary at the end.

    receiver = StationReceiver(station, listening)
    for record in receiver.process(index, channel): …       # index counts samples at 288 kS/s
    receiver.skip_to(index)                                  # samples are missing up to here
    receiver.finish(); receiver.summary()

Demodulator, meters, RDS and codes all count the same samples, those of gaps included; a record is
given when everything that belongs to its second has come (RDS is the slowest, 0.15 s).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsp.contract import require_samples
from dsp.fm.constants import AUDIO_RATE_HZ, RECEIVE_RATE_HZ
from dsp.receive.station_meters import NARROWED, StationMeters
from ingest.receiver.codes import Codes
from ingest.receiver.demodulation import Demodulated, Demodulation
from ingest.receiver.moments import utc_text
from ingest.receiver.records import second_record
from ingest.receiver.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import numpy.typing as npt

    from dsp.fm.profiles import FmProfile
    from dsp.receive.second_record import SecondRecord
    from ingest.receiver.gaps import Gaps
    from ingest.receiver.stations import Station

REFERENCE_PPM = 20.0  # a crystal nobody has calibrated


class StationSink(Protocol):
    """Takes what a station sends; `index` counts samples of the rate named since the start."""

    wants_audio: bool
    wants_composite: bool

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take decoded audio, (n, 2) at 48 kHz, 1.0 = full scale."""

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Take the multiplex, (n,) at 288 kHz, 1.0 = 100 kHz."""


@dataclass(frozen=True)
class Listening:
    """How a station is listened to.

    `moment` gives the time of a moment of the capture, in seconds since its start; `gaps` is what
    is missing of it. `reference_ppm` is what the receiver's oscillator is good to, and `narrowed`
    says why `half_width_hz` is less than 130 kHz, where it is.
    """

    profile: FmProfile
    half_width_hz: float
    moment: Callable[[float], datetime]
    gaps: Gaps
    reference_ppm: float = REFERENCE_PPM
    narrowed: str = NARROWED


class StationReceiver:
    """Receives one station; see the module."""

    def __init__(
        self, station: Station, listening: Listening, *, sink: StationSink | None = None
    ) -> None:
        self.station = station
        self._listening = listening
        self._sink = sink
        self._demodulation = Demodulation()
        self._meters = StationMeters(
            listening.profile,
            frequency_hz=station.frequency_hz or None,
            reference_ppm=listening.reference_ppm,
            half_width_hz=listening.half_width_hz,
            narrowed=listening.narrowed,
        )
        self._codes = Codes(expected_pi=station.pi)
        self._summary = Summary(station, listening.profile)
        self._waiting: deque[SecondRecord] = deque()
        self._begin = 0  # the first sample of the stretch
        self._taken = 0  # samples given to the meters, those of gaps included

    def process(self, index: int, channel: npt.NDArray[np.complex64]) -> list[dict[str, Any]]:
        """Take the next samples of the channel, from number `index` on; return the records ready.

        What lies before the beginning of the stretch is the silence the channelizer began with.
        """
        early = min(max(self._begin - index, 0), len(channel))
        if early == len(channel):
            return []
        self._take(self._demodulation.process(channel[early:]))
        return self._ready()

    def process_composite(
        self, index: int, composite: npt.NDArray[np.float32], iq: npt.NDArray[np.complex64]
    ) -> list[dict[str, Any]]:
        """Take a multiplex that somebody else has demodulated, and its carrier; see `process`."""
        self._take(Demodulated(index, iq, composite))
        return self._ready()

    def skip_to(self, index: int) -> list[dict[str, Any]]:
        """Tell that nothing came up to sample `index`, where the next stretch begins."""
        self._take(self._demodulation.end())
        missing = index - self._taken
        self._waiting.extend(self._meters.mark_gap(missing))
        self._codes.skip(missing)
        self._taken = self._begin = index
        self._demodulation.begin(index)
        return self._ready()

    def finish(self) -> list[dict[str, Any]]:
        """Return the records of the whole seconds that are left; the capture ends here."""
        self._take(self._demodulation.end())
        self._codes.finish()
        whole = self._taken // RECEIVE_RATE_HZ
        self._waiting.extend(self._meters.flush())
        last = list(self._waiting)
        if self._sink is not None and self._sink.wants_audio:
            # The audio of the second that is not whole comes with its record only.
            last += self._meters.mark_gap(RECEIVE_RATE_HZ)
        self._waiting = deque(record for record in last if record.second < whole)
        for record in last:
            if record.second == whole:
                self._give_audio(record, self._taken / RECEIVE_RATE_HZ - whole)
        return self._ready(everything=True)

    def summary(self) -> dict[str, Any]:
        """Return the figures over the whole reception; valid after `finish`."""
        return self._summary.as_dict(self._codes.state(), self._listening.gaps)

    def _take(self, piece: Demodulated) -> None:
        if not len(piece.composite):
            return
        assert piece.index == self._taken
        # Once for all that follows: a channel that is not finite has no finite composite either.
        require_samples(piece.composite, np.float32)
        if self._sink is not None and self._sink.wants_composite:
            self._sink.composite(piece.index, piece.composite)
        self._waiting.extend(self._meters.advance(piece.composite, piece.iq))
        self._codes.process(piece.composite)
        self._taken += len(piece.composite)

    def _ready(self, *, everything: bool = False) -> list[dict[str, Any]]:
        done = []
        while self._waiting:
            end = (self._waiting[0].second + 1) * RECEIVE_RATE_HZ
            if not everything and self._codes.complete_to < end:
                break
            done.append(self._close(self._waiting.popleft()))
        return done

    def _close(self, record: SecondRecord) -> dict[str, Any]:
        self._codes.hear_audio(record.audio)
        codes = self._codes.second(record.second)
        moment = self._listening.moment(float(record.second))
        missing = self._listening.gaps.missing_in(record.second)
        line = second_record(self.station, utc_text(moment), record, codes, missing)
        self._summary.add(record, line)
        self._give_audio(record, 1.0)
        return line

    def _give_audio(self, record: SecondRecord, share: float) -> None:
        """Hand on the audio of a second (its first `share`), without what was never received."""
        if self._sink is None or not self._sink.wants_audio:
            return
        first = record.second * AUDIO_RATE_HZ
        last = round(share * AUDIO_RATE_HZ)
        for start, end in self._listening.gaps.present_in(record.second):
            low, high = round(start * AUDIO_RATE_HZ), min(round(end * AUDIO_RATE_HZ), last)
            if high > low:
                self._sink.audio(first + low, record.audio[low:high])

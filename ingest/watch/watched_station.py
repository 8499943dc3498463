"""A receiver's station with ears: its audio recognised, its seconds judged.

ear = WatchedStation(station, schedule, references)
receiver = BandReceiver(…, sinks={station.id: ear})
for record in receiver.process(block): verdict = ear.judge(record)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.align.speech_band import BAND_RATE_HZ, Band, speech_band
from dsp.fm.constants import AUDIO_RATE_HZ
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from ingest.receiver.stations import Station
from ingest.reference.recogniser import Recogniser
from ingest.watch.audible import audible_frames, speaks_at
from ingest.watch.listener import Confirmed, Listener
from ingest.watch.programme_watch import Expected
from ingest.watch.schedule import Schedule
from ingest.watch.second_opinions import WINDOW_S
from ingest.watch.station_watch import StationWatch, says_something
from ingest.watch.stranger_watch import DOUBT_S, JUST_S
from ingest.watch.verdict import Verdict

_MOST_SECONDS = 60  # of audio that wait for their records


@dataclass(frozen=True)
class References:
    """Bulletins to be recognised: the index, each in the speech band, and where each is heard."""

    index: ReferenceIndex
    bands: Mapping[str, Band]
    audible: Mapping[str, npt.NDArray[np.bool_]]

    @classmethod
    def of(cls, sounds: Mapping[str, npt.NDArray[np.float32]], rate_hz: int) -> References:
        """Return the references made of mono `sounds` (n,) at `rate_hz`, by id."""
        index = ReferenceIndex()
        bands = {name: speech_band(sound, rate_hz) for name, sound in sounds.items()}
        index.add_many([(name, fingerprint(sound, rate_hz)) for name, sound in sounds.items()])
        return cls(index, bands, {n: audible_frames(s, rate_hz) for n, s in sounds.items()})

    @property
    def lengths_s(self) -> dict[str, float]:
        """Return how long each reference is."""
        return {name: len(band) / BAND_RATE_HZ for name, band in self.bands.items()}

    def speaks(self, reference: str, place_s: float) -> bool | None:
        """Tell whether a reference speaks in the second from `place_s` on."""
        frames = self.audible.get(reference)
        return None if frames is None else speaks_at(frames, place_s)


class WatchedStation:
    """The sink of a station's audio, and the judge of its records; see the module."""

    wants_audio = True
    wants_composite = False

    def __init__(self, station: Station, schedule: Schedule, references: References) -> None:
        self.watch = StationWatch(
            station, schedule, lengths_s=references.lengths_s, speaks=references.speaks
        )
        self._listener = Listener(Recogniser(references.index), references.bands, AUDIO_RATE_HZ)
        self._waiting: deque[tuple[int, npt.NDArray[np.float32]]] = deque(maxlen=_MOST_SECONDS)
        self.answers: deque[Confirmed] = deque(maxlen=_MOST_SECONDS)

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take decoded audio, (n, 2) at 48 kHz."""
        self._waiting.append((index, frames.mean(axis=1, dtype=np.float32)))

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Nothing is made of the multiplex."""

    def judge(self, record: Mapping[str, Any]) -> Verdict:
        """Return the verdict of the next second, from its record and the audio up to its end."""
        second = int(record["second"])
        expected = self.watch.expected(record)
        due = self.watch.due(record)
        confirmed = self._listener.process(self._second(second), expected, due)
        self.answers.extend(confirmed)
        self._ask(second, expected)
        last = confirmed[-1] if confirmed else None
        return self.watch.process(
            record,
            last.answer if last else None,
            confirmed=last.confirmed if last else None,
            place=last.place if last else None,
            quiet=None if says_something(record) else self._listener.quiet(expected),
        )

    def finish(self) -> list[Confirmed]:
        """Return the answers of the last minute, the late ones too; the stream ends here."""
        return [*self.answers, *self._listener.finish()]

    def _ask(self, second: int, expected: Expected | None) -> None:
        """Where the carrier looks strange, ask at once whether what is due is still heard."""
        stranger = self.watch.stranger
        since = stranger.suspect_since
        if since is None or expected is None or expected.place_s is None:
            return
        strange_s = second - since + 1
        if strange_s < DOUBT_S or (strange_s > JUST_S and not stranger.asks):
            return
        same = self._listener.opinions.goes_on(expected, min(strange_s, WINDOW_S))
        if same is not None:
            stranger.judge_content(same=same)

    def _second(self, second: int) -> npt.NDArray[np.float32]:
        """Return the audio of a second, silent where it was not received."""
        whole = np.zeros(AUDIO_RATE_HZ, np.float32)
        start = second * AUDIO_RATE_HZ
        while self._waiting and self._waiting[0][0] < start + AUDIO_RATE_HZ:
            index, sound = self._waiting.popleft()
            place = index - start
            first, last = max(-place, 0), AUDIO_RATE_HZ - place
            part = sound[first:last]
            whole[place + first : place + first + len(part)] = part
            if len(sound) > last:
                self._waiting.appendleft((index + last, sound[last:]))
        return whole

"""What each transmitter was broadcasting: recognised, timed, and watched for strangers.

The reference is the bulletin as it was recorded, before any mastering. `delay` is how much later it
was heard than a player that began it with the scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.align.delay import measure_delay
from dsp.fm.constants import AUDIO_RATE_HZ
from dsp.receive.meters.figure import Figure
from ingest.clock import rfc3339
from ingest.watch.schedule import Schedule
from ingest.watch.verdict import Verdict
from ingest.watch.watched_station import References, WatchedStation

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ingest.decode.decoder import Decoder
    from ingest.receiver.stations import Station

VIETNAM = timezone(timedelta(hours=7))
BULLETIN = "bulletin"
WENT_ON_S = 12  # a line is believed within so many seconds


@dataclass(frozen=True)
class Alarm:
    """Something found, in seconds of the reception, and when it was told."""

    finding: str
    state: str
    began_s: int
    told_s: int
    detail: str


@dataclass(frozen=True)
class Programme:
    """What a transmitter was broadcasting.

    `reference` is None where nothing was recognised; `heard_s` of `due_s` seconds of it were heard.
    """

    reference: str | None
    delay: Figure
    heard_s: int
    due_s: int
    alarms: Sequence[Alarm] = ()

    @property
    def completeness_percent(self) -> float | None:
        """Share of what was due that was heard."""
        return 100.0 * self.heard_s / self.due_s if self.due_s else None

    def as_dict(self) -> dict[str, Any]:
        """Return the object's part of `loa demo --json`."""
        valid = self.delay.invalid is None
        share = self.completeness_percent
        return {
            "reference": self.reference,
            "delay_ms": round(1e3 * (self.delay.value or 0.0), 3) if valid else None,
            "completeness_percent": None if share is None else round(share, 1),
            "alarms": [vars(alarm) for alarm in self.alarms],
            "u": {"delay_ms": round(1e3 * (self.delay.u or 0.0), 3)} if valid else {},
            "invalid": {} if valid else {"delay_ms": self.delay.invalid},
        }


class Ears:
    """Listens to all stations of a reception and judges them when it is over."""

    def __init__(self, stations: Sequence[Station], sound: npt.NDArray[np.float32]) -> None:
        self._sound = sound
        self._references = References.of({BULLETIN: sound}, AUDIO_RATE_HZ)
        self.sinks = {station.id: Ear(station, self._references) for station in stations}

    def programme(
        self, station: str, records: Sequence[Mapping[str, Any]], start: datetime
    ) -> Programme:
        """Return what a station broadcast; `records` in order, the first one of `start`."""
        ear = self.sinks[station]
        verdicts = []
        for record in records:
            moment = start + timedelta(seconds=int(record["second"]))
            verdicts.append(ear.watched.judge({**record, "time": rfc3339(moment)}))
        answers = [confirmed.answer for confirmed in ear.watched.finish()]
        matched = {
            answer.second
            for answer in answers
            if answer.reference == BULLETIN and answer.verdict == "match"
        }
        # A candidate is what could still be a phrase that other bulletins have: it went on.
        matched |= {
            answer.second
            for answer in answers
            if answer.verdict == "inconclusive"
            and BULLETIN in answer.others
            and matched & set(range(answer.second, answer.second + WENT_ON_S))
        }
        own = [record["second"] for record in records if record["groups"]]
        delay = Figure.missing("inconclusive: not recognised")
        if matched:
            # From the first second recognised on: what came before may have been a stranger.
            heard, first = ear.sound(), min(matched) * AUDIO_RATE_HZ
            late = measure_delay(self._sound, np.ascontiguousarray(heard[first:]), AUDIO_RATE_HZ)
            delay = late
            if late.invalid is None and late.value is not None and late.u is not None:
                delay = Figure(late.value + min(matched), late.u)
        due = range(min(own), max(own) + 1) if own else range(0)
        speaking = [s for s in due if self._references.speaks(BULLETIN, float(s))]
        return Programme(
            BULLETIN if matched else None,
            delay,
            len(matched & set(speaking)),
            len(speaking),
            alarms_of(verdicts),
        )


class Ear:
    """The sink of a station: what is heard goes to the watch, and is kept to be timed."""

    wants_audio = True
    wants_composite = False

    def __init__(self, station: Station, references: References) -> None:
        self.watched = WatchedStation(station, Schedule(station.slot, VIETNAM), references)
        self._pieces: list[tuple[int, npt.NDArray[np.float32]]] = []

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take decoded audio, (n, 2) at 48 kHz."""
        self._pieces.append((index, frames.mean(axis=1, dtype=np.float32)))
        self.watched.audio(index, frames)

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Nothing is made of the multiplex."""

    def sound(self) -> npt.NDArray[np.float32]:
        """Return all that was heard, silence where nothing was received."""
        length = max((index + len(piece) for index, piece in self._pieces), default=0)
        whole = np.zeros(length, np.float32)
        for index, piece in self._pieces:
            whole[index : index + len(piece)] = piece
        return whole


def alarms_of(verdicts: Sequence[Verdict]) -> tuple[Alarm, ...]:
    """Return the alarms in a row of verdicts."""
    return tuple(
        Alarm(
            verdict.finding,
            verdict.state,
            verdict.second if verdict.began_second is None else verdict.began_second,
            verdict.second + 1,
            verdict.detail,
        )
        for verdict in verdicts
        if verdict.raised
    )


def mono_of(decoder: Decoder, path: Path) -> npt.NDArray[np.float32]:
    """Return a file as mono float32 (n,) at 48 kHz."""
    import soxr

    audio = decoder.open(path)
    frames = np.concatenate([np.array(block) for block in audio.blocks()])
    if frames.dtype == np.int16:
        frames = frames.astype(np.float32) / np.float32(32768.0)
    mono = frames.mean(axis=1, dtype=np.float32)
    return np.asarray(soxr.resample(mono, audio.format.sample_rate_hz, AUDIO_RATE_HZ), np.float32)

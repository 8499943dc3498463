"""What was heard, as recognition takes it: an audio file, or every station of a radio source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import AUDIO_RATE_HZ
from dsp.fm.profiles import PROFILES
from ingest.decode.decoder import Decoder
from ingest.reference.answer import Answer
from ingest.reference.recogniser import Recogniser
from ingest.reference.sound import heard_rate_hz, mono
from loa.recognising.live_opinion import Asked, LiveOpinion

if TYPE_CHECKING:
    from loa.interrupt import Interrupt

RADIO_SCHEMES = ("rtl://", "tcp://", "sim:", "mpx:")
RADIO_SUFFIXES = (".cu8", ".cs8", ".cs16", ".cf32", ".sigmf-meta", ".sigmf-data", ".gz", ".zst")
_EACH = AUDIO_RATE_HZ  # frames handed on at once

Make = Callable[[int], Recogniser]
Second = Callable[[int], LiveOpinion]


@dataclass
class Heard:
    """A stream and its answers.

    Attributes
    ----------
    name
        Of the file or the station.
    missing
        Seconds of which something was never received.
    asked
        What the second opinion said while it was heard; empty for a file.
    began
        When its first second was heard; None for what is no live source.
    """

    name: str
    answers: list[Answer] = field(default_factory=list)
    missing: set[int] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    began: datetime | None = None

    def honest(self) -> list[Answer]:
        """Return the answers; where something is missing, no silence is claimed."""
        return [
            Answer(a.second, "inconclusive", level_dbfs=a.level_dbfs)
            if a.second in self.missing and a.verdict != "match"
            else a
            for a in self.answers
        ]


def is_radio(heard: str) -> bool:
    """Tell whether `heard` names a radio source and not an audio file."""
    return heard.startswith(RADIO_SCHEMES) or heard.endswith(RADIO_SUFFIXES)


def hear_file(decoder: Decoder, path: Path, make: Make, seconds: float | None) -> Heard:
    """Recognise an audio file; memory does not grow with its length but for the answers.

    Raises
    ------
    Refusal
        Of the decoder.
    """
    heard = Heard(path.name)
    with decoder.open(path) as audio:
        rate_hz = heard_rate_hz(audio.format)
        recogniser = make(rate_hz)
        left = None if seconds is None else round(seconds * rate_hz)
        for block in mono(audio.blocks(), audio.format):
            piece = block if left is None else block[:left]
            heard.answers += recogniser.process(piece)
            if left is not None:
                left -= len(piece)
                if left <= 0:
                    break
    heard.answers += recogniser.finish()
    return heard


class StationEar:
    """Takes the audio of a station and recognises it; `second` makes who is asked besides."""

    wants_audio = True
    wants_composite = False

    def __init__(self, name: str, make: Make, second: Second) -> None:
        self._opinion = second(AUDIO_RATE_HZ)
        self.heard = Heard(name, asked=self._opinion.asked)
        self._recogniser = make(AUDIO_RATE_HZ)
        self._end = 0

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take decoded audio, (n, 2) at 48 kHz; what is missing before it is marked."""
        gap = index - self._end
        if gap > 0:
            first, last = self._end // AUDIO_RATE_HZ, (index - 1) // AUDIO_RATE_HZ
            self.heard.missing.update(range(first, last + 1))
            for done in range(0, gap, _EACH):
                silence = np.zeros(min(_EACH, gap - done), np.float32)
                self._hear(silence)
        self._end = index + len(frames)
        samples = np.ascontiguousarray(frames.mean(axis=1), np.float32)
        self._hear(np.nan_to_num(samples))

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Not wanted."""

    def finish(self) -> Heard:
        """Return what was heard."""
        self.heard.answers += map(self._opinion.confirm, self._recogniser.finish())
        return self.heard

    def _hear(self, samples: npt.NDArray[np.float32]) -> None:
        self._opinion.hear(samples)
        self.heard.answers += map(self._opinion.confirm, self._recogniser.process(samples))


def hear_radio(
    uri: str,
    make: Make,
    second: Second,
    *,
    seconds: float | None,
    centre_hz: float | None,
    rate_hz: int | None,
) -> Iterator[Heard]:
    """Recognise every station of a radio source, one after another when it has ended.

    Raises
    ------
    Refusal
        Of the source.
    """
    from loa.interrupt import Interrupt
    from loa.radio.radio_source import open_radio
    from loa.radio.receiving import ReceiveRequest

    request = ReceiveRequest(
        source=uri, stations=None, frequencies_hz=(), scan=True, centre_hz=centre_hz,
        rate_hz=rate_hz, seconds=seconds, audio=None, multiplex=None, plot=None, gain_db=None,
        ppm=0, as_json=True,
    )  # fmt: skip
    source = open_radio(request, None)
    live = source.time_basis == "received"
    began = datetime.now(UTC) if live else None
    try:
        with Interrupt(on_stop=source.close if live else None) as stop:
            ears = _listen(source, uri, lambda name: StationEar(name, make, second), seconds, stop)
    finally:
        source.close()
    for ear in ears:
        heard = ear.finish()
        heard.began = began
        yield heard


def _listen(
    source: Any, uri: str, ear: Callable[[str], StationEar], seconds: float | None, stop: Interrupt
) -> list[StationEar]:
    from ingest.iq.multiplex_source import MultiplexCard, MultiplexFile
    from ingest.receiver.band_receiver import BandReceiver
    from ingest.receiver.multiplex_receiver import MultiplexReceiver
    from ingest.receiver.prelude import Prelude
    from ingest.receiver.scan import SCAN_S, scan_band
    from ingest.receiver.stations import Station, StationList
    from loa.radio.radio_source import require_centre
    from loa.radio.reception import limited

    receiver: Any
    blocks: Any
    if isinstance(source, MultiplexFile | MultiplexCard):
        station = Station(id="mpx", carrier="wired")
        ears = {station.id: ear(station.id)}
        stations = StationList((station,), dict(PROFILES))
        receiver = MultiplexReceiver(stations, station, sink=ears[station.id])
        blocks = source.blocks()
    else:
        prelude = Prelude(source, SCAN_S)
        centre_hz = require_centre(source, uri)
        found = [carrier.station for carrier in scan_band(prelude, source, centre_hz, None)]
        ears = {station.id: ear(station.id) for station in found}
        stations = StationList(tuple(found), dict(PROFILES))
        receiver = BandReceiver(
            source, centre_hz, stations, carriers=prelude.carriers(), sinks=ears
        )
        blocks = prelude.blocks()
    for block in limited(blocks, source.rate_hz, seconds):
        receiver.process(block)
        if stop.stopped:
            break
    receiver.finish()
    return list(ears.values())

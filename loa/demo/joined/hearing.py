"""What the horns said, set side by side: is it the same, how far apart, how soon the alert."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import signal

from dsp.align.coherence import second_opinion
from dsp.align.delay import measure_delay
from dsp.contract import Samples
from dsp.fm.constants import AUDIO_RATE_HZ, COMPOSITE_RATE_HZ
from dsp.measure.loudness_meter import LoudnessMeter
from dsp.playout.alert_tone import alert
from dsp.receive.meters.figure import Figure
from ingest.clock import Clock
from ingest.iq.open_source import SourceOptions, open_source
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import Station, StationList
from transmit.multiplex_iq import CarrierSettings
from transmit.multiplex_sink import sink_for

FREQUENCY_HZ, _OFFSET_HZ, _RATE_HZ = 60.4e6, 200_000.0, 960_000
_ALERT_S = 0.5
_LEAST_LIKE = 0.4
_PIECE = 192_000


@dataclass(frozen=True)
class Horn:
    """What came out of one horn, and the moment (UTC) of its first sample."""

    name: str
    path: str
    sound: Samples
    begun_s: float

    def between(self, from_s: float, to_s: float) -> Samples:
        """Return what it said between two moments; silence where it said nothing."""
        first = round((from_s - self.begun_s) * AUDIO_RATE_HZ)
        out = np.zeros(round((to_s - from_s) * AUDIO_RATE_HZ), np.float32)
        low, high = max(first, 0), min(first + len(out), len(self.sound))
        if low < high:
            out[low - first : high - first] = self.sound[low:high]
        return out


def on_the_air(multiplex: Path, clock: Clock) -> Samples:
    """Send a multiplex through a simulated transmitter and receive it; mono as the horn has it."""
    import soundfile

    capture = multiplex.with_name("air.cu8")
    carrier = CarrierSettings(clock.now_utc(), _RATE_HZ, _OFFSET_HZ, -6.0, FREQUENCY_HZ)
    with soundfile.SoundFile(multiplex) as file, sink_for(str(capture), carrier) as sink:
        assert file.samplerate == COMPOSITE_RATE_HZ
        while len(piece := file.read(_PIECE, dtype="float32")):
            sink.write(piece)
        sink.commit()
    station = Station.at(FREQUENCY_HZ)
    stations = StationList.of_frequencies((FREQUENCY_HZ,))
    ear = MonoEar()
    options = SourceOptions(rate_hz=_RATE_HZ, centre_hz=FREQUENCY_HZ - _OFFSET_HZ)
    source = open_source(str(capture), options, clock)
    try:
        receiver = BandReceiver(
            source,  # type: ignore[arg-type]
            FREQUENCY_HZ - _OFFSET_HZ,
            stations,
            carriers=[],
            sinks={station.id: ear},
        )
        for block in source.blocks():
            receiver.process(block)  # type: ignore[arg-type]
        receiver.finish()
    finally:
        source.close()
        capture.unlink()
    return ear.sound


class MonoEar:
    """The sink of a receiver: a horn on its station."""

    wants_audio, wants_composite = True, False

    def __init__(self) -> None:
        self._pieces: list[Samples] = [np.zeros(0, np.float32)]

    @property
    def sound(self) -> Samples:
        """All that was heard, mono."""
        return np.concatenate(self._pieces)

    def audio(self, index: int, frames: Samples) -> None:
        """Take decoded audio, (n, 2) at 48 kHz: nothing is missing of a file."""
        del index
        self._pieces.append(np.nan_to_num(frames.mean(axis=1, dtype=np.float32)))

    def composite(self, index: int, samples: Samples) -> None:
        """Nothing is made of the multiplex."""


def loudness_lufs(sound: Samples) -> float | None:
    """Return the integrated loudness, mono as dual mono."""
    meter = LoudnessMeter(AUDIO_RATE_HZ, 1)
    meter.process(np.ascontiguousarray(sound[:, None]))
    return meter.result().integrated_lufs


def says(bulletin: Samples, sound: Samples) -> bool:
    """Tell whether `sound` is some of the bulletin."""
    return second_opinion(bulletin, sound, AUDIO_RATE_HZ, within_s=float("inf")).verdict == "same"


def apart(sounds: dict[str, Samples]) -> dict[tuple[str, str], Figure]:
    """Return how much later the second of each pair spoke than the first, in seconds."""
    return {
        (one, other): measure_delay(sounds[one], sounds[other], AUDIO_RATE_HZ, range_s=(-0.5, 0.5))
        for one, other in combinations(sounds, 2)
    }


def alert_after_s(horn: Horn, sent_s: float, within_s: float = 4.0) -> float | None:
    """Return how long after `sent_s` the alert began; None where it did not."""
    tone = alert()[: round(_ALERT_S * AUDIO_RATE_HZ)]
    heard = horn.between(sent_s, sent_s + within_s + _ALERT_S)
    match = np.abs(signal.hilbert(signal.correlate(heard, tone, "valid")))
    sums = np.concatenate([[0.0], np.cumsum(heard.astype(np.float64) ** 2)])
    power = sums[len(tone) :] - sums[: -len(tone)]
    likeness = match / np.sqrt(np.maximum(power, 1e-6) * float(np.sum(tone**2)))
    found = np.flatnonzero(likeness > _LEAST_LIKE)
    if not len(found):
        return None
    # The first peak: the tone comes again and again.
    near = likeness[found[0] : found[0] + AUDIO_RATE_HZ // 4]
    return float(found[0] + np.argmax(near)) / AUDIO_RATE_HZ

"""A station off the air: received, gated by its content, and given on.

    source ─ receiver ─ audio of a second ─ gate ─ handover ─ elastic line ─ relay
    └──────────────── its own thread ────────────┘

The receiver gives its audio by the second and 1.3 s late; the gate adds its hold. Both are ahead of
the relay's own delay and do not touch how FM and IP horns agree. A capture that is no live one is
read as it is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.fm.constants import AUDIO_RATE_HZ
from dsp.fm.profiles import PROFILES
from dsp.kernel import warm_up
from dsp.playout.elastic_line import ElasticLine, Flags
from ingest.decode.decoder import Decoder
from ingest.iq.multiplex_source import MultiplexCard, MultiplexFile
from ingest.iq.open_source import SourceOptions, open_source
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.multiplex_receiver import MultiplexReceiver
from ingest.receiver.prelude import LOOK_S, Prelude
from ingest.receiver.stations import Station, StationList
from ingest.watch.content_gate import ContentGate
from ingest.watch.watched_station import References
from loa.radio.radio_source import LIVE, middle_of, require_centre
from loa.relay.handover import Handover
from loa.relay.inputs import Input
from loa.relay.line_inputs import about_line
from loa.relay.settings import InputSettings
from transmit.intake import Intake

_MOST_REFERENCE_S = 1_800.0
_BEGIN_S, _SPARE_S = 0.9, 0.3  # a second of audio comes at once
_AHEAD_S = 2.0  # of a capture that is read as it is needed
_CAPTURE_AHEAD = 4
_LIVE_AHEAD = 120

Piece = tuple[Samples, Flags]


class GatedAudio:
    """The sink of a station: mono, gated, gaps as silence that passes nobody."""

    wants_audio = True
    wants_composite = False

    def __init__(self, gate: ContentGate | None, give: Callable[[Piece], None]) -> None:
        self._gate = gate
        self._give = give
        self._end = 0

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take decoded audio, (n, 2) at 48 kHz."""
        while (gap := index - self._end) > 0:
            self._take(np.zeros(min(gap, AUDIO_RATE_HZ), np.float32), heard=False)
        mono = np.nan_to_num(frames.mean(axis=1, dtype=np.float32))
        self._take(np.ascontiguousarray(mono), heard=True)

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Nothing is made of the multiplex."""

    def _take(self, samples: Samples, *, heard: bool) -> None:
        self._end += len(samples)
        if self._gate is None:
            self._give((samples, np.full(len(samples), heard)))
        else:
            self._give(self._gate.process(samples))


class FmInput(Input):
    """One station as an input of the relay.

    Raises
    ------
    Refusal
        Of source and references; "relay.references" for more than half an hour of them.
    """

    runs_on = True

    def __init__(self, settings: InputSettings, folder: Path) -> None:
        self.name = settings.source
        self._always = settings.gate == "always"
        self.gate = None if self._always else _gate(settings, folder)
        self._live = settings.source.startswith(LIVE) or settings.source.startswith("mpx:card")
        self._pieces = Handover[Piece](_LIVE_AHEAD if self._live else _CAPTURE_AHEAD)
        self._line = ElasticLine(_BEGIN_S, _SPARE_S, follows=self._live)
        self._stopped = threading.Event()
        self.error: Refusal | None = None
        self._source = _opened(settings, folder)
        self._receive = _receiver(settings, self._source, GatedAudio(self.gate, self._pieces.give))
        self._thread = threading.Thread(target=self._run, name=f"relay {self.name}", daemon=True)
        warm_up()  # kernels are not loaded by two threads at once
        self._thread.start()

    def is_alive(self, moment_s: float) -> bool:
        """Take what was received; tell whether something is let through."""
        del moment_s
        self._fill()
        return self._line.flowing and self._line.passes_next

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next samples that were let through; zeros for what was not."""
        del moment_s
        samples, flags = self._line.read(count)
        # The gate's zeros are zeros: interpolation between two rates must not smear over its edge.
        return np.where(flags, samples, np.float32(0.0))

    def about(self) -> dict[str, Any]:
        """Return what is heard and how it flows."""
        said: dict[str, Any] = about_line(self._line)
        if self.error is not None:
            said["error"] = str(self.error)
        if self.gate is None:
            return said | {"gate": "always"}
        state = self.gate.state
        return said | {
            "gate": "match",
            "verdict": state.verdict,
            "reference": state.reference,
            "place_s": None if state.place_s is None else round(state.place_s, 2),
            "likeness": None if state.likeness is None else round(state.likeness, 3),
            "passing": state.passing,
        }

    def close(self) -> None:
        """Stop receiving."""
        self._stopped.set()
        self._pieces.close()
        if self._live:
            self._source.close()  # wakes who waits for the air; a file is read to the next block
        self._thread.join()
        self._source.close()

    def wait_until_received(self) -> None:
        """Return when a capture has been received to its end or the line is full: for tests."""
        while self._line.held_s < _AHEAD_S and (piece := self._pieces.wait()) is not None:
            self._line.write(*piece)
        self._raise_bug()

    def _fill(self) -> None:
        """Take what is needed: all of a live station, of a capture a few seconds."""
        while self._live or self._line.held_s < _AHEAD_S:
            if (piece := self._pieces.take()) is None:
                break
            self._line.write(*piece)
        self._raise_bug()

    def _raise_bug(self) -> None:
        """Raise what ended the receiver, where it is none of the things that may happen."""
        if self._pieces.error is not None and self._pieces.is_over:
            raise self._pieces.error

    def _run(self) -> None:
        bug: Exception | None = None
        try:
            self._receive(self._stopped)
        except Refusal as refusal:
            self.error = refusal
        except Exception as error:  # noqa: BLE001 - raised again by the relay's own thread
            bug = error
        finally:
            self._pieces.end(bug)


def _gate(settings: InputSettings, folder: Path) -> ContentGate:
    sounds, total_s = {}, 0.0
    with Decoder() as decoder:
        for name in settings.references:
            path = folder / name
            sounds[path.stem] = _decoded(decoder, path)
            total_s += len(sounds[path.stem]) / AUDIO_RATE_HZ
            if total_s > _MOST_REFERENCE_S:
                raise Refusal(
                    "relay.references",
                    expected=f"at most {_MOST_REFERENCE_S / 60:.0f} minutes of references",
                    got="more than that",
                    advice="the bulletins of the coming hours only",
                )
    references = References.of(sounds, AUDIO_RATE_HZ)
    return ContentGate(references.index, references.bands, settings.hold_s)


def _decoded(decoder: Decoder, path: Path) -> Samples:
    with decoder.open(path) as audio:
        form = audio.format
        intake = Intake(audio.blocks(), (form.sample_rate_hz, AUDIO_RATE_HZ), (form.channels, 1))
        pieces = [frames[:, 0].copy() for frames in intake.blocks()]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _opened(settings: InputSettings, folder: Path) -> Any:
    uri = settings.source.removeprefix("iq:")
    for scheme in ("sim:", "mpx:"):
        path = uri.removeprefix(scheme)
        if uri.startswith(scheme) and not path.startswith("card"):
            uri = scheme + str(folder / path)
    if settings.source.startswith("iq:"):
        uri = str(folder / uri)
    centre_hz = settings.centre_hz
    if centre_hz is None and uri.startswith(LIVE) and settings.frequency_hz is not None:
        centre_hz = middle_of([settings.frequency_hz], settings.rate_hz or 2_400_000)
    options = SourceOptions(
        rate_hz=settings.rate_hz,
        centre_hz=centre_hz,
        gain_db=settings.gain_db,
        ppm=settings.ppm,
    )
    return open_source(uri, options)


def _receiver(
    settings: InputSettings, source: Any, sink: GatedAudio
) -> Callable[[threading.Event], None]:
    """Return what receives the station until the source ends or the event is set."""
    station = Station(
        id="relayed",
        frequency_hz=settings.frequency_hz or 0.0,
        carrier="fm" if settings.frequency_hz else "wired",
    )
    stations = StationList((station,), dict(PROFILES))

    def receive(stopped: threading.Event) -> None:
        receiver: Any
        blocks: Any
        if isinstance(source, MultiplexFile | MultiplexCard):
            receiver, blocks = MultiplexReceiver(stations, station, sink=sink), source.blocks()
        else:
            prelude = Prelude(source, LOOK_S)
            receiver = BandReceiver(
                source,
                require_centre(source, settings.source),
                stations,
                carriers=prelude.carriers(),
                sinks={station.id: sink},
            )
            blocks = prelude.blocks()
        for block in blocks:
            receiver.process(block)
            if stopped.is_set():
                return
        receiver.finish()

    return receive

"""A station off the air: received, gated by its content, and given on.

    source ─ receiver ─ audio of a second ─ gate ─ queue ─ elastic line ─ relay
    └──────────────── its own thread ────────────┘

The receiver gives its audio by the second and 1.3 s late; the gate adds its hold. Both are ahead of
the relay's own delay and do not touch how FM and IP horns agree. A capture that is no live one is
read as it is needed.
"""

from __future__ import annotations

import queue
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
from loa.relay.inputs import about_line
from loa.relay.settings import InputSettings
from transmit.intake import Intake

_MOST_REFERENCE_S = 1_800.0
_BEGIN_S, _SPARE_S = 0.9, 0.3  # a second of audio comes at once
_AHEAD_S = 2.0  # of a capture that is read as it is needed
_CAPTURE_AHEAD = 4
_LIVE_AHEAD = 120
_JOIN_S = 5.0

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


class FmInput:
    """One station as an input of the relay.

    Raises
    ------
    Refusal
        Of source and references; "relay.references" for more than half an hour of them.
    """

    def __init__(self, settings: InputSettings, folder: Path) -> None:
        self.name = settings.source
        self._always = settings.gate == "always"
        self.gate = None if self._always else _gate(settings, folder)
        self._live = settings.source.startswith(LIVE) or settings.source.startswith("mpx:card")
        ahead = _LIVE_AHEAD if self._live else _CAPTURE_AHEAD
        self._queue: queue.Queue[Piece | None] = queue.Queue(ahead)
        self._line = ElasticLine(_BEGIN_S, _SPARE_S, follows=self._live)
        self._stopped = threading.Event()
        self._ended = False
        self.error: Refusal | None = None
        self._bug: Exception | None = None
        self._source = _opened(settings, folder)
        self._receive = _receiver(settings, self._source, GatedAudio(self.gate, self._put))
        self._thread = threading.Thread(target=self._run, name=f"relay {self.name}", daemon=True)
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
        if self._live:
            self._source.close()  # wakes who waits for the air; a file is read to the next block
        while self._thread.is_alive():
            try:  # somebody who waits for room
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(0.05)
        self._source.close()

    def wait_until_received(self) -> None:
        """Return when a capture has been received to its end or the line is full: for tests."""
        while not self._ended and self._line.held_s < _AHEAD_S:
            try:
                piece = self._queue.get(timeout=1.0)
            except queue.Empty:
                if self._thread.is_alive() or not self._queue.empty():
                    continue
                raise RuntimeError("the receiver's thread ended without a word") from None
            self._accept(piece)

    def _fill(self) -> None:
        """Take what is needed: all of a live station, of a capture a few seconds."""
        while self._live or self._line.held_s < _AHEAD_S:
            try:
                self._accept(self._queue.get_nowait())
            except queue.Empty:
                return

    def _accept(self, piece: Piece | None) -> None:
        if piece is None:
            self._ended = True
            if self._bug is not None:
                raise self._bug
        else:
            self._line.write(*piece)

    def _put(self, piece: Piece | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(piece, timeout=0.5)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        try:
            self._receive(self._stopped)
        except Refusal as refusal:
            self.error = refusal
        except Exception as bug:  # noqa: BLE001 - raised again by the relay's own thread
            self._bug = bug
        finally:
            self._put(None)


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

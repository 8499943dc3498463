"""From the relay's programme to what leaves: one master a profile, then each output's own delay.

    programme ─┬─ master `ip` ─┬─ delay ─ RTP            every horn speaks `through_ms` after the
               │               └─ delay ─ line-out       input: an output hands its sound over
               └─ master `fm` ─ delay, codes ─ coder ─ …  `through_ms` − `heard_after_ms` after it

What masters and coders take of that is known to the sample and taken off the delay lines. A sound
card has a crystal of its own: it reads an elastic line in its own thread, and sets the pace there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsp.coder.multiplex import Multiplex
from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.fm.constants import FULL_SCALE_HZ
from dsp.playout.elastic_line import ElasticLine
from loa.play.zone_stream import ZoneStream
from loa.relay.own_ear import Ear, MultiplexEar, StreamEar
from loa.relay.settings import FmSettings, LineSettings, RtpSettings
from transmit.live.coded_line import CodedLine, Codes
from transmit.live.delay_line import DelayLine
from transmit.live.live_master import LiveMaster
from transmit.live.pipe_writer import PipeWriter
from transmit.playout.schedule import ZoneSettings
from transmit.rtp.payloads import CODECS

if TYPE_CHECKING:
    from loa.speaker.outputs import Output
    from transmit.multiplex_codes import CodedBits
    from transmit.multiplex_sink import MultiplexSink

RATE_HZ = 48_000
_CARD_BEGIN_S, _CARD_SPARE_S = 0.02, 0.05
_CARD_BLOCK = 960
_FEC_NEEDS_MS = {"none": 0.0, "normal": 1_100.0, "emergency": 1_600.0}
_JOIN_S = 5.0


class OutputPath(Protocol):
    """One output."""

    name: str
    kind: str
    profile: str
    heard_after_ms: float
    ear: Ear

    def process(self, mastered: Samples, begun_unix_s: float, *, active: bool) -> None:
        """Take the next block of the master; hand over what is due."""

    def end_programme(self) -> int:
        """Close clusters; return how many samples go out until all is out."""

    def about(self) -> dict[str, Any]:
        """Return what is known of it, for a status line."""

    def finish(self) -> None:
        """Complete what was begun."""


class RtpPath:
    """RTP to IP clusters."""

    kind = "rtp"

    def __init__(
        self,
        settings: RtpSettings,
        through_ms: float,
        master: LiveMaster,
        place: tuple[Path, str],
        held: ExitStack,
    ) -> None:
        folder, name = place
        self.name = f"rtp://{settings.to[0]}"
        self.profile = master.profile.name
        self.heard_after_ms = settings.heard_after_ms
        if settings.heard_after_ms < _FEC_NEEDS_MS[settings.fec]:
            raise Refusal(
                "relay.value",
                expected=f"heard_after_ms: {_FEC_NEEDS_MS[settings.fec]:g} or more with "
                f'fec = "{settings.fec}", and delay_ms of the loudspeakers alike',
                got=f"{settings.heard_after_ms:g}",
                advice="a longer delay in both, or less protection",
            )
        samples = pad_samples(self.name, through_ms, settings.heard_after_ms, master.delay_samples)
        self._delay = DelayLine(samples)
        self.ear = Ear(samples + master.delay_samples)
        self._own = StreamEar(CODECS[settings.codec], self.ear)
        zone = ZoneSettings(
            id=name,
            rtp=settings.to,
            codec=settings.codec,
            packet_ms=settings.packet_ms,
            bit_rate_kbps=settings.bit_rate_kbps,
            fec=settings.fec,
            srtp_key_file=settings.srtp_key_file,
            sdp=settings.sdp,
        )
        self._stream = ZoneStream(zone, folder, held, heard=self._own.hear)

    def process(self, mastered: Samples, begun_unix_s: float, *, active: bool) -> None:
        """Send the block that is due; packets say `begun_unix_s` for the stream's first sample."""
        del active
        delayed = self._delay.process(mastered[:, None])[:, 0]
        self._stream.send(np.ascontiguousarray(delayed), begun_unix_s)

    def end_programme(self) -> int:
        """Return how many samples are on their way."""
        return self._delay.delay_samples

    def about(self) -> dict[str, Any]:
        """Return how it goes."""
        return {"datagrams_failed": self._stream.failed}

    def finish(self) -> None:
        """Say goodbye."""
        self._stream.say_goodbye()


class FmPath:
    """A multiplex to an exciter, with the station's codes around every programme.

    Parameters
    ----------
    coder, codes, bits
        Built and released to the station (`loa.relay.exciter`).
    sink
        Where the multiplex goes.
    latency_s
        Of a card, which reads in its own thread; None for what is no card.
    """

    kind = "fm"

    def __init__(
        self,
        settings: FmSettings,
        through_ms: float,
        master: LiveMaster,
        coder: Multiplex,
        codes: tuple[Codes, CodedBits | None],
        sink: MultiplexSink | PipeWriter,
        latency_s: float | None = None,
    ) -> None:
        self.name = f"fm:{settings.to}"
        self.profile = master.profile.name
        self.heard_after_ms = settings.heard_after_ms + 1000 * (latency_s or 0.0)
        self._coder = coder
        self._sink = sink
        own = master.delay_samples + -(-coder.delay_samples // 4)
        samples = pad_samples(self.name, through_ms, self.heard_after_ms, own)
        try:
            self._line = CodedLine(samples, *codes)
        except ValueError as error:
            least_ms = 1000 * (codes[0].opening_samples + own) / RATE_HZ + self.heard_after_ms
            raise Refusal(
                "relay.value",
                expected=f"through_ms: {least_ms:.0f} or more, so that the codes go out ahead of "
                "the first word",
                got=f"{through_ms:g}",
                advice=f"through_ms = {50 * -(-least_ms // 50):.0f}",
            ) from error
        self.ear = Ear(samples + own)
        self._own = MultiplexEar(coder.settings, self.ear)
        self._peak = 0.0
        self._card = None if latency_s is None else CardReader(self.name, self._send)

    def process(self, mastered: Samples, begun_unix_s: float, *, active: bool) -> None:
        """Code and send the block that is due."""
        del begun_unix_s
        line = self._line.process(mastered, active=active)
        if self._card is None:
            self._send(line)
        else:
            self._card.write(line)

    def end_programme(self) -> int:
        """Close the clusters; return how many samples go out until the codes are out."""
        self._line.end_programme()
        return self._line.to_come_samples + -(-self._coder.delay_samples // 4)

    def about(self) -> dict[str, Any]:
        """Return how it goes; the peak is that since the last call."""
        peak, self._peak = self._peak, 0.0
        found = {
            "peak_deviation_hz": round(peak * FULL_SCALE_HZ, 1),
            "limited_percent": round(
                100 * self._coder.ceiling.steps_limited / max(1, self._coder.ceiling.steps), 2
            ),
            "clusters": "open" if self._line.open else "closed",
            "codes_opened": self._line.opened,
            "codes_closed": self._line.closed,
        }
        if isinstance(self._sink, PipeWriter):
            found["lost_samples"] = self._sink.lost
        return found | ({} if self._card is None else self._card.about())

    def finish(self) -> None:
        """Complete the file, or let the card play what it has."""
        if self._card is not None:
            self._card.finish()
        if not isinstance(self._sink, PipeWriter):
            self._sink.commit()

    def _send(self, line: Samples) -> None:
        composite = self._coder.process(np.ascontiguousarray(line[:, None]))
        self._peak = max(self._peak, float(np.max(np.abs(composite), initial=0.0)))
        self._own.hear(composite)
        self._sink.write(composite)


class LinePath:
    """A line to wired amplifiers."""

    kind = "line"

    def __init__(
        self,
        settings: LineSettings,
        through_ms: float,
        master: LiveMaster,
        output: Output | PipeWriter,
        latency_s: float | None = None,
    ) -> None:
        self.name = f"line:{settings.to}"
        self.profile = master.profile.name
        self.heard_after_ms = settings.heard_after_ms + 1000 * (latency_s or 0.0)
        samples = pad_samples(self.name, through_ms, self.heard_after_ms, master.delay_samples)
        self._delay = DelayLine(samples)
        self.ear = Ear(samples + master.delay_samples)
        self._output = output
        self._card = None if latency_s is None else CardReader(self.name, output.write)

    def process(self, mastered: Samples, begun_unix_s: float, *, active: bool) -> None:
        """Play the block that is due."""
        del begun_unix_s, active
        delayed = np.ascontiguousarray(self._delay.process(mastered[:, None])[:, 0])
        self.ear.hear(delayed)
        if self._card is None:
            self._output.write(delayed)
        else:
            self._card.write(delayed)

    def end_programme(self) -> int:
        """Return how many samples are on their way."""
        return self._delay.delay_samples

    def about(self) -> dict[str, Any]:
        """Return how it goes."""
        found = {} if self._card is None else self._card.about()
        if isinstance(self._output, PipeWriter):
            found["lost_samples"] = self._output.lost
        return found

    def finish(self) -> None:
        """Complete the file, or let the card play what it has."""
        if self._card is not None:
            self._card.finish()
        if not isinstance(self._output, PipeWriter):
            self._output.finish()


class CardReader:
    """Lets a card that blocks read at its own pace; `play` returns when it has taken a block."""

    latency_s = _CARD_SPARE_S + _CARD_BLOCK / RATE_HZ

    def __init__(self, name: str, play: Callable[[Samples], None]) -> None:
        self._play = play
        self._line = ElasticLine(_CARD_BEGIN_S, _CARD_SPARE_S)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"relay {name}", daemon=True)
        self._thread.start()

    def write(self, samples: Samples) -> None:
        """Take a block; raises what ended the card."""
        if self.error is not None:
            raise self.error
        with self._lock:
            self._line.write(samples)

    def about(self) -> dict[str, Any]:
        """Return how it is read."""
        return {"card_ppm": round(self._line.rate_ppm, 1), "ran_dry": self._line.ran_dry}

    def finish(self) -> None:
        """Let it play what is there, and end."""
        self._stopped.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._lock:
                samples, flags = self._line.read(_CARD_BLOCK)
            if self._stopped.is_set() and not flags.any():
                return
            try:
                self._play(samples)
            except Exception as error:  # noqa: BLE001 - raised again by the relay's own thread
                self.error = error
                return


def pad_samples(name: str, through_ms: float, heard_after_ms: float, own_samples: int) -> int:
    """Return what is left for a delay line; refuse where there is nothing."""
    samples = round((through_ms - heard_after_ms) * RATE_HZ / 1000) - own_samples
    if samples < 0:
        least_ms = heard_after_ms + 1000 * own_samples / RATE_HZ
        raise Refusal(
            "relay.value",
            expected=f"through_ms: {least_ms:.0f} or more for {name}, which is heard "
            f"{heard_after_ms:g} ms after it left",
            got=f"{through_ms:g}",
            advice=f"through_ms = {50 * -(-least_ms // 50):.0f}",
        )
    return samples


def profiles_of(outputs: Sequence[RtpSettings | FmSettings | LineSettings]) -> list[str]:
    """Return the names of the masters that outputs ask for, each once."""
    return list(dict.fromkeys(output.profile for output in outputs))

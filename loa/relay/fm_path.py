"""An output of the relay: a multiplex to an exciter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.coder.multiplex import Multiplex
from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.fm.constants import FULL_SCALE_HZ
from loa.relay.blocks import RATE_HZ
from loa.relay.card_reader import CardReader
from loa.relay.output_settings import FmSettings
from loa.relay.own_ear import Ear, MultiplexEar
from loa.relay.paths import pad_samples
from transmit.live.coded_line import CodedLine, Codes
from transmit.live.live_master import LiveMaster
from transmit.live.pipe_writer import PipeWriter

if TYPE_CHECKING:
    from transmit.multiplex_codes import CodedBits
    from transmit.multiplex_sink import MultiplexSink


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

    def rehearse(self, samples: Samples) -> None:
        """Code and demodulate on twins; RDS is of the real one only."""
        settings = replace(self._coder.settings, rds_hz=0.0)
        own = MultiplexEar(settings, Ear(0))
        own.hear(Multiplex(settings, channels=1).process(np.ascontiguousarray(samples[:, None])))

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

"""An output of the relay: a line to wired amplifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.contract import Samples
from loa.relay.card_reader import CardReader
from loa.relay.output_settings import LineSettings
from loa.relay.own_ear import Ear
from loa.relay.paths import pad_samples
from transmit.live.delay_line import DelayLine
from transmit.live.live_master import LiveMaster
from transmit.live.pipe_writer import PipeWriter

if TYPE_CHECKING:
    from loa.speaker.outputs import Output


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

    def rehearse(self, samples: Samples) -> None:
        """Nothing is made of it."""

    def finish(self) -> None:
        """Complete the file, or let the card play what it has."""
        if self._card is not None:
            self._card.finish()
        if not isinstance(self._output, PipeWriter):
            self._output.finish()

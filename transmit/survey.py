"""What the solver has to know of a programme, gathered while it passes by."""

from __future__ import annotations

from dsp.contract import Frames
from dsp.master.emphasis import Emphasis
from dsp.master.mpx_power import multiplex_square
from dsp.master.peak_envelope import PeakEnvelope
from dsp.measure.loudness import KWeightedEnergy
from transmit.loudness_series import CellMeans, ProgrammeSeries
from transmit.target import Target


class Survey:
    """Gathers the series for the solver while the band-limited programme goes to its spool."""

    def __init__(self, target: Target, channels: int) -> None:
        rate_hz = target.sample_rate_hz
        self._energy = KWeightedEnergy(rate_hz, channels)
        self._peaks = PeakEnvelope(rate_hz, channels)
        self._emphasis = (
            Emphasis(rate_hz, channels, tau_us=target.fm.pre_emphasis_us) if target.fm else None
        )
        self._mpx = CellMeans(rate_hz)

    def feed(self, frames: Frames) -> None:
        """Take the next frames, (n, channels)."""
        self._energy.process(frames)
        if self._emphasis is not None:
            frames = self._emphasis.process(frames)
            self._mpx.feed(multiplex_square(frames))
        self._peaks.feed(frames)

    def series(self) -> ProgrammeSeries:
        """End the programme; call it once."""
        return ProgrammeSeries(
            self._energy.energies(),
            self._peaks.take(),
            self._mpx.values() if self._emphasis is not None else None,
        )

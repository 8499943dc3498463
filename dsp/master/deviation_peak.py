"""How far a flat programme will drive an FM transmitter: its peak after pre-emphasis and low-pass.

0 dB is the audio's share of the rated deviation. The coder's own filters are analogue or run at a
higher rate; the peak is therefore taken between the samples as well (BS.1770 Annex 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dsp.master.emphasis import Emphasis
from dsp.master.fm_limiter import make_audio_low_pass
from dsp.measure.true_peak import TruePeakMeter

if TYPE_CHECKING:
    from dsp.contract import Frames


class DeviationPeak:
    """Meters (n, channels) float32 frames; `result` tells the highest peak in dB."""

    def __init__(self, sample_rate_hz: int, channels: int, *, tau_us: float) -> None:
        self._low_pass = make_audio_low_pass(sample_rate_hz, channels)
        self._emphasis = Emphasis(sample_rate_hz, channels, tau_us=tau_us)
        self._meter = TruePeakMeter(sample_rate_hz, channels)
        self._channels = channels

    def process(self, frames: Frames) -> None:
        """Take the next frames."""
        self._meter.process(self._emphasis.process(self._low_pass.process(frames)))

    def result(self) -> float | None:
        """End the stream; return its highest peak in dB over the audio's share (silence: None)."""
        self.process(np.zeros((self._low_pass.delay_samples, self._channels), np.float32))
        peaks = [peak for peak in self._meter.result() if peak is not None]
        return max(peaks, default=None)

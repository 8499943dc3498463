"""How much room a station takes: occupied bandwidth, 26 dB bandwidth, distance from the mask."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.receive.meters.channel_spectrum import ChannelSpectrum
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.noise_floor import NoiseReading
from dsp.receive.meters.occupied_bandwidth import occupied_bandwidth
from dsp.receive.meters.spectrum_mask import held_noise, mask_margin


class BandwidthMeters:
    """Judges the channel of second after second.

    Parameters
    ----------
    rated_deviation_hz
        The mask is defined for one.
    half_width_hz
        The channel is flat to this.
    """

    def __init__(self, rated_deviation_hz: float, half_width_hz: float) -> None:
        self._rated_deviation_hz = rated_deviation_hz
        self._half_width_hz = half_width_hz
        self._spectrum = ChannelSpectrum()

    def read(
        self, iq: npt.NDArray[np.complex64], noise: NoiseReading, offset_hz: float
    ) -> dict[str, Figure]:
        """Return the figures of a second of channel, (RATE_HZ,)."""
        powers = self._spectrum.mean(iq)
        beta, down = occupied_bandwidth(
            powers, noise.n0_over_c, noise.relative, self._half_width_hz
        )
        density = float(powers.sum()) * noise.n0_over_c
        margin = mask_margin(
            self._spectrum.held,
            offset_hz,
            self._rated_deviation_hz,
            self._half_width_hz,
            held_noise(density, self._spectrum.held_frames),
        )
        return {
            "occupied_bandwidth_hz": beta,
            "bandwidth_26db_hz": down,
            "mask_margin_db": margin,
        }

    def reset(self) -> None:
        """Forget what was held against the mask."""
        self._spectrum.reset()

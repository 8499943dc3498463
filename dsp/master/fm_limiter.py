"""Limiter of an FM master: flat in, flat out, no peak over 100 % once it is pre-emphasised.

15 kHz low-pass -> pre-emphasis -> treble limiter -> true-peak limiter -> exact de-emphasis. The
limiters see what the modulator will see; the de-emphasis makes the master flat again, so that the
coder's own pre-emphasis and 15 kHz low-pass bring back exactly the limited wave. 0 dBFS after the
coder's pre-emphasis is the audio's share of the rated deviation.

The low-pass is 0.05 dB down at 15 kHz and 50 dB at 15.8 kHz (177 taps at 48 kHz). A steeper one
would leave less between 15 and 15.8 kHz for the coder's own filter to take away, at more taps.
"""

from __future__ import annotations

from dsp.contract import Frames, output_for, require_frames
from dsp.master.emphasis import Emphasis
from dsp.master.limiter import TruePeakLimiter
from dsp.master.low_pass import LinearPhaseLowPass
from dsp.master.treble_limiter import TrebleLimiter

# Flat to 15 kHz and as little as possible above it: what the coder's own filter then takes away is
# too little to move a peak.
_PASS_HZ = 15_000.0
_STOP_HZ = 15_800.0
_STOP_DB = 50.0
# The coder's low-pass (dsp/coder) removes the gain's side bands above 15 kHz: peaks move by up to
# 0.065 dB, and what fits must leave the coder's own ceiling at rest.
_RESERVE_DB = 0.07


def make_audio_low_pass(sample_rate_hz: int, channels: int) -> LinearPhaseLowPass:
    """Build the 15 kHz low-pass of an FM chain: within 0.1 dB to 15 kHz, 50 dB down at 15.8 kHz."""
    return LinearPhaseLowPass(
        sample_rate_hz, channels, pass_hz=_PASS_HZ, stop_hz=_STOP_HZ, attenuation_db=_STOP_DB
    )


class FmLimiter:
    """Holds the deviation that a flat master will cause at or below its share.

    Parameters
    ----------
    sample_rate_hz
        At least 32 kHz.
    channels
        1 or 2; they share the gains.
    ceiling_dbtp
        Highest peak after pre-emphasis; 0 dB is the audio's share of the rated deviation.
    tau_us
        Pre-emphasis, 50 or 75.
    look_ahead_s, release_s
        As for TruePeakLimiter.
    band_limit
        Apply the 15 kHz low-pass first. Leave it on unless the stream has already been through it.

    Raises
    ------
    ValueError
        For a parameter out of range.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        channels: int,
        *,
        ceiling_dbtp: float = 0.0,
        tau_us: float = 50.0,
        look_ahead_s: float = 0.0015,
        release_s: tuple[float, float] = (0.06, 0.5),
        band_limit: bool = True,
    ) -> None:
        self.channels = channels
        self._band = make_audio_low_pass(sample_rate_hz, channels) if band_limit else None
        self._pre = Emphasis(sample_rate_hz, channels, tau_us=tau_us)
        inner_dbtp = ceiling_dbtp - _RESERVE_DB
        self._treble = TrebleLimiter(sample_rate_hz, channels, ceiling=10.0 ** (inner_dbtp / 20.0))
        self._limiter = TruePeakLimiter(
            sample_rate_hz,
            channels,
            ceiling_dbtp=inner_dbtp,
            look_ahead_s=look_ahead_s,
            release_s=release_s,
            band_limit=False,
        )
        self._de = Emphasis(sample_rate_hz, channels, tau_us=tau_us, inverse=True)
        self.delay_samples = (
            (self._band.delay_samples if self._band else 0)
            + self._treble.delay_samples
            + self._limiter.delay_samples
        )

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Return the next frames, flat and limited, late by `delay_samples`.

        Allocates the output and two pieces of its size.
        """
        require_frames(frames, self.channels)
        target = output_for(frames, out)
        flat = frames if self._band is None else self._band.process(frames)
        emphasised = self._pre.process(flat)
        self._treble.process_pair(flat, emphasised, emphasised)
        self._limiter.process(emphasised, target)
        return self._de.process(target, target)

    def reset(self) -> None:
        """Forget the stream."""
        for block in (self._band, self._pre, self._treble, self._limiter, self._de):
            if block is not None:
                block.reset()

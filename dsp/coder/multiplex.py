"""The stereo coder: audio at 48 kHz in, the multiplex of a transmitter at 192 kHz out.

    15 kHz low-pass ─ pre-emphasis ─ 4 × ─ ceiling ─ [MPX power] ─ M, S · 38 kHz ─ + pilot + RDS
       interpolator.py  emphasis.py        ceiling.py  mpx_limiter.py       subcarriers.py

An `fm` master of 0 dBFS after pre-emphasis drives the audio to its share: the rated deviation less
pilot and RDS. Whatever is louder is held there by the ceiling. Everything up to the ceiling runs in
steps of 64 frames, counted from the start of the stream, so that the cut of the stream cannot
matter; carriers are a function of the sample's index alone.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dsp.coder.ceiling import STEP, Ceiling
from dsp.coder.interpolator import FACTOR, Interpolator, make_audio_low_pass
from dsp.coder.mpx_limiter import MpxPowerLimiter
from dsp.coder.settings import MultiplexSettings
from dsp.coder.subcarriers import PERIOD, add_mono, add_stereo, carrier_table
from dsp.contract import Frames, Samples, output_of, require_frames
from dsp.fm.constants import AUDIO_RATE_HZ, COMPOSITE_RATE_HZ, FULL_SCALE_HZ
from dsp.kernel import ready
from dsp.master.emphasis import Emphasis

__all__ = ["Multiplex", "MultiplexSettings", "RdsBits", "RdsWave"]

_STEP_FRAMES = STEP // FACTOR
_SLAB_FRAMES = 16 * _STEP_FRAMES  # stays in the cache of one core
_HOLD = STEP - FACTOR  # a step may lack one frame when its first samples are due


class RdsBits(Protocol):
    """Where RDS bits come from: 104 source bits a group, without differential coding."""

    def next_bits(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the next `count` bits."""


class RdsWave(Protocol):
    """The shaped 57 kHz signal of a bit stream: at most its level, locked to the sample index."""

    def next(self, count: int, bits: RdsBits, out: Samples) -> Any:
        """Write the next samples to `out` (count,), 1.0 = 100 kHz."""

    def reset(self) -> None:
        """Begin again at sample 0."""


class Multiplex:
    """Makes the multiplex of one station.

    Parameters
    ----------
    settings
        Deviation, emphasis, carriers.
    rds_bits
        Source of RDS bits; needed where `settings.rds_hz` is above 0.
    rds_wave
        The waveform generator at its level; by default `dsp.coder.rds_waveform.RdsWaveform`.
    channels
        Of the audio: 2, or 1 (then the subcarrier of a stereo station is silent).

    Attributes
    ----------
    delay_samples
        By how much the audio is late, at 192 kHz. Pilot and RDS begin with the first sample.

    Raises
    ------
    ValueError
        For RDS without bits, or an MPX limit that pilot and RDS alone reach.
    """

    def __init__(
        self,
        settings: MultiplexSettings,
        rds_bits: RdsBits | None = None,
        *,
        rds_wave: RdsWave | None = None,
        channels: int = 2,
    ) -> None:
        if channels not in (1, 2):
            raise ValueError(f"channels: expected 1 or 2, got {channels}")
        if settings.rds_hz > 0.0 and rds_bits is None:
            raise ValueError("rds_bits: expected a source of bits for rds_hz above 0, got None")
        ready(add_mono, add_stereo)
        self.settings = settings
        self.channels = channels
        self._stereo = settings.stereo and channels == 2
        lines = 2 if self._stereo else 1
        self._bits = rds_bits
        self._wave = (rds_wave or _make_wave(settings)) if settings.rds_hz > 0.0 else None
        tau_us = settings.pre_emphasis_us
        self._low_pass = make_audio_low_pass(lines)
        self._emphasis = Emphasis(AUDIO_RATE_HZ, lines, tau_us=tau_us) if tau_us else None
        self._raise = Interpolator(lines)
        self.ceiling = Ceiling(lines)
        self.power_limiter = _make_power_limiter(settings, lines)
        self._subcarrier = carrier_table(2)
        self._pilot = carrier_table(1, settings.pilot_peak_hz / FULL_SCALE_HZ)
        self._share = settings.audio_share_hz / FULL_SCALE_HZ
        self.delay_samples = (
            _HOLD
            + FACTOR * self._low_pass.delay_samples
            + self._raise.delay_samples
            + self.ceiling.delay_samples
            + (self.power_limiter.delay_samples if self.power_limiter else 0)
        )
        self._begin()

    def _begin(self) -> None:
        lines = self._raise.channels
        self._open = np.zeros((0, lines), np.float32)  # frames of the step that is not complete
        self._finished = np.zeros((lines, _HOLD), np.float32)  # planes that are not yet due
        self._index = 0

    def output_length(self, n: int) -> int:
        """Return how many samples `n` frames give: 4 n."""
        return FACTOR * n

    def process(self, frames: Frames, out: Samples | None = None) -> Samples:
        """Return the next 4 n samples of the multiplex (1.0 = 100 kHz) for frames (n, channels).

        Raises
        ------
        BlockContractError
            For frames that are not finite float32 (n, channels); the state is as before.
        """
        require_frames(frames, self.channels)
        target = output_of(FACTOR * len(frames), np.float32, out)
        source = frames
        if self.channels == 2 and not self._stereo:
            source = np.mean(frames, axis=1, dtype=np.float32, keepdims=True)
        for start in range(0, len(source), _SLAB_FRAMES):
            piece = source[start : start + _SLAB_FRAMES]
            first = FACTOR * start
            self._mix(self._shape(piece), target[first : first + FACTOR * len(piece)])
        return target

    def _shape(self, frames: Frames) -> npt.NDArray[np.float32]:
        """Return 4 n samples of each line, ready to be mixed, as planes."""
        waiting = np.concatenate([self._open, frames])
        whole = len(waiting) // _STEP_FRAMES * _STEP_FRAMES
        due = FACTOR * len(frames)
        self._open = waiting[whole:].copy()
        planes = self._finished
        if whole:
            flat = self._low_pass.process(waiting[:whole])
            if self._emphasis is not None:
                flat = self._emphasis.process(flat, flat)
            raised = self.ceiling.process(self._raise.process(flat))
            if self.power_limiter is not None:
                raised = self.power_limiter.process(raised)
            planes = np.concatenate([planes, raised], axis=1)
        self._finished = planes[:, due:].copy()
        return np.ascontiguousarray(planes[:, :due])

    def _mix(self, planes: npt.NDArray[np.float32], out: Samples) -> None:
        """Write the multiplex of `planes` to `out`."""
        if self._wave is not None and self._bits is not None:
            self._wave.next(len(out), self._bits, out)
        else:
            out[:] = 0.0
        place = self._index % PERIOD
        if self._stereo:
            half = np.float32(0.5 * self._share)
            add_stereo(planes, half, place, self._subcarrier, self._pilot, out)
        else:
            add_mono(planes, np.float32(self._share), place, self._pilot, out)
        self._index += len(out)

    def reset(self) -> None:
        """Forget the audio and begin again at sample 0. The source of bits goes on where it is."""
        blocks = (self._low_pass, self._emphasis, self._raise, self.ceiling, self.power_limiter)
        for block in (*blocks, self._wave):
            if block is not None:
                block.reset()
        self._begin()


def _make_wave(settings: MultiplexSettings) -> RdsWave:
    from dsp.coder.rds_waveform import RdsWaveform  # noqa: PLC0415 - only where there is RDS

    peak = settings.rds_hz / FULL_SCALE_HZ
    return RdsWaveform(COMPOSITE_RATE_HZ, settings.rds_phase_deg, peak)


def _make_power_limiter(settings: MultiplexSettings, lines: int) -> MpxPowerLimiter | None:
    if settings.mpx_limit_dbr is None:
        return None
    return MpxPowerLimiter(
        lines,
        audio_hz=settings.audio_share_hz,
        pilot_hz=settings.pilot_peak_hz,
        rds_hz=settings.rds_hz,
        limit_dbr=settings.mpx_limit_dbr,
    )

"""The relay hears what it sent: decoded, demodulated, measured.

What left is not taken on trust. The payloads of a stream are decoded as a loudspeaker decodes them,
the multiplex is demodulated as a receiver does, and both are set beside what came in: how loud each
is, and how much later. An ear costs about a hundredth of a core.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from dsp.align.delay import read_delay
from dsp.coder.interpolator import make_audio_low_pass
from dsp.coder.settings import MultiplexSettings
from dsp.contract import Samples
from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ
from dsp.master.emphasis import Emphasis
from dsp.measure.loudness import integrated_lufs
from dsp.packet.errors import RemoteFormatError
from dsp.receive.meters.figure import Figure
from ingest.rtp.decoders import PayloadDecoder
from loa.relay.blocks import RATE_HZ
from transmit.live.cell_energy import CELL_FRAMES, CellEnergy
from transmit.rtp.payloads import Codec, Payload

HEARD_S = 8.0  # that are compared
_WITHIN_S = 0.25
_KEPT_S = 12.0
_MOST_CELLS = 36_000  # an hour of programme
_STEPS_PER_CELL = 10


class Memory:
    """The last seconds of a mono stream at 48 kHz, by sample number."""

    def __init__(self, kept_s: float = _KEPT_S) -> None:
        self._pieces: deque[Samples] = deque()
        self._held = 0
        self._keep = round(kept_s * RATE_HZ)
        self.end = 0

    def write(self, samples: Samples) -> None:
        """Append samples."""
        self._pieces.append(samples)
        self._held += len(samples)
        self.end += len(samples)
        while self._held - len(self._pieces[0]) >= self._keep:
            self._held -= len(self._pieces.popleft())

    def read(self, start: int, end: int) -> Samples | None:
        """Return samples start … end; None where they are not there, or not any more."""
        if not self.end - self._held <= start <= end <= self.end:
            return None
        whole = np.concatenate([np.zeros(0, np.float32), *self._pieces])
        first = start - (self.end - self._held)
        return np.ascontiguousarray(whole[first : first + end - start])


class Ear:
    """Takes what left, as mono at 48 kHz; `begin_programme` starts its loudness anew.

    Parameters
    ----------
    expected_samples
        How much later than at the input it is heard here.
    """

    def __init__(self, expected_samples: int) -> None:
        self.expected_samples = expected_samples
        self.memory = Memory()
        self._energy = CellEnergy(1)
        self._cells: deque[float] = deque(maxlen=_MOST_CELLS)
        self._begins = 0

    def begin_programme(self, index: int) -> None:
        """Let a programme begin with sample `index` of what goes out."""
        self._begins = index

    def hear(self, samples: Samples) -> None:
        """Take the next samples, float32 (n,)."""
        start = 0
        while start < len(samples):
            stop = min(len(samples), start + CELL_FRAMES - self._energy.position)
            energy = self._energy.take(np.ascontiguousarray(samples[start:stop, None]))
            if energy is not None:
                cell_end = self.memory.end + stop
                if cell_end - CELL_FRAMES < self._begins:
                    self._cells.clear()
                self._cells.append(energy)
            start = stop
        self.memory.write(samples)

    @property
    def loudness_lufs(self) -> float | None:
        """Integrated loudness of the programme so far."""
        return integrated_lufs(np.repeat(np.array(self._cells), _STEPS_PER_CELL))

    def pair(self, came: Memory) -> tuple[Samples, Samples] | None:
        """Return the last seconds as they came in and as they were heard; None before them."""
        count = round(HEARD_S * RATE_HZ)
        end = min(self.memory.end, came.end + self.expected_samples)
        heard = self.memory.read(end - count, end)
        first = end - count - self.expected_samples
        original = came.read(first, first + count)
        return None if heard is None or original is None else (original, heard)

    def late(self, pair: tuple[Samples, Samples] | None) -> Figure:
        """Return how much later than at the input it was heard, in seconds; takes 0.1 s."""
        if pair is None:
            return Figure.missing("inconclusive: less than 8 s so far")
        found = read_delay(*pair, RATE_HZ, range_s=(-_WITHIN_S, _WITHIN_S)).delay
        if found.invalid is not None or found.value is None or found.u is None:
            return found
        return Figure(self.expected_samples / RATE_HZ + found.value, found.u)


class StreamEar:
    """Decodes the payloads of a stream."""

    def __init__(self, codec: Codec, ear: Ear) -> None:
        self.ear = ear
        self._decoder = PayloadDecoder(codec.encoding, codec.clock_hz, codec.sdp_channels)
        rate_hz = self._decoder.rate_hz
        self._resampler = (
            None
            if rate_hz == RATE_HZ
            else soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="HQ")
        )
        self._scale = RATE_HZ / codec.clock_hz
        self._begun = False
        self.failed = 0

    def hear(self, payload: Payload) -> None:
        """Take the next payload."""
        try:
            samples = self._decoder.decode(payload.data)
        except RemoteFormatError:
            self.failed += 1
            samples = np.zeros(
                round(payload.duration * self._scale * self._decoder.rate_hz / RATE_HZ), np.float32
            )
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        if not self._begun:  # Opus begins ahead of the first sample, by its own delay
            samples = self._from_zero(samples, round(payload.ticks * self._scale))
        self.ear.hear(samples)

    def _from_zero(self, samples: Samples, first: int) -> Samples:
        early = max(0, -first)
        self._begun = len(samples) > early or first >= 0
        return samples[early:] if first <= 0 else np.pad(samples, (first, 0))


@dataclass
class _Demodulator:
    """The parts of a mono receiver behind the discriminator."""

    resampler: Any
    low_pass: Any
    emphasis: Any
    share: float


class MultiplexEar:
    """Demodulates the multiplex in mono: 15 kHz, de-emphasis, the audio's share as full scale."""

    def __init__(self, settings: MultiplexSettings, ear: Ear) -> None:
        self.ear = ear
        low_pass = make_audio_low_pass(1)
        tau_us = settings.pre_emphasis_us
        self._parts = _Demodulator(
            soxr.ResampleStream(COMPOSITE_RATE_HZ, RATE_HZ, 1, dtype="float32", quality="HQ"),
            low_pass,
            Emphasis(RATE_HZ, 1, tau_us=tau_us, inverse=True) if tau_us else None,
            FULL_SCALE_HZ / settings.audio_share_hz,
        )
        self._skip = low_pass.delay_samples

    def hear(self, composite: Samples) -> None:
        """Take the next samples at 192 kHz, 1.0 = 100 kHz."""
        parts = self._parts
        mono = parts.resampler.resample_chunk(composite)
        frames = parts.low_pass.process(np.ascontiguousarray(mono[:, None], np.float32))
        if parts.emphasis is not None:
            frames = parts.emphasis.process(frames)
        heard = frames[:, 0] * np.float32(parts.share)
        early = min(self._skip, len(heard))
        self._skip -= early
        self.ear.hear(np.ascontiguousarray(heard[early:]))

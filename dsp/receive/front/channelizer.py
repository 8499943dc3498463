"""One capture in, every station's baseband out: complex64 at 288 kS/s, centred on its carrier.

    channelizer = Channelizer(2_400_000, offsets_hz=[-700_000.0, 300_000.0])
    for block in source.blocks():
        first = channelizer.output_index
        stations = channelizer.process(block.samples)      # (2, n)

The channels have no delay: station sample k belongs to the moment k / 288 000 s of the capture,
counted from its first sample, exactly. They come late instead, in steps of `step_samples`, so a
call may return none; `output_index` is the k of the next one. At the end `flush` gives what is
left. At a gap: `flush`, then `resume` where the capture goes on; `output_index` jumps.

`FilterBank` does the arithmetic, this module the buffering (docs/decisions/0005).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.contract import BlockContractError, output_of, require_samples
from dsp.fm.constants import RECEIVE_RATE_HZ
from dsp.receive.front.centre_line import CentreLine
from dsp.receive.front.channel_plan import HALF_WIDTH_HZ, fitting_half_width_hz, plan_bank
from dsp.receive.front.filter_bank import FilterBank
from dsp.receive.front.rate_bridge import RateBridge
from dsp.receive.front.spectrum import SpectrumFrame

Capture = npt.NDArray[np.uint8] | npt.NDArray[np.complex64]
Channels = npt.NDArray[np.complex64]


class Channelizer:
    """All stations of a capture.

    Parameters
    ----------
    rate_hz
        Of the capture, any integer within 192 000 … 3 200 000.
    offsets_hz
        Carrier minus centre of the capture, one per station; resolved to a thousandth of a hertz.
    half_width_hz
        Flat within 0.1 dB that far on either side; one value, or one per station. 130 kHz where the
        next carrier is 400 kHz away or more; beside a closer one at spacing d, about d - 120 kHz.
        Near the edge of the capture it shrinks to what fits: `half_widths_hz` has what came of it.

    Raises
    ------
    ValueError
        If the rate, an offset or a width is out of range.
    """

    delay_samples = 0
    rate_out_hz = RECEIVE_RATE_HZ

    def __init__(
        self,
        rate_hz: int,
        offsets_hz: Sequence[float],
        *,
        half_width_hz: float | Sequence[float] = HALF_WIDTH_HZ,
    ) -> None:
        plan = plan_bank(rate_hz)
        self.rate_hz = rate_hz
        self.offsets_hz = tuple(float(offset) for offset in offsets_hz)
        if not self.offsets_hz:
            raise ValueError("offsets_hz: expected at least one station, got none")
        self.half_widths_hz = _half_widths(rate_hz, self.offsets_hz, half_width_hz)
        self._engine = FilterBank(plan, self.offsets_hz, self.half_widths_hz)
        self.step_samples = self._engine.hop
        rate = plan.channel_rate_hz
        count, kept = len(self.offsets_hz), self._engine.kept
        self._bridge = None
        if rate != RECEIVE_RATE_HZ:
            self._bridge = RateBridge(rate, Fraction(RECEIVE_RATE_HZ), count, kept)
            self._between = np.empty((count, 2 * kept), np.float32)
        self._step: int
        self._end: int
        self._lines = [
            CentreLine(index, offset)
            for index, (offset, width) in enumerate(
                zip(self.offsets_hz, self.half_widths_hz, strict=True)
            )
            if abs(offset) < width
        ]
        self.reset()

    @property
    def stations(self) -> int:
        """Number of stations."""
        return len(self.offsets_hz)

    def process(self, samples: Capture, out: Channels | None = None) -> Channels:
        """Return what `samples` complete: complex64 (stations, output_length(n)).

        Parameters
        ----------
        samples
            uint8 (2n,), I and Q in turn, or complex64 (n,); one kind for the whole capture.
        out
            Where to write; otherwise the output is allocated, and nothing else ever is.

        Raises
        ------
        BlockContractError
            If `samples` is neither, or not finite, or of the other kind than before, or `out` does
            not fit; nothing has changed.
        """
        require_samples(samples, np.uint8, np.complex64)
        if self._staged is not None and samples.dtype != self._staged.dtype:
            raise BlockContractError("samples.dtype", self._staged.dtype.name, samples.dtype.name)
        unit = 2 if samples.dtype == np.uint8 else 1
        count = len(samples) // unit
        target: Channels = output_of((self.stations, self.output_length(count)), np.complex64, out)
        staged = self._staged if self._staged is not None else self._stage(samples.dtype)
        pairs, written, taken = target.view(np.float32), 0, 0
        room = len(staged) // unit
        while taken < count:
            piece = min(count - taken, room - self._filled)
            begin = unit * self._filled
            staged[begin : begin + unit * piece] = samples[unit * taken : unit * (taken + piece)]
            taken += piece
            self._filled += piece
            if self._filled == room:
                written = self._run_step(pairs, written)
        self._end += count
        return target

    def output_length(self, count: int) -> int:
        """Return how many samples of each station the next `count` capture samples will give."""
        overlap = self._engine.lead + self._engine.tail
        steps = max(0, (self._filled + count - overlap) // self._engine.hop)
        return self._outputs_after(self._step + steps) - self.output_index

    def flush(self) -> Channels:
        """Return the rest of the capture, as if nothing came after; `reset` or `resume` follows."""
        wanted = -(-self._end * RECEIVE_RATE_HZ // self.rate_hz)
        staged, parts = self._staged, []
        if staged is None:
            return np.empty((self.stations, 0), np.complex64)
        silence = np.full_like(staged, 128 if staged.dtype == np.uint8 else 0)
        unit, end, before = 2 if staged.dtype == np.uint8 else 1, self._end, self.output_index
        while self.output_index < wanted:
            parts.append(self.process(silence[: unit * self._engine.hop]))
        self._end = end
        parts.append(np.empty((self.stations, 0), np.complex64))
        return np.ascontiguousarray(np.concatenate(parts, axis=1)[:, : max(wanted - before, 0)])

    def resume(self, index: int) -> None:
        """Go on with capture sample `index` after a gap: silence before it, phases as ever."""
        staged = self._staged
        self._step = index // self._engine.hop
        self._filled = index - self._step * self._engine.hop + self._engine.lead
        if self._bridge is not None:
            self._bridge.start_at(self._step * self._engine.kept)
        self._set_output_index()
        if staged is not None:
            staged[:] = 128 if staged.dtype == np.uint8 else 0
        self._end = index

    def take_spectra(self) -> list[SpectrumFrame]:
        """Return the frames completed since the last call, about five for each second."""
        tally = self._engine.spectrum
        frames = list(tally.frames)
        tally.frames.clear()
        return frames

    @property
    def image(self) -> complex:
        """The quadrature error as it is taken back (see `image.py`); 0 where there is none."""
        return self._engine.image.value

    @property
    def centre_lines(self) -> dict[int, complex]:
        """The receiver's DC as taken off every station that lies over the centre, by station."""
        return {line.station: line.value for line in self._lines}

    def reset(self) -> None:
        """Forget the capture."""
        self._engine.reset()
        for line in self._lines:
            line.reset()
        self._staged: npt.NDArray[Any] | None = None
        self._step, self._end = 0, 0
        self._filled = self._engine.lead
        if self._bridge is not None:
            self._bridge.reset()
        self._set_output_index()

    def _set_output_index(self) -> None:
        kept = self._step * self._engine.kept
        self.output_index = kept if self._bridge is None else self._bridge.next_out

    def _outputs_after(self, steps: int) -> int:
        kept = steps * self._engine.kept
        return kept if self._bridge is None else self._bridge.outputs_after(kept)

    def _stage(self, dtype: np.dtype[np.generic]) -> npt.NDArray[Any]:
        engine = self._engine
        room = engine.lead + engine.hop + engine.tail
        if dtype == np.uint8:
            # Silence before the first sample; 128 is half a code off, which no one will hear.
            self._staged = np.full(2 * room, 128, np.uint8)
        else:
            self._staged = np.zeros(room, np.complex64)
        return self._staged

    def _run_step(self, pairs: npt.NDArray[np.float32], written: int) -> int:
        """Do one step from the full stage into `pairs`; return how many samples are written."""
        engine, staged = self._engine, self._staged
        assert staged is not None
        end = written + self._outputs_after(self._step + 1) - self.output_index
        out = pairs[:, 2 * written : 2 * end]
        if self._bridge is None:
            engine.run(self._step, staged, out)
        else:
            engine.run(self._step, staged, self._between)
            self._bridge.process(self._between, out)
        for line in self._lines:
            line.remove(self.output_index, out[line.station])
        overlap = engine.lead + engine.tail
        unit = 2 if staged.dtype == np.uint8 else 1
        staged[: unit * overlap] = staged[unit * engine.hop :]
        self._filled = overlap
        self._step += 1
        self.output_index += end - written
        return end


def _half_widths(
    rate_hz: int, offsets_hz: tuple[float, ...], half_width_hz: float | Sequence[float]
) -> tuple[float, ...]:
    widths = (
        [float(half_width_hz)] * len(offsets_hz)
        if isinstance(half_width_hz, int | float)
        else [float(width) for width in half_width_hz]
    )
    if len(widths) != len(offsets_hz):
        raise ValueError(
            f"half_width_hz: expected one or {len(offsets_hz)} values, got {len(widths)}"
        )
    for offset in offsets_hz:
        if not math.isfinite(offset):
            raise ValueError(f"offsets_hz: expected finite offsets, got {offset}")
    return tuple(
        fitting_half_width_hz(rate_hz, offset, width)
        for offset, width in zip(offsets_hz, widths, strict=True)
    )

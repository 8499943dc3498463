"""FM discriminator: complex baseband in, instantaneous deviation out (1.0 = 100 kHz).

The phase step between neighbouring samples, angle(z[k] conj(z[k-1])), is the mean frequency over
the interval between them. Amplitude cancels, so no limiter stands ahead. A mean over an interval is
low by sin(x)/x, x = pi f / rate: 0.56 dB at 57 kHz and 288 kS/s, six times the tolerance of an RDS
level. A short filter takes that back; being even in length it also makes the half sample of delay
whole. The composite is flat within `RIPPLE` up to `FLAT_HZ`, its delay is `delay_samples` exactly,
and the carrier's offset stays in it as DC.

As a by-product the mean and the variance of |z| come out per slot of 50 ms: FM has a constant
envelope, and what disturbs it is noise, multipath or a second carrier.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import BlockContractError, output_of, require_sample_layout
from dsp.fm.constants import FULL_SCALE_HZ
from dsp.kernel import kernel, ready
from dsp.receive.composite.arctangent import angle

Composite = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]

HALF_TAPS = 6
TAPS = 2 * HALF_TAPS
TILE = 512
SLOTS_PER_S = 20  # 50 ms, the peak-hold slot of Rec. ITU-R SM.1268-5, Annex 2
FLAT_HZ = 76_000.0  # above the 60 kHz of the multiplex, and the fourth pilot harmonic
RIPPLE = 1e-4

F32 = types.float32
F64 = types.float64
SIGNAL = types.Array(F32, 1, "C")
SIGNAL_IN = types.Array(F32, 1, "C", readonly=True)
TALLY = types.Array(F64, 1, "C")


@kernel(
    types.void(SIGNAL_IN, SIGNAL_IN, SIGNAL, SIGNAL, SIGNAL),
    # Fused multiply-adds only; test_discriminator.py holds it to a float64 twin.
    fastmath=frozenset({"contract"}),
)
def demodulate_fm(iq, taps, last, past, out):
    """Write the deviation of `iq` (n complex samples as 2n floats) to `out` (n,).

    `last` (2,) is the sample before the first, `past` (TAPS - 1,) the phase steps before it; both
    are carried. `taps` (TAPS,) is symmetric and holds the gain per radian.
    """
    held = TAPS - 1
    steps = np.zeros(held + TILE, np.float32)
    re = np.zeros(1 + TILE, np.float32)
    im = np.zeros(1 + TILE, np.float32)
    acc = np.zeros(TILE, np.float32)
    steps[:held] = past
    re[0], im[0] = last[0], last[1]
    h0, h1, h2, h3, h4, h5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    n = out.shape[0]
    for start in range(0, n, TILE):
        count = min(TILE, n - start)
        part = iq[2 * start : 2 * (start + count)]
        for i in range(count):
            re[i + 1], im[i + 1] = part[2 * i], part[2 * i + 1]
        # Whole tiles always, so that every sample sees the same arithmetic however the stream is
        # cut; what is made of leftovers beyond `count` is not stored.
        for i in range(TILE):
            a, b, c, d = re[i], im[i], re[i + 1], im[i + 1]
            steps[held + i] = angle(d * a - c * b, c * a + d * b)
        w = steps
        for i in range(TILE):
            outer = h0 * (w[i] + w[i + 11]) + h1 * (w[i + 1] + w[i + 10])
            middle = h2 * (w[i + 2] + w[i + 9]) + h3 * (w[i + 3] + w[i + 8])
            inner = h4 * (w[i + 4] + w[i + 7]) + h5 * (w[i + 5] + w[i + 6])
            acc[i] = outer + (middle + inner)
        out[start : start + count] = acc[:count]
        for i in range(held):
            steps[i] = steps[count + i]
        re[0], im[0] = re[count], im[count]
    past[:] = steps[:held]
    last[0], last[1] = re[0], im[0]


@kernel(
    types.void(SIGNAL_IN, TALLY),
    # Sums in lanes; the order of addition moves the result by 1e-6 at most.
    fastmath=frozenset({"contract", "reassoc"}),
)
def add_amplitudes(iq, tally):
    """Add the sums of |z| and |z|² of `iq` (2n floats) to `tally` (2,)."""
    for start in range(0, iq.shape[0], 2 * TILE):
        part = iq[start : start + 2 * TILE]
        amplitude = np.float32(0.0)
        power = np.float32(0.0)
        for i in range(part.shape[0] // 2):
            a, b = part[2 * i], part[2 * i + 1]
            p = a * a + b * b
            power += p
            amplitude += np.sqrt(p)
        tally[0] += amplitude
        tally[1] += power


def design_equaliser(rate_hz: int, flat_hz: float = FLAT_HZ) -> npt.NDArray[np.float64]:
    """Return the even-length filter (TAPS,) that undoes sin(x)/x up to `flat_hz`.

    Least squares with the weights moved onto the largest errors: close to minimax. Scaled so that
    DC is exact.
    """
    cycles = np.linspace(0.0, flat_hz / rate_hz, 1_000)
    wanted = 1.0 / np.sinc(cycles)
    basis = 2.0 * np.cos(2.0 * np.pi * np.outer(cycles, np.arange(HALF_TAPS) + 0.5))
    weights = np.ones_like(cycles)
    half: npt.NDArray[np.floating] = np.zeros(HALF_TAPS)
    for _ in range(30):
        half = np.linalg.lstsq(basis * weights[:, None], wanted * weights, rcond=None)[0]
        error = np.abs(basis @ half - wanted)
        weights *= (error / error.max() + 1e-6) ** 0.2
    taps = np.concatenate([half[::-1], half])
    return np.asarray(taps / taps.sum())


class Discriminator:
    """Demodulates one FM carrier, block after block, with no seam between blocks.

    Parameters
    ----------
    rate_hz
        Sample rate of the baseband and of the composite, 200 to 400 kHz.
    amplitudes
        Whether `take_amplitudes` will be asked. Without them samples are not looked at for NaN:
        only for what comes from a block that has.

    Raises
    ------
    ValueError
        If the rate is out of range.
    """

    delay_samples = HALF_TAPS

    def __init__(self, rate_hz: int = 288_000, *, amplitudes: bool = True) -> None:
        if not 200_000 <= rate_hz <= 400_000:
            raise ValueError(f"rate_hz: expected within 200000 … 400000, got {rate_hz}")
        ready(demodulate_fm, add_amplitudes)
        self.rate_hz = rate_hz
        self._amplitudes = amplitudes
        self.slot_samples = rate_hz // SLOTS_PER_S
        per_radian = rate_hz / (2.0 * np.pi) / FULL_SCALE_HZ
        self.equaliser = design_equaliser(rate_hz)
        self._taps = (self.equaliser * per_radian).astype(np.float32)
        self.reset()

    def process(self, samples: Iq, out: Composite | None = None) -> Composite:
        """Return the composite of `samples` (n,) complex64 as float32 (n,).

        Late by `delay_samples`: output k belongs to the moment of input k - delay_samples.
        Allocates the output only.

        Raises
        ------
        BlockContractError
            If `samples` is not finite complex64 (n,), or `out` does not fit; nothing has changed.
        """
        require_sample_layout(samples, np.complex64)
        target: Composite = output_of(len(samples), np.float32, out)
        pairs = samples.view(np.float32)
        if self._amplitudes:
            self._add_amplitudes(pairs)
        demodulate_fm(pairs, self._taps, self._last, self._past, target)
        return target

    def take_amplitudes(self) -> npt.NDArray[np.float64]:
        """Return (slots, 2): mean and variance of |z| in every slot completed since the last call.

        A slot is `slot_samples` of input, the first beginning with the stream; not delayed.
        """
        sums = np.array(self._slots, np.float64).reshape(-1, 2) / self.slot_samples
        self._slots.clear()
        mean, power = sums[:, 0], sums[:, 1]
        return np.stack([mean, np.maximum(power - mean * mean, 0.0)], axis=1)

    def reset(self) -> None:
        """Forget the stream."""
        self._last = np.zeros(2, np.float32)
        self._past = np.zeros(TAPS - 1, np.float32)
        self._tally = np.zeros(2, np.float64)
        self._in_slot = 0
        self._slots: list[tuple[float, float]] = []

    def _add_amplitudes(self, pairs: Composite) -> None:
        """Bring the slots up to date; the sums tell of a sample that is not finite in time."""
        start, total = 0, len(pairs) // 2
        tally, in_slot = self._tally.copy(), self._in_slot
        slots = []
        while start < total:
            end = min(total, start + self.slot_samples - in_slot)
            add_amplitudes(pairs[2 * start : 2 * end], tally)
            in_slot += end - start
            start = end
            if in_slot == self.slot_samples:
                slots.append((float(tally[0]), float(tally[1])))
                tally[:] = 0.0
                in_slot = 0
        if not np.isfinite(sum(power for _, power in slots) + tally[1]):
            raise BlockContractError("samples", "finite samples below 1e18", "NaN or infinity")
        self._slots.extend(slots)
        self._tally, self._in_slot = tally, in_slot

"""What an RTL-SDR does to the band: noise, gain steps, IQ imbalance, DC spike, eight bits.

In the order of the receiver: thermal noise comes in at the antenna; the tuner's gain acts on signal
and noise; the two arms of the mixer differ in gain and angle; each arm has its own offset; the
converter rounds to 256 codes and clips.

    I' = a·I                        a = 10^(gain_db / 40), and 1 / a in the other arm
    Q' = (Q·cos φ + I·sin φ) / a

leaves an image at -f of about sqrt((ln a)^2 + (φ / 2)^2) of the wanted signal.

An 8-bit sample x stands for (x - 127.5) / 127.5: the two middle codes are equally far from zero.
Every sample is a function of its index and the seed alone: cut anywhere, the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types

from dsp.contract import Iq, IqBytes, output_of, require_samples
from dsp.kernel import inlined, kernel, ready
from dsp.modulate.gaussian import gaussian_pair, noise_keys

U8_SCALE = 127.5
_BLOCK_BITS = 32

_PAIRS_IN = types.Array(types.float32, 1, "C", readonly=True)
_SHAPE = types.Array(types.float32, 1, "C", readonly=True)
_CONTRACT = frozenset({"contract"})


@dataclass(frozen=True)
class DongleSettings:
    """What is wrong with the dongle.

    Parameters
    ----------
    noise_dbfs
        Noise power in the whole capture before any gain step; None: no noise.
    dc_dbfs
        Size of the DC offset, equal in both arms; None: none.
    iq_gain_db, iq_phase_deg
        Gain of the I arm over the Q arm, and how far their angle is from 90°.
    seed
        Chooses the noise.
    """

    noise_dbfs: float | None = -60.0
    dc_dbfs: float | None = None
    iq_gain_db: float = 0.0
    iq_phase_deg: float = 0.0
    seed: int = 0


@inlined
def _arms(in_phase: Any, quadrature: Any, shape: Any) -> Any:
    """Return both arms of a sample; `shape` is sigma, I gain, Q gains and the DC, as numbers."""
    _, i_gain, q_gain, leak, dc = shape
    return i_gain * in_phase + dc, q_gain * quadrature + leak * in_phase + dc


@kernel(
    types.void(_PAIRS_IN, types.uint32, types.uint32, types.uint32, _SHAPE, types.float32[::1]),
    fastmath=_CONTRACT,
)
def receive_float(pairs, first, low_key, high_key, shape, out):
    """Write what the dongle makes of `pairs` (2n,) to `out` (2n,), I and Q in turn.

    `first` is the low half of the index of the first sample, `shape` (5,) see `_received_pair`.
    """
    # Plain numbers before the loop: an array might alias `out`, and nothing would be vectorised.
    numbers = (shape[0], shape[1], shape[2], shape[3], shape[4])
    sigma = shape[0]
    for n in range(pairs.shape[0] // 2):
        index = np.uint32(first + np.uint32(n))
        noise_i, noise_q = gaussian_pair(index, low_key, high_key)
        in_phase = pairs[2 * n] + sigma * noise_i
        quadrature = pairs[2 * n + 1] + sigma * noise_q
        left, right = _arms(in_phase, quadrature, numbers)
        out[2 * n] = left
        out[2 * n + 1] = right


@inlined
def _code(value: Any) -> Any:
    """Return the nearest of the 256 codes."""
    scaled = np.floor(value * np.float32(U8_SCALE) + np.float32(U8_SCALE + 0.5))
    return np.uint8(np.int32(min(max(scaled, np.float32(0.0)), np.float32(255.0))))


@kernel(
    types.void(_PAIRS_IN, types.uint32, types.uint32, types.uint32, _SHAPE, types.uint8[::1]),
    fastmath=_CONTRACT,
)
def receive_u8(pairs, first, low_key, high_key, shape, out):
    """Do as `receive_float` does and quantise to `out`, uint8 (2n,)."""
    # Plain numbers before the loop: an array might alias `out`, and nothing would be vectorised.
    numbers = (shape[0], shape[1], shape[2], shape[3], shape[4])
    sigma = shape[0]
    for n in range(pairs.shape[0] // 2):
        index = np.uint32(first + np.uint32(n))
        noise_i, noise_q = gaussian_pair(index, low_key, high_key)
        in_phase = pairs[2 * n] + sigma * noise_i
        quadrature = pairs[2 * n + 1] + sigma * noise_q
        left, right = _arms(in_phase, quadrature, numbers)
        out[2 * n] = _code(left)
        out[2 * n + 1] = _code(right)


class Dongle:
    """Turns the band at the antenna into the samples of a dongle, block after block.

    Parameters
    ----------
    settings
        See `DongleSettings`.
    gain_steps
        (index, gain in dB) pairs: from that sample on the tuner's gain is that.
    eight_bits
        Whether `process` gives interleaved uint8 or complex64 that nothing has rounded.
    """

    delay_samples = 0

    def __init__(
        self,
        settings: DongleSettings,
        *,
        gain_steps: tuple[tuple[int, float], ...] = (),
        eight_bits: bool = True,
    ) -> None:
        ready(receive_float, receive_u8)
        indices = [index for index, _ in gain_steps]
        if indices != sorted(indices) or any(index < 0 for index in indices):
            raise ValueError(f"gain_steps: expected rising indices from 0 on, got {indices}")
        self._settings = settings
        self._steps = gain_steps
        self._eight_bits = eight_bits
        self._done = 0

    def output_length(self, samples: int) -> int:
        """Return the length of the array that `samples` complex samples become."""
        return 2 * samples if self._eight_bits else samples

    def process(self, iq: Iq, out: Iq | IqBytes | None = None) -> Iq | IqBytes:
        """Return complex64 (n,) as uint8 (2n,) or complex64 (n,).

        Raises
        ------
        BlockContractError
            For another dtype or shape, and NaN or infinity; nothing has changed then.
        """
        require_samples(iq, np.complex64)
        dtype = np.uint8 if self._eight_bits else np.complex64
        target = output_of(self.output_length(len(iq)), dtype, out)
        numbers = target if self._eight_bits else target.view(np.float32)
        pairs = np.ascontiguousarray(iq).view(np.float32)
        done = 0
        while done < len(iq):
            count = min(len(iq) - done, self._until_change())
            self._receive(pairs[2 * done : 2 * (done + count)], numbers[2 * done :][: 2 * count])
            self._done += count
            done += count
        return target

    def reset(self) -> None:
        """Forget the stream."""
        self._done = 0

    def _until_change(self) -> int:
        """Return how many samples have the same gain and the same keys."""
        block_end = ((self._done >> _BLOCK_BITS) + 1) << _BLOCK_BITS
        later = [index for index, _ in self._steps if index > self._done]
        return min([block_end, *later]) - self._done

    def _receive(self, pairs: Any, out: Any) -> None:
        low_key, high_key = noise_keys(self._settings.seed, self._done)
        first = np.uint32(self._done & 0xFFFFFFFF)
        passed = [gain for index, gain in self._steps if index <= self._done]
        shape = _shape(self._settings, passed[-1] if passed else 0.0)
        kernel_of = receive_u8 if self._eight_bits else receive_float
        kernel_of(pairs, first, low_key, high_key, shape, out)


def _shape(settings: DongleSettings, gain_db: float) -> Any:
    """Return sigma, I of I, Q of Q, Q of I, and the DC of either arm; float32 (5,)."""
    gain = 10.0 ** (gain_db / 20.0)
    sigma = 0.0 if settings.noise_dbfs is None else 10.0 ** (settings.noise_dbfs / 20.0)
    dc = 0.0 if settings.dc_dbfs is None else 10.0 ** (settings.dc_dbfs / 20.0) / math.sqrt(2.0)
    arm = 10.0 ** (settings.iq_gain_db / 40.0)
    angle = math.radians(settings.iq_phase_deg)
    values = (sigma, gain * arm, gain * math.cos(angle) / arm, gain * math.sin(angle) / arm, dc)
    return np.array(values, np.float32)

"""The measuring filter of the composite and the audio filters, as responses on the hop's bins.

Recommendations for FM monitors ask for a linear-phase 60 kHz low-pass: a recursive one overshoots
and reads too much deviation (Rec. ITU-R SM.1268-5, Annex 2: the filter must not shape the peaks).
Ours is flat to 60 kHz, RDS at 57 ± 2.4 kHz included, and 70 dB down from 68 kHz on, where only
noise is left.

A discriminator that takes the phase step from one sample to the next gives the *mean* frequency
over that step, sinc(f / rate) too little at f: 0.6 dB at 57 kHz. Every response here undoes that.
De-emphasis is the analogue curve 1 / (1 + j w tau) of Rec. ITU-R BS.450-4 itself.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import AUDIO_EDGE_HZ, COMPOSITE_EDGE_HZ, PILOT_HZ
from dsp.master.low_pass import design_low_pass
from dsp.receive.composite.grid import (
    AHEAD,
    AUDIO_SEGMENT,
    BACK,
    BIN_HZ,
    BINS,
    RATE_HZ,
    SEGMENT,
    SUBCARRIER_BIN,
)

COMPOSITE_STOP_HZ = 68_000.0
COMPOSITE_STOP_DB = 70.0
AUDIO_STOP_DB = 60.0
# A fine grid on which responses are made before they are cut to the reach of a hop.
_FINE = 1 << 16

Response = npt.NDArray[np.complex64]


def step_droop(frequency_hz: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Response of the phase step between neighbouring samples at `frequency_hz`."""
    return np.asarray(np.sinc(frequency_hz / RATE_HZ), np.float64)


def _low_pass(pass_hz: float, stop_hz: float, attenuation_db: float) -> npt.NDArray[np.complex128]:
    """Zero-phase response of a Kaiser low-pass on the fine grid, bins 0 … _FINE - 1."""
    taps = design_low_pass(pass_hz / RATE_HZ, stop_hz / RATE_HZ, attenuation_db)
    half = len(taps) // 2
    assert half <= AHEAD, "the filter reaches beyond the future of a hop"
    placed = np.zeros(_FINE)
    placed[: half + 1] = taps[half:]
    placed[-half:] = taps[:half]
    return np.fft.fft(placed)


def _fine_hz() -> npt.NDArray[np.floating]:
    return np.fft.fftfreq(_FINE, 1.0 / RATE_HZ)


def _cut_to_reach(response: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """Sample `response` on the bins of a hop, its impulse response cut to -AHEAD … BACK."""
    impulse = np.fft.ifft(response)
    kept = np.zeros(SEGMENT, np.complex128)
    kept[: BACK + 1] = impulse[: BACK + 1]
    kept[-AHEAD:] = impulse[-AHEAD:]
    return np.fft.fft(kept)


def _shared(response: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return `response` read-only: all stations of a band share it."""
    response.flags.writeable = False
    return response


@functools.cache
def composite_response(*, phase_step: bool = False) -> npt.NDArray[np.float32]:
    """Real gain of the measuring filter on bins 0 … BINS - 1, zero phase.

    `phase_step` tells that the composite comes from phase steps between samples and droops.
    """
    wanted = _low_pass(COMPOSITE_EDGE_HZ, COMPOSITE_STOP_HZ, COMPOSITE_STOP_DB)
    if phase_step:
        wanted = wanted / step_droop(_fine_hz())
    return _shared(_cut_to_reach(wanted).real[:BINS].astype(np.float32))


def _audio_fine(de_emphasis_us: float) -> npt.NDArray[np.complex128]:
    omega = 2.0 * np.pi * _fine_hz()
    return _low_pass(AUDIO_EDGE_HZ, PILOT_HZ, AUDIO_STOP_DB) / (
        1.0 + 1j * omega * de_emphasis_us * 1e-6
    )


@functools.cache
def middle_response(de_emphasis_us: float, *, phase_step: bool = False) -> Response:
    """Response from composite to L + R at 48 kHz, bins 0 … AUDIO_SEGMENT / 2 (for irfft)."""
    wanted = _audio_fine(de_emphasis_us)
    if phase_step:
        wanted = wanted / step_droop(_fine_hz())
    kept = _cut_to_reach(wanted)[: AUDIO_SEGMENT // 2 + 1]
    return _shared((kept * (AUDIO_SEGMENT / SEGMENT)).astype(np.complex64))


@functools.cache
def side_response(de_emphasis_us: float, *, phase_step: bool = False) -> Response:
    """Response from composite around 38 kHz to the complex L - R at 48 kHz.

    In the order of an inverse FFT of AUDIO_SEGMENT points: 38 kHz first, the lower side band in the
    upper half.
    """
    wanted = _audio_fine(de_emphasis_us)
    if phase_step:
        wanted = wanted / step_droop(_fine_hz() + SUBCARRIER_BIN * BIN_HZ)
    kept = _cut_to_reach(wanted)
    half = AUDIO_SEGMENT // 2
    ordered = np.concatenate([kept[:half], kept[-half:]])
    return _shared((ordered * (AUDIO_SEGMENT / SEGMENT)).astype(np.complex64))


def noise_bandwidth_hz3(response: npt.NDArray[np.float32], *, phase_step: bool = False) -> float:
    """Integral of f² |H|² df, in Hz³: with N0 / C it gives the FM noise power behind the filter.

    FM noise has the density f² · N0 / C (Hz² per Hz, one-sided) before the discriminator's droop.
    """
    frequency = np.arange(BINS) * BIN_HZ
    gain: npt.NDArray[np.float64] = response.astype(np.float64)
    if phase_step:
        gain *= step_droop(frequency)
    return float(np.sum(np.square(frequency * gain)) * BIN_HZ)

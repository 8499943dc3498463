"""Signals with known truth for the receiver's meters: float64 NumPy, nothing shared with the coder.

A composite is built at 288 kHz from its parts, turned into a carrier at 1.44 MS/s, put beside noise
and a strong neighbour, and quantised to eight bits: what the product does is not used to make what
it is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.fft

RATE_HZ = 288_000
WIDE = 5
CAPTURE_RATE_HZ = RATE_HZ * WIDE
STATION_HZ = -150_000.0
NEIGHBOUR_HZ = 400_000.0
FULL_SCALE_HZ = 100_000.0

Real = npt.NDArray[np.float64]


def band_limited(n: int, low_hz: float, high_hz: float, rng: np.random.Generator) -> Real:
    """Gaussian noise of unit rms between two frequencies."""
    frequency = scipy.fft.rfftfreq(n, 1.0 / RATE_HZ)
    bins = rng.standard_normal(len(frequency)) + 1j * rng.standard_normal(len(frequency))
    bins[(frequency < low_hz) | (frequency > high_hz)] = 0.0
    noise = scipy.fft.irfft(bins, n)
    return np.asarray(noise / noise.std())


def speech_like(n: int, rng: np.random.Generator, *, roll_off_hz: float = 900.0) -> Real:
    """Noise of a speech-like spectrum under syllables of 50 to 250 ms, largest magnitude 1."""
    frequency = scipy.fft.rfftfreq(n, 1.0 / RATE_HZ)
    bins = scipy.fft.rfft(band_limited(n, 90.0, 14_500.0, rng))
    sound = scipy.fft.irfft(bins / np.sqrt(1.0 + (frequency / roll_off_hz) ** 2), n)
    lengths = rng.uniform(0.05, 0.25, 8 + int(n / RATE_HZ / 0.05))
    levels = 10.0 ** (-rng.uniform(0.0, 1.6, len(lengths)))
    edges = np.concatenate([[0.0], np.cumsum(lengths)]) * RATE_HZ
    envelope = np.interp(np.arange(n), edges[:-1], levels)
    sound = without_bass(sound * envelope)
    return np.asarray(sound / np.abs(sound).max())


def shaped_biphase(n: int, rng: np.random.Generator, *, phase_rad: float, clock: float) -> Real:
    """RDS of random bits on 57 kHz, at any level."""
    bit_s = 48.0 / 57_000.0
    time = np.arange(n) / RATE_HZ * clock
    impulses = np.zeros(n)
    count = int(time[-1] / bit_s)
    signs = rng.choice((-1.0, 1.0), count)
    for place, sign in ((0.25, 1.0), (0.75, -1.0)):
        at = (np.arange(count) + place) * bit_s / clock * RATE_HZ
        low = at.astype(int)
        part = at - low
        np.add.at(impulses, low, sign * signs * (1.0 - part))
        np.add.at(impulses, np.minimum(low + 1, n - 1), sign * signs * part)
    frequency = scipy.fft.rfftfreq(n, 1.0 / RATE_HZ)
    shape = np.where(frequency < 2_375.0, np.cos(np.pi * frequency * bit_s / 4.0), 0.0)
    data = scipy.fft.irfft(scipy.fft.rfft(impulses) * shape, n)
    wave = data * np.sin(2.0 * np.pi * 57_000.0 * time + phase_rad)
    return np.asarray(wave)


@dataclass
class Station:
    """A composite in Hz and what went into it."""

    composite_hz: Real
    truth: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Coder:
    """How a station is coded.

    `rds_hz` is the amplitude of a carrier of the same power as RDS, `clock` the error of the
    station's 19 kHz against ours.
    """

    rated_hz: float = 75_000.0
    pilot_hz: float = 6_750.0
    rds_hz: float = 2_000.0
    rds_phase_deg: float = 0.0
    tau_us: float = 50.0
    clock: float = 1.0


@dataclass(frozen=True)
class Air:
    """What lies between the station and the meters."""

    cn_db: float = 40.0
    offset_hz: float = 0.0
    level: float = 0.3
    neighbour_db: float | None = None
    bits: int | None = None


def compose(
    left: Real,
    right: Real,
    rng: np.random.Generator,
    coder: Coder | None = None,
) -> Station:
    """Return the multiplex of audio ± 1 (before emphasis) with the project's scales."""
    coder = coder or Coder()
    pilot_hz, rds_hz = coder.pilot_hz, coder.rds_hz
    n = len(left)
    time = np.arange(n) / RATE_HZ * coder.clock
    frequency = scipy.fft.rfftfreq(n, 1.0 / RATE_HZ)
    emphasis = (1.0 + 2j * np.pi * frequency * coder.tau_us * 1e-6) * (frequency <= 15_000.0)
    middle, side = (
        scipy.fft.irfft(scipy.fft.rfft(part) * emphasis, n)
        for part in ((left + right) / 2.0, (left - right) / 2.0)
    )
    share_hz = coder.rated_hz - pilot_hz - rds_hz * PEAK_OVER_CARRIER
    turn = 2.0 * np.pi * 19_000.0 * time
    composite = share_hz * middle
    if pilot_hz:
        composite += share_hz * side * np.sin(2.0 * turn) + pilot_hz * np.sin(turn)
    if rds_hz:
        rds = shaped_biphase(n, rng, phase_rad=np.deg2rad(coder.rds_phase_deg), clock=coder.clock)
        composite += rds * (rds_hz / np.sqrt(2.0 * np.mean(rds**2)))
    return Station(
        composite,
        {"pilot_hz": pilot_hz, "rds_unmodulated_hz": rds_hz, "rds_phase_deg": coder.rds_phase_deg},
    )


# The highest peak of shaped biphase over the amplitude of a carrier of equal power.
PEAK_OVER_CARRIER = 1.44295


def without_bass(signal: Real) -> Real:
    """Nothing below 40 Hz, as every transmitter's input has it: no DC that looks like an offset."""
    bins = scipy.fft.rfft(signal)
    bins[scipy.fft.rfftfreq(len(signal), 1.0 / RATE_HZ) < 40.0] = 0.0
    return np.asarray(scipy.fft.irfft(bins, len(signal)))


def upsampled(signal: Real, factor: int) -> Real:
    """The same periodic wave with `factor` times the samples."""
    n = len(signal)
    bins = np.zeros(n * factor // 2 + 1, complex)
    bins[: n // 2 + 1] = scipy.fft.rfft(signal)
    return np.asarray(scipy.fft.irfft(bins, n * factor) * factor)


def capture(
    station: Station, rng: np.random.Generator, air: Air | None = None
) -> npt.NDArray[np.uint8] | npt.NDArray[np.complex64]:
    """Return 1.44 MS/s of a band: the station at STATION_HZ, noise, perhaps a neighbour.

    Interleaved uint8 where `air.bits` is 8, complex64 otherwise. The phase is the exact integral
    of the composite: summing sample by sample would raise its treble, which is taken off first.
    """
    air = air or Air()
    n = len(station.composite_hz)
    total, wide_hz = n * WIDE, RATE_HZ * WIDE
    bins = scipy.fft.rfft(station.composite_hz + air.offset_hz)
    bins *= np.sinc(scipy.fft.rfftfreq(n, 1.0 / RATE_HZ) / wide_hz)
    own_hz = upsampled(scipy.fft.irfft(bins, n), WIDE) + STATION_HZ
    turns = np.cumsum(own_hz) / wide_hz
    level, strength = air.level, 0.0
    wave = np.exp(2j * np.pi * turns)
    if air.neighbour_db is not None:
        strength = 10.0 ** (air.neighbour_db / 20.0)
        other_hz = 60_000.0 * speech_like(n, rng) + STATION_HZ + NEIGHBOUR_HZ
        wave += strength * np.exp(2j * np.pi * np.cumsum(upsampled(other_hz, WIDE)) / wide_hz)
        level = min(level, 0.85 / (1.0 + strength))
    # Noise density such that 200 kHz of it are cn_db below the carrier.
    sigma = np.sqrt(10.0 ** (-air.cn_db / 10.0) * (wide_hz / 200_000.0) / 2.0)
    wave += sigma * (rng.standard_normal(total) + 1j * rng.standard_normal(total))
    wave *= level
    if air.bits is None:
        return np.asarray(wave, np.complex64)
    return np.asarray(np.clip(np.round(wave.view(np.float64) * 127.5 + 127.5), 0, 255), np.uint8)

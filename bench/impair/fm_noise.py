"""FM reception in brief: 15 kHz of audio and de-emphasised FM noise at a given signal-to-noise.

Noise after a discriminator rises 6 dB an octave (white in frequency, that is: its density goes with
f²) and de-emphasis takes it down again from its corner on. Below the threshold the real thing also
clicks: clicks are added at a rate, each the shape a turn of the phase leaves behind the filter.
`bench.impair.fm_path` is the real chain; `bench.match.fm_check` holds the two side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from bench.audio.listening_place import active_power

RATE_HZ = 48_000
AUDIO_EDGE_HZ = 15_000.0

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FmNoise:
    """Adds FM noise `snr_db` below the speech (power in its active frames)."""

    snr_db: float = 15.0
    tau_us: float = 50.0
    click_share: float = 0.5  # of the noise power that is in clicks
    clicks_per_s: float = 40.0

    def __call__(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) as received, (n,)."""
        n = len(sound)
        if n == 0:
            return sound.copy()
        padded = scipy.fft.next_fast_len(n, real=True)
        frequency_hz = scipy.fft.rfftfreq(padded, 1.0 / RATE_HZ)
        band = frequency_hz <= AUDIO_EDGE_HZ
        fall = band / (1.0 + 2j * np.pi * frequency_hz * self.tau_us * 1e-6)
        smooth = rng.standard_normal(len(frequency_hz)) * frequency_hz * fall
        hiss = scipy.fft.irfft(smooth * np.exp(2j * np.pi * rng.random(len(smooth))), padded)[:n]
        hits = np.zeros(padded)
        count = rng.poisson(self.clicks_per_s * n / RATE_HZ)
        hits[rng.integers(0, n, count)] = rng.choice((-1.0, 1.0), count)
        clicks = scipy.fft.irfft(scipy.fft.rfft(hits) * fall, padded)[:n]
        heard = scipy.fft.irfft(scipy.fft.rfft(sound, padded) * band, padded)[:n]
        speech = active_power(heard, RATE_HZ) if n >= RATE_HZ // 40 else float(np.mean(heard**2))
        noise = np.sqrt(1.0 - self.click_share) * _unit(hiss)
        noise += np.sqrt(self.click_share) * _unit(clicks)
        gain = np.sqrt(speech) * 10 ** (-self.snr_db / 20)
        return np.asarray(heard + gain * noise, np.float32)


def _unit(noise: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rms = np.sqrt(np.mean(noise**2))
    return noise / rms if rms > 0 else noise

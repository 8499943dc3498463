"""What is on the air instead of a programme: nothing, silence, a bare carrier, hiss, half of it.

Level alone cannot tell: the hiss of an FM receiver without a carrier is louder than most speech.
Noise is *steady* and *even*: over a second of 25 ms hops the power of white noise between 0.3 and
14 kHz varies by 6 % (about 500 independent values each) and its spectrum, even shaped by f² or by
an emphasis, has a flatness (geometric over arithmetic mean) above 0.25. Speech varies by more than
half and has a flatness of a few percent; a tone is steady but not even.

Findings are short, stable names; several may hold at once:

- ``off_air``     no carrier: the envelope is that of noise. It stands alone: what a discriminator
                  makes of no carrier is nobody's hiss and nobody's silence
- ``hiss``        noise in place of audio, on a carrier
- ``no_audio``    a carrier whose audio and stereo bands hold nothing but the receiver's own noise
- ``silence``     audio below -50 dBFS for the whole second
- ``one_channel`` a stereo programme with one channel 25 dB below the other
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import AUDIO_EDGE_HZ
from dsp.receive.composite.composite_bank import HEARD, density_scale
from dsp.receive.composite.grid import BIN_HZ, BINS, bin_of
from dsp.receive.meters.audio_meters import AudioReading

OFF_AIR_CARRIER_DB = 3.0
HISS_FLATNESS = 0.25
HISS_VARIATION = 0.2
SILENCE_DBFS = -50.0
NO_AUDIO_HZ = 150.0
ONE_CHANNEL_DB = 25.0
# Audio and stereo bands: weights that make Hz² of mean powers, and Hz⁴ about frequency zero.
_FREQUENCY_HZ = np.arange(BINS) * BIN_HZ
_MODULATED = np.zeros(BINS)
_MODULATED[bin_of(40.0) : bin_of(AUDIO_EDGE_HZ)] = 1.0
_MODULATED[bin_of(23_000.0) : bin_of(53_000.0)] = 1.0
_SQUARE = _MODULATED * (density_scale() * BIN_HZ)
_TURNED = _SQUARE * _FREQUENCY_HZ**2
# FM noise has the density f² · N0 / C.
_NOISE = float(np.sum(_MODULATED * _FREQUENCY_HZ**2)) * BIN_HZ
_NOISE_TURNED = float(np.sum(_MODULATED * _FREQUENCY_HZ**4)) * BIN_HZ


@dataclass(frozen=True)
class BandReading:
    """The audio part of a second's spectrum.

    `modulation_hz` is the rms deviation of audio and stereo bands without the receiver's noise;
    `noise_hz` that noise; `frequency_hz` the rms frequency of what modulates.
    """

    flatness: float
    variation: float
    modulation_hz: float
    noise_hz: float
    frequency_hz: float


def read_bands(
    powers: npt.NDArray[np.float64], hops: npt.NDArray[np.float64], n0_over_c: float
) -> BandReading:
    """Judge a second: mean `powers` (BINS,), and the power of the band `HEARD` in each of `hops`.

    Its steadiness from hop to hop is what tells noise from a programme.
    """
    level = float(hops.mean())
    heard = powers[HEARD] + 1e-30
    flatness = math.exp(float(np.log(heard).mean())) / float(heard.mean())
    square = float(_SQUARE @ powers)
    noise = n0_over_c * _NOISE
    turned = float(_TURNED @ powers) - n0_over_c * _NOISE_TURNED
    return BandReading(
        flatness=flatness,
        variation=float(hops.std()) / level if level > 0.0 else 0.0,
        modulation_hz=math.sqrt(max(square - noise, 0.0)),
        noise_hz=math.sqrt(noise),
        frequency_hz=math.sqrt(max(turned, 0.0) / max(square - noise, 1.0)),
    )


def findings(
    bands: BandReading, audio: AudioReading, *, carrier_db: float, stereo: bool
) -> list[str]:
    """Return the findings of a second.

    `carrier_db` is carrier over noise in the channel by the envelope; `stereo` tells that left and
    right were fully decoded.
    """
    if carrier_db < OFF_AIR_CARRIER_DB:
        return ["off_air"]
    found = []
    even = bands.flatness > HISS_FLATNESS and bands.variation < HISS_VARIATION
    # The noise subtracted is known to a few percent of itself: a quarter of it may still be noise.
    bare = bands.modulation_hz < max(NO_AUDIO_HZ, 0.25 * bands.noise_hz)
    quiet = audio.level_dbfs < SILENCE_DBFS
    if even and not quiet:
        found.append("hiss")
    if bare:
        found.append("no_audio")
    if quiet:
        found.append("silence")
    loudest = max(audio.left_dbfs, audio.right_dbfs)
    if stereo and loudest > SILENCE_DBFS + 10.0 and abs(audio.balance_db) > ONE_CHANNEL_DB:
        found.append("one_channel")
    return found

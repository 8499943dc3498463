"""The real road over the air: our `fm` master, coder, modulator, noise, our receiver.

    path = FmPath(cn_db=carrier_for(15.0))
    heard = path(sound, rng)

Mono in both channels, 50 µs, ±75 kHz, pilot; noise of `cn_db` in 200 kHz beside the carrier at
960 kS/s; then channelizer, discriminator and the receiver's own audio, stereo blend and all. Delays
of coder and modulator are taken out, so that the sound is in its place.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.coder.multiplex import Multiplex
from dsp.coder.settings import MultiplexSettings
from dsp.fm.profiles import PROFILES
from dsp.measure.programme import ProgrammeMeter
from dsp.modulate.upconvert import Upconverter
from dsp.receive.front.channelizer import Channelizer
from dsp.receive.station_meters import StationMeters
from ingest.receiver.demodulation import Demodulation
from transmit.chain import build_chain
from transmit.mastering import master
from transmit.profile import load_profile

RATE_HZ = 48_000
IQ_RATE_HZ = 960_000
_NOISE_BAND_HZ = 200_000.0
_PIECE = RATE_HZ // 4

Sound = npt.NDArray[np.float32]


def fm_master(sound: Sound) -> Sound:
    """Return mono `sound` (n,) mastered by the profile `fm`, (n,)."""
    profile = load_profile("fm")
    frames = np.ascontiguousarray(sound[:, None], dtype=np.float32)
    meter = ProgrammeMeter(RATE_HZ, 1)
    meter.process(frames)
    chain = build_chain(profile, RATE_HZ, 1, meter.result())
    with master(lambda: [frames], RATE_HZ, 1, chain, profile.target) as programme:
        made = np.concatenate(list(programme.blocks()))
    return np.ascontiguousarray(made[:, 0], dtype=np.float32)


@dataclass(frozen=True)
class FmPath:
    """Sends a sound that is mastered already, and receives it."""

    cn_db: float

    def __call__(self, sound: Sound, rng: np.random.Generator) -> Sound:
        """Return `sound` (n,) as received, (n,), at the level it had."""
        coder = Multiplex(MultiplexSettings(), channels=1)
        carrier = Upconverter(IQ_RATE_HZ)
        channel = Channelizer(IQ_RATE_HZ, [0.0])
        demodulation = Demodulation()
        meters = StationMeters(PROFILES["75k50us"])
        # Half of it in I, half in Q, over the whole rate.
        share = 10 ** (-self.cn_db / 10) * IQ_RATE_HZ / _NOISE_BAND_HZ / 2
        sigma = np.float32(np.sqrt(share))
        whole = np.concatenate([sound, np.zeros(3 * RATE_HZ, np.float32)])
        heard: list[Sound] = []

        def take(stations: npt.NDArray[np.complex64]) -> None:
            done = demodulation.process(stations[0])
            records = meters.process(done.composite, done.iq)
            heard.extend(np.asarray(record.audio.mean(axis=1)) for record in records)

        for first in range(0, len(whole), _PIECE):
            iq = carrier.process(coder.process(whole[first : first + _PIECE, None]))
            pairs = iq.view(np.float32)
            pairs += sigma * rng.standard_normal(len(pairs), dtype=np.float32)
            take(channel.process(iq))
        take(channel.flush())
        late = round(coder.delay_samples / 4 + carrier.delay_samples * RATE_HZ / IQ_RATE_HZ)
        return np.concatenate(heard)[late : late + len(sound)].astype(np.float32)


@functools.cache
def _yardstick() -> tuple[Sound, Sound]:
    """Ten seconds of a mastered programme, and the same received without noise."""
    from bench.material import bulletin_samples

    sent = fm_master(bulletin_samples(RATE_HZ)[: 10 * RATE_HZ])
    return sent, FmPath(60.0)(sent, np.random.default_rng(0))


def audio_snr_db(cn_db: float) -> float:
    """Signal-to-noise of the audio at a carrier-to-noise ratio, measured on the yardstick.

    Power of the active frames over the power of what differs from the noiseless reception.
    """
    from bench.audio.listening_place import active_power

    sent, clean = _yardstick()
    noisy = FmPath(cn_db)(sent, np.random.default_rng(1))
    gain = float(noisy @ clean) / float(clean @ clean)
    noise = float(np.mean((noisy - gain * clean) ** 2))
    return float(10 * np.log10(gain**2 * active_power(clean.astype(np.float64), RATE_HZ) / noise))


@functools.cache
def carrier_for(snr_db: float) -> float:
    """Carrier-to-noise ratio, to a tenth of a decibel, that gives an audio SNR on the yardstick."""
    low_db, high_db = -3.0, 40.0
    while high_db - low_db > 0.1:
        middle_db = (low_db + high_db) / 2
        if audio_snr_db(middle_db) < snr_db:
            low_db = middle_db
        else:
            high_db = middle_db
    return round(high_db, 1)

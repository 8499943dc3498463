"""Ways a bulletin takes to a listener, each exact to the sample: what the aligner is proved on.

A path is our own chain (`ip` or `fm` mastering) and a codec, decoded again by the isolated decoder;
what an encoder adds in front is trimmed as its file says. Then come what changes no delay that one
could trim: noise, a room, other voices, an all-pass, a wrong emphasis, clocks that differ.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr
from scipy import signal

from ingest.decode.decoder import Decoder
from loa.bulletin import MasterRequest, master_bulletin
from transmit.profile import CodecSettings, load_profile

Mono = npt.NDArray[np.float32]
RATE_HZ = 48_000

# name: target, extension, bit rate
CODED: dict[str, tuple[str, str, int | None]] = {
    "ip, WAV": ("ip", "wav", None),
    "ip, Opus 16k": ("ip", "opus", 16_000),
    "ip, Opus 32k": ("ip", "opus", 32_000),
    "ip, MP3 32k": ("ip", "mp3", 32_000),
    "ip, G.711": ("ip", "ulaw", None),
    "fm, WAV": ("fm", "wav", None),
}


def coded(sound: Mono, folder: Path) -> dict[str, Mono]:
    """Return `sound` (n,) at 48 kHz after every path of `CODED`, each (n,) and in place."""
    source = folder / "source.wav"
    sf.write(source, sound, RATE_HZ, subtype="PCM_24")
    found = {}
    with Decoder() as decoder:
        for name, (target, extension, bit_rate) in CODED.items():
            profile = load_profile(target)
            if bit_rate is not None:
                settings = CodecSettings(bit_rate_bps=bit_rate)
                profile = dataclasses.replace(profile, codecs={extension: settings})
            output = folder / f"{target}-{bit_rate or 0}.{extension}"
            master_bulletin(MasterRequest(source, (output,), profile), decoder=decoder)
            found[name] = decoded(decoder, output)[: len(sound)]
    return found


def decoded(decoder: Decoder, path: Path) -> Mono:
    """Return a file as mono at 48 kHz."""
    audio = decoder.open(path)
    frames = np.concatenate([np.array(block) for block in audio.blocks()])
    if frames.dtype == np.int16:
        frames = frames.astype(np.float32) / np.float32(32768.0)
    mono = frames.mean(axis=1, dtype=np.float32)
    return np.asarray(soxr.resample(mono, audio.format.sample_rate_hz, RATE_HZ), np.float32)


def with_noise(sound: Mono, snr_db: float, rng: np.random.Generator) -> Mono:
    """Return `sound` with white noise, `snr_db` below its power in the speech band."""
    rows = signal.butter(4, (300.0, 3400.0), "bandpass", fs=RATE_HZ, output="sos")
    power = float(np.mean(signal.sosfilt(rows, sound) ** 2))
    # White noise has 2 · 3100 / 48000 of its power in the band.
    sigma = np.sqrt(power / 10.0 ** (snr_db / 10.0) * RATE_HZ / 6200.0)
    return np.asarray(sound + sigma * rng.standard_normal(len(sound)), np.float32)


def with_voices(sound: Mono, others: Mono, ratio_db: float) -> Mono:
    """Return `sound` with other voices, `ratio_db` below it."""
    other = np.resize(others, len(sound))
    gain = np.sqrt(np.mean(sound**2) / (np.mean(other**2) + 1e-12)) * 10.0 ** (-ratio_db / 20.0)
    return np.asarray(sound + gain * other, np.float32)


def in_room(sound: Mono, rng: np.random.Generator, rt60_s: float = 0.8) -> Mono:
    """Return `sound` as heard outdoors at 20 m: direct sound first, then echoes 3 dB below it."""
    n = int(rt60_s * RATE_HZ)
    tail = rng.standard_normal(n) * 10.0 ** (-3.0 * np.arange(n) / n)
    tail[: RATE_HZ // 200] = 0.0  # the first echo comes 5 ms after the direct sound
    response = tail * np.sqrt(0.5 / np.sum(tail**2))
    response[0] = 1.0
    return np.asarray(signal.fftconvolve(sound, response)[: len(sound)], np.float32)


def through_crossovers(sound: Mono) -> Mono:
    """Return `sound` through LR4 crossovers at 200 Hz and 2 kHz, summed again: an all-pass."""
    for corner_hz in (200.0, 2_000.0):
        bands = [
            signal.sosfilt(
                np.vstack([signal.butter(2, corner_hz, kind, fs=RATE_HZ, output="sos")] * 2), sound
            )
            for kind in ("lowpass", "highpass")
        ]
        sound = np.asarray(bands[0] + bands[1], np.float32)
    return sound


def de_emphasised(sound: Mono, tau_s: float = 50e-6) -> Mono:
    """Return `sound` through a de-emphasis that nobody pre-emphasised for."""
    b, a = signal.bilinear([1.0], [tau_s, 1.0], RATE_HZ)
    return np.asarray(signal.lfilter(b, a, sound), np.float32)


def slower(sound: Mono, ppm: float) -> Mono:
    """Return `sound` played by a clock that is `ppm` slow."""
    if ppm == 0.0:
        return sound
    return np.asarray(soxr.resample(sound, RATE_HZ, RATE_HZ * (1.0 + ppm * 1e-6)), np.float32)

"""The signals on which our RDS receiver and gr-rds are compared: one FM carrier in noise."""

import json
import subprocess
from pathlib import Path

import numpy as np
import scipy.signal

from tests.naive import rds as naive

RATE = 288_000
PEER_RATE = 240_000
PROGRAM = Path(__file__).parents[2] / "bench" / "peers" / "gr_rds.py"
# 2 kHz peak of the shaped waveform (form factor 1.443), pilot 6.75 kHz, a tone of 20 kHz.
LEVEL_HZ = 2_000 / 1.443


def multiplex(seconds, seed, *, ppm=20.0):
    """(groups sent, float64 multiplex in Hz, noise-free)."""
    groups = naive.random_groups(seed, int(seconds * 12) + 4)
    rng = np.random.default_rng(seed)
    wave = naive.composite(
        naive.bits_of(groups),
        seconds,
        level_hz=LEVEL_HZ,
        ppm=ppm,
        start_bits=float(rng.uniform(1, 104)),
        phase_deg=float(rng.uniform(0, 360)),
    )
    tone = 20_000 * np.cos(2 * np.pi * 1_000 * np.arange(len(wave)) / RATE)
    return groups, wave.astype(np.float64) * 100_000 + tone


def through_the_air(wave_hz, cn_db, seed, *, off_s=None):
    """FM at carrier-to-noise `cn_db` in 200 kHz, demodulated: float32 multiplex, 1.0 = 100 kHz.

    The carrier is switched off between the two times of `off_s`.
    """
    rng = np.random.default_rng(seed + 1_000)
    n = len(wave_hz)
    iq = np.exp(2j * np.pi * np.cumsum(wave_hz) / RATE)
    if off_s is not None:
        iq[round(off_s[0] * RATE) : round(off_s[1] * RATE)] = 0.0
    sigma = np.sqrt(10 ** (-cn_db / 10) * RATE / 200_000 / 2)
    iq += sigma * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    step = np.angle(iq[1:] * np.conj(iq[:-1])) * RATE / (2 * np.pi)
    return (step / 100_000).astype(np.float32)


def gr_rds(samples, folder, *, first=False):
    """What gr-rds makes of 288 kHz multiplex: {"groups", "first", "cpu_s"}; first in seconds."""
    path = Path(folder) / "multiplex.f32"
    slower = scipy.signal.resample_poly(samples, 5, 6, window=("kaiser", 9.0))
    slower.astype(np.float32).tofile(path)
    done = subprocess.run(
        ["/usr/bin/python3", PROGRAM, path, *(["--first"] if first else [])],
        capture_output=True,
        check=True,
        timeout=180,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )
    text = done.stdout.decode()
    found = json.loads(text[text.rindex('{"groups"') :])
    if found["first"] is not None:
        found["first"] /= PEER_RATE
    return found


def values(groups):
    """Groups as 16 small hexadecimal digits."""
    return ["".join(f"{b:04x}" for b in blocks) for blocks in groups]

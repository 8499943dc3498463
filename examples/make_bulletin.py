"""Makes `bulletin-vi.flac`: a spoken bulletin as it reaches a commune, with its usual faults.

    python examples/make_bulletin.py        (needs Debian's espeak-ng)

espeak-ng speaks the text in Vietnamese; then come the faults of an office recording: the speaker
leans away from the microphone half-way (−9 dB), a 50 Hz hum from the mixer, hiss, a small room, a
slight DC offset, and a level far too low. Everything is seeded; the file in the repository came
from this script.
"""

import io
import subprocess
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy.signal import fftconvolve, resample_poly

HERE = Path(__file__).parent
SAMPLE_RATE_HZ = 24_000
WORDS_PER_MINUTE = 145


def speak(paragraph: str) -> np.ndarray:
    """One paragraph as float64 samples at 24 kHz."""
    spoken = subprocess.run(
        ["espeak-ng", "-v", "vi", "-s", str(WORDS_PER_MINUTE), "-p", "40", "--stdout", paragraph],
        check=True,
        capture_output=True,
    ).stdout
    samples, rate_hz = sf.read(io.BytesIO(spoken))
    assert rate_hz == 22_050
    return resample_poly(samples, 160, 147)


def record_in_an_office(speech: np.ndarray) -> np.ndarray:
    """Add room, changing distance, hum, hiss and offset."""
    rng = np.random.default_rng(2026)
    time_s = np.arange(len(speech)) / SAMPLE_RATE_HZ
    tail_s = np.arange(int(0.25 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    room = rng.standard_normal(len(tail_s)) * np.exp(-tail_s / 0.05) * 0.02
    room[0] = 1.0
    distance_db = -9.0 / (1.0 + np.exp(-(time_s - 0.55 * time_s[-1]) / 1.5))
    voice = fftconvolve(speech, room)[: len(speech)] * 10 ** (distance_db / 20)
    voice *= 0.05 / np.sqrt(np.mean(voice**2))
    hum = sum(
        a * np.sin(2 * np.pi * f * time_s) for f, a in ((50, 1.2e-3), (100, 5e-4), (150, 7e-4))
    )
    hiss = rng.standard_normal(len(speech)) * 4e-4
    return voice + hum + hiss + 0.004


def main() -> None:
    """Write the file beside this script."""
    pause = np.zeros(int(0.9 * SAMPLE_RATE_HZ))
    pieces = [pause]
    for paragraph in (HERE / "bulletin-vi.txt").read_text(encoding="utf-8").split("\n\n"):
        pieces += [speak(" ".join(paragraph.split())), pause]
    samples = record_in_an_office(np.concatenate(pieces))
    sf.write(HERE / "bulletin-vi.flac", samples, SAMPLE_RATE_HZ, subtype="PCM_16")


if __name__ == "__main__":
    main()

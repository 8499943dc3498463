"""Who reads: offline speech synthesis of Debian, started as programs, never installed from here.

    espeak-ng (GPL-3.0-or-later): Vietnamese of three regions, English; formants, exactly repeatable
    flite (BSD-like, voices inside): rms, slt (statistical), awb (diphones); English

Both are programs that we only run; what they say is ours. Debian's espeak-ng has no Khmer voice.
A voice that is not installed is left out, and `available` says so; the line that brings both is
`apt-get install espeak-ng flite`.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from bench.match.halves import Half

RATE_HZ = 48_000
_TIMEOUT_S = 300.0

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """One way of reading aloud; two of the same program and setting sound the same.

    `half` says what its trials are for (`bench.match.halves`).
    """

    name: str
    program: str
    language: str
    arguments: tuple[str, ...]
    half: Half


def _espeak(voice: str, speed: int, pitch: int) -> tuple[str, ...]:
    return "-v", voice, "-s", str(speed), "-p", str(pitch)


VOICES = (
    Voice("vi-north-m", "espeak-ng", "vi", _espeak("vi", 150, 45), "tuning"),
    Voice("vi-north-f", "espeak-ng", "vi", _espeak("vi+f3", 160, 60), "held out"),
    Voice("vi-central", "espeak-ng", "vi", _espeak("vi-vn-x-central+m3", 145, 40), "tuning"),
    Voice("vi-south-f", "espeak-ng", "vi", _espeak("vi-vn-x-south+f2", 155, 55), "held out"),
    Voice("vi-south-m", "espeak-ng", "vi", _espeak("vi-vn-x-south+m7", 140, 35), "held out"),
    Voice("vi-fast", "espeak-ng", "vi", _espeak("vi+m1", 210, 50), "held out"),
    Voice("vi-slow", "espeak-ng", "vi", _espeak("vi-vn-x-south+f5", 115, 70), "tuning"),
    Voice("vi-croak", "espeak-ng", "vi", _espeak("vi+croak", 150, 30), "tuning"),
    Voice("en-espeak", "espeak-ng", "en", _espeak("en-gb+f4", 165, 50), "tuning"),
    Voice("en-rms", "flite", "en", ("-voice", "rms"), "tuning"),
    Voice("en-slt", "flite", "en", ("-voice", "slt"), "held out"),
    Voice("en-awb", "flite", "en", ("-voice", "awb"), "held out"),
)


def available(voices: Sequence[Voice] = VOICES) -> tuple[Voice, ...]:
    """Return the voices whose program is installed."""
    return tuple(voice for voice in voices if shutil.which(voice.program))


def read_aloud(text: str, voice: Voice) -> tuple[Sound, int]:
    """Return what `voice` says, mono, and its rate.

    Raises
    ------
    FileNotFoundError
        If the program is not installed.
    subprocess.CalledProcessError
        If it fails.
    """
    if voice.program == "espeak-ng":
        command = ["espeak-ng", *voice.arguments, "--stdout"]
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, check=True, timeout=_TIMEOUT_S
        )
        return _read_stream(done.stdout)
    with tempfile.TemporaryDirectory(prefix="loa-voice-") as folder:
        written = Path(folder) / "said.wav"
        source = Path(folder) / "text"
        source.write_text(text, encoding="utf-8")
        subprocess.run(
            ["flite", *voice.arguments, "-f", str(source), "-o", str(written)],
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_S,
        )
        sound, rate_hz = sf.read(written, dtype="float32")
        return np.asarray(sound, np.float32), int(rate_hz)


def _read_stream(content: bytes) -> tuple[Sound, int]:
    """Samples of a WAV written to a pipe, whose lengths in the header are therefore unknown."""
    with sf.SoundFile(io.BytesIO(content[:44])) as head:
        rate_hz = int(head.samplerate)
    pcm = np.frombuffer(content[44 : len(content) // 2 * 2], "<i2")
    return pcm.astype(np.float32) / np.float32(32768.0), rate_hz


def at_house_rate(sound: Sound, rate_hz: int, *, level_dbfs: float = -20.0) -> Sound:
    """Return `sound` at 48 kHz with its rms brought to a level, peaks held below full scale."""
    raised = soxr.resample(sound, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else sound
    rms = float(np.sqrt(np.mean(np.square(raised, dtype=np.float64)))) if len(raised) else 0.0
    if rms == 0.0:
        return np.asarray(raised, np.float32)
    louder = raised * np.float32(10 ** (level_dbfs / 20) / rms)
    return np.asarray(np.clip(louder, -0.99, 0.99), np.float32)

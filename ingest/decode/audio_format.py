"""What is decoded and how much of it: the two records that travel beside the samples.

`AudioFormat` says what a file holds; `DecodeLimits` says how much work one file may cause. Limits
are on the *decoded* size, because an hour of silence is 700 times smaller in FLAC than out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SampleFormat = Literal["int16", "float32"]

_GIB = 1 << 30


@dataclass(frozen=True)
class DecodeLimits:
    """How much one file may cost. The defaults let four hours of 192 kHz stereo through.

    Attributes
    ----------
    max_duration_s
        Longest programme, in decoded seconds.
    max_bytes
        Most decoded bytes (int16 or float32 samples).
    max_channels
        BS.1770-5 weighs 5.1; more has no defined loudness here.
    min_sample_rate_hz, max_sample_rate_hz
        Accepted sample rates, both ends included.
    memory_bytes
        Address space the child may take on top of its libraries.
    cpu_base_s, cpu_per_second_s
        CPU time allowed: a base, and a share per decoded second (0.05 is 20 times real time, ten
        times slower than the slowest codec measured). The sum over `max_duration_s` is also set as
        RLIMIT_CPU, so that the kernel stops a child that sends nothing.
    wait_base_s, wait_per_second_s
        How long one file may be waited for, all its blocks together, before the child counts as
        hung: a base, and a share per decoded second (2 is half of real time, for slow disks).
    files_per_child
        A child is replaced after so many files.
    """

    max_duration_s: float = 4 * 3600.0
    max_bytes: int = 24 * _GIB
    max_channels: int = 6
    min_sample_rate_hz: int = 8_000
    max_sample_rate_hz: int = 192_000
    memory_bytes: int = 256 << 20
    cpu_base_s: float = 20.0
    cpu_per_second_s: float = 0.05
    wait_base_s: float = 20.0
    wait_per_second_s: float = 2.0
    files_per_child: int = 64

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name}: expected more than 0, got {value}")

    @property
    def cpu_total_s(self) -> float:
        """CPU time for the longest programme, in seconds."""
        return self.cpu_base_s + self.cpu_per_second_s * self.max_duration_s


@dataclass(frozen=True)
class AudioFormat:
    """What a file holds.

    Attributes
    ----------
    container
        One of wav, rf64, w64, aiff, flac, ogg, mp4, mp3, adts, g722, ulaw, alaw.
    codec
        Name of the coding inside it, in lower case (`pcm_16`, `opus`, `aac`, ...).
    sample_rate_hz, channels
        Of the decoded samples.
    sample_format
        "int16" for sources of at most 16 bits (nothing is lost and nothing converted), else
        "float32".
    bit_rate_bps
        Average over the file, where the size and the duration are known.
    duration_hint_s
        What the header claims; the decoded length is the truth.
    """

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    sample_format: SampleFormat
    bit_rate_bps: int | None
    duration_hint_s: float | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one decoded sample of every channel."""
        return self.channels * (2 if self.sample_format == "int16" else 4)

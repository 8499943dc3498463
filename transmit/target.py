"""What a mastered programme has to be: loudness, ceiling, channels, rate, and the rules of FM.

A target is data: `transmit.profile` fills it from a TOML file. It says nothing of how the chain
gets there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChannelRule = Literal["mono", "as_source"]

MAX_CHANNELS = 2


@dataclass(frozen=True)
class FmTarget:
    """The transmitter that an `fm` master drives.

    Attributes
    ----------
    rated_deviation_hz
        ±75 or ±50 kHz (Rec. ITU-R BS.450).
    pre_emphasis_us
        50 or 75.
    pilot_hz, rds_hz
        Peak deviation of the pilot and of RDS; 0 where there is none.
    mpx_power_dbr
        Highest power of the composite over any 60 s (Rec. ITU-R BS.412 §2.5.1); None for no limit.
    """

    rated_deviation_hz: float = 75_000.0
    pre_emphasis_us: float = 50.0
    pilot_hz: float = 0.0
    rds_hz: float = 2_000.0
    mpx_power_dbr: float | None = None

    def __post_init__(self) -> None:
        """Check the fields.

        Raises
        ------
        ValueError
            Where a field is out of range.
        """
        if not 10_000.0 <= self.rated_deviation_hz <= 100_000.0:
            raise ValueError(
                f"rated_deviation_hz: expected 10000 … 100000, got {self.rated_deviation_hz}"
            )
        if not 10.0 <= self.pre_emphasis_us <= 100.0:
            raise ValueError(f"pre_emphasis_us: expected 10 … 100, got {self.pre_emphasis_us}")
        if self.pilot_hz < 0.0 or self.rds_hz < 0.0 or self.audio_deviation_hz <= 0.0:
            raise ValueError(
                "pilot_hz, rds_hz: expected at least 0 and together below the rated deviation, "
                f"got {self.pilot_hz}, {self.rds_hz}"
            )

    @property
    def audio_deviation_hz(self) -> float:
        """What pilot and RDS leave for the audio: 1.0 after pre-emphasis is this deviation."""
        return self.rated_deviation_hz - self.pilot_hz - self.rds_hz


@dataclass(frozen=True)
class Target:
    """What the master must measure.

    Attributes
    ----------
    loudness_lufs
        Integrated loudness; a mono programme counts as dual mono.
    ceiling_dbtp
        Highest true peak. With `fm` set, the highest peak after pre-emphasis and the 15 kHz
        low-pass as well, where 0 dB is the audio's share of the rated deviation.
    channels
        "mono", or "as_source" (at most two; more are mixed down).
    sample_rate_hz
        Rate of the master.
    max_gain_db
        Most that a quiet programme is raised.
    max_mean_limiting_db, max_peak_limiting_db
        How hard the limiter may work to reach the loudness: loudness it takes away, and gain
        reduction exceeded in 1 % of the time. Beyond that the master stays quieter and says so.
    fm
        The transmitter, for an `fm` master.
    """

    loudness_lufs: float
    ceiling_dbtp: float
    channels: ChannelRule = "as_source"
    sample_rate_hz: int = 48_000
    max_gain_db: float = 40.0
    max_mean_limiting_db: float = 4.0
    max_peak_limiting_db: float = 10.0
    fm: FmTarget | None = None

    def __post_init__(self) -> None:
        """Check the fields.

        Raises
        ------
        ValueError
            Where a field is out of range.
        """
        if not -50.0 <= self.loudness_lufs <= -5.0:
            raise ValueError(f"loudness_lufs: expected -50 … -5, got {self.loudness_lufs}")
        if not -40.0 <= self.ceiling_dbtp <= 0.0:
            raise ValueError(f"ceiling_dbtp: expected -40 … 0, got {self.ceiling_dbtp}")
        if self.channels not in ("mono", "as_source"):
            raise ValueError(f'channels: expected "mono" or "as_source", got {self.channels!r}')
        if not 8_000 <= self.sample_rate_hz <= 192_000:
            raise ValueError(f"sample_rate_hz: expected 8000 … 192000, got {self.sample_rate_hz}")
        if self.fm is not None and self.sample_rate_hz < 32_000:
            raise ValueError(f"sample_rate_hz: expected 32000 or more, got {self.sample_rate_hz}")
        if not 0.0 <= self.max_gain_db <= 80.0:
            raise ValueError(f"max_gain_db: expected 0 … 80, got {self.max_gain_db}")
        if min(self.max_mean_limiting_db, self.max_peak_limiting_db) < 0.0:
            raise ValueError(
                "max_mean_limiting_db, max_peak_limiting_db: expected at least 0, "
                f"got {self.max_mean_limiting_db}, {self.max_peak_limiting_db}"
            )

    def channel_count(self, source_channels: int) -> int:
        """Channels of the master made from a source with `source_channels`."""
        return 1 if self.channels == "mono" else min(source_channels, MAX_CHANNELS)

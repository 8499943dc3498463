"""The deviation profiles of FM stations: what a station may do at most, and who says so.

Rec. ITU-R BS.450-4 knows ±75 and ±50 kHz and both time constants of emphasis. Which of them holds
in a band is for its administration to say; a limit is called legal only where it is `verified`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limit:
    """The highest value that passes, and where that is written."""

    value: float
    unit: str
    source: str
    verified: bool = False


@dataclass(frozen=True)
class FmProfile:
    """What is rated and what is limited.

    Parameters
    ----------
    name
        Of the profile.
    rated_deviation_hz
        Peak deviation, 10 to 100 kHz.
    pre_emphasis_us
        Time constant, 0 to 100 µs.
    over_limit_hz
        Deviation above which samples are counted: rated + 2 kHz unless given (SM.1268-5 Annex 2
        §4: 77 kHz for ±75).
    limits
        By name of the figure, such as "peak_deviation_hz".

    Raises
    ------
    ValueError
        For a value out of range.
    """

    name: str
    rated_deviation_hz: float
    pre_emphasis_us: float
    over_limit_hz: float = 0.0
    limits: dict[str, Limit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 10_000.0 <= self.rated_deviation_hz <= 100_000.0:
            raise ValueError(
                f"rated_deviation_hz: expected within 10000 … 100000, got {self.rated_deviation_hz}"
            )
        if not 0.0 <= self.pre_emphasis_us <= 100.0:
            raise ValueError(
                f"pre_emphasis_us: expected within 0 … 100, got {self.pre_emphasis_us}"
            )
        if self.over_limit_hz == 0.0:
            object.__setattr__(self, "over_limit_hz", self.rated_deviation_hz + TOLERANCE_HZ)
        if not self.rated_deviation_hz <= self.over_limit_hz <= 130_000.0:
            raise ValueError(
                "over_limit_hz: expected within the rated deviation … 130000, "
                f"got {self.over_limit_hz}"
            )


TOLERANCE_HZ = 2_000.0  # of the measuring instrument, SM.1268-5 Annex 2 §4


def _profile(name: str, rated_khz: float, pre_emphasis_us: float) -> FmProfile:
    rated_hz = rated_khz * 1e3
    limits = {
        "peak_deviation_hz": Limit(rated_hz, "Hz", "ITU-R BS.450-4 §1.1", verified=True),
        "mpx_power_dbr": Limit(0.0, "dBr", "ITU-R BS.412-9 §2.5.1, where adopted", verified=True),
    }
    if rated_khz == 75.0:
        # The recommendation gives the statistic for ±75 kHz alone.
        source = "ITU-R SM.1268-5 Annex 2 §4"
        limits["over_limit_share"] = Limit(1e-6, "share", source, verified=True)
    return FmProfile(name, rated_hz, pre_emphasis_us, limits=limits)


PROFILES: dict[str, FmProfile] = {
    name: _profile(name, rated_khz, pre_emphasis_us)
    for name, rated_khz, pre_emphasis_us in (
        ("75k50us", 75.0, 50.0),
        ("50k50us", 50.0, 50.0),
        ("75k75us", 75.0, 75.0),
    )
}

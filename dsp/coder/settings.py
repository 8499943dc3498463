"""What a coder is set to: rated deviation, emphasis, carriers and their injections."""

from __future__ import annotations

from dataclasses import dataclass

from dsp.fm.constants import PILOT_SHARE


@dataclass(frozen=True)
class MultiplexSettings:
    """Settings of the multiplex, checked when made.

    Parameters
    ----------
    rated_deviation_hz
        The sum never exceeds it: ±75 or ±50 kHz (Rec. ITU-R BS.450-4).
    pre_emphasis_us
        50, 75, or 0 for none.
    stereo
        Pilot and subcarrier; otherwise the mean of the channels.
    pilot_hz
        Peak deviation of the pilot; None is 9 % of rated in stereo and nothing in mono.
    rds_hz
        Peak deviation of the shaped RDS signal (IEC 62106: 1.0 to 7.5 kHz); 0 for none.
    rds_phase_deg
        Phase of the RDS carrier to the third harmonic of the pilot: 0 or 90, or any.
    mpx_limit_dbr
        Highest MPX power over any 60 s (Rec. ITU-R BS.412-9); None for no limit.

    Raises
    ------
    ValueError
        For a value out of range, naming it.
    """

    rated_deviation_hz: float = 75_000.0
    pre_emphasis_us: float = 50.0
    stereo: bool = True
    pilot_hz: float | None = None
    rds_hz: float = 0.0
    rds_phase_deg: float = 0.0
    mpx_limit_dbr: float | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        _require("rated_deviation_hz", self.rated_deviation_hz, 1_000.0, 95_000.0)
        if self.pre_emphasis_us != 0.0:
            _require("pre_emphasis_us", self.pre_emphasis_us, 10.0, 100.0, "0 or ")
        _require("pilot_hz", self.pilot_peak_hz, 0.0, 0.5 * self.rated_deviation_hz)
        _require("rds_hz", self.rds_hz, 0.0, 0.5 * self.rated_deviation_hz)
        _require("rds_phase_deg", self.rds_phase_deg, -360.0, 360.0)
        _require(
            "pilot_hz + rds_hz",
            self.pilot_peak_hz + self.rds_hz,
            0.0,
            0.9 * self.rated_deviation_hz,
        )
        if self.mpx_limit_dbr is not None:
            _require("mpx_limit_dbr", self.mpx_limit_dbr, -12.0, 20.0)

    @property
    def pilot_peak_hz(self) -> float:
        """Peak deviation of the pilot."""
        if self.pilot_hz is not None:
            return self.pilot_hz
        return PILOT_SHARE * self.rated_deviation_hz if self.stereo else 0.0

    @property
    def audio_share_hz(self) -> float:
        """What pilot and RDS leave of the rated deviation for the audio."""
        return self.rated_deviation_hz - self.pilot_peak_hz - self.rds_hz


def _require(name: str, value: float, low: float, high: float, before: str = "") -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: expected {before}within [{low:g}, {high:g}], got {value:g}")

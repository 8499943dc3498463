"""What a station's multiplex is made of: the rules it is under, and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsp.coder.settings import MultiplexSettings
from transmit.multiplex import refusal_of_settings

if TYPE_CHECKING:
    from dsp.fm.profiles import FmProfile

DEFAULT_RDS_KHZ = 2.0


@dataclass(frozen=True)
class Injections:
    """What is added to the audio, and how it is limited; None for the usual."""

    stereo: bool
    pilot_khz: float | None
    rds_khz: float | None
    rds_phase_deg: float
    mpx_limit_dbr: float | None


def composite_of(rules: FmProfile, wanted: Injections) -> MultiplexSettings:
    """Return the settings of the coder; no `rds_khz` is no RDS.

    Raises
    ------
    Refusal
        "multiplex.settings" for what cannot be together.
    """
    try:
        return MultiplexSettings(
            rated_deviation_hz=rules.rated_deviation_hz,
            pre_emphasis_us=rules.pre_emphasis_us,
            stereo=wanted.stereo,
            pilot_hz=None if wanted.pilot_khz is None else wanted.pilot_khz * 1e3,
            rds_hz=(wanted.rds_khz or 0.0) * 1e3,
            rds_phase_deg=wanted.rds_phase_deg,
            mpx_limit_dbr=wanted.mpx_limit_dbr,
        )
    except ValueError as error:
        raise refusal_of_settings(error) from error

"""Deviation profiles by name, or from a measuring PROFILE.toml of one's own.

name = "vn-54-68"                           # optional, as is `description`
[limit.rated_deviation]                     # required: Hz or kHz
value = 50
unit = "kHz"
source = "licence 123/GP"
verified = true
[limit.pre_emphasis]                        # required: us or µs
value = 50
unit = "us"
source = "ITU-R BS.450-4"
[limit.over_deviation]                      # optional: samples above count; rated + 2 kHz
[limit.mpx_power_dbr]                       # any other figure that is limited
"""

from __future__ import annotations

from pathlib import Path

from dsp.errors import Refusal
from dsp.fm.profiles import PROFILES, FmProfile, Limit
from dsp.typed_table import TableReader

_READER = TableReader("profile")
_UNITS = {"Hz": 1.0, "kHz": 1e3, "us": 1.0, "µs": 1.0}


def load_fm_profile(name_or_path: str, folder: Path | None = None) -> FmProfile:
    """Return the profile of that name, or of the TOML file at that path (relative to `folder`).

    Raises
    ------
    Refusal
        "profile.missing", "profile.toml", "profile.key", "profile.value".
    """
    if name_or_path in PROFILES:
        return PROFILES[name_or_path]
    path = (folder or Path()) / name_or_path
    wanted = f"{', '.join(PROFILES)} or the path of a profile"
    content = _READER.load(path, wanted, 'profile = "75k50us"')
    return parse_fm_profile(content, path.stem)


def parse_fm_profile(content: bytes, name: str = "profile") -> FmProfile:
    """Return the profile in the bytes of a TOML file; raises as `load_fm_profile` does."""
    table = _READER.parse(content)
    _READER.check_keys("the profile", table, ("name", "description", "limit"), ("limit",))
    for key in ("name", "description"):
        _READER.convert(key, table.get(key, ""), str)
    tables = _READER.table_of("limit", table["limit"])
    limits = {key: _READER.read(f"limit.{key}", value, Limit) for key, value in tables.items()}
    try:
        return FmProfile(
            name=table.get("name", name),
            rated_deviation_hz=_in_base_unit(limits, "rated_deviation"),
            pre_emphasis_us=_in_base_unit(limits, "pre_emphasis"),
            over_limit_hz=_in_base_unit(limits, "over_deviation", 0.0),
            limits=limits,
        )
    except ValueError as error:
        raise _READER.bad_value("the profile", "values in range", str(error)) from error


def _in_base_unit(limits: dict[str, Limit], key: str, default: float | None = None) -> float:
    """Return a limit in Hz or µs."""
    if key not in limits:
        if default is None:
            raise Refusal(
                "profile.key",
                expected="in limit: rated_deviation, pre_emphasis",
                got=f"no {key}",
                advice=f"adding [limit.{key}]",
            )
        return default
    limit = limits[key]
    if limit.unit not in _UNITS:
        raise _READER.bad_value(f"limit.{key}.unit", " or ".join(_UNITS), repr(limit.unit))
    return limit.value * _UNITS[limit.unit]

"""Profiles: what a master must be and the chain that makes it, as TOML.

Three ship beside this module: `ip` (horn cluster), `fm` (transmitter), `web`. A profile of one's
own is a file in the same form. Every key is known: a wrong or misspelt one is refused with the
names that are allowed, because a threshold that is silently ignored is found only by ear.

    version, name, description
    [target]        transmit.target.Target          [target.fm]  transmit.target.FmTarget
    [[stage]]       kind = one of transmit.stages.STAGES, then its settings; in order
    [codec.mp3]     CodecSettings, one table per file extension
    [limit.NAME]    value, unit, source, verified
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.typed_table import TableReader
from transmit.stages import STAGES, Stage
from transmit.target import Target

PROFILE_FOLDER = Path(__file__).parent / "profiles"
FORMAT_VERSION = 1
CODECS = ("mp3", "aac", "m4a", "opus", "flac", "wav", "g722", "ulaw", "alaw")
_READER = TableReader("profile")


@dataclass(frozen=True)
class Limit:
    """A limit that a measurement is judged by; legal only if `verified` (docs: facts)."""

    value: float
    unit: str
    source: str
    verified: bool = False


@dataclass(frozen=True)
class CodecSettings:
    """What the encoder of one file extension is asked for.

    `bit_rate_bps` is None where the codec has no choice; `sample_rate_hz` is None for the rate of
    the master; `headroom_db` is kept under the ceiling from the start, for what the codec adds.
    """

    bit_rate_bps: int | None = None
    sample_rate_hz: int | None = None
    headroom_db: float = 0.0


@dataclass(frozen=True)
class Profile:
    """A named chain with its target; `digest` is the SHA-256 of the file it came from."""

    name: str
    description: str
    target: Target
    stages: tuple[Stage, ...]
    codecs: dict[str, CodecSettings]
    limits: dict[str, Limit]
    version: int
    digest: str


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that ship."""
    return tuple(sorted(path.stem for path in PROFILE_FOLDER.glob("*.toml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """Return the profile of that name, or of the TOML file at that path.

    Raises
    ------
    Refusal
        "profile.missing", "profile.toml" (not TOML), "profile.key" (unknown or missing key),
        "profile.value" (wrong type or out of range).
    """
    shipped = PROFILE_FOLDER / f"{name_or_path}.toml"
    path = shipped if str(name_or_path) in profile_names() else Path(name_or_path)
    wanted = f"{', '.join(profile_names())} or the path of a profile"
    content = _READER.load(path, wanted, "--target ip")
    return parse_profile(content)


def parse_profile(content: bytes) -> Profile:
    """Return the profile in the bytes of a TOML file; raises as `load_profile` does."""
    table = _READER.parse(content)
    keys = ("version", "name", "description", "target", "stage", "codec", "limit")
    _READER.check_keys("the profile", table, keys, keys[:5])
    if table["version"] != FORMAT_VERSION:
        raise _READER.bad_value("version", str(FORMAT_VERSION), repr(table["version"]))
    codecs = _READER.table_of("codec", table.get("codec", {}))
    _READER.check_keys("codec", codecs, CODECS, ())
    limits = _READER.table_of("limit", table.get("limit", {}))
    return Profile(
        name=_READER.convert("name", table["name"], str),
        description=_READER.convert("description", table["description"], str),
        target=_READER.convert("target", table["target"], Target),
        stages=tuple(_read_stage(entry) for entry in _READER.list_of("stage", table["stage"])),
        codecs={
            key: _READER.read("codec." + key, value, CodecSettings) for key, value in codecs.items()
        },
        limits={key: _READER.read("limit." + key, value, Limit) for key, value in limits.items()},
        version=FORMAT_VERSION,
        digest=hashlib.sha256(content).hexdigest(),
    )


def _read_stage(entry: Any) -> Stage:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in STAGES:
        raise _READER.bad_value("stage.kind", " or ".join(STAGES), repr(kind))
    settings = {key: value for key, value in entry.items() if key != "kind"}
    stage: Stage = _READER.read(f"stage {kind}", settings, STAGES[kind])
    return stage

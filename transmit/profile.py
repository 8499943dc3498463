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

import dataclasses
import hashlib
import tomllib
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.errors import Refusal
from transmit.stages import STAGES, Stage
from transmit.target import Target

PROFILE_FOLDER = Path(__file__).parent / "profiles"
FORMAT_VERSION = 1
CODECS = ("mp3", "aac", "m4a", "opus", "flac", "wav", "g722", "ulaw", "alaw")
_MOST_BYTES = 100_000


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
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _bad_value(path.name, f"at most {_MOST_BYTES} bytes", f"{path.stat().st_size}")
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(
            "profile.missing",
            expected=f"{', '.join(profile_names())} or the path of a profile",
            got=str(name_or_path),
            advice="--target ip",
        ) from error
    return parse_profile(content)


def parse_profile(content: bytes) -> Profile:
    """Return the profile in the bytes of a TOML file; raises as `load_profile` does."""
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(
            "profile.toml", expected="a TOML file", got=str(error), advice="mending that line"
        ) from error
    keys = ("version", "name", "description", "target", "stage", "codec", "limit")
    _check_keys("the profile", table, keys, keys[:5])
    if table["version"] != FORMAT_VERSION:
        raise _bad_value("version", str(FORMAT_VERSION), repr(table["version"]))
    codecs = _tables("codec", table.get("codec", {}))
    _check_keys("codec", codecs, CODECS, ())
    return Profile(
        name=_convert("name", table["name"], str),
        description=_convert("description", table["description"], str),
        target=_convert("target", table["target"], Target),
        stages=tuple(_read_stage(entry) for entry in _list("stage", table["stage"])),
        codecs={key: _read("codec." + key, value, CodecSettings) for key, value in codecs.items()},
        limits={
            key: _read("limit." + key, value, Limit)
            for key, value in _tables("limit", table.get("limit", {})).items()
        },
        version=FORMAT_VERSION,
        digest=hashlib.sha256(content).hexdigest(),
    )


def _read_stage(entry: Any) -> Stage:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in STAGES:
        raise _bad_value("stage.kind", " or ".join(STAGES), repr(kind))
    settings = {key: value for key, value in entry.items() if key != "kind"}
    stage: Stage = _read(f"stage {kind}", settings, STAGES[kind])
    return stage


def _read(where: str, table: Any, cls: type[Any]) -> Any:
    """Return `cls` filled from `table`, every field checked against its annotation."""
    if not isinstance(table, dict):
        raise _bad_value(where, "a table", repr(table))
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    required = tuple(
        f.name
        for f in fields
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )
    _check_keys(where, table, tuple(f.name for f in fields), required)
    values = {key: _convert(f"{where}.{key}", value, hints[key]) for key, value in table.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise _bad_value(where, "values in range", str(error)) from error


def _convert(where: str, value: Any, kind: Any) -> Any:
    """Return `value` as `kind`: a number, text, a flag, a list, a table, or one of several."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = next(a for a in arguments if a is not types.NoneType)
        return _convert(where, value, inner)
    if origin is typing.Literal:
        if value not in arguments:
            raise _bad_value(where, " or ".join(map(repr, arguments)), repr(value))
        return value
    if origin is tuple:
        return tuple(_convert(where, item, arguments[0]) for item in _list(where, value))
    if dataclasses.is_dataclass(kind):
        return _read(where, value, typing.cast("type[Any]", kind))
    if kind is float and type(value) in (int, float) and abs(value) < 1e12:  # NaN, inf: refused
        return float(value)
    if type(value) is not kind or kind is float:
        raise _bad_value(where, f"a finite {kind.__name__}", repr(value))
    return value


def _list(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _bad_value(where, "a list", repr(value))
    return value


def _tables(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad_value(where, "a table", repr(value))
    return value


def _check_keys(
    where: str, table: dict[str, Any], allowed: tuple[str, ...], required: tuple[str, ...]
) -> None:
    unknown = [key for key in table if key not in allowed]
    missing = [key for key in required if key not in table]
    if unknown or missing:
        raise Refusal(
            "profile.key",
            expected=f"in {where}: {', '.join(allowed)}",
            got=f"unknown {unknown[0]}" if unknown else f"no {missing[0]}",
            advice="one of the names listed" if unknown else f"adding {missing[0]}",
        )


def _bad_value(where: str, expected: str, got: str) -> Refusal:
    return Refusal(
        "profile.value", expected=f"{where}: {expected}", got=got, advice="mending that value"
    )

"""`loa relay SOURCE --to URI…` as a relay's settings: what RELAY.toml would say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dsp.errors import Refusal
from loa.relay.program import run_relay
from loa.relay.settings import FORMS, RADIO, READER, RelaySettings, load_relay

_RTP_KEYS = ("codec", "packet_ms", "bit_rate_kbps", "fec", "heard_after_ms", "srtp_key_file", "sdp")
_NUMBERS = {"packet_ms", "bit_rate_kbps", "heard_after_ms"}


@dataclass(frozen=True)
class RelayRequest:
    """What the command line asks for."""

    source: str
    to: tuple[str, ...] = ()
    frequency_mhz: float | None = None
    references: tuple[str, ...] = ()
    let_pass: str | None = None
    through_ms: float = 1_000.0
    unsigned: bool = False
    plain_rtp: bool = False


def relay_request(request: RelayRequest, *, seconds: float | None, as_json: bool) -> int:
    """Run it; return the exit code."""
    if request.source.endswith(".toml") and not request.source.startswith(FORMS):
        path = Path(request.source)
        settings = load_relay(path)
        if request.to or request.references or request.let_pass or request.frequency_mhz:
            raise Refusal(
                "usage",
                expected="RELAY.toml alone: inputs and outputs stand in it",
                got="options beside it",
                advice=f"loa relay {path}",
            )
        return run_relay(path, settings, seconds=seconds, as_json=as_json)
    return run_relay(None, settings_of(request), seconds=seconds, as_json=as_json)


def settings_of(request: RelayRequest) -> RelaySettings:
    """Return the settings of a relay with one input.

    Raises
    ------
    Refusal
        "usage", "relay.value", "relay.key".
    """
    if not request.to:
        raise Refusal(
            "usage",
            expected="somewhere to relay to",
            got="no --to",
            advice="--to rtp://239.255.12.42:5004, or a RELAY.toml",
        )
    entry: dict[str, Any] = {"source": request.source}
    if not request.source.startswith(FORMS):
        entry["source"] = f"file:{request.source}"
    entry |= {name: True for name in ("unsigned", "plain_rtp") if getattr(request, name)}
    if request.frequency_mhz is not None:
        # Through the nearest hertz: 96.4 * 1e6 is 96 400 000.000 000 01.
        entry["frequency_hz"] = float(round(request.frequency_mhz * 1e6))
    if request.references:
        entry["references"] = list(request.references)
    if request.let_pass is not None:
        entry["gate"] = request.let_pass
    if request.let_pass is not None and not request.source.startswith(RADIO):
        raise Refusal(
            "usage", expected="--pass of a station off the air", got=request.source[:80],
            advice="leaving it out",
        )  # fmt: skip
    table: dict[str, Any] = {"id": "relay", "through_ms": request.through_ms, "input": [entry]}
    for uri in request.to:
        kind, output = _output(uri)
        table.setdefault(kind, []).append(output)
    return READER.read("the command line", table, RelaySettings)


def _output(uri: str) -> tuple[str, dict[str, Any]]:
    if uri.startswith("rtp://"):
        return "rtp", _rtp(uri)
    for kind in ("fm", "line"):
        if uri.startswith(kind + ":") and len(uri) > len(kind) + 1:
            return kind, {"to": uri.removeprefix(kind + ":")}
    raise Refusal(
        "usage",
        expected="--to rtp://ADDRESS:PORT, fm:FILE, fm:pipe:PATH, fm:card:NAME or line:card:NAME",
        got=uri[:80],
        advice="--to fm:mpx.wav",
    )


def _rtp(uri: str) -> dict[str, Any]:
    parts = urlsplit(uri)
    entry: dict[str, Any] = {"to": [parts.netloc]}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in _RTP_KEYS:
            raise Refusal(
                "usage",
                expected=f"{', '.join(_RTP_KEYS)} behind the question mark",
                got=f"{key[:40]} in {uri[:80]}",
                advice="a RELAY.toml for all else",
            )
        entry[key] = _number(uri, key, value) if key in _NUMBERS else value
    return entry


def _number(uri: str, key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Refusal(
            "usage", expected=f"a number for {key}", got=uri[:80], advice=f"{key}=20"
        ) from None

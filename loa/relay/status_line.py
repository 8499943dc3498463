"""What a relay says of each second: what is relayed, how loud every output is, and how late."""

from __future__ import annotations

from typing import Any

from dsp.receive.meters.figure import Figure
from ingest.clock import Clock, rfc3339
from loa.relay.loop import Relay
from loa.relay.paths import OutputPath


def record_of(relay: Relay, clock: Clock) -> dict[str, Any]:
    """Return the status, as a line of `--json`."""
    outputs = [_about(path, relay.late[path.name]) for path in relay.paths]
    loud = [o["loudness_lufs"] for o in outputs if o["loudness_lufs"] is not None]
    late = [o["through_ms"] for o in outputs if o["through_ms"] is not None]
    invalid = {}
    if len(loud) < 2:
        invalid["difference_lu"] = "fewer than two outputs with a programme"
    if len(late) < 2:
        invalid["apart_ms"] = "fewer than two outputs measured"
    source = relay.source
    return {
        "time": rfc3339(clock.now_utc()),
        "id": relay.settings.id,
        "begun_unix_s": None if relay.begun_unix_s is None else round(relay.begun_unix_s, 6),
        "state": "silent" if source is None else "relaying" if relay.is_alive else "waiting",
        "source": None if source is None else source.name,
        "turns": relay.turns,
        "stalls": relay.stalls,
        "difference_lu": round(max(loud) - min(loud), 2) if len(loud) > 1 else None,
        "apart_ms": round(max(late) - min(late), 3) if len(late) > 1 else None,
        "inputs": [{"name": one.name, **one.about()} for one in relay.inputs],
        "outputs": outputs,
        "invalid": invalid,
    } | relay.door()


def _about(path: OutputPath, late: Figure) -> dict[str, Any]:
    loudness = path.ear.loudness_lufs
    found: dict[str, Any] = {
        "name": path.name,
        "kind": path.kind,
        "profile": path.profile,
        "loudness_lufs": None if loudness is None else round(loudness, 2),
        "through_ms": None,
        "heard_after_ms": round(path.heard_after_ms, 3),
        **path.about(),
        "u": {},
        "invalid": {},
    }
    if loudness is None:
        found["invalid"]["loudness_lufs"] = "no programme so far"
    if late.invalid is None and late.value is not None and late.u is not None:
        found["through_ms"] = round(1000 * late.value + path.heard_after_ms, 3)
        found["u"]["through_ms"] = round(1000 * late.u, 3)
    else:
        found["invalid"]["through_ms"] = late.invalid
    return found

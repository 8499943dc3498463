"""What a child says, rebuilt field by field: its word is input like any other."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from ingest.decode import refusals
from ingest.decode.audio_format import AudioFormat

if TYPE_CHECKING:
    from ingest.decode.process import ChildProcess


def checked_format(message: dict[str, Any], process: ChildProcess) -> AudioFormat:
    """Return the format in a message; ends a child that says an impossible one."""
    with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
        sample_format = message["sample_format"]
        bit_rate, duration = message["bit_rate_bps"], message["duration_hint_s"]
        channels = int(message["channels"])
        if sample_format in {"int16", "float32"} and 0 < channels <= 1024:
            return AudioFormat(
                container=_plain(message["container"], 20),
                codec=_plain(message["codec"], 20),
                sample_rate_hz=int(message["sample_rate_hz"]),
                channels=channels,
                sample_format=sample_format,
                bit_rate_bps=None if bit_rate is None else int(bit_rate),
                duration_hint_s=None if duration is None else float(duration),
            )
    raise process.condemn("an impossible format from the decoder")


def checked_refusal(message: dict[str, Any]) -> Refusal:
    """Return the refusal in a message."""
    kind = message.get("kind")
    if kind not in refusals.KINDS:
        return refusals.decoder_crashed("an unknown answer from the decoder")
    expected, got, advice = (_plain(message.get(k), 600) for k in ("expected", "got", "advice"))
    return Refusal(kind, expected=expected, got=got, advice=advice)


def _plain(text: object, longest: int) -> str:
    """Return `text` as one printable line: no terminal codes out of a hostile file's tags."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:longest])

"""Where a relay's programme goes: `[[rtp]]`, `[[fm]]` and `[[line]]` of RELAY.toml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dsp.typed_table import number, text


@dataclass(frozen=True)
class RtpSettings:
    """RTP to IP clusters.

    Attributes
    ----------
    to
        Destinations, ADDRESS:PORT.
    heard_after_ms
        `delay_ms` of the loudspeakers.
    profile
        Mastering: a name or the path of a profile, relative to the file.
    codec, packet_ms, bit_rate_kbps, fec, srtp_key_file, sdp
        As of `loa stream`.
    """

    to: tuple[str, ...]
    heard_after_ms: float = number(0.0, 20_000.0, default=400.0)
    profile: str = "ip"
    codec: Literal["opus", "g722", "pcmu", "pcma", "l16"] = "opus"
    packet_ms: float | None = number(1, 60, default=None)
    bit_rate_kbps: float = number(6, 510, default=32.0)
    fec: Literal["none", "normal", "emergency"] = "none"
    srtp_key_file: str | None = None
    sdp: str | None = None

    def __post_init__(self) -> None:
        """Refuse a stream to nobody."""
        if not 1 <= len(self.to) <= 10_000:
            raise ValueError(f"to: expected 1 to 10000 destinations, got {len(self.to)}")


@dataclass(frozen=True)
class FmSettings:
    """A multiplex to an exciter.

    Attributes
    ----------
    to
        A file as of `loa multiplex`, `pipe:PATH`, or `card:NAME`.
    heard_after_ms
        From the relay to the FM horn: exciter, receiver, amplifier; a card's own latency is added.
    profile
        Mastering.
    rules
        Deviation and pre-emphasis: `75k50us`, `50k50us`, `75k75us` or a measuring profile.
    stereo, pilot_khz, rds_khz, rds_phase_deg, mpx_limit_dbr, pi, ps, rt, rds
        As of `loa multiplex`.
    station, frequency_hz, codes, code_before, code_after
        The station's own control codes, around every programme.
    """

    to: str
    heard_after_ms: float = number(0.0, 20_000.0, default=0.0)
    profile: str = "fm"
    rules: str = "75k50us"
    stereo: bool = True
    pilot_khz: float | None = number(0.0, 50.0, default=None)
    rds_khz: float | None = number(0.0, 50.0, default=None)
    rds_phase_deg: float = number(-360.0, 360.0, default=0.0)
    mpx_limit_dbr: float | None = number(-12.0, 20.0, default=None)
    pi: str | None = None
    ps: str | None = None
    rt: str | None = None
    rds: str | None = None
    station: str = text(100, default="")
    frequency_hz: float = number(50e6, 110e6, default=100e6)
    codes: str | None = None
    code_before: tuple[str, ...] = ()
    code_after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse outputs that are none."""
        if not self.to or len(self.to) > 400:
            raise ValueError(f"to: expected a file, pipe: or card:, got {self.to[:60]!r}")


@dataclass(frozen=True)
class LineSettings:
    """A line to wired amplifiers: `card:NAME`, `pipe:PATH`, `file:PATH` or `null`."""

    to: str
    heard_after_ms: float = number(0.0, 20_000.0, default=0.0)
    profile: str = "ip"

    def __post_init__(self) -> None:
        """Refuse outputs that are none."""
        if self.to != "null" and not self.to.startswith(("file:", "card:", "pipe:")):
            raise ValueError(f"to: expected card:, pipe:, file: or null, got {self.to[:60]!r}")

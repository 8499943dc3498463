"""RELAY.toml: what is relayed, in order of preference, and where it goes.

id = "tri-ton"
through_ms = 1000                    # from the relay's input to every horn

[[input]]
source = "sdp:district.sdp"          # the first that can be heard is relayed

[[input]]
source = "rtl://"
frequency_hz = 96.4e6
references = ["masters/tin-sang.flac"]
pass = "match"                       # or "always", by whose decision

[[rtp]]
to = ["239.255.12.42:5004"]
heard_after_ms = 400                 # delay_ms of the loudspeakers

[[fm]]
to = "card:Exciter"
pi = "7001"
codes = "codes.toml"
code_before = ["open"]

[[line]]
to = "card:Wired"
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsp.typed_table import TableReader, number, text

READER = TableReader("relay", most_bytes=1_000_000)
_MOST_INPUTS, _MOST_OUTPUTS = 8, 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}", re.ASCII)
RADIO = ("rtl://", "tcp://", "sim:", "mpx:", "iq:")
FORMS = (*RADIO, "sdp:", "rtp://", "card:", "pipe:", "file:")


@dataclass(frozen=True)
class InputSettings:
    """One input.

    Attributes
    ----------
    source
        `sdp:PATH`, `rtp://ADDRESS:PORT`, `file:PATH`, `card:NAME`, `pipe:PATH`; off the air
        `rtl://SERIAL`, `tcp://HOST:PORT`, `sim:SCENE.toml`, `mpx:FILE`, `iq:FILE`.
    repeat
        Of a file: over and over, as a last resort.
    plain_rtp
        Of RTP: taken without SRTP.
    buffer_ms
        Of RTP, card and pipe: against the network's and the crystal's moods.
    frequency_hz, centre_hz, rate_hz, gain_db, ppm
        Of a receiver.
    gate
        `pass` in the file: "match" lets through what is one of `references`, "always" anything.
    references
        Audio files.
    hold_s
        How long what is off the air is held while it is compared.
    alive_dbfs
        Of a card: softer than this for ten seconds is an open line.
    """

    source: str
    repeat: bool = False
    plain_rtp: bool = False
    buffer_ms: float = number(20.0, 5000.0, default=200.0)
    frequency_hz: float | None = number(50e6, 110e6, default=None)
    centre_hz: float | None = number(1e6, 2e9, default=None)
    rate_hz: int | None = None
    gain_db: float | None = number(-10.0, 100.0, default=None)
    ppm: int = 0
    gate: Literal["match", "always"] = "match"
    references: tuple[str, ...] = ()
    hold_s: float = number(1.25, 30.0, default=1.25)
    alive_dbfs: float = number(-90.0, 0.0, default=-60.0)

    def __post_init__(self) -> None:
        """Refuse inputs that are none, and a receiver that would let anybody through unsaid."""
        if not self.source.startswith(FORMS) or len(self.source) > 400:
            raise ValueError(f"source: expected one of {' '.join(FORMS)}, got {self.source[:60]!r}")
        if self.repeat and not self.source.startswith("file:"):
            raise ValueError(f"repeat: expected it of a file, got {self.source[:60]}")
        if not self.is_radio:
            if self.references or self.gate != "match":
                raise ValueError(f"pass, references: expected of FM, got {self.source[:60]}")
            return
        if self.gate == "match" and not self.references:
            raise ValueError('references: expected some where pass = "match", got none')
        if self.gate == "always" and self.references:
            raise ValueError('references: expected none where pass = "always", got some')
        if self.frequency_hz is None and not self.source.startswith("mpx:"):
            raise ValueError("frequency_hz: expected the station's, got none")

    @property
    def is_radio(self) -> bool:
        """Whether it is off the air."""
        return self.source.startswith(RADIO)


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


@dataclass(frozen=True)
class RelaySettings:
    """One relay.

    Attributes
    ----------
    id
        Its name.
    through_ms
        From its input to every horn.
    leave_after_s
        How long the input that is relayed may be silent before another is turned to.
    input, rtp, fm, line
        Inputs in order of preference, and outputs.
    """

    id: str
    input: tuple[InputSettings, ...]
    through_ms: float = number(50.0, 30_000.0, default=1_000.0)
    leave_after_s: float = number(0.0, 60.0, default=2.0)
    rtp: tuple[RtpSettings, ...] = ()
    fm: tuple[FmSettings, ...] = ()
    line: tuple[LineSettings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a relay from nowhere or to nobody."""
        if not _NAME.fullmatch(self.id):
            raise ValueError(f"id: expected letters, digits and . _ ~ -, got {self.id[:60]!r}")
        outputs = len(self.rtp) + len(self.fm) + len(self.line)
        if not 1 <= len(self.input) <= _MOST_INPUTS:
            raise ValueError(f"input: expected 1 to {_MOST_INPUTS}, got {len(self.input)}")
        if not 1 <= outputs <= _MOST_OUTPUTS:
            raise ValueError(f"rtp, fm, line: expected 1 to {_MOST_OUTPUTS}, got {outputs}")


_INPUT_KEYS = tuple(
    "pass" if field.name == "gate" else field.name for field in dataclasses.fields(InputSettings)
)


def parse_relay(content: bytes) -> RelaySettings:
    """Return the relay in the bytes of a RELAY.toml.

    Raises
    ------
    Refusal
        "relay.toml", "relay.key", "relay.value".
    """
    table = READER.parse(content)
    entries = table.get("input")
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            READER.check_keys(f"input[{place}]", entry, _INPUT_KEYS, ("source",))
            if "pass" in entry:  # a word of Python
                entry["gate"] = entry.pop("pass")
    return READER.read("RELAY.toml", table, RelaySettings)


def load_relay(path: Path) -> RelaySettings:
    """Return the relay in a file; refusals as `parse_relay`, and "relay.missing"."""
    return parse_relay(READER.load(path, "a RELAY.toml that can be read"))

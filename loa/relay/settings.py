"""RELAY.toml: what is relayed, in order of preference, and where it goes.

id = "tri-ton"
through_ms = 1000                    # from the relay's input to every horn

commune = "tri-ton"                  # a device as a loudspeaker is: whom it trusts, where it is
zones = ["tri-ton.1", "tri-ton.2"]
device_key = "relay.key"
trusted_keys = ["KEYRING.toml"]
state = "state"
commands = ["0.0.0.0:5010"]

[[input]]
source = "session:"                  # the first that can be heard is relayed

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
from loa.device.trust import SIGNED, TrustSettings
from loa.relay.output_settings import FmSettings, LineSettings, RtpSettings
from transmit.bulletin.acceptance import Place

READER = TableReader("relay", most_bytes=1_000_000)
_MOST_INPUTS, _MOST_OUTPUTS = 8, 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}", re.ASCII)
RADIO = ("rtl://", "tcp://", "sim:", "mpx:", "iq:")
_UNSIGNED = ("sdp:", "rtp://")
FORMS = (*RADIO, *SIGNED, *_UNSIGNED, "card:", "pipe:", "file:")


@dataclass(frozen=True)
class InputSettings:
    """One input.

    Attributes
    ----------
    source
        Signed: `session:` (announced to `commands`), `session:PATH`, `bulletin:PATH`. Signed by
        nobody: `sdp:PATH`, `rtp://ADDRESS:PORT`; `file:PATH`, `card:NAME`, `pipe:PATH`; off the air
        `rtl://SERIAL`, `tcp://HOST:PORT`, `sim:SCENE.toml`, `mpx:FILE`, `iq:FILE`.
    repeat
        Of a file: over and over, as a last resort.
    unsigned, plain_rtp
        Of RTP: taken from whoever has its SRTP key; taken from anybody.
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
    unsigned: bool = False
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
        self._require_signed()
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

    def _require_signed(self) -> None:
        """Refuse RTP that nobody signed, unless the settings say so by name."""
        says = self.unsigned or self.plain_rtp
        if self.source.startswith(_UNSIGNED) and not says:
            raise ValueError(
                "source: expected session:, which carries a signature, or unsigned = true (whoever "
                f"has its SRTP key) or plain_rtp = true (anybody), got {self.source[:60]}"
            )
        if says and not self.source.startswith(_UNSIGNED):
            raise ValueError(f"unsigned, plain_rtp: expected of RTP, got {self.source[:60]}")

    @property
    def is_radio(self) -> bool:
        """Whether it is off the air."""
        return self.source.startswith(RADIO)


@dataclass(frozen=True)
class RelaySettings(TrustSettings):
    """One relay; whom it trusts as of any device (`TrustSettings`).

    Attributes
    ----------
    id
        Its name, for which keys of sessions are wrapped.
    zones
        Where its horns are. It speaks in all of them at once, so that what is signed must address
        all of them or the commune.
    through_ms
        From its input to every horn.
    leave_after_s
        How long the input that is relayed may be silent before another is turned to.
    input, rtp, fm, line
        Inputs in order of preference, and outputs.
    """

    id: str
    input: tuple[InputSettings, ...]
    zones: tuple[str, ...] = text(100, default=())
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
        self.require_provisioning([one.source for one in self.input])
        if self.is_provisioned and not self.zones:
            raise ValueError("zones: expected the zones of its horns beside trusted_keys, got none")

    @property
    def place(self) -> Place:
        """Where it speaks."""
        assert self.commune is not None
        return Place(self.commune, self.zones, as_one=True)


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

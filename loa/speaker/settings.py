"""SPEAKER.toml: who the loudspeaker is, what it listens to, in which order, and how loud.

id = "ap-3-horn-1"
zone = "ap-3"
sources = ["session:", "bulletin:chime.json"]   # the first that is alive is played
output = "null"                                 # or file:PATH, card:NAME
volume = 0.8
delay_ms = 400                                  # the same in all loudspeakers that speak in step
commune = "tri-ton"
device_key = "horn-1.key"
trusted_keys = ["KEYRING.toml"]
state = "state"
commands = ["0.0.0.0:5010"]
clock = "kernel"

No valid signature, no sound. On a bench, without keys:

sources = ["sdp:bulletin.sdp", "file:chime.wav"]
unsigned = true                                 # plays what nobody has signed
plain_rtp = true                                # and what nobody has authenticated
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dsp.errors import Refusal
from dsp.typed_table import TableReader, number, text
from loa.device.trust import SIGNED, TrustSettings
from transmit.bulletin.acceptance import Place

_READER = TableReader("speaker")
_MOST_SOURCES = 8
_UNSIGNED = ("sdp:", "rtp://", "file:")


@dataclass(frozen=True)
class SpeakerSettings(TrustSettings):
    """One loudspeaker; whom it trusts as of any device (`TrustSettings`).

    Attributes
    ----------
    id, zone
        Who it is, and which zone it belongs to.
    sources
        In order of preference: `session:` (announced to `commands`), `session:PATH`,
        `bulletin:PATH` (a signed envelope, its recordings beside it or in `store`), and, unsigned,
        `sdp:PATH`, `rtp://ADDRESS:PORT`, `file:PATH`.
    output
        `null`, `file:PATH` or `card:NAME`.
    volume
        Factor on full scale.
    delay_ms
        From capture at the sender to the loudspeaker.
    plain_rtp
        Plays RTP without SRTP: no valid signature, no sound, unless somebody says so here.
    unsigned
        Play sources that nobody signed: for a bench. Without it none is played.
    profile
        Volume by time of day: a file, or the name of one that comes with Loa.
    prints
        Tell the fingerprint of what went out, every second.
    level_dba
        Measured at the nearest dwelling with `volume` 1: what limits in dBA are compared with.
    """

    id: str = text(100)
    zone: str = text(100)
    sources: tuple[str, ...] = ()
    output: str = "null"
    volume: float = number(0.0, 1.0, default=1.0)
    delay_ms: float = number(20.0, 5000.0, default=400.0)
    plain_rtp: bool = False
    profile: str | None = None
    unsigned: bool = False
    prints: bool = True
    level_dba: float | None = number(30.0, 140.0, default=None)

    def __post_init__(self) -> None:
        """Refuse names, sources and outputs that are none."""
        if not (self.id.strip() and self.zone.strip()):
            raise ValueError("id: expected a name for loudspeaker and zone, got an empty one")
        if not 1 <= len(self.sources) <= _MOST_SOURCES:
            raise ValueError(f"sources: expected 1 to {_MOST_SOURCES}, got {len(self.sources)}")
        for source in self.sources:
            if not source.startswith(SIGNED + _UNSIGNED):
                raise ValueError(
                    "sources: expected session:, bulletin:, sdp:, rtp:// or file:, "
                    f"got {source[:60]!r}"
                )
        if self.output != "null" and not self.output.startswith(("file:", "card:")):
            raise ValueError(f"output: expected null, file: or card:, got {self.output[:60]!r}")
        self.require_provisioning(self.sources)

    @property
    def place(self) -> Place:
        """Where it speaks."""
        assert self.commune is not None
        return Place(self.commune, (self.zone,))


def load_settings(path: Path) -> SpeakerSettings:
    """Read SPEAKER.toml.

    Raises
    ------
    Refusal
        "speaker.missing", "speaker.toml", "speaker.key", "speaker.value".
    """
    content = _READER.load(path, "a SPEAKER.toml that can be read")
    return _READER.read("SPEAKER.toml", _READER.parse(content), SpeakerSettings)


def require_signed(source: str, settings: SpeakerSettings) -> None:
    """Refuse a source that nobody signed, unless the configuration says `unsigned = true`.

    Raises
    ------
    Refusal
        "speaker.unsigned".
    """
    if settings.unsigned or not source.startswith(_UNSIGNED):
        return
    signing = "`loa bulletin session` or `loa bulletin sign`"
    if not settings.is_provisioned:
        signing = "trusted_keys (docs/how-to/provision-a-speaker.md)"
    raise Refusal(
        "speaker.unsigned",
        expected="session: or bulletin:, which carry a signature",
        got=source[:80],
        advice=f"{signing}; or unsigned = true, for a bench",
    )

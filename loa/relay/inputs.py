"""What can be relayed, and RTP that nobody signed; what all inputs have in common.

An input gives mono at 48 kHz, a block at a time, and says whether it can be heard. Signed ones are
in `signed_inputs`, files in `file_input`, lines and pipes in `line_inputs`, what comes off the air
in `fm_input`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from dsp.contract import Samples
from ingest.clock import Clock
from loa.device.described import session_of
from loa.device.live import LiveSource
from loa.relay.settings import InputSettings


class Input(Protocol):
    """Something to relay.

    Attributes
    ----------
    name
        As the settings have it.
    urgent
        What is heard of it now goes before everything that is not.
    may_pause
        Its silence may be a pause, which is waited out; else it is left at once.
    runs_on
        What is not taken of it is lost, so that it is taken also while another is relayed.
    """

    name: str
    urgent: bool = False
    may_pause: bool = True
    runs_on: bool = False

    def is_alive(self, moment_s: float) -> bool:
        """Take what has come; tell whether there is something to be heard at a moment (UTC)."""

    def render(self, count: int, moment_s: float) -> Samples:
        """Return the next samples, float32 (n,); zeros where there are none."""

    def about(self) -> dict[str, Any]:
        """Return what is known of it, for a status line."""

    def close(self) -> None:
        """Let go."""


class RtpInput(Input):
    """An RTP session that nobody signed, as the settings say by name."""

    def __init__(self, settings: InputSettings, folder: Path, clock: Clock) -> None:
        self.name = settings.source
        session = session_of(settings.source, folder, plain_rtp=settings.plain_rtp)
        self._live = LiveSource(settings.source, session, settings.buffer_ms / 1000, clock)

    def is_alive(self, moment_s: float) -> bool:
        """Receive; tell whether it plays."""
        self._live.receive(moment_s)
        return self._live.is_alive(moment_s)

    def render(self, count: int, moment_s: float) -> Samples:
        """Return what is heard from `moment_s` on."""
        return self._live.render(count, moment_s)

    def about(self) -> dict[str, Any]:
        """Return what arrived."""
        return about_stream(self._live)

    def close(self) -> None:
        """Close the sockets."""
        self._live.close()


def about_stream(live: LiveSource) -> dict[str, Any]:
    """Return what a status line says of RTP that comes in."""
    receiver = live.receiver
    return {
        "in_step": receiver.clock.certain,
        "lost": receiver.source.lost,
        "counts": dict(sorted(receiver.counts.items())),
    }

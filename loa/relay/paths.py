"""What an output of the relay is: one master a profile, then each output's own delay.

    programme ─┬─ master `ip` ─┬─ delay ─ RTP            every horn speaks `through_ms` after the
               │               └─ delay ─ line-out       input: an output hands its sound over
               └─ master `fm` ─ delay, codes ─ coder ─ …  `through_ms` − `heard_after_ms` after it

What masters and coders take of that is known to the sample and taken off the delay lines. The
outputs are in `rtp_path`, `fm_path` and `line_path`.
"""

from __future__ import annotations

from typing import Any, Protocol

from dsp.contract import Samples
from dsp.errors import Refusal
from loa.relay.blocks import RATE_HZ
from loa.relay.own_ear import Ear


class OutputPath(Protocol):
    """One output."""

    name: str
    kind: str
    profile: str
    heard_after_ms: float
    ear: Ear

    def process(self, mastered: Samples, begun_unix_s: float, *, active: bool) -> None:
        """Take the next block of the master; hand over what is due."""

    def end_programme(self) -> int:
        """Close clusters; return how many samples go out until all is out."""

    def about(self) -> dict[str, Any]:
        """Return what is known of it, for a status line."""

    def rehearse(self, samples: Samples) -> None:
        """Do with a second of sound, on twins of its parts, what `process` will do."""

    def finish(self) -> None:
        """Complete what was begun."""


def pad_samples(name: str, through_ms: float, heard_after_ms: float, own_samples: int) -> int:
    """Return what is left for a delay line; refuse where there is nothing."""
    samples = round((through_ms - heard_after_ms) * RATE_HZ / 1000) - own_samples
    if samples < 0:
        least_ms = heard_after_ms + 1000 * own_samples / RATE_HZ
        raise Refusal(
            "relay.value",
            expected=f"through_ms: {least_ms:.0f} or more for {name}, which is heard "
            f"{heard_after_ms:g} ms after it left",
            got=f"{through_ms:g}",
            advice=f"through_ms = {50 * -(-least_ms // 50):.0f}",
        )
    return samples

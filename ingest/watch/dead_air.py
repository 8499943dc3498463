"""What is missing on the air, counted in seconds: the carrier, the sound, or all but noise.

Silence is told after `SPEAKING_SILENCE_S` whole seconds in which the reference speaks, or as soon
as `Quiet` shows it to less than a second; otherwise after `SILENCE_S`, also where the reference
itself says nothing: a bulletin that is silent for so long is a fault of the recording. The seconds
counted need not follow each other where the reference pauses in between, as long as nothing is
heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OFF_AIR_S = 3
HISS_S = 2
SPEAKING_SILENCE_S = 2  # whole seconds: told within 3 s of its beginning
SILENCE_S = 9
QUIET_S = 2.0
SPOKEN_S = 0.8
BARE_HZ = 15_000.0  # peak deviation, of which 6 to 8 kHz are the pilot: the rest is noise


@dataclass(frozen=True)
class Quiet:
    """For how long nothing has been heard up to now, and for how much of it the reference speaks.

    See `quiet.quiet_at_end`.
    """

    silent_s: float
    spoken_s: float


@dataclass(frozen=True)
class Dead:
    """What is missing, in words, for how many seconds, and how many the reference pauses not."""

    finding: str
    detail: str
    seconds: int
    unexplained: int


class DeadAir:
    """The counts of one station."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin all counts anew: samples are missing."""
        self._off = self._silent = self._unexplained = self._spoken = self._hissing = 0
        self._since_bare = HISS_S + 1
        self._quiet = False

    def take(
        self,
        record: Mapping[str, Any],
        *,
        off_air: bool,
        speaking: bool | None,
        weak: bool = False,
        quiet: Quiet | None = None,
    ) -> None:
        """Take the record of a second.

        `speaking`: the reference, None where it is not known. `weak`: the carrier is hardly above
        the noise, which is heard as soon as it says nothing.
        """
        findings = record["findings"]
        self._off = self._off + 1 if off_air else 0
        peak_hz = record.get("peak_deviation_hz")
        unmodulated = "no_audio" in findings or (peak_hz is not None and peak_hz < BARE_HZ)
        self._since_bare = 0 if unmodulated else self._since_bare + 1
        # A carrier without modulation whose own noise is heard is silent. On a weak one that is
        # not seen in every second.
        bare = "hiss" in findings and (weak or self._since_bare <= HISS_S)
        if off_air or not ("silence" in findings or "no_audio" in findings or bare):
            self._silent = self._unexplained = self._spoken = 0
        else:
            self._silent += 1
            self._unexplained += int(speaking is not False)
            self._spoken += int(speaking is True)
        self._hissing = self._hissing + 1 if not off_air and "hiss" in findings and not bare else 0
        self._quiet = (
            quiet is not None
            and self._silent > 0
            and quiet.silent_s >= QUIET_S
            and quiet.spoken_s >= SPOKEN_S
        )

    def found(self, *, wanted: bool, expected: bool) -> Dead | None:
        """Return what is missing; `wanted`: a slot is on; `expected`: a reference must be heard."""
        if self._off >= OFF_AIR_S and (wanted or expected):
            return Dead("off_air", "no carrier", self._off, self._off)
        if self._hissing >= HISS_S and wanted:
            return Dead("hiss", "noise in place of audio", self._hissing, self._hissing)
        if self._spoken >= SPEAKING_SILENCE_S or self._quiet:
            return Dead("silence", "the reference speaks", self._silent, self._unexplained)
        if self._silent >= SILENCE_S and wanted:
            return Dead("silence", "silence in a slot", self._silent, self._unexplained)
        return None

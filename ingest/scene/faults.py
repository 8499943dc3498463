"""What can go wrong with a transmitter, and what each fault does to the signal.

A fault has a `kind`, a start and an end in seconds of the scene, and for some kinds a `value` and
an `audio` file. The coder runs through every fault as a real one would: carriers keep their phase,
RDS goes on counting. Sound fades in and out over 5 ms, a carrier over 1 ms.

Two faults of a station may overlap unless they contradict each other: both would decide the same
thing (`decides`), or one leaves no own signal for the other to spoil (off_air, intruder, capture).
An intruder during off_air is the classical case and allowed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal[
    "off_air",
    "no_audio",
    "hiss",
    "wrong_programme",
    "intruder",
    "capture",
    "over_deviation",
    "no_pilot",
    "bad_pi",
    "no_code",
    "drift",
    "hum",
    "one_channel",
    "splatter",
]
Need = Literal["stereo", "rds"]

CARRIER = "carrier"  # decided by faults that replace or cover the own signal


@dataclass(frozen=True)
class Value:
    """The meaning of a fault's `value`: what it is, its unit, range, and what holds without one.

    `default` is None where the default depends on the station.
    """

    meaning: str
    unit: str
    low: float
    high: float
    default: float | None


@dataclass(frozen=True)
class Effect:
    """What a kind of fault does.

    `decides` names the part of the signal it sets, `needs` what the station must have, `audio` what
    the file of that name is for (None: there is no such key).
    """

    does: str
    decides: str
    value: Value | None = None
    audio: str | None = None
    needs: Need | None = None


_TUNE = "; without one a tune made on the spot"

EFFECTS: dict[str, Effect] = {
    "off_air": Effect("the carrier is off", CARRIER),
    "no_audio": Effect("the programme is silent; carrier, pilot and RDS go on", "programme"),
    "hiss": Effect(
        "the noise of an FM link without a signal instead of the programme",
        "programme",
        Value("RMS level of the hiss", "dBFS", -60.0, 0.0, -18.0),
    ),
    "wrong_programme": Effect(
        "another programme from the own studio", "programme", audio="what is heard" + _TUNE
    ),
    "intruder": Effect(
        "the own carrier is off and a stranger's is heard on the idle channel: its own error of "
        "frequency, stereo, no RDS",
        CARRIER,
        Value("level of the stranger over `level_dbfs`", "dB", -60.0, 40.0, 0.0),
        audio="what the stranger sends" + _TUNE,
    ),
    "capture": Effect(
        "a stronger station on the same frequency covers the own one, which stays on: its own "
        "error of frequency, stereo, no RDS",
        CARRIER,
        Value("level of the stranger over `level_dbfs`", "dB", 3.0, 40.0, 12.0),
        audio="what the stranger sends" + _TUNE,
    ),
    "over_deviation": Effect(
        "the modulator's gain is too high: the whole multiplex grows, pilot and RDS with it",
        "deviation",
        Value("deviation that `deviation_hz` becomes (1.3 times it)", "Hz", 1e3, 130e3, None),
    ),
    "no_pilot": Effect(
        "the pilot is missing, or wrong; the rest of the multiplex stays",
        "pilot",
        Value("deviation of the pilot that is left", "Hz", 0.0, 30e3, 0.0),
        needs="stereo",
    ),
    "bad_pi": Effect(
        "RDS carries a wrong PI, or wrong bits",
        "rds",
        Value(
            "the PI sent instead, or up to 0.5 the share of bits that are wrong (the own PI with "
            "country C)",
            "",
            0.0,
            0xFFFF,
            None,
        ),
        needs="rds",
    ),
    "no_code": Effect("the DTMF bursts and code groups of the station are not sent", "code"),
    "drift": Effect(
        "the carrier drifts off its assignment and is back at the end",
        "frequency",
        Value("offset reached at the end, in a straight line", "Hz", -100e3, 100e3, 5e3),
    ),
    "hum": Effect(
        "mains hum under the programme: 50 Hz with harmonics of half and a quarter its size",
        "hum",
        Value("RMS level of the hum", "dBFS", -80.0, 0.0, -26.0),
    ),
    "one_channel": Effect(
        "one channel of the programme is lost",
        "channels",
        Value("which: 0 the left, 1 the right", "", 0.0, 1.0, 1.0),
        needs="stereo",
    ),
    "splatter": Effect(
        "the multiplex is driven into a clipper at `deviation_hz`: the spectrum spreads",
        "deviation",
        Value("overdrive", "dB", 1.0, 20.0, 6.0),
    ),
}


@dataclass(frozen=True)
class Fault:
    """A fault of one station, every default filled in.

    Parameters
    ----------
    kind
        One of `EFFECTS`.
    start_s, end_s
        In seconds of the scene.
    value
        See `EFFECTS`; 0 where the kind has none.
    audio
        Path of the file, None for none.
    """

    kind: str
    start_s: float
    end_s: float
    value: float
    audio: str | None

    def covers(self, start_s: float, end_s: float) -> bool:
        """Whether any part of start … end is touched."""
        return self.start_s < end_s and start_s < self.end_s


def contradiction(faults: Iterable[Fault]) -> tuple[Fault, Fault] | None:
    """Return the first two faults that cannot be at the same time."""
    ordered = sorted(faults, key=lambda fault: (fault.start_s, fault.end_s))
    for one, other in itertools.combinations(ordered, 2):
        if one.covers(other.start_s, other.end_s) and _clash(one, other):
            return one, other
    return None


def _clash(one: Fault, other: Fault) -> bool:
    if {one.kind, other.kind} == {"off_air", "intruder"}:
        return False
    decided = {EFFECTS[one.kind].decides, EFFECTS[other.kind].decides}
    return len(decided) == 1 or CARRIER in decided

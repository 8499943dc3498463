"""What one second says for and against a stranger on the channel, as natural logarithms of odds.

The weights are stated, not fitted: each is about the logarithm of how much more often the cue is
seen with a stranger than with the station itself, cut down where cues come together. `BASE` is
taken off every second, and cues that one fault or event of the station makes together (`CAUSES`)
come to no more than that: no cause but a foreign PI can raise an alarm alone. A coder that fails
leaves the carrier's frequency as it was, and a transmitter that warms up leaves its RDS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.watch.signature import Signature, has_pilot, has_rds

BASE = 3.0
WEIGHTS: dict[str, float] = {
    "own_pi": -9.0,  # a group of the own PI came: nobody else sends it
    "other_pi": 5.0,  # groups came, and all of another PI
    "other_country": 2.0,  # its country nibble is not the own one (IEC 62106: Vietnam 7, China C)
    "other_ecc": 2.0,  # and neither is its extended country code
    "rds_gone": 3.5,  # the station has RDS, the signal is good, and there is none
    "pilot_gone": 2.5,  # none where there was one: a stereo coder fails
    "pilot_new": 3.0,  # one where there was none: it does not come by itself
    "offset_jumped": 2.5,  # carrier more than 4 σ from the learned one
    "offset_far": 0.5,  # more than 8 σ, on top
    "offset_same": -1.0,  # within 2 σ: beyond, a stranger is as likely to be there
    "level_rose": 3.0,  # 5 dB and 5 σ over the learned level: no transmitter does that
    "level_fell": 1.0,
    "level_same": 0.0,  # within 1.5 dB; it tells whether a carrier that comes up is a new one
    "two_carriers": 3.0,  # the beat of another carrier on the channel
    "deviation_jumped": 0.5,
    "loudness_jumped": 0.5,
    "idle_channel": 1.5,  # after none was there, a carrier without its RDS or with another's pilot
    "idle_other": 4.0,  # after none was there, a carrier that does not go on with the bulletin
    "unscheduled": 1.0,  # a carrier while no slot is on
    "content_own": -5.0,  # the recogniser hears what is due
    "content_other": 1.0,  # the recogniser hears something else
    "content_confirmed": 2.0,  # and the second opinion says so too
    "content_broke_off": 2.0,  # just when the carrier began to look strange
}
# What one cause makes counts once, and for no more than `BASE`.
CAUSES: tuple[frozenset[str], ...] = (
    frozenset({"offset_jumped", "offset_far"}),  # the oscillator
    # The coder, or a fade: a far carrier is heard beside the own one, subcarriers are lost first.
    frozenset({"level_fell", "two_carriers", "rds_gone", "pilot_gone"}),
)
# Any other programme is louder or softer. It adds to what stands without it, and carries nothing.
SUPPORT = frozenset({"deviation_jumped", "loudness_jumped"})
SUSPICIOUS = frozenset(
    {
        "rds_gone",
        "pilot_gone",
        "pilot_new",
        "offset_jumped",
        "level_rose",
        "two_carriers",
        "other_pi",
    }
)
# Of the carrier, against what was learned: these have a beginning (`onsets`).
CHANGES = (SUSPICIOUS | {"level_fell", "offset_far"}) - {"other_pi"}
GOOD_CN_DB = 20.0
SAME_LEVEL_DB = 1.5
SAME, JUMPED, FAR = 2.0, 4.0, 8.0  # standard deviations of the carrier's frequency
CARRIER_CN_DB = 12.0
_ECC_GROUP = 0b00010  # type 1A (IEC 62106 §3.1.5.2)


@dataclass(frozen=True)
class Cues:
    """The cues of a second by name, and their sum with `BASE` taken off."""

    names: tuple[str, ...]
    weight: float


def carrier_cues(record: Mapping[str, Any], pi: str | None, signature: Signature) -> list[str]:
    """Return what the carrier of a second says."""
    found = [*pi_cues(record, pi, signature)]
    good = (record.get("cn_db") or 0.0) >= GOOD_CN_DB
    # A PI in STATIONS.toml is RDS promised, even before any was heard.
    promised = signature.rds.mean > 0.8 if signature.known else pi is not None
    if promised and good and not has_rds(record):
        found.append("rds_gone")
    if not signature.known:
        return found
    if good and abs(signature.pilot.mean - float(has_pilot(record))) > 0.8:
        found.append("pilot_new" if has_pilot(record) else "pilot_gone")
    offset = offset_cues(signature.distance("offset_hz", record))
    found += offset if offset != ["offset_same"] or signature.knows_frequency(record) else []
    level = signature.distance("level_dbfs", record)
    learned = signature.figures["level_dbfs"].mean
    if level is not None and abs(level) > 5.0 and abs(record["level_dbfs"] - learned) > 5.0:
        found.append("level_rose" if level > 0.0 else "level_fell")
    elif level is not None and abs(record["level_dbfs"] - learned) < SAME_LEVEL_DB:
        found.append("level_same")
    if "co_channel" in record["findings"]:
        found.append("two_carriers")
    for key, name in (
        ("peak_deviation_hz", "deviation_jumped"),
        ("loudness_momentary_lufs", "loudness_jumped"),
    ):
        distance = signature.distance(key, record)
        if distance is not None and abs(distance) > 2.5:
            found.append(name)
    return found


def offset_cues(distance: float | None) -> list[str]:
    """Return what the carrier's frequency says, `distance` in standard deviations."""
    if distance is None:
        return []
    if abs(distance) > FAR:
        return ["offset_jumped", "offset_far"]
    if abs(distance) > JUMPED:
        return ["offset_jumped"]
    return ["offset_same"] if abs(distance) < SAME else []


def pi_cues(record: Mapping[str, Any], pi: str | None, signature: Signature) -> list[str]:
    """Return what the PI codes of a second's groups say."""
    groups = [group for group in record.get("groups") or () if group[:4] != "----"]
    if pi is None or not groups:
        return []
    if any(group.startswith(pi) for group in groups):
        return ["own_pi"]
    found = ["other_pi"]
    if all(group[0] != pi[0] for group in groups):
        found.append("other_country")
    codes = [code for group in groups if (code := ecc_of(group)) is not None]
    if signature.ecc is not None and codes and all(code != signature.ecc for code in codes):
        found.append("other_ecc")
    return found


def ecc_of(group: str) -> int | None:
    """Return the extended country code in a group of 16 hexadecimal digits, if it is there."""
    second, third = group[4:8], group[8:12]
    if "-" in second or "-" in third:
        return None
    if int(second, 16) >> 11 != _ECC_GROUP or int(third, 16) >> 12 & 0b111:
        return None
    return int(third, 16) & 0xFF


def weighed(names: list[str]) -> Cues:
    """Return the cues with their sum."""
    counted = {name: WEIGHTS[name] for name in names if name not in SUPPORT}
    weight = sum(counted.values()) - BASE
    # The one fault of the station that explains most of it explains what is over, too.
    made = (sum(counted.get(name, 0.0) for name in cause) for cause in CAUSES)
    weight -= max(max(made) - BASE, 0.0)
    if weight > 0.0:
        weight += max((WEIGHTS[name] for name in names if name in SUPPORT), default=0.0)
    return Cues(tuple(names), weight)

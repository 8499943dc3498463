"""Weeks of stations at which nothing is wrong, and the alarms that are told all the same.

    python -m bench.watch.station_weeks [SECONDS] [--seed 1] [--set "held out"]

Accelerated: stations are received in brief (`bench.watch.brief_station` says what is bypassed), a
sitting of `SITTING_S` after another: the transmitter comes up before its slot, plays what is due,
and goes off. What real stations do without being at fault is in it, more of it than they do: warm
up, fade, come and go by 8 dB for seconds, lose RDS or pilot for a while, change their power, pass
through a narrow line or a wrong emphasis, falter for half a second, go back or jump in a bulletin;
and the receiver loses samples and meets weak seconds and beats of far carriers. Slots are with a
reference, for anything (live speech, music, bulletins unknown), or there is no schedule at all.
What is silent for nine seconds is told by right.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.signal

from bench.watch.brief_station import BriefStation, Second
from bench.watch.programmes import RATE_HZ, SETS, Programmes, Sound
from ingest.receiver.stations import Slot, Station
from ingest.watch.dead_air import SILENCE_S
from ingest.watch.schedule import Schedule
from ingest.watch.verdict import Verdict
from ingest.watch.watched_station import WatchedStation

STATION_WEEK_S = 7 * 86_400
LEAST_S = 1_800_000
SITTING_S = 600
RULE_OF_THREE = 3.0  # none seen: below 3 / n with 95 %
_BARE_S = 8  # the carrier is up so long before anything is played
_SLOTS = ("reference", "reference", "anything", "no schedule")


@dataclass
class Sitting:
    """A transmitter's time on the air: what it sends, second by second, and what is due."""

    number: int
    schedule: Schedule
    sound: Sound
    seconds: list[Second]
    station: BriefStation
    what: str
    events: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Heard:
    """What was told of a sitting: falsely, by right (see `is_right`), and how often nothing."""

    sitting: Sitting
    alarms: tuple[Verdict, ...]
    right: int
    inconclusive: int


def make_sitting(number: int, programmes: Programmes, seed: int, seconds: int) -> Sitting:
    """Return sitting `number`; the same for the same seed."""
    rng = np.random.default_rng([seed, 9, number])
    station = BriefStation(
        rng,
        rds=bool(rng.random() < 0.6),
        stereo=bool(rng.random() < 0.5),
        level_dbfs=float(rng.uniform(-25.0, -12.0)),
        hz=float(rng.normal(0.0, 300.0)),
    )
    what = _SLOTS[int(rng.integers(len(_SLOTS)))]
    names = list(programmes.names)
    rng.shuffle(names)
    known = what == "reference" or (what == "no schedule" and rng.random() < 0.5)
    if not known:
        strangers = [n for n in programmes.sounds if n not in programmes.references.bands]
        names = [*rng.permutation(strangers), *names]
    fillers = [n for n in programmes.sounds if n not in programmes.references.bands]
    events: Counter[str] = Counter()
    slots: list[tuple[int, int, str]] = []
    pieces = [_filler(programmes, fillers, 60.0, rng)]
    pieces[0][: _BARE_S * RATE_HZ] = 0.0
    at_s = 60.0
    while at_s < seconds:
        name = names[len(slots) % len(names)]
        late = np.zeros(round(rng.uniform(0.0, 5.0) * RATE_HZ), np.float32)
        part = np.concatenate([late, played(programmes.sounds[name], rng, events)])
        minutes = int(np.ceil((len(part) / RATE_HZ + 1.0) / 60.0))
        left_s = 60.0 * minutes - len(part) / RATE_HZ
        slots.append((round(at_s / 60), round(at_s / 60) + minutes, name))
        pieces += [part, _filler(programmes, fillers, left_s, rng)]
        at_s += 60.0 * minutes
    sound = np.concatenate(pieces)[: seconds * RATE_HZ]
    sound = heard_as(sound, rng)
    if what != "reference":
        slots = [(0, seconds // 60 + 2, "")] if what == "anything" else []
    schedule = Schedule(tuple(Slot(_clock(a), _clock(b), reference=r) for a, b, r in slots))
    on_air = _channel(seconds, rng, station, events)
    return Sitting(number, schedule, sound, on_air, station, what, events)


def _filler(
    programmes: Programmes, names: Sequence[str], seconds: float, rng: np.random.Generator
) -> Sound:
    """Return music or talk that is no reference, after a pause: nobody expects more of a slot."""
    count, pause = round(seconds * RATE_HZ), round(rng.uniform(0.2, 2.0) * RATE_HZ)
    name, from_s = str(rng.choice(names)), float(rng.uniform(0.0, 30.0))
    sound = programmes.excerpt(name, from_s, seconds + 1.0)[:count]
    sound[:pause] = 0.0
    return sound


def played(sound: Sound, rng: np.random.Generator, events: Counter[str]) -> Sound:
    """Return a programme as a player plays it: it may falter, go back or jump once."""
    at = int(rng.integers(len(sound) // 4, 3 * len(sound) // 4))
    kind = rng.random()
    if kind < 0.15:
        events["falters"] += 1
        hole = np.zeros(round(rng.uniform(0.2, 1.2) * RATE_HZ), np.float32)
        return np.concatenate([sound[:at], hole, sound[at:]])
    if kind < 0.25:
        events["goes back"] += 1
        back = max(at - round(rng.uniform(0.5, 8.0) * RATE_HZ), 0)
        return np.concatenate([sound[:at], sound[back:]])
    if kind < 0.35:
        events["jumps"] += 1
        return np.concatenate([sound[:at], sound[at + round(rng.uniform(0.5, 8.0) * RATE_HZ) :]])
    return sound


def heard_as(sound: Sound, rng: np.random.Generator) -> Sound:
    """Return the sound through what lies between studio and transmitter, at a level of its own."""
    kind, pole = rng.random(), np.exp(-1.0 / (50e-6 * RATE_HZ))
    if kind < 0.15:  # a telephone line
        line = scipy.signal.butter(3, (300.0, 3_400.0), "bandpass", fs=RATE_HZ, output="sos")
        sound = scipy.signal.sosfilt(line.astype(np.float32), sound)
    elif kind < 0.25:  # an emphasis of 50 µs too little
        sound = scipy.signal.lfilter(
            np.array([1.0 - pole], np.float32), np.array([1.0, -pole], np.float32), sound
        )
    elif kind < 0.35:  # and one too much
        sound = np.append(sound[:1], sound[1:] - np.float32(pole) * sound[:-1]) / (1.0 - pole)
    return np.asarray(sound * np.float32(10.0 ** (rng.uniform(-6.0, 4.0) / 20.0)), np.float32)


def _channel(
    seconds: int, rng: np.random.Generator, station: BriefStation, events: Counter[str]
) -> list[Second]:
    """Return the carrier of a sitting, second by second."""
    fade_db, on_air = 0.0, []
    warm_hz = float(rng.normal(0.0, 150.0))
    for second in range(seconds):
        fade_db = 0.98 * fade_db + float(rng.normal(0.0, 0.15))
        on = Second(fade_db=fade_db, offset_hz=warm_hz * float(np.exp(-second / 40.0)))
        on.rds = second >= 2
        on_air.append(on)
    for name, each_s, longest_s, change in _EVENTS:
        if (name == "no RDS" and not station.rds) or (name == "no pilot" and not station.stereo):
            continue
        for _ in range(int(rng.poisson(seconds / each_s))):
            events[name] += 1
            first = int(rng.integers(seconds))
            depth_db = float(rng.uniform(3.0, 8.0))
            for on in on_air[first : first + int(rng.integers(1, longest_s + 1))]:
                change(on, depth_db)
    return on_air


def _fades(on: Second, depth_db: float) -> None:
    on.fade_db -= depth_db


def _is_weak(on: Second, _depth_db: float) -> None:
    on.carrier = "weak"


def _no_rds(on: Second, _depth_db: float) -> None:
    on.rds = False


def _no_pilot(on: Second, _depth_db: float) -> None:
    on.pilot = False


def _beats(on: Second, _depth_db: float) -> None:
    on.other_carrier = True


def _is_lost(on: Second, _depth_db: float) -> None:
    on.lost = True


# what, once in how many seconds, for how many seconds at most
_EVENTS = (
    ("fades", 300.0, 4, _fades),
    ("power", 2_400.0, 300, _fades),
    ("weak", 600.0, 5, _is_weak),
    ("no RDS", 1_200.0, 60, _no_rds),
    ("no pilot", 2_400.0, 60, _no_pilot),
    ("beats", 600.0, 2, _beats),
    ("lost", 600.0, 3, _is_lost),
)


def hear(sitting: Sitting, programmes: Programmes) -> Heard:
    """Let the watch hear a sitting."""
    pi = "7001" if sitting.station.rds else None
    station = Station(id="own", frequency_hz=60.4e6, pi=pi)
    ear = WatchedStation(station, sitting.schedule, programmes.references)
    alarms, right, inconclusive, silent_s = [], 0, 0, 0
    for second, on in enumerate(sitting.seconds):
        part = sitting.sound[second * RATE_HZ : (second + 1) * RATE_HZ]
        on.bare = bool(np.max(np.abs(part)) < 1e-3)
        if not on.lost:
            heard = sitting.station.sound(part, muted=False)
            ear.audio(second * RATE_HZ, heard[:, None])
        verdict = ear.judge(sitting.station.record(second, on))
        inconclusive += verdict.finding == "inconclusive"
        silent_s = silent_s + 1 if on.bare else 0
        if verdict.raised and is_right(verdict, silent_s):
            right += 1
        elif verdict.raised:
            alarms.append(verdict)
    return Heard(sitting, tuple(alarms), right, inconclusive)


def is_right(verdict: Verdict, silent_s: int) -> bool:
    """Tell whether an alarm is due: some prompts of the corpus are silent for ten seconds."""
    return verdict.state == "no_audio" and silent_s >= SILENCE_S


def hear_weeks(
    programmes: Programmes, wanted_s: int, seed: int, sitting_s: int = SITTING_S, first: int = 0
) -> Iterator[Heard]:
    """Yield sittings from number `first` on, until `wanted_s` seconds were heard."""
    for number in range(first, first + -(-wanted_s // sitting_s)):
        yield hear(make_sitting(number, programmes, seed, sitting_s), programmes)


def table(heard: Sequence[Heard], cpu_s: float) -> list[str]:
    """Return what was heard as a table."""
    seconds = sum(len(one.sitting.seconds) for one in heard)
    weeks = seconds / STATION_WEEK_S
    alarms = sum(len(one.alarms) for one in heard)
    unheard = sum(one.inconclusive for one in heard)
    right = sum(one.right for one in heard)
    # Poisson, 95 % one-sided: 3.0 for none, 4.74 for one, about n + 1.645 √n + 1.7 for more.
    bound = RULE_OF_THREE if alarms == 0 else alarms + 1.645 * np.sqrt(alarms) + 1.7
    return [
        "| seconds | weeks | inconclusive | right alarms | false | a week, below | × real time |",
        "|---|---|---|---|---|---|---|",
        (
            f"| {seconds} | {weeks:.3f} | {100 * unheard / seconds:.1f} % "
            f"| {right} | {alarms} | {bound / weeks:.1f} | {seconds / cpu_s:.0f} |"
        ),
    ]


def _clock(minute: int) -> str:
    """Return a time of the day; the reception begins at 22:00."""
    minute += 22 * 60
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def main() -> int:
    """Run the campaign; 1 if anything was told or it was too short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int, nargs="?", default=LEAST_S)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first sitting")
    parser.add_argument("--set", choices=SETS, default=SETS[1], dest="which")
    given = parser.parse_args()
    programmes = Programmes.of_corpus(given.which)
    began_s, heard = time.process_time(), []
    try:
        for one in hear_weeks(programmes, given.seconds, given.seed, first=given.first):
            heard.append(replace(one, sitting=_without_sound(one.sitting)))
            for verdict in one.alarms:
                told = verdict.second, verdict.finding, verdict.detail, one.sitting.what
                print(one.sitting.number, *told, file=sys.stderr, flush=True)
    finally:
        if heard:
            print("\n".join(table(heard, time.process_time() - began_s)), flush=True)
    seconds = sum(len(one.sitting.seconds) for one in heard)
    return 1 if any(one.alarms for one in heard) or seconds < given.seconds else 0


def _without_sound(sitting: Sitting) -> Sitting:
    sitting.sound = sitting.sound[:0].copy()
    return sitting


if __name__ == "__main__":
    sys.exit(main())

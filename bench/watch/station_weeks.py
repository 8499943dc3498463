"""Weeks of stations at which nothing is wrong, and the alarms that are told all the same.

    python -m bench.watch.station_weeks [SECONDS] [--seed 1] [--set "held out"] [--results FILE …]

With `--results` every sitting is written as it is done and what a file has is not run again, so
that a campaign can be stopped, gone on with, and shared among processes (`--first`, a file each);
`--sum` adds files up.

Accelerated: stations are received in brief (`bench.watch.brief_station` says what is bypassed), a
sitting of `SITTING_S` after another: the transmitter comes up before its slot, plays what is due,
and goes off; now and then between two slots too, to come back cold. What real stations do without
being at fault is in it, more of it than they do: warm up, fade, come and go by 8 dB for seconds,
lose RDS or pilot or both for a while, change their power, read another frequency with every voice,
pass through a narrow line or a wrong emphasis, falter for half a second, go back or jump in a
bulletin; and the receiver loses samples and meets weak seconds and beats of far carriers. Slots are
with a reference, for anything (live speech, music, bulletins unknown), or there is no schedule at
all. What is silent for nine seconds, and a station without a schedule that is off, are told by
right.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import scipy.signal

from bench.watch.brief_station import START, BriefStation, Second
from bench.watch.programmes import RATE_HZ, SETS, Programmes, Sound
from ingest.receiver.stations import Slot, Station
from ingest.watch.dead_air import OFF_AIR_S, SILENCE_S
from ingest.watch.schedule import Schedule
from ingest.watch.verdict import Verdict
from ingest.watch.watched_station import WatchedStation

STATION_WEEK_S = 7 * 86_400
LEAST_S = 1_800_000
SITTING_S = 600
RULE_OF_THREE = 3.0  # none seen: below 3 / n with 95 %
_BARE_S = 8  # the carrier is up so long before anything is played
_PAUSE_S = 120.0  # between two slots, of which the transmitter is off for some time
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
    begins_s, off_s = [0.0], []
    while at_s < seconds:
        if slots and rng.random() < 0.2:
            events["pause"] += 1
            pieces.append(_filler(programmes, fillers, _PAUSE_S, rng))
            off_s.append(at_s + np.sort(rng.uniform(2.0, _PAUSE_S - 2.0, 2)))
            begins_s.append(at_s)
            at_s += _PAUSE_S
        name = names[len(slots) % len(names)]
        late = np.zeros(round(rng.uniform(0.0, 5.0) * RATE_HZ), np.float32)
        part = np.concatenate([late, played(programmes.sounds[name], rng, events)])
        minutes = int(np.ceil((len(part) / RATE_HZ + 1.0) / 60.0))
        left_s = 60.0 * minutes - len(part) / RATE_HZ
        begins_s += [at_s, at_s + len(part) / RATE_HZ]
        slots.append((round(at_s / 60), round(at_s / 60) + minutes, name))
        pieces += [part, _filler(programmes, fillers, left_s, rng)]
        at_s += 60.0 * minutes
    sound = np.concatenate(pieces)[: seconds * RATE_HZ]
    sound = heard_as(sound, rng)
    if what != "reference":
        slots = [(0, seconds // 60 + 2, "")] if what == "anything" else []
    schedule = Schedule(tuple(Slot(_clock(a), _clock(b), reference=r) for a, b, r in slots))
    on_air = _channel(seconds, rng, station, events)
    for place, begin_s in enumerate(begins_s):
        for on in on_air[int(begin_s) :]:
            on.programme = place
    for first_s, last_s in off_s:
        _goes_off(on_air, first_s, last_s, rng)
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


def _goes_off(
    on_air: list[Second], first_s: float, last_s: float, rng: np.random.Generator
) -> None:
    """Switch the transmitter off for a while; it comes back cold, and its RDS after two seconds."""
    first, last = int(first_s), int(last_s)
    cold_hz = float(rng.normal(0.0, 150.0)) * -float(np.expm1(-(last - first) / 300.0))
    for second, on in enumerate(on_air[first:], start=first):
        if second <= last:
            on.carrier = "turns" if second in (first, last) else "off"
            continue
        on.rds = on.rds and second > last + 1
        on.offset_hz += cold_hz * float(np.exp(-(second - last) / 40.0))


def _fades(on: Second, depth_db: float) -> None:
    on.fade_db -= depth_db


def _is_weak(on: Second, _depth_db: float) -> None:
    on.carrier = "weak"


def _no_rds(on: Second, _depth_db: float) -> None:
    on.rds = False


def _no_pilot(on: Second, _depth_db: float) -> None:
    on.pilot = False


def _no_coder(on: Second, _depth_db: float) -> None:
    on.rds = on.pilot = False


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
    ("no coder", 2_400.0, 60, _no_coder),
    ("beats", 600.0, 2, _beats),
    ("lost", 600.0, 3, _is_lost),
)


def hear(sitting: Sitting, programmes: Programmes) -> Heard:
    """Let the watch hear a sitting."""
    pi = "7001" if sitting.station.rds else None
    station = Station(id="own", frequency_hz=60.4e6, pi=pi)
    ear = WatchedStation(station, sitting.schedule, programmes.references)
    alarms, right, inconclusive, silent_s, off_s = [], 0, 0, 0, 0
    for second, on in enumerate(sitting.seconds):
        part = sitting.sound[second * RATE_HZ : (second + 1) * RATE_HZ]
        on.bare = bool(np.max(np.abs(part)) < 1e-3)
        if not on.lost:
            on_air = on.carrier in ("own", "weak")
            heard = sitting.station.sound(part * np.float32(on_air), muted=not on_air)
            ear.audio(second * RATE_HZ, heard[:, None])
        verdict = ear.judge(sitting.station.record(second, on))
        inconclusive += verdict.finding == "inconclusive"
        silent_s = silent_s + 1 if on.bare else 0
        off_s = off_s + 1 if on.carrier in ("off", "turns") else 0
        due = sitting.schedule.due(START + timedelta(seconds=second))
        wanted = bool(due) or not sitting.schedule.known
        if verdict.raised and is_right(verdict, silent_s, off_s if wanted else 0):
            right += 1
        elif verdict.raised:
            alarms.append(verdict)
    return Heard(sitting, tuple(alarms), right, inconclusive)


def is_right(verdict: Verdict, silent_s: int, off_s: int = 0) -> bool:
    """Tell whether an alarm is due: some prompts of the corpus are silent for ten seconds."""
    silent = verdict.state == "no_audio" and silent_s >= SILENCE_S
    return silent or (verdict.state == "off_air" and off_s >= OFF_AIR_S)


def hear_weeks(
    programmes: Programmes, wanted_s: int, seed: int, sitting_s: int = SITTING_S, first: int = 0
) -> Iterator[Heard]:
    """Yield sittings from number `first` on, until `wanted_s` seconds were heard."""
    for number in range(first, first + -(-wanted_s // sitting_s)):
        yield hear(make_sitting(number, programmes, seed, sitting_s), programmes)


@dataclass(frozen=True)
class Line:
    """What is kept of a sitting: a line of a results file."""

    which: str
    seed: int
    number: int
    what: str
    seconds: int
    right: int
    inconclusive: int
    cpu_s: float
    alarms: tuple[tuple[int, str, str], ...]  # second, finding, why

    @classmethod
    def of(cls, heard: Heard, which: str, seed: int, cpu_s: float) -> Line:
        """Return the line of a sitting."""
        sitting = heard.sitting
        told = tuple((v.second, v.finding, v.detail) for v in heard.alarms)
        numbers = sitting.number, sitting.what, len(sitting.seconds), heard.right
        return cls(which, seed, *numbers, heard.inconclusive, round(cpu_s, 3), told)


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a results file; the last one may have been cut off."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            made = json.loads(text)
            lines.append(Line(**{**made, "alarms": tuple(tuple(told) for told in made["alarms"])}))
    return lines


def table(lines: Sequence[Line]) -> list[str]:
    """Return what was heard as a table."""
    seconds = sum(line.seconds for line in lines)
    weeks = seconds / STATION_WEEK_S
    alarms = sum(len(line.alarms) for line in lines)
    unheard = sum(line.inconclusive for line in lines)
    right = sum(line.right for line in lines)
    cpu_s = sum(line.cpu_s for line in lines)
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
    parser.add_argument("--results", type=Path, nargs="+", help="files to go on with, or to sum up")
    parser.add_argument("--sum", action="store_true", help="run nothing, add up the results")
    given = parser.parse_args()
    lines = [line for path in given.results or [] for line in read_lines(path)]
    try:
        if not given.sum:
            lines += _run(given, {(k.which, k.seed, k.number) for k in lines})
    finally:
        if lines:
            print("\n".join(table(lines)), flush=True)
    seconds = sum(line.seconds for line in lines)
    return 1 if any(line.alarms for line in lines) or seconds < given.seconds else 0


def _run(given: argparse.Namespace, done: set[tuple[str, int, int]]) -> Iterator[Line]:
    """Yield the sittings that are not done, and write each to the first results file."""
    programmes = Programmes.of_corpus(given.which)
    for number in range(given.first, given.first + -(-given.seconds // SITTING_S)):
        if (given.which, given.seed, number) in done:
            continue
        began_s = time.process_time()
        heard = hear(make_sitting(number, programmes, given.seed, SITTING_S), programmes)
        line = Line.of(heard, given.which, given.seed, time.process_time() - began_s)
        for told in line.alarms:
            print(number, *told, line.what, file=sys.stderr, flush=True)
        if given.results:
            with given.results[0].open("a") as out:
                out.write(json.dumps(asdict(line)) + "\n")
        yield line


if __name__ == "__main__":
    sys.exit(main())

"""Ten minutes of a station at which nothing is wrong: what it sends, what is due, what is told.

The transmitter comes up before its slot, plays what is due, and goes off; now and then between two
slots too. A programme passes through a narrow line or a wrong emphasis; the player falters for
half a second, goes back or jumps within a bulletin. Slots are with a reference, for anything (live
speech, music, bulletins unknown), or there is no schedule at all. What is silent for nine seconds,
and a station without a schedule that is off, are told by right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import scipy.signal

from bench.watch.brief_station import START, BriefStation, Second
from bench.watch.own_carrier import carrier_of, goes_off
from bench.watch.programmes import RATE_HZ, Programmes, Sound
from ingest.receiver.stations import Slot, Station
from ingest.watch.dead_air import OFF_AIR_S, SILENCE_S
from ingest.watch.schedule import Schedule
from ingest.watch.verdict import Verdict
from ingest.watch.watched_station import WatchedStation

_BARE_S = 8  # the carrier is up so long before anything is played
_LEAD_S = 60.0  # and so long before the first slot
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


@dataclass
class _Tape:
    """What a station plays, piece by piece, and when: `begins_s` of each programme."""

    pieces: list[Sound]
    slots: list[tuple[int, int, str]] = field(default_factory=list)  # minutes, reference
    begins_s: list[float] = field(default_factory=lambda: [0.0])
    off_s: list[tuple[float, float]] = field(default_factory=list)
    at_s: float = _LEAD_S


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
    events: Counter[str] = Counter()
    tape = _record(programmes, _names(programmes, what, rng), seconds, events, rng)
    sound = heard_as(np.concatenate(tape.pieces)[: seconds * RATE_HZ], rng)
    slots = tape.slots
    if what != "reference":
        slots = [(0, seconds // 60 + 2, "")] if what == "anything" else []
    schedule = Schedule(tuple(Slot(_clock(a), _clock(b), reference=r) for a, b, r in slots))
    on_air = carrier_of(seconds, rng, station, events)
    for place, begin_s in enumerate(tape.begins_s):
        for on in on_air[int(begin_s) :]:
            on.programme = place
    for first_s, last_s in tape.off_s:
        goes_off(on_air, first_s, last_s, rng)
    return Sitting(number, schedule, sound, on_air, station, what, events)


def _names(programmes: Programmes, what: str, rng: np.random.Generator) -> list[str]:
    """Return what is played in slots: references, or first what is none."""
    names = list(programmes.names)
    rng.shuffle(names)
    known = what == "reference" or (what == "no schedule" and rng.random() < 0.5)
    return names if known else [*rng.permutation(_strangers(programmes)), *names]


def _strangers(programmes: Programmes) -> list[str]:
    return [n for n in programmes.sounds if n not in programmes.references.bands]


def _record(
    programmes: Programmes,
    names: Sequence[str],
    seconds: int,
    events: Counter[str],
    rng: np.random.Generator,
) -> _Tape:
    """Return slot after slot of `names`, what fills the rest, and pauses here and there."""
    fillers = _strangers(programmes)
    tape = _Tape([_filler(programmes, fillers, _LEAD_S, rng)])
    tape.pieces[0][: _BARE_S * RATE_HZ] = 0.0
    while tape.at_s < seconds:
        if tape.slots and rng.random() < 0.2:
            events["pause"] += 1
            tape.pieces.append(_filler(programmes, fillers, _PAUSE_S, rng))
            first_s, last_s = tape.at_s + np.sort(rng.uniform(2.0, _PAUSE_S - 2.0, 2))
            tape.off_s.append((float(first_s), float(last_s)))
            tape.begins_s.append(tape.at_s)
            tape.at_s += _PAUSE_S
        name = names[len(tape.slots) % len(names)]
        late = np.zeros(round(rng.uniform(0.0, 5.0) * RATE_HZ), np.float32)
        part = np.concatenate([late, played(programmes.sounds[name], rng, events)])
        part_s = len(part) / RATE_HZ
        minutes = int(np.ceil((part_s + 1.0) / 60.0))
        tape.begins_s += [tape.at_s, tape.at_s + part_s]
        begin = round(tape.at_s / 60)
        tape.slots.append((begin, begin + minutes, name))
        tape.pieces += [part, _filler(programmes, fillers, 60.0 * minutes - part_s, rng)]
        tape.at_s += 60.0 * minutes
    return tape


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


def _clock(minute: int) -> str:
    """Return a time of the day; the reception begins at 22:00."""
    minute += 22 * 60
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"

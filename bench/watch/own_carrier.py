"""The carrier of a station at which nothing is wrong, and what befalls it all the same.

It warms up, fades slowly, comes and goes by 8 dB for seconds, changes its power, loses RDS or pilot
or both for a while, and is switched off between slots to come back cold; the receiver loses samples
and meets weak seconds and beats of far carriers. More of it than real stations have.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from bench.watch.brief_station import BriefStation, Second


def carrier_of(
    seconds: int, rng: np.random.Generator, station: BriefStation, events: Counter[str]
) -> list[Second]:
    """Return the carrier of a sitting, second by second; what befalls it is counted in `events`."""
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


def goes_off(on_air: list[Second], first_s: float, last_s: float, rng: np.random.Generator) -> None:
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

"""What no single key of a scene can tell: channels, files, times and faults that fit together."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.errors import Refusal
from dsp.modulate.propagation import MAX_RAYS
from ingest.fm_profile import load_fm_profile
from ingest.scene import scene as scenes
from ingest.scene.faults import EFFECTS, Fault, contradiction
from ingest.scene.rds import rds_content, said_twice
from ingest.scene.scene import CHANNEL_HALF_HZ, READER, Scene, Station

if TYPE_CHECKING:
    from dsp.fm.profiles import FmProfile
    from ingest.scene.scene import (
        Capture,
        DongleTable,
        FaultTable,
        OnAir,
        SceneTable,
        StationTable,
    )

_NAME = re.compile(r"[\w.-]+")
_DIGITS = re.compile(r"[0-9A-D*#]+")
_MOST_PPM = 200.0
_CARRIERS_SHARE = 0.9
_MOST_WRONG = 0.5  # of the bits: more than that is fewer wrong ones, inverted


def checked_scene(table: SceneTable, digest: str, folder: Path) -> Scene:
    """Return the scene with every default filled in; raise Refusal for what cannot be."""
    capture = table.capture
    _check_dongle(table.dongle, capture)
    if len(table.station) > scenes.MOST_STATIONS:
        expected = f"at most {scenes.MOST_STATIONS} of them"
        raise READER.bad_value("station", expected, repr(len(table.station)))
    stations: list[Station] = []
    for index, entry in enumerate(table.station):
        where = f"station {entry.id!r}" if _NAME.fullmatch(entry.id) else f"station[{index}]"
        if where.startswith("station["):
            raise READER.bad_value(f"{where}.id", "letters, digits, . _ -", repr(entry.id))
        if any(entry.id == other.id for other in stations):
            raise READER.bad_value(
                f"{where}.id", "a name that no other station has", repr(entry.id)
            )
        stations.append(_Checker(where, entry, capture, folder).station())
    return Scene(capture, table.dongle, tuple(stations), digest, folder)


def _check_dongle(dongle: DongleTable, capture: Capture) -> None:
    warmed = dongle.ppm + dongle.ppm_per_min * capture.seconds / 60.0
    if abs(warmed) > _MOST_PPM:
        expected = f"within ±{_MOST_PPM:g} ppm until the end, with ppm {dongle.ppm:g}"
        raise READER.bad_value("dongle.ppm_per_min", expected, repr(dongle.ppm_per_min))
    for name in ("drops", "repeats", "stalls", "gain_steps"):
        events = getattr(dongle, name)
        if len(events) > scenes.MOST_EVENTS:
            raise READER.bad_value(
                f"dongle.{name}", f"at most {scenes.MOST_EVENTS}", repr(len(events))
            )
        for event in events:
            if event.at_s >= capture.seconds:
                expected = f"within 0 … {capture.seconds:g}, the seconds of the capture"
                raise READER.bad_value(f"dongle.{name}.at_s", expected, repr(event.at_s))
        for one, other in pairwise(events):
            if other.at_s < one.at_s:
                expected = f"in order of time, after {one.at_s:g}"
                raise READER.bad_value(f"dongle.{name}.at_s", expected, repr(other.at_s))
    _check_spans(dongle, capture)


def _check_spans(dongle: DongleTable, capture: Capture) -> None:
    """Drops, repeats and stalls end inside the capture; lost samples are not lost twice."""
    for name in ("drops", "repeats", "stalls"):
        for event in getattr(dongle, name):
            room = round((capture.seconds - event.at_s) * capture.rate_hz)
            if event.samples > room:
                expected = f"at most {room}, the samples from {event.at_s:g} s to the end"
                raise READER.bad_value(f"dongle.{name}.samples", expected, repr(event.samples))
            if name == "repeats" and event.samples > round(event.at_s * capture.rate_hz):
                expected = f"at most the samples before {event.at_s:g} s"
                raise READER.bad_value("dongle.repeats.samples", expected, repr(event.samples))
    changed = sorted((*dongle.drops, *dongle.repeats), key=lambda event: event.at_s)
    for one, other in pairwise(changed):
        if other.at_s < one.at_s + one.samples / capture.rate_hz:
            expected = f"no drop or repeat before the one at {one.at_s:g} s ends"
            raise READER.bad_value("dongle.drops.at_s", expected, repr(other.at_s))


class _Checker:
    """Checks one station; `where` names it in every error."""

    def __init__(self, where: str, table: StationTable, capture: Capture, folder: Path) -> None:
        self.where = where
        self.table = table
        self.capture = capture
        self.folder = folder

    def station(self) -> Station:
        """Return the station, or raise Refusal."""
        table = self.table
        self._check_frequency()
        profile = self._profile()
        deviation_hz = table.deviation_hz or profile.rated_deviation_hz
        pilot_hz = table.pilot_hz
        if pilot_hz is None:
            pilot_hz = 0.09 * profile.rated_deviation_hz if table.stereo else 0.0
        self._check_injections(deviation_hz, pilot_hz)
        self._check_texts()
        self._check_rds()
        faults = tuple(self._fault(entry, deviation_hz) for entry in table.fault)
        self._check_faults(faults)
        self._check_channel(deviation_hz, faults)
        return Station(
            table=table,
            rated_hz=profile.rated_deviation_hz,
            pre_emphasis_us=profile.pre_emphasis_us,
            deviation_hz=deviation_hz,
            pilot_hz=pilot_hz,
            audio=tuple(self._file("audio", name) for name in table.audio),
            faults=faults,
            on_air=tuple(self._on_air(span) for span in table.on_air),
        )

    def bad(self, key: str, expected: str, got: object) -> Exception:
        """Return the refusal for `key` of this station."""
        return READER.bad_value(f"{self.where}.{key}", expected, repr(got))

    def _check_frequency(self) -> None:
        frequency_hz, capture = self.table.frequency_hz, self.capture
        bands = (scenes.LOW_BAND_HZ, scenes.HIGH_BAND_HZ)
        if not any(low <= frequency_hz <= high for low, high in bands):
            raise self.bad("frequency_hz", "within 54e6 … 68e6 or 87e6 … 108e6", frequency_hz)
        half_hz = capture.rate_hz / 2 - CHANNEL_HALF_HZ
        low_hz, high_hz = capture.centre_hz - half_hz, capture.centre_hz + half_hz
        if not low_hz <= frequency_hz <= high_hz:
            held = f"within {low_hz:.0f} … {high_hz:.0f}" if half_hz >= 0 else "nothing"
            expected = (
                f"{held}: the channel of ±{CHANNEL_HALF_HZ / 1e3:g} kHz inside a capture of "
                f"{capture.rate_hz} Hz around {capture.centre_hz:.0f}"
            )
            raise self.bad("frequency_hz", expected, frequency_hz)

    def _check_injections(self, deviation_hz: float, pilot_hz: float) -> None:
        table = self.table
        if not table.stereo and table.pilot_hz:
            raise self.bad("pilot_hz", "0 or none without stereo = true", table.pilot_hz)
        most_hz = _CARRIERS_SHARE * deviation_hz
        if pilot_hz + table.rds_hz > most_hz:
            expected = f"pilot and RDS together at most {most_hz:g}, 0.9 of the deviation"
            key = "rds_hz" if table.rds_hz else "pilot_hz"
            raise self.bad(key, expected, pilot_hz + table.rds_hz)
        if table.audio and table.tone_hz is not None:
            raise self.bad("tone_hz", "either audio or tone_hz", table.tone_hz)
        if len(table.multipath) > MAX_RAYS:
            raise self.bad("multipath", f"at most {MAX_RAYS} rays", len(table.multipath))
        if len(table.audio) > scenes.MOST_STATIONS:
            raise self.bad("audio", f"at most {scenes.MOST_STATIONS} files", len(table.audio))

    def _check_texts(self) -> None:
        table = self.table
        if not re.fullmatch(r"[0-9A-Fa-f]{4}", table.pi):
            raise self.bad("pi", "four hexadecimal digits", table.pi)
        for group in table.rds_groups:
            if not re.fullmatch(r"[0-9A-Fa-f]{16}", group):
                raise self.bad("rds_groups", "groups of 16 hexadecimal digits", group)
        for burst in table.dtmf:
            if not _DIGITS.fullmatch(burst.digits):
                raise self.bad("dtmf.digits", "one or more of 0-9 A-D * #", burst.digits)
            if burst.at_s >= self.capture.seconds:
                raise self.bad("dtmf.at_s", f"within 0 … {self.capture.seconds:g}", burst.at_s)
        if len(table.dtmf) > scenes.MOST_EVENTS or len(table.rds_groups) > scenes.MOST_EVENTS:
            raise self.bad("dtmf", f"at most {scenes.MOST_EVENTS} codes", len(table.dtmf))

    def _check_rds(self) -> None:
        """Let the encoder say what cannot be sent; `rds` alone may also stand for later."""
        table = self.table
        if table.rds is not None and (twice := said_twice(table.rds)):
            expected = "no such key: pi, ps, rt, pty, ct and rds_groups are the station's own"
            raise self.bad(f"rds.{twice}", expected, getattr(table.rds, twice))
        try:
            rds_content(replace(table, rds_hz=1.0))
        except Refusal as error:
            if error.kind.startswith("scene."):
                raise
            raise READER.bad_value(f"{self.where} (RDS)", error.expected, error.got) from None

    def _profile(self) -> FmProfile:
        """Return the profile of that name, or of the file beside the scene or here."""
        name = self.table.profile
        beside = (self.folder / name).is_file()
        try:
            return load_fm_profile(name, self.folder if beside else Path())
        except Refusal as error:
            if error.kind != "profile.missing":
                raise
            raise self.bad("profile", error.expected, name) from None

    def _on_air(self, span: OnAir) -> tuple[float, float]:
        if not span.start_s < span.end_s:
            raise self.bad("on_air.end_s", f"more than start_s {span.start_s:g}", span.end_s)
        return span.start_s, span.end_s

    def _file(self, key: str, name: str) -> Path:
        """Return the path of a file named relative to the scene, or to the current folder."""
        for base in (self.folder, Path()):
            path = base / name
            if path.is_file():
                return path
        raise self.bad(key, f"a file, from {self.folder} or the current folder", name)

    def _fault(self, entry: FaultTable, deviation_hz: float) -> Fault:
        key, seconds = f"fault {entry.kind!r}", self.capture.seconds
        end_s = seconds if entry.end_s is None else entry.end_s
        if not entry.start_s < seconds:
            raise self.bad(f"{key}.start_s", f"within 0 … {seconds:g}", entry.start_s)
        if not entry.start_s < end_s <= seconds:
            expected = (
                f"more than start_s {entry.start_s:g}, at most the {seconds:g} of the capture"
            )
            raise self.bad(f"{key}.end_s", expected, end_s)
        effect = EFFECTS[entry.kind]
        value = self._value(entry, deviation_hz)
        if entry.audio is not None and effect.audio is None:
            raise self.bad(f"{key}.audio", "no audio for this kind", entry.audio)
        audio = None if entry.audio is None else str(self._file(f"{key}.audio", entry.audio))
        if effect.needs == "stereo" and not self.table.stereo:
            raise self.bad(f"{key}.kind", "a station with stereo = true", entry.kind)
        if effect.needs == "rds" and not self.table.rds_hz:
            raise self.bad(f"{key}.kind", "a station with rds_hz above 0", entry.kind)
        return Fault(entry.kind, entry.start_s, end_s, value, audio)

    def _value(self, entry: FaultTable, deviation_hz: float) -> float:
        known = EFFECTS[entry.kind].value
        key = f"fault {entry.kind!r}.value"
        if known is None:
            if entry.value is not None:
                raise self.bad(key, "no value for this kind", entry.value)
            return 0.0
        value = entry.value
        if value is None:
            own = {"over_deviation": 1.3 * deviation_hz, "bad_pi": _foreign_pi(self.table.pi)}
            value = own.get(entry.kind, known.default)
            assert value is not None
        # A PI is a whole number; a share of wrong bits lies below 1.
        whole = entry.kind != "bad_pi" or value <= _MOST_WRONG or value == int(value)
        between = entry.kind == "one_channel" and value not in (0.0, 1.0)
        if not known.low <= value <= known.high or not whole or between:
            expected = f"{known.meaning}, {known.low:g} … {known.high:g} {known.unit}".rstrip()
            raise self.bad(key, expected, value)
        return value

    def _check_faults(self, faults: tuple[Fault, ...]) -> None:
        if len(faults) > scenes.MOST_EVENTS // 10:
            raise self.bad("fault", f"at most {scenes.MOST_EVENTS // 10}", len(faults))
        clash = contradiction(faults)
        if clash is not None:
            one, other = clash
            expected = (
                f"{other.kind} apart from {one.kind} at {one.start_s:g} … {one.end_s:g} s, which "
                "it contradicts"
            )
            raise self.bad(f"fault {other.kind!r}.start_s", expected, other.start_s)

    def _check_channel(self, deviation_hz: float, faults: tuple[Fault, ...]) -> None:
        """The carrier with its deviation stays within the channel at all times."""
        table = self.table
        drifted = table.drift_hz_per_min * self.capture.seconds / 60.0
        offset = max(abs(table.offset_hz), abs(table.offset_hz + drifted))
        over = [fault.value for fault in faults if fault.kind == "over_deviation"]
        away = [abs(fault.value) for fault in faults if fault.kind == "drift"]
        reach = max([deviation_hz, *over]) + offset + max([0.0, *away])
        if reach > CHANNEL_HALF_HZ:
            named = ("fault 'over_deviation'.value", max(over)) if over else None
            named = named or (("fault 'drift'.value", max(away)) if away else None)
            key, got = named or ("deviation_hz", deviation_hz)
            expected = (
                f"deviation and carrier offset together within ±{CHANNEL_HALF_HZ / 1e3:g} kHz, "
                f"which is the channel; they reach {reach / 1e3:g}"
            )
            raise self.bad(key, expected, got)


def _foreign_pi(pi: str) -> float:
    """Return the PI with the country nibble of another country (facts: China is C)."""
    try:
        return float(int("C" + pi[1:], 16))
    except ValueError:
        return float(0xC001)

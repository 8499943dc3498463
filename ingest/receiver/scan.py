"""Every station of a band: where carriers stand, what they are, and who they are if anybody knows.

The spectrum says where a carrier may be (`dsp.receive.carrier_search`); receiving each place for
two seconds says whether there is one, on which frequency to some hertz, and what it carries. What
the receiver itself makes is sorted out: the image of a strong station, which lies mirrored at the
centre and is modulated like it, and places that are nothing but the skirt of a neighbour, which
turn out to have their carrier where another place has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import Station, StationList

if TYPE_CHECKING:
    from dsp.receive.carrier_search import Candidate
    from ingest.iq.block import IqSource
    from ingest.receiver.prelude import Prelude

SCAN_S = 2.5
RASTER_HZ = 10_000.0
NAME_REACH_HZ = 30_000.0
LEAST_CN_DB = 8.0
IMAGE_REACH_HZ = 100.0
LEAST_IMAGE_DB = 20.0
_SAME_HZ = 60_000.0
_EDGE_HZ = 40_000.0


@dataclass(frozen=True)
class Carrier:
    """One carrier that was found: the station (named or not) and what was heard of it."""

    station: Station
    known: bool
    carrier_hz: float
    width_hz: float
    heard: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the keys of a scan line of `loa receive`."""
        heard = self.heard
        return {
            "scan": True,
            "station": self.station.id,
            "known": self.known,
            "frequency_hz": self.station.frequency_hz,
            "carrier_hz": round(self.carrier_hz, 1),
            "offset_hz": round(self.carrier_hz - self.station.frequency_hz, 1),
            "level_dbfs": heard["level_dbfs"],
            "cn_db": heard["cn_db"],
            "width_hz": round(self.width_hz),
            "stereo": heard["pilot_hz"] is not None,
            "rds": heard["rds_hz"] is not None or heard["pi"] is not None,
            "pi": heard["pi"],
            "ps": heard["ps"],
            "findings": heard["findings"],
        }


def scan_band(
    prelude: Prelude, source: IqSource, centre_hz: float, known: StationList | None
) -> list[Carrier]:
    """Return the carriers at the start of a capture, in rising frequency.

    Parameters
    ----------
    prelude
        At least a second of the capture, read but not yet received.
    known
        Stations that may be named; one within 30 kHz of a carrier is that carrier's.
    """
    places = [
        place
        for place in prelude.carriers()
        if abs(place.offset_hz) < source.rate_hz / 2 - _EDGE_HZ
    ]
    if not places:
        return []
    receiver = BandReceiver(source, centre_hz, _places_as_stations(places, centre_hz), carriers=[])
    for block in prelude.held:
        receiver.process(block)
    receiver.finish()
    found = [
        (place, heard)
        for place, heard in zip(
            places, [station.summary() for station in receiver.stations], strict=True
        )
        if _is_carrier(heard)
    ]
    kept = _without_images(_without_doubles(found))
    return [_carrier(place, heard, centre_hz, known) for place, heard in kept]


Found = list[tuple["Candidate", dict[str, Any]]]


def _places_as_stations(places: list[Candidate], centre_hz: float) -> StationList:
    """Return a station a place; it is called by its number, its frequency need not be allowed."""
    stations = [
        Station(id=f"place-{number}", frequency_hz=centre_hz + place.offset_hz)
        for number, place in enumerate(places)
    ]
    frequencies = StationList.of_frequencies(())
    return StationList(tuple(stations), frequencies.profiles)


def _is_carrier(heard: dict[str, Any]) -> bool:
    return (
        heard["offset_hz"] is not None
        and heard["cn_db"] is not None
        and heard["cn_db"] >= LEAST_CN_DB
        and "off_air" not in heard["findings"]
    )


def _place_hz(entry: tuple[Candidate, dict[str, Any]]) -> float:
    place, heard = entry
    return float(place.offset_hz + heard["offset_hz"])


def _without_doubles(found: Found) -> Found:
    """Keep the strongest of places that turned out to be one carrier."""
    kept: Found = []
    for entry in sorted(found, key=lambda e: -e[1]["level_dbfs"]):
        if all(abs(_place_hz(entry) - _place_hz(other)) >= _SAME_HZ for other in kept):
            kept.append(entry)
    return sorted(kept, key=_place_hz)


def _without_images(found: Found) -> Found:
    """Leave out what lies mirrored to a station 20 dB stronger, unless it has a PI of its own.

    Two stations that happen to lie so are told apart by their frequency: an image is off by what
    the original is, to the hertz, which raster neighbours with crystals of their own are not.
    """
    kept: Found = []
    for entry in found:
        mirrored = [
            other
            for other in found
            if abs(_place_hz(entry) + _place_hz(other)) < IMAGE_REACH_HZ
            and other[1]["level_dbfs"] - entry[1]["level_dbfs"] > LEAST_IMAGE_DB
            and entry[1]["pi"] in (None, other[1]["pi"])
        ]
        if not mirrored:
            kept.append(entry)
    return kept


def _carrier(
    place: Candidate, heard: dict[str, Any], centre_hz: float, known: StationList | None
) -> Carrier:
    carrier_hz = centre_hz + place.offset_hz + heard["offset_hz"]
    named = [] if known is None else [s for s in known.stations if s.frequency_hz > 0.0]
    named = [s for s in named if abs(s.frequency_hz - carrier_hz) <= NAME_REACH_HZ]
    if named:
        station = min(named, key=lambda s: abs(s.frequency_hz - carrier_hz))
    else:
        station = Station.at(round(carrier_hz / RASTER_HZ) * RASTER_HZ)
    return Carrier(station, bool(named), carrier_hz, place.width_hz, heard)

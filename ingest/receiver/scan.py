"""Every station of a band: where carriers stand, what they are, and who they are if anybody knows.

The spectrum says where a carrier may be (`dsp.receive.front`); receiving each place for two
seconds says whether there is one, on which frequency to some hertz, and what it carries. What
the receiver itself makes is sorted out: the image of a strong station, which lies mirrored at the
centre and is modulated like it, and places that are nothing but the skirt of a neighbour, which
turn out to have their carrier where another place has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.errors import Refusal
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import HIGHEST_HZ, LOWEST_HZ, Station, StationList

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.receive.front.carrier_search import Candidate
    from ingest.iq.block import IqSource
    from ingest.receiver.prelude import Prelude

SCAN_S = 2.5
RASTER_HZ = 10_000.0
NAME_REACH_HZ = 30_000.0
LEAST_CN_DB = 8.0
IMAGE_REACH_HZ = 500.0
LEAST_IMAGE_DB = 15.0
LEAST_LIKENESS = 0.5
SNIPPET_SAMPLES = 144_000  # half a second
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

    Raises
    ------
    Refusal
        "receive.outside" for a capture that lies wholly outside of where stations are,
        "receive.too_short" for less than a second of it.
    """
    reach_hz = source.rate_hz / 2 - _EDGE_HZ
    if not LOWEST_HZ - reach_hz < centre_hz < HIGHEST_HZ + reach_hz:
        raise Refusal(
            "receive.outside",
            expected=f"a capture within {LOWEST_HZ / 1e6:.0f} … {HIGHEST_HZ / 1e6:.0f} MHz",
            got=f"one around {centre_hz / 1e6:.3f} MHz",
            advice="--centre-mhz, if the recording does not say it rightly",
        )
    _require_a_second(prelude)
    places = [
        place
        for place in prelude.carriers()
        if abs(place.offset_hz) < reach_hz
        and LOWEST_HZ <= centre_hz + place.offset_hz <= HIGHEST_HZ
    ]
    if not places:
        return []
    listed = _places_as_stations(places, centre_hz)
    snippets = {station.id: Snippet() for station in listed.stations}
    receiver = BandReceiver(source, centre_hz, listed, carriers=[], sinks=snippets)
    for block in prelude.held:
        receiver.process(block)
    receiver.finish()
    heard = [
        Heard(place, summary, snippets[summary["station"]])
        for place, summary in zip(places, receiver.summaries(), strict=True)
        if _is_carrier(summary)
    ]
    kept = _without_images(_without_doubles(heard))
    return [_carrier(entry, centre_hz, known) for entry in kept]


def _require_a_second(prelude: Prelude) -> None:
    """Refuse what no figure can be told of: "no carrier" would be no answer."""
    seconds = sum(block.count for block in prelude.held) / prelude.rate_hz
    if seconds < 1.0:
        raise Refusal(
            "receive.too_short",
            expected="at least a second of capture to scan",
            got=f"{seconds:.2f} s",
            advice="a longer recording: figures are told of whole seconds",
        )


class Snippet:
    """Keeps the first moments of a composite; a `StationSink`."""

    wants_audio = False
    wants_composite = True

    def __init__(self) -> None:
        """Begin with nothing."""
        self._parts: list[npt.NDArray[np.float32]] = []
        self._count = 0

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        """Take no audio."""

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Keep what is still wanted; what comes after a gap is left out."""
        if index == self._count < SNIPPET_SAMPLES:
            self._parts.append(samples[: SNIPPET_SAMPLES - self._count].copy())
            self._count += len(self._parts[-1])

    def samples(self) -> npt.NDArray[np.float32]:
        """Return what was kept."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)


@dataclass(frozen=True)
class Heard:
    """A place and what was received there."""

    place: Candidate
    summary: dict[str, Any]
    snippet: Snippet

    @property
    def offset_hz(self) -> float:
        """Where the carrier is, from the centre of the capture."""
        return float(self.place.offset_hz + self.summary["offset_hz"])


Found = list[Heard]


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


def _without_doubles(found: Found) -> Found:
    """Keep the strongest of places that turned out to be one carrier."""
    kept: Found = []
    for entry in sorted(found, key=lambda e: -e.summary["level_dbfs"]):
        if all(abs(entry.offset_hz - other.offset_hz) >= _SAME_HZ for other in kept):
            kept.append(entry)
    return sorted(kept, key=lambda e: e.offset_hz)


def _without_images(found: Found) -> Found:
    """Leave out what lies mirrored to a station 20 dB stronger and is modulated as it is.

    A mirrored frequency alone proves nothing: stations on a raster lie so all the time. The image
    of a carrier runs backwards, its composite is the original's with the sign turned.
    """
    return [
        entry
        for entry in found
        if not any(_is_image(entry, other) for other in found if other is not entry)
    ]


def _is_image(entry: Heard, other: Heard) -> bool:
    if abs(entry.offset_hz + other.offset_hz) > IMAGE_REACH_HZ:
        return False
    if other.summary["level_dbfs"] - entry.summary["level_dbfs"] < LEAST_IMAGE_DB:
        return False
    a, b = entry.snippet.samples(), other.snippet.samples()
    length = min(len(a), len(b))
    if not length:
        return False
    a, b = a[:length] - a[:length].mean(), b[:length] - b[:length].mean()
    size = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return size > 0.0 and float(np.dot(a, b)) / size < -LEAST_LIKENESS


def _carrier(entry: Heard, centre_hz: float, known: StationList | None) -> Carrier:
    carrier_hz = centre_hz + entry.offset_hz
    named = [] if known is None else [s for s in known.stations if s.frequency_hz > 0.0]
    named = [s for s in named if abs(s.frequency_hz - carrier_hz) <= NAME_REACH_HZ]
    if named:
        station = min(named, key=lambda s: abs(s.frequency_hz - carrier_hz))
    else:
        station = Station.at(round(carrier_hz / RASTER_HZ) * RASTER_HZ)
    return Carrier(station, bool(named), carrier_hz, entry.place.width_hz, entry.summary)

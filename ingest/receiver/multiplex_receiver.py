"""The receiver of a ready multiplex (`mpx:`): no radio, so no level and no carrier offset.

The occupied bandwidth and the mask are those of the carrier that an ideal modulator would make of
it. C/N is what its own noise above the signal would be as noise beside a carrier.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.fm.constants import FULL_SCALE_HZ, RECEIVE_RATE_HZ
from ingest.receiver.gaps import Gaps
from ingest.receiver.station_receiver import Listening, StationReceiver

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.iq.multiplex_source import MultiplexBlock
    from ingest.receiver.station_receiver import StationSink
    from ingest.receiver.stations import Station, StationList

NO_RADIO = "a ready multiplex has no carrier"
_CARRIER_KEYS = ("level_dbfs", "offset_hz", "offset_ppm", "multipath_share", "co_channel_share")
_RAD_PER_SAMPLE = 2.0 * np.pi * FULL_SCALE_HZ / RECEIVE_RATE_HZ


class IdealModulator:
    """Makes a carrier of a composite at 288 kHz; the phase is kept in float64, modulo a turn."""

    def __init__(self) -> None:
        """Begin at phase 0."""
        self._phase = 0.0

    def process(self, composite: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
        """Return complex64 (n,) of size 1 for float32 (n,), 1.0 = 100 kHz."""
        phase = self._phase + np.cumsum(composite, dtype=np.float64) * _RAD_PER_SAMPLE
        if len(phase):
            self._phase = float(phase[-1]) % (2.0 * np.pi)
        carrier: npt.NDArray[np.complex64] = np.exp(1j * phase).astype(np.complex64)
        return carrier


class MultiplexReceiver:
    """Receives the one station of a multiplex; the interface is that of `BandReceiver`."""

    waterfall = None

    def __init__(
        self, stations: StationList, station: Station, *, sink: StationSink | None = None
    ) -> None:
        self._gaps = Gaps(RECEIVE_RATE_HZ)
        self._modulator = IdealModulator()
        listening = Listening(
            profile=stations.profile_of(station),
            half_width_hz=RECEIVE_RATE_HZ / 2 - 14_000.0,
            moment=self.moment,
            gaps=self._gaps,
            reference_ppm=0.0,
        )
        self.stations = [StationReceiver(station, listening, sink=sink)]
        self._end = 0
        self._anchor: tuple[int, datetime] | None = None

    def moment(self, second: float) -> datetime:
        """Return the time of a moment of the multiplex, in seconds since its first sample."""
        assert self._anchor is not None
        index, time_utc = self._anchor
        return time_utc + timedelta(seconds=second - index / RECEIVE_RATE_HZ)

    def process(self, block: MultiplexBlock) -> list[dict[str, Any]]:
        """Take the next block; return the records that it completes."""
        (station,) = self.stations
        records: list[dict[str, Any]] = []
        if block.index != self._end:
            self._gaps.add(self._end, block.index)
            records = station.skip_to(block.index)
        self._anchor = (block.index, block.time_utc)
        self._end = block.index + len(block.samples)
        iq = self._modulator.process(block.samples)
        records += station.process_composite(block.index, block.samples, iq)
        return [without_carrier(record) for record in records]

    def finish(self) -> list[dict[str, Any]]:
        """Return the records of what is left."""
        if self._anchor is None:
            return []
        return [without_carrier(record) for record in self.stations[0].finish()]

    def summaries(self) -> list[dict[str, Any]]:
        """Return the closing line."""
        return [without_carrier(station.summary()) for station in self.stations]

    @property
    def seconds(self) -> float:
        """Length of the multiplex so far."""
        return self._end / RECEIVE_RATE_HZ


def without_carrier(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record in which nothing is said of a carrier that is not there."""
    named = dict.fromkeys(_CARRIER_KEYS, NO_RADIO)
    return {
        **record,
        **dict.fromkeys(_CARRIER_KEYS),
        "u": {key: value for key, value in record["u"].items() if key not in named},
        "invalid": record["invalid"] | named,
    }

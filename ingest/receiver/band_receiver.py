"""The receiver of a whole band: blocks of a capture in, a record of every station each second out.

One channelizer serves all stations. Its channels have no delay: sample k of a station is the moment
k / 288 000 s of the capture. Where samples are missing the stretch ends, every station is told, and
a new one begins where the capture goes on; nothing is put into the hole.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from dsp.fm.constants import RECEIVE_RATE_HZ
from dsp.receive.front.channel_plan import fitting_half_width_hz
from dsp.receive.front.channelizer import Channelizer
from dsp.receive.station_meters import NARROWED
from ingest.receiver.gaps import Gaps
from ingest.receiver.prelude import half_widths_hz
from ingest.receiver.station_receiver import Listening, StationReceiver
from ingest.receiver.waterfall import Waterfall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsp.receive.front.carrier_search import Candidate
    from ingest.iq.block import IqBlock, IqSource
    from ingest.receiver.station_receiver import StationSink
    from ingest.receiver.stations import StationList

MOST_MISSING_S = 86_400.0
EDGE = "edge of the capture closer than 160 kHz: filter narrowed"


class BandReceiver:
    """Receives the stations of a list from the blocks of a source.

    Parameters
    ----------
    source
        For its rate, centre and full scale; its blocks are given to `process` by the caller.
    stations
        Who is received; those whose carrier is no radio are left out.
    carriers
        What a look at the capture found: neighbours narrow a channel, named or not.
    sinks
        Who takes audio and multiplex of a station, by its id.

    Raises
    ------
    Refusal
        "receive.outside" for a station outside the capture.
    """

    def __init__(
        self,
        source: IqSource,
        centre_hz: float,
        stations: StationList,
        *,
        carriers: list[Candidate],
        sinks: Mapping[str, StationSink] | None = None,
    ) -> None:
        self.rate_hz = source.rate_hz
        self.waterfall = Waterfall(source.rate_hz)
        heard = [s for s in stations.stations if s.frequency_hz > 0.0 and s.carrier == "fm"]
        offsets = [station.frequency_hz - centre_hz for station in heard]
        widths = half_widths_hz(offsets, carriers)
        self._channelizer = _channelizer(source.rate_hz, centre_hz, offsets, widths)
        self._gaps = Gaps(source.rate_hz)
        self.stations = [
            StationReceiver(
                station,
                Listening(
                    profile=stations.profile_of(station),
                    half_width_hz=width,
                    moment=self.moment,
                    gaps=self._gaps,
                    narrowed=EDGE if width < wanted else NARROWED,
                ),
                sink=(sinks or {}).get(station.id),
            )
            for station, wanted, width in zip(
                heard, widths, self._channelizer.half_widths_hz, strict=True
            )
        ]
        self._origin: int | None = None
        self._end = 0
        self._anchor: tuple[int, datetime] | None = None

    def moment(self, second: float) -> datetime:
        """Return the time of a moment of the capture, in seconds since its first sample."""
        assert self._anchor is not None
        index, time_utc = self._anchor
        return time_utc + timedelta(seconds=second - index / self.rate_hz)

    def process(self, block: IqBlock) -> list[dict[str, Any]]:
        """Take the next block; return the records that it completes, oldest first."""
        if self._origin is None:
            self._origin = block.index
        index = block.index - self._origin
        records: list[dict[str, Any]] = []
        if index != self._end:
            records = self._bridge(index)
        self._anchor = (index, block.time_utc)
        first = self._channelizer.output_index
        channels = self._channelizer.process(block.samples)
        self._end = index + block.count
        records += self._give(first, channels)
        for frame in self._channelizer.take_spectra():
            self.waterfall.add(frame)
        return sorted(records, key=lambda record: record["second"])

    def finish(self) -> list[dict[str, Any]]:
        """Return the records of what is left; the capture ends here."""
        if self._anchor is None:
            return []
        records = self._give(self._channelizer.output_index, self._channelizer.flush())
        for station in self.stations:
            records += station.finish()
        return sorted(records, key=lambda record: record["second"])

    def summaries(self) -> list[dict[str, Any]]:
        """Return the closing line of every station; after `finish`."""
        return [station.summary() for station in self.stations]

    @property
    def seconds(self) -> float:
        """Length of the capture so far, the missing included."""
        return self._end / self.rate_hz

    def _give(self, first: int, channels: Any) -> list[dict[str, Any]]:
        records = []
        for station, channel in zip(self.stations, channels, strict=True):
            records += station.process(first, channel)
        return records

    def _bridge(self, index: int) -> list[dict[str, Any]]:
        """End the stretch and begin another at `index`."""
        if index < self._end or index - self._end > MOST_MISSING_S * self.rate_hz:
            raise AssertionError(f"a source whose samples go from {self._end} to {index}")
        records = self._give(self._channelizer.output_index, self._channelizer.flush())
        self._gaps.add(self._end, index)
        self._channelizer.resume(index)
        begin = -(-index * RECEIVE_RATE_HZ // self.rate_hz)
        for station in self.stations:
            records += station.skip_to(begin)
        return records


def _channelizer(
    rate_hz: int, centre_hz: float, offsets_hz: list[float], widths_hz: list[float]
) -> Channelizer:
    """Build the channelizer, or say which station does not fit."""
    if not offsets_hz:
        raise Refusal(
            "receive.no_station",
            expected="a station on FM",
            got="none",
            advice="--frequency-mhz 96.4, or --scan",
        )
    for offset, width in zip(offsets_hz, widths_hz, strict=True):
        try:
            fitting_half_width_hz(rate_hz, offset, width)
        except ValueError as error:
            raise Refusal(
                "receive.outside",
                expected=(
                    f"stations within {(centre_hz - rate_hz / 2) / 1e6:.3f} … "
                    f"{(centre_hz + rate_hz / 2) / 1e6:.3f} MHz, clear of the edges"
                ),
                got=f"{(centre_hz + offset) / 1e6:.3f} MHz",
                advice="another --centre-mhz, or leaving that station out",
            ) from error
    return Channelizer(rate_hz, offsets_hz, half_width_hz=widths_hz)

"""One reception: a source, the receiver that fits it, and where its results go.

Blocks come from the source, records go to the table or to stdout as they are made, audio and
multiplex to their files. Whatever ends it (the end, the limit, Ctrl-C, a source that fails in
mid-stream), the records of the seconds received and the summaries come, and the files are complete.
"""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from dsp.fm.profiles import PROFILES
from ingest.iq.block import IqBlock
from ingest.iq.live_source import LiveSource
from ingest.iq.multiplex_source import MultiplexCard, MultiplexFile
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.multiplex_receiver import MultiplexReceiver
from ingest.receiver.prelude import LOOK_S, Prelude
from ingest.receiver.scan import SCAN_S, scan_band
from ingest.receiver.stations import Station, StationList
from loa import reporting
from loa.radio.radio_source import require_centre
from loa.radio.recordings import Recordings
from loa.radio.table import LiveTable, print_scan, print_summaries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from dsp.receive.front.carrier_search import Candidate
    from ingest.iq.block import IqSource
    from ingest.iq.multiplex_source import MultiplexBlock
    from loa.interrupt import Interrupt
    from loa.radio.receiving import ReceiveRequest

EXIT_NOTHING_FOUND = 1
EXIT_INTERRUPTED = 130


class Reception:
    """One run of the command; `run` does everything."""

    def __init__(
        self,
        request: ReceiveRequest,
        source: IqSource | MultiplexFile | MultiplexCard,
        known: StationList | None,
        stop: Interrupt,
    ) -> None:
        self._request = request
        self._source = source
        self._known = known
        self._stop = stop
        self._title = f"loa receive {request.source}"
        self._receiver: BandReceiver | MultiplexReceiver | None = None
        self._notes: list[dict[str, Any]] = []

    def run(self) -> int:
        """Receive until the end, the limit or Ctrl-C; return the exit code."""
        request, source = self._request, self._source
        blocks: Iterable[IqBlock] | Iterable[MultiplexBlock]
        stations: StationList | None
        carriers: list[Candidate] = []
        if isinstance(source, LiveSource):
            source.lasts_s = request.seconds
        if isinstance(source, MultiplexFile | MultiplexCard):
            blocks, stations = source.blocks(), self._multiplex_station()
        else:
            prelude = Prelude(source, SCAN_S if request.scan else LOOK_S)
            stations = self._scanned(prelude, source) if request.scan else self._known
            assert stations is not None
            self._notes = prelude.notes
            carriers, blocks = prelude.carriers(), prelude.blocks()
        if not stations.stations:
            reporting.note("loa: no carrier found")
            return EXIT_NOTHING_FOUND
        folders = {"audio": request.audio, "multiplex": request.multiplex}
        with Recordings(stations.stations, **folders) as recordings:
            self._receiver = self._build(stations, carriers, recordings)
            # What is there now stays: the collector need not look at it again every few seconds.
            gc.freeze()
            refusal = self._follow(blocks)
            self._close(recordings)
        if refusal is not None:
            raise refusal
        return EXIT_INTERRUPTED if self._stop.stopped else 0

    def _multiplex_station(self) -> StationList:
        """Return the one station of a multiplex: that of the list, or a nameless one."""
        if self._known is None:
            return StationList((Station(id="mpx", carrier="wired"),), dict(PROFILES))
        if len(self._known.stations) != 1:
            raise Refusal(
                "usage",
                expected="one station in STATIONS.toml, that of the multiplex",
                got=f"{len(self._known.stations)} stations",
                advice="a file with that station alone",
            )
        return self._known

    def _scanned(self, prelude: Prelude, source: IqSource) -> StationList:
        """Return the stations that are there, and those that should be; print what was found."""
        centre_hz = require_centre(source, self._request.source)
        found = scan_band(prelude, source, centre_hz, self._known)
        lines = [carrier.as_dict() for carrier in found]
        if self._request.as_json:
            for line in lines:
                reporting.print_json("receive", line)
        elif lines:
            print_scan(lines, title=self._title)
        stations = {carrier.station.id: carrier.station for carrier in found}
        profiles = dict(PROFILES)
        if self._known is not None:
            profiles = self._known.profiles | profiles
            for station in self._known.stations:
                if abs(station.frequency_hz - centre_hz) < source.rate_hz / 2:
                    stations.setdefault(station.id, station)
        ordered = sorted(stations.values(), key=lambda station: station.frequency_hz)
        return StationList(tuple(ordered), profiles)

    def _build(
        self, stations: StationList, carriers: list[Candidate], recordings: Recordings
    ) -> BandReceiver | MultiplexReceiver:
        source = self._source
        if isinstance(source, MultiplexFile | MultiplexCard):
            (station,) = stations.stations
            return MultiplexReceiver(stations, station, sink=recordings.of[station.id])
        centre_hz = require_centre(source, self._request.source)
        return BandReceiver(source, centre_hz, stations, carriers=carriers, sinks=recordings.of)

    def _follow(self, blocks: Iterable[IqBlock] | Iterable[MultiplexBlock]) -> Refusal | None:
        """Receive block by block; return the refusal of a source that failed in mid-stream."""
        receiver, request = self._receiver, self._request
        assert receiver is not None
        refusal = None
        with LiveTable(self._title, live=not request.as_json) as table:
            try:
                for block in limited(blocks, self._source.rate_hz, request.seconds):
                    self._tell(receiver.process(block), table)  # type: ignore[arg-type]
                    if self._stop.stopped:
                        break
            except Refusal as error:
                if not receiver.seconds:
                    raise
                refusal = error
            self._tell(receiver.finish(), table)
        return refusal

    def _tell(self, records: list[dict[str, Any]], table: LiveTable) -> None:
        if self._request.as_json:
            for record in records:
                reporting.print_json("receive", record)
        elif records:
            table.renew({record["station"]: record for record in records})

    def _close(self, recordings: Recordings) -> None:
        """Complete the files, then tell the summaries."""
        receiver, request = self._receiver, self._request
        assert receiver is not None
        files = recordings.keep(self._start()) if receiver.seconds else {}
        summaries = []
        for summary in receiver.summaries():
            extra = {
                "notes": [*self._source.notes(), *self._notes],
                "time_basis": self._source.time_basis,
            }
            summaries.append(summary | extra | files.get(summary["station"], {}))
        if request.plot is not None:
            self._draw(summaries)
        if request.as_json:
            for summary in summaries:
                reporting.print_json("receive", summary)
        else:
            title = f"{self._title} · {receiver.seconds:.1f} s"
            print_summaries({s["station"]: s for s in summaries}, title=title)

    def _start(self) -> datetime:
        assert self._receiver is not None
        return self._receiver.moment(0.0)

    def _draw(self, summaries: list[dict[str, Any]]) -> None:
        from loa.radio.plot import BandPicture, StationPanel, reception_png, station_lines
        from transmit.atomic import OutputSet

        receiver, plot = self._receiver, self._request.plot
        assert receiver is not None
        assert plot is not None
        panels = [
            StationPanel(
                name=summary["station"],
                frequency_hz=summary["frequency_hz"],
                rated_deviation_hz=summary["rated_deviation_hz"],
                distribution=summary["deviation_histogram"],
                lines=station_lines(summary),
            )
            for summary in summaries
        ]
        title = f"{self._title} · {receiver.seconds:.1f} s"
        centre_hz = getattr(self._source, "centre_hz", None) or 0.0
        picture = BandPicture(title, centre_hz, receiver.waterfall, panels)
        with OutputSet([plot]) as output:
            output.part(plot).write_bytes(reception_png(picture))
            output.commit()


def limited(
    blocks: Iterable[IqBlock] | Iterable[MultiplexBlock], rate_hz: int, seconds: float | None
) -> Iterator[IqBlock | MultiplexBlock]:
    """Yield blocks up to `seconds` of signal, gaps included, the last one cut; all without a limit.

    The count begins with the first block.
    """
    end: int | None = None
    for block in blocks:
        if seconds is not None and end is None:
            end = block.index + round(seconds * rate_hz)
        unit = 2 if block.samples.dtype.kind == "u" else 1
        count = len(block.samples) // unit
        if end is None or block.index + count <= end:
            yield block
            if end is not None and block.index + count == end:
                return
            continue
        if block.index < end:
            kept: Any = block.samples[: unit * (end - block.index)]
            yield replace(block, samples=kept)
        return

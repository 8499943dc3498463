"""The second half of `loa demo`: the FM master on the air of three transmitters, and heard live.

The scene is rendered, then played in real time by the rtl_tcp server, in a thread, and received
through a socket by the band receiver, in this one: both ends of the wire are what serves and
listens elsewhere. Nothing else runs then, so that a busy machine does not lose samples.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from ingest.clock import SystemClock
from ingest.iq.block import IqBlock
from ingest.iq.open_source import SourceOptions, open_source
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import load_stations
from ingest.scene.render import SceneSource
from ingest.scene.scene import load_scene
from loa.demo.air_programme import Ears
from loa.demo.air_verdict import Heard, judge, with_programme
from loa.radio.reception import limited
from loa.real_time import RealTime
from loa.tables import number
from transmit.rtl_tcp.server import RtlTcpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from rich.table import Table

    from ingest.clock import Clock
    from ingest.scene.scene import Scene
    from loa.demo.air_programme import Programme

STATIONS = "stations.toml"
PATIENCE_S = 3.0  # for a server in the same process that has ended


@dataclass(frozen=True)
class AirReport:
    """The transmitters as heard, and the pictures of it as PNG: the band, then each station."""

    stations: list[Heard]
    band_png: bytes
    station_pngs: list[bytes]

    @property
    def holds(self) -> bool:
        """Whether everything was heard as the scene says."""
        return all(heard.holds for heard in self.stations)


def demonstrate_air(
    path: Path,
    bulletin: npt.NDArray[np.float32],
    progress: Callable[[str, float], None],
    clock: Clock | None = None,
) -> AirReport:
    """Play the scene at `path` and receive it; `bulletin` is mono float32 (n,) at 48 kHz.

    `stations.toml` beside the scene says what a monitor knows of the transmitters.

    Raises
    ------
    Refusal
        Of the scene, of its audio, of the network.
    """
    scene = load_scene(path)
    stations = load_stations(path.with_name(STATIONS))
    ears = Ears(stations.stations, bulletin)
    clock = clock or SystemClock()
    with ExitStack() as held:
        band = SceneSource(scene, with_truth=True)
        held.callback(band.close)
        # Built before anything plays: what is compiled here would stall a live reception.
        receiver = BandReceiver(
            band, scene.capture.centre_hz, stations, carriers=[], sinks=ears.sinks
        )
        played = render(band, scene, progress)
        server = RtlTcpServer(
            "127.0.0.1", 0, RealTime(clock), queue_bytes=sum(len(block) for block, _ in played)
        )
        player = Player(played, server)
        held.callback(player.join)
        held.enter_context(server)
        player.start()
        records = listen(scene, server.address, receiver, clock, progress)
        player.join()
        if player.error is not None:
            raise player.error
        truth = band.truth()["stations"]
    summaries = receiver.summaries()
    reports = []
    for place, (station, summary) in enumerate(zip(scene.stations, summaries, strict=True)):
        progress("recognised, timed, watched", place / len(summaries))
        own = [record for record in records if record["station"] == station.id]
        profile = stations.profiles[station.table.profile]
        heard = judge(station, profile, own, summary, truth[station.id])
        programme = ears.programme(station.id, own, scene.capture.start_utc)
        reports.append(with_programme(heard, programme, station))
    return AirReport(reports, *pictures(scene, receiver, summaries))


def render(
    band: SceneSource, scene: Scene, progress: Callable[[str, float], None]
) -> list[tuple[bytes, float]]:
    """Return the band as a dongle sends it: bytes, and the seconds at which they are due."""
    played = []
    for delivery in band.deliveries():
        played.append((delivery.samples.tobytes(), delivery.due_s))
        progress("the band of three transmitters", delivery.due_s / scene.capture.seconds)
    return played


class Player(threading.Thread):
    """Plays a band to whoever listens; `error` is what ended it, if anything did."""

    def __init__(self, played: Sequence[tuple[bytes, float]], server: RtlTcpServer) -> None:
        super().__init__(name="demo player", daemon=True)
        self.error: Exception | None = None
        self._played = played
        self._server = server

    def run(self) -> None:
        """Play to the end; wakes the listener by hanging up where that fails."""
        try:
            self._server.play(self._played)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            self.error = error
            self._server.stop()


def listen(
    scene: Scene,
    address: tuple[str, int],
    receiver: BandReceiver,
    clock: Clock,
    progress: Callable[[str, float], None],
) -> list[dict[str, Any]]:
    """Receive the band from the server at `address`; return the records of all seconds."""
    capture = scene.capture
    options = SourceOptions(
        rate_hz=capture.rate_hz, centre_hz=capture.centre_hz, patience_s=PATIENCE_S
    )
    source = open_source(f"tcp://{address[0]}:{address[1]}", options, clock)
    records: list[dict[str, Any]] = []
    try:
        for block in limited(source.blocks(), capture.rate_hz, capture.seconds):
            assert isinstance(block, IqBlock)
            records += receiver.process(block)
            progress("on the air, received live", receiver.seconds / capture.seconds)
    except Refusal:
        # The band ended with samples lost: what was heard is judged, what was not is missing.
        if not receiver.seconds:
            raise
    finally:
        source.close()
    return records + receiver.finish()


def pictures(
    scene: Scene, receiver: BandReceiver, summaries: list[dict[str, Any]]
) -> tuple[bytes, list[bytes]]:
    """Draw the band, and the deviation of every station."""
    from loa.radio.plot import BandPicture, StationPanel, band_png, station_png

    panels = [
        StationPanel(
            name=summary["commune"] or summary["station"],
            frequency_hz=summary["frequency_hz"],
            rated_deviation_hz=summary["rated_deviation_hz"],
            distribution=summary["deviation_histogram"],
            lines=(),
        )
        for summary in summaries
    ]
    band = BandPicture("", scene.capture.centre_hz, receiver.waterfall, panels)
    return band_png(band), [station_png(panel) for panel in panels]


# key of `Heard.heard`, heading, divisor, decimals
ROWS: tuple[tuple[str, str, float, int], ...] = (
    ("peak_deviation_hz", "peak deviation kHz", 1e3, 1),
    ("mpx_power_dbr", "MPX power dBr", 1.0, 2),
    ("pilot_hz", "pilot kHz", 1e3, 2),
    ("rds_hz", "RDS level kHz", 1e3, 2),
    ("loudness_lufs", "loudness LUFS", 1.0, 1),
)


def air_table(report: AirReport) -> Table:
    """Return the transmitters side by side: heard / true, and what was noticed."""
    from rich.table import Table

    from loa.radio.table import plain, scaled

    table = Table(title="On the air: heard / true", title_justify="left")
    table.add_column("station")
    for heard in report.stations:
        table.add_column(heard.station, overflow="fold")
    table.add_row("MHz", *[f"{h.frequency_hz / 1e6:.2f}" for h in report.stations])
    for key, heading, divisor, decimals in ROWS:
        pairs = [
            " / ".join(number(scaled(side[key], divisor), decimals) for side in (h.heard, h.true))
            for h in report.stations
        ]
        table.add_row(heading, *pairs)
    for key in ("pi", "ps"):
        pairs = [f"{plain(h.heard[key])} / {plain(h.true[key])}" for h in report.stations]
        table.add_row(key.upper(), *pairs)
    for heading, tell in (
        ("broadcasts", told),
        ("heard later by ms", late),
        ("complete", complete),
    ):
        table.add_row(heading, *[tell(h.programme) for h in report.stations])
    findings = [", ".join(h.findings).replace("_", " ") or "none" for h in report.stations]
    table.add_row("findings", *findings)
    table.add_row("noticed", *["\n".join(sentences(h)) for h in report.stations])
    table.add_row("as the scene says", *["yes" if h.holds else "NO" for h in report.stations])
    return table


def told(programme: Programme | None) -> str:
    """Return what is broadcast."""
    return (programme.reference if programme else None) or "not recognised"


def late(programme: Programme | None) -> str:
    """Return how late it was heard."""
    if programme is None or programme.delay.value is None or programme.delay.u is None:
        return "–"
    return f"{1e3 * programme.delay.value:.1f} ± {1e3 * programme.delay.u:.1f}"


def complete(programme: Programme | None) -> str:
    """Return how much of what was due was heard."""
    share = programme.completeness_percent if programme else None
    return "–" if share is None else f"{share:.0f} %"


def sentences(heard: Heard) -> list[str]:
    """Say in plain words what was noticed of a transmitter."""
    said = {
        "over_deviation": "over-deviation from {start} s",
        "stranger": "a carrier without its PI on the idle channel {start}–{end} s",
        "not_heard": "not heard",
    }
    lines = [said[n.kind].format(start=n.start_s, end=n.end_s) for n in heard.notices]
    for alarm in heard.programme.alarms if heard.programme else ():
        what = alarm.finding.replace("_", " ")
        lines.append(f"ALARM at {alarm.told_s} s: {what} since {alarm.began_s} s ({alarm.detail})")
    lines += [f"not as the scene says: {what}" for what in heard.wrong]
    return lines or ["good"]

"""`loa simulate`: joins the simulated band with the files and the server that take it.

All files of a call appear together or not at all. A scene that cannot be is refused before the
first of them is begun.
"""

from __future__ import annotations

import json
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.errors import Refusal
from ingest.clock import Clock, SystemClock, rfc3339
from ingest.iq.open_source import SourceOptions, open_source
from ingest.scene.render import SceneSource
from ingest.scene.scene import load_scene
from ingest.scene.truth import write_truth
from loa import reporting
from loa.progress import Progress
from loa.real_time import RealTime
from transmit.atomic import OutputSet, failures_refused
from transmit.iq_file import IqFile, Recording, iq_form
from transmit.iq_samples import encode_iq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.iq.block import IqSource
    from ingest.scene.scene import Scene
    from loa.air.band_plot import BandPicture


@dataclass(frozen=True)
class SimulateRequest:
    """What to render and what to make of it; see `loa simulate --help`."""

    scene: Path
    output: Path | None = None
    truth: Path | None = None
    rtl_tcp: str | None = None
    ready_file: Path | None = None
    plot: Path | None = None
    rate_hz: int | None = None
    centre_hz: float | None = None


def run_simulation(request: SimulateRequest, *, as_json: bool, clock: Clock | None = None) -> int:
    """Do what `request` says; return the exit code of the command."""
    if (request.output is None) == (request.rtl_tcp is None):
        raise Refusal(
            "usage",
            expected="either -o BAND.{cu8,cs8,cs16,cf32,wav,sigmf} or --rtl-tcp HOST:PORT",
            got="both" if request.output else "neither",
            advice="loa simulate SCENE.toml -o band.cu8",
        )
    if request.output is not None:
        if _is_recording(request.scene):
            raise Refusal(
                "usage",
                expected="a SCENE.toml to render",
                got=request.scene.name,
                advice="--rtl-tcp HOST:PORT, which plays recordings too",
            )
        summary = render_to_file(load_scene(request.scene), request, request.output)
    else:
        summary = serve(request, clock or SystemClock())
    if as_json:
        reporting.print_json("simulate", summary)
    else:
        reporting.note(_sentence(summary))
    return 0


def render_to_file(scene: Scene, request: SimulateRequest, output: Path) -> dict[str, Any]:
    """Write the recording, and truth and picture where asked for; return the summary."""
    eight_bits = iq_form(output) == "cu8"
    about = Recording(
        scene.capture.rate_hz,
        scene.capture.centre_hz,
        scene.capture.start_utc,
        hardware="simulated RTL-SDR",
        description=f"{request.scene.name}, sha256 {scene.digest}",
    )
    beside = tuple(path for path in (request.truth, request.plot) if path is not None)
    picture = _picture(scene) if request.plot else None
    with ExitStack() as held:
        source = SceneSource(
            scene,
            sample_format="u8" if eight_bits else "complex64",
            with_truth=request.truth is not None,
        )
        held.callback(source.close)
        file = held.enter_context(IqFile(output, about, beside))
        progress = held.enter_context(Progress())
        for block in source.blocks():
            file.write(block.samples)
            if picture is not None:
                picture.add(block.samples)
            progress.step("simulating", file.samples / max(1, scene.samples))
        if request.truth is not None:
            with failures_refused(request.truth):
                text = file.part(request.truth).open("w", encoding="utf-8")
                with text:
                    write_truth(source.truth(), text)
        if request.plot is not None and picture is not None:
            with failures_refused(request.plot):
                picture.save(file.part(request.plot))
        digest = file.commit()
    return _summary(scene, request) | {
        "output": [str(path) for path in file.outputs],
        "sha256": digest,
        "samples": file.samples,
        "seconds": round(file.samples / scene.capture.rate_hz, 6),
    }


def serve(request: SimulateRequest, clock: Clock) -> dict[str, Any]:
    """Play the scene or recording once to rtl_tcp clients; return the summary when it is over."""
    from transmit.rtl_tcp.server import RtlTcpServer

    if request.truth is not None or request.plot is not None:
        raise Refusal(
            "usage",
            expected="--truth and --plot with -o",
            got="--rtl-tcp",
            advice="rendering the same scene to a file: the same scene is the same bytes",
        )
    host, port = _address(request.rtl_tcp or "")
    pacer = RealTime(clock)
    with ExitStack() as held:
        played = _played(request, held)
        server = held.enter_context(RtlTcpServer(host, port, pacer, log=reporting.note))
        held.enter_context(_stopped_by_signals(server.stop, pacer.stop))
        reporting.note(f"loa: rtl_tcp at {server.address[0]}:{server.address[1]}")
        if request.ready_file is not None:
            _write_ready(request.ready_file, server.address)
        server.play(played.deliveries)
        counts = server.counts
    return played.summary | {
        "address": f"{server.address[0]}:{server.address[1]}",
        "samples": counts.samples_played,
        "seconds": round(counts.samples_played / played.summary["rate_hz"], 6),
        "samples_sent": counts.samples_sent,
        "samples_dropped": counts.samples_dropped,
        "clients": counts.clients,
        "commands": counts.commands,
        "unknown_commands": counts.unknown_commands,
    }


@dataclass(frozen=True)
class _Played:
    """What a server plays: its bytes with the seconds at which they are due, and what it is."""

    deliveries: Iterator[tuple[bytes, float]]
    summary: dict[str, Any]


def _is_recording(path: Path) -> bool:
    return path.suffix.lower() != ".toml"


def _played(request: SimulateRequest, held: ExitStack) -> _Played:
    """Open a scene, or a recording whose gaps are lost time."""
    if not _is_recording(request.scene):
        scene = load_scene(request.scene)
        rendered = SceneSource(scene)
        held.callback(rendered.close)
        deliveries = ((d.samples.tobytes(), d.due_s) for d in rendered.deliveries())
        return _Played(deliveries, _summary(scene, request))
    options = SourceOptions(rate_hz=request.rate_hz, centre_hz=request.centre_hz)
    source: Any = open_source(str(request.scene), options)
    held.callback(source.close)
    if not hasattr(source, "centre_hz"):
        raise Refusal(
            "usage", expected="a recording of IQ", got=request.scene.name, advice="a .cu8 file"
        )
    about = {
        "scene": str(request.scene),
        "centre_hz": source.centre_hz,
        "rate_hz": source.rate_hz,
        "stations": [],
    }
    return _Played(_recorded(source), about)


def _recorded(source: IqSource) -> Iterator[tuple[bytes, float]]:
    for block in source.blocks():
        samples: Any = block.samples
        if samples.dtype != np.uint8:
            samples = encode_iq(samples / np.float32(source.full_scale), "cu8")
        yield samples.tobytes(), block.end_index / source.rate_hz


class _stopped_by_signals:  # noqa: N801 - a context manager, read as one
    """Ends the service on SIGTERM as on Ctrl-C; what was there before comes back."""

    def __init__(self, *stops: Any) -> None:
        self._stops = stops
        self._before: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._stop)

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _stop(self, *_: object) -> None:
        for stop in self._stops:
            stop()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise Refusal(
            "usage", expected="HOST:PORT", got=text[:80], advice="--rtl-tcp 127.0.0.1:1234"
        )
    return host.strip("[]"), int(port)


def _write_ready(path: Path, address: tuple[str, int]) -> None:
    with OutputSet([path]) as output:
        content = json.dumps({"host": address[0], "port": address[1]})
        output.part(path).write_text(content + "\n", encoding="utf-8")
        output.commit()


def _picture(scene: Scene) -> BandPicture:
    from loa.air.band_plot import BandPicture

    marks = {station.id: station.table.frequency_hz for station in scene.stations}
    return BandPicture(scene.capture.rate_hz, scene.capture.centre_hz, scene.capture.seconds, marks)


def _summary(scene: Scene, request: SimulateRequest) -> dict[str, Any]:
    return {
        "scene": str(request.scene),
        "scene_sha256": scene.digest,
        "centre_hz": scene.capture.centre_hz,
        "rate_hz": scene.capture.rate_hz,
        "start_utc": rfc3339(scene.capture.start_utc),
        "stations": [station.id for station in scene.stations],
        "truth": None if request.truth is None else str(request.truth),
        "plot": None if request.plot is None else str(request.plot),
    }


def _sentence(summary: dict[str, Any]) -> str:
    where = summary.get("address") or " and ".join(summary["output"])
    return (
        f"loa: {summary['seconds']:g} s of {len(summary['stations'])} stations around "
        f"{(summary['centre_hz'] or 0.0) / 1e6:g} MHz, {summary['samples']} samples: {where}"
    )

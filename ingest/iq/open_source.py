"""The word SOURCE of the command line: FILE, rtl://SERIAL, tcp://HOST:PORT, sim:SCENE, mpx:FILE.

    source = open_source("tcp://192.168.1.20:1234", SourceOptions(centre_hz=99e6))
    for block in source.blocks(): ...

Everything but `mpx:` gives IQ (`IqSource`); `mpx:` gives a ready multiplex, from a file, or from a
sound card as `mpx:card` or `mpx:card:NAME`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dsp.errors import Refusal
from ingest.clock import Clock, SystemClock
from ingest.iq import refusals
from ingest.iq.multiplex_source import MultiplexCard, MultiplexFile
from ingest.iq.opening import Recorded, open_recording, require_rate
from ingest.iq.rtl_sdr import RtlSdrSource
from ingest.iq.rtl_tcp import DEFAULT_PORT, RtlTcpSource
from ingest.iq.rtl_tcp_protocol import TunerSettings

if TYPE_CHECKING:
    from ingest.iq.block import IqSource

DEFAULT_RATE_HZ = 2_400_000
SCENE_RENDERER = "ingest.scene.render"  # has open_scene(path) -> IqSource
_LIVE = "rtl:// and tcp://"


@dataclass(frozen=True)
class SourceOptions:
    """What the command line and STATION.toml say of a source.

    `rate_hz` and `centre_hz` are asked of a live source (2.4 MS/s where nothing is said) and win
    over the header of a recording. `patience_s` is how long an rtl_tcp server may be away.
    """

    rate_hz: int | None = None
    centre_hz: float | None = None
    start_utc: datetime | None = None
    gain_db: float | None = None
    ppm: int = 0
    bias_tee: bool = False
    patience_s: float | None = None
    full_scale_hz: float = 100_000.0

    def tuner(self) -> TunerSettings:
        """Return what a live source is asked for.

        Raises
        ------
        Refusal
            iq.rate; or usage where no frequency is given to tune to.
        """
        rate_hz = DEFAULT_RATE_HZ if self.rate_hz is None else self.rate_hz
        if self.centre_hz is None:
            raise Refusal(
                "usage",
                expected=f"a frequency to tune {_LIVE} to",
                got="none",
                advice="--centre-mhz 99.0",
            )
        rate_hz = require_rate(rate_hz, "the source")
        return TunerSettings(rate_hz, self.centre_hz, self.gain_db, self.ppm, self.bias_tee)


def open_source(
    uri: str, options: SourceOptions | None = None, clock: Clock | None = None
) -> IqSource | MultiplexFile | MultiplexCard:
    """Return the source that `uri` names.

    Raises
    ------
    Refusal
        source.unknown, usage, or whatever the kind of source has to say (`ingest/iq/refusals.py`).
    """
    options, clock = options or SourceOptions(), clock or SystemClock()
    if uri.startswith("rtl://"):
        return RtlSdrSource(uri.removeprefix("rtl://").rstrip("/"), options.tuner(), clock)
    if uri.startswith("tcp://"):
        host, port = _host_and_port(uri)
        settings = options.tuner()
        return RtlTcpSource(host, port, settings, clock, patience_s=options.patience_s)
    if uri.startswith("sim:"):
        return _open_scene(Path(uri.removeprefix("sim:")))
    if uri.startswith("mpx:"):
        return _open_multiplex(uri.removeprefix("mpx:"), options, clock)
    if "://" in uri:
        raise refusals.unknown_source(uri)
    recorded = Recorded(options.rate_hz, options.centre_hz, options.start_utc)
    return open_recording(Path(uri), recorded, clock)


def _open_multiplex(
    what: str, options: SourceOptions, clock: Clock
) -> MultiplexFile | MultiplexCard:
    if what == "card" or what.startswith("card:"):
        return MultiplexCard(
            what.removeprefix("card").removeprefix(":"),
            clock,
            rate_in_hz=options.rate_hz or 192_000,
            full_scale_hz=options.full_scale_hz,
        )
    return MultiplexFile(Path(what), clock, full_scale_hz=options.full_scale_hz)


def _open_scene(path: Path) -> IqSource:
    """Render a scene live; the renderer is loaded when a scene is asked for."""
    from ingest.scene.render import open_scene

    source: IqSource = open_scene(path)
    return source


def _host_and_port(uri: str) -> tuple[str, int]:
    with contextlib.suppress(ValueError):
        parts = urlsplit(uri)
        if parts.hostname and parts.path in {"", "/"}:
            return parts.hostname, parts.port or DEFAULT_PORT
    raise refusals.unknown_source(uri)

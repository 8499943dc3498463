"""Opens what RELAY.toml names: inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from ingest.clock import Clock
from loa.device.admitted import Admitted
from loa.device.provisioned import Provisioned
from loa.device.signed_source import SignedSource
from loa.relay.blocks import BLOCK_SAMPLES
from loa.relay.card_reader import CardReader
from loa.relay.exciter import coder_of, sink_of
from loa.relay.file_input import FileInput
from loa.relay.fm_path import FmPath
from loa.relay.inputs import Input, RtpInput
from loa.relay.line_inputs import CardInput, PipeInput
from loa.relay.line_path import LinePath
from loa.relay.output_settings import LineSettings
from loa.relay.paths import OutputPath
from loa.relay.rtp_path import RtpPath
from loa.relay.settings import InputSettings, RelaySettings
from loa.relay.signed_inputs import BulletinInput, RecordingInput, SessionInput
from loa.speaker.outputs import open_output
from transmit.live.live_master import LiveMaster
from transmit.live.pipe_writer import PipeWriter


def open_inputs(
    settings: RelaySettings, folder: Path, clock: Clock, held: ExitStack
) -> tuple[list[Input], Admitted | None]:
    """Open the inputs in their order, and the door where there are keys; `held` closes them."""
    keys = None
    if settings.is_provisioned:
        keys = Provisioned(settings, folder, clock, device=settings.id, place=settings.place)
    inputs: list[Input] = []
    signed: list[object] = []
    for one in settings.input:
        opened: Input
        if one.source.startswith("session:"):
            live = SignedSource(one.source, one.buffer_ms / 1000, settings.listen, clock)
            signed.append(live)
            opened = SessionInput(live)
        elif one.source.startswith("bulletin:"):
            assert keys is not None
            recording = keys.source(one.source)
            signed.append(recording)
            opened = RecordingInput(recording)
        else:
            opened = _input(one, folder, clock)
        held.callback(opened.close)
        inputs.append(opened)
    if keys is None:
        return inputs, None
    ahead_s = settings.through_ms / 1000
    admitted = Admitted(keys, signed, clock, ", ".join(settings.zones), held, ahead_s=ahead_s)
    return [BulletinInput(admitted.voice, ahead_s, BLOCK_SAMPLES), *inputs], admitted


def open_paths(
    settings: RelaySettings,
    folder: Path,
    masters: Mapping[str, LiveMaster],
    clock: Clock,
    held: ExitStack,
) -> list[OutputPath]:
    """Open the outputs; `held` closes them."""
    paths: list[OutputPath] = []
    through_ms, now = settings.through_ms, clock.now_utc()
    for number, rtp in enumerate(settings.rtp, 1):
        name = settings.id if number == 1 else f"{settings.id}-{number}"
        place = (folder, name)
        paths.append(RtpPath(rtp, through_ms, masters[rtp.profile], place, held))
    for fm in settings.fm:
        master = masters[fm.profile]
        coder, codes = coder_of(fm, folder, now, master.profile)
        sink = sink_of(fm, folder, now, held)
        latency_s = None
        if sink.kind == "card":
            latency_s = CardReader.latency_s + sink.latency_s
        paths.append(FmPath(fm, through_ms, master, coder, codes, sink, latency_s))
    wired = [_line(line, through_ms, masters[line.profile], folder, held) for line in settings.line]
    return [*paths, *wired]


def _input(settings: InputSettings, folder: Path, clock: Clock) -> Input:
    if settings.is_radio:
        from loa.relay.fm_input import FmInput

        return FmInput(settings, folder)
    if settings.source.startswith("file:"):
        return FileInput(settings, folder)
    if settings.source.startswith("pipe:"):
        return PipeInput(settings, folder)
    if settings.source.startswith("card:"):
        return CardInput(settings)
    return RtpInput(settings, folder, clock)


def _line(
    settings: LineSettings, through_ms: float, master: LiveMaster, folder: Path, held: ExitStack
) -> LinePath:
    if settings.to.startswith("pipe:"):
        writer = PipeWriter(folder / settings.to.removeprefix("pipe:"), "int16")
        held.callback(writer.close)
        return LinePath(settings, through_ms, master, writer)
    output = open_output(settings.to, folder)
    held.callback(output.close)
    latency_s = None
    if settings.to.startswith("card:"):
        latency_s = CardReader.latency_s + output.latency_s
    return LinePath(settings, through_ms, master, output, latency_s)

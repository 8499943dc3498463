"""`loa speaker`: opens what SPEAKER.toml names, and runs the loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from dsp.contract import Samples
from ingest.clock import Clock, SystemClock
from loa import reporting
from loa.interrupt import Interrupt
from loa.device.bulletin_voice import BulletinVoice
from loa.speaker.fallback import FileSource
from loa.speaker.health import Health
from loa.device.live import LiveSource
from loa.speaker.loop import Source, Speaker
from loa.speaker.outputs import Output, WavOutput, open_output
from loa.speaker.proof_of_play import ProofOfPlay
from loa.device.provisioned import Provisioned
from loa.speaker.settings import SpeakerSettings, load_settings, require_signed, session_of
from loa.device.signed_source import SignedSource
from loa.speaker.volume import Volume, open_volume

__all__ = ["Speaker", "run_speaker"]


def run_speaker(
    path: Path,
    *,
    seconds: float | None = None,
    tap: Path | None = None,
    as_json: bool = False,
    clock: Clock | None = None,
) -> int:
    """Run the loudspeaker; return the exit code."""
    settings = load_settings(path)
    clock = clock or SystemClock()
    for source in settings.sources:
        require_signed(source, settings)
    volume = open_volume(settings.volume, settings.profile, settings.level_dba, path.parent)
    with ExitStack() as held:
        keys = Provisioned(settings, path.parent, clock) if settings.is_provisioned else None
        sources = []
        for name in settings.sources:
            sources.append(_opened(name, path.parent, settings, keys, clock))
            if isinstance(sources[-1], LiveSource | SignedSource):
                held.callback(sources[-1].close)
        outputs = [open_output(settings.output, path.parent)]
        held.callback(outputs[0].close)
        if tap is not None:
            outputs.append(WavOutput(tap))
            held.callback(outputs[1].close)
        speaker = _joined(settings, sources, outputs, clock, keys, volume, held)
        if settings.unsigned:
            reporting.note(
                f"loa: {path.name} says unsigned: what it names is played, signed by nobody"
            )
        with Interrupt() as interrupt:
            speaker.run(seconds, interrupt, as_json=as_json)
        for output in outputs:
            output.finish()
        fields = {"summary": True, **speaker.summary()}
    if as_json:
        reporting.print_json("speaker", fields)
    return 0


def _opened(
    name: str,
    folder: Path,
    settings: SpeakerSettings,
    keys: Provisioned | None,
    clock: Clock,
) -> Source:
    delay_s = settings.delay_ms / 1000
    if name.startswith("file:"):
        return FileSource(name, folder / name.removeprefix("file:"))
    if name.startswith("session:"):
        return SignedSource(name, delay_s, settings.listen, clock)
    if name.startswith("bulletin:"):
        assert keys is not None
        return keys.source(name)
    session = session_of(name, folder, plain_rtp=settings.plain_rtp)
    return LiveSource(name, session, delay_s, clock)


def _live_emergency(sources: Sequence[Source], count: int, moment_s: float) -> Samples | None:
    """Return live audio of an emergency session, None where there is none."""
    for source in sources:
        found = (
            source.render_emergency(count, moment_s) if isinstance(source, SignedSource) else None
        )
        if found is not None:
            return found
    return None


def _joined(
    settings: SpeakerSettings,
    sources: list[Source],
    outputs: list[Output],
    clock: Clock,
    keys: Provisioned | None,
    volume: Volume,
    held: ExitStack,
) -> Speaker:
    """Return the loudspeaker, its port listening where it has keys."""
    now_utc = clock.now_utc if keys is None else keys.now_utc
    health = Health(volume, now_utc, ProofOfPlay() if settings.prints else None)
    if keys is None:
        return Speaker(settings, sources, outputs, clock, health=health)
    port = keys.open(held)
    voice = BulletinVoice(
        keys.shelf,
        lambda count, moment_s: _live_emergency(sources, count, moment_s),
        keys.exercise,
        settings.zone,
    )
    speaker = Speaker(settings, sources, outputs, clock, port=port, bulletins=voice, health=health)
    port.start()
    return speaker

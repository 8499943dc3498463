"""`loa speaker`: opens what SPEAKER.toml names, and runs the loop."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ingest.clock import Clock, SystemClock
from loa import reporting
from loa.device.admitted import Admitted
from loa.device.described import session_of
from loa.device.live import LiveSource
from loa.device.provisioned import Provisioned
from loa.device.signed_source import SignedSource
from loa.interrupt import Interrupt
from loa.speaker.fallback import FileSource
from loa.speaker.health import Health
from loa.speaker.loop import Source, Speaker
from loa.speaker.outputs import Output, WavOutput, open_output
from loa.speaker.proof_of_play import ProofOfPlay
from loa.speaker.settings import SpeakerSettings, load_settings, require_signed
from loa.speaker.volume import open_volume

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
    with ExitStack() as held:
        speaker = open_speaker(settings, path.parent, clock or SystemClock(), held, tap=tap)
        if settings.unsigned:
            reporting.note(
                f"loa: {path.name} says unsigned: what it names is played, signed by nobody"
            )
        with Interrupt() as interrupt:
            speaker.run(seconds, interrupt, as_json=as_json)
        speaker.finish()
        fields = {"summary": True, **speaker.summary()}
    if as_json:
        reporting.print_json("speaker", fields)
    return 0


def open_speaker(
    settings: SpeakerSettings,
    folder: Path,
    clock: Clock,
    held: ExitStack,
    *,
    tap: Path | None = None,
) -> Speaker:
    """Open what the settings name, its door listening where it has keys; `held` closes it."""
    for source in settings.sources:
        require_signed(source, settings)
    volume = open_volume(settings.volume, settings.profile, settings.level_dba, folder)
    keys = None
    if settings.is_provisioned:
        keys = Provisioned(settings, folder, clock, device=settings.id, place=settings.place)
    sources = [_source(name, settings, folder, clock, keys, held) for name in settings.sources]
    outputs = [_output(open_output(settings.output, folder), held)]
    if tap is not None:
        outputs.append(_output(WavOutput(tap), held))
    now_utc = clock.now_utc if keys is None else keys.now_utc
    health = Health(volume, now_utc, ProofOfPlay() if settings.prints else None)
    if keys is None:
        return Speaker(settings, sources, outputs, clock, health=health)
    admitted = Admitted(keys, sources, clock, settings.zone, held)
    admitted.port.start()
    return Speaker(settings, sources, outputs, clock, admitted=admitted, health=health)


def _source(
    name: str,
    settings: SpeakerSettings,
    folder: Path,
    clock: Clock,
    keys: Provisioned | None,
    held: ExitStack,
) -> Source:
    if name.startswith("file:"):
        return FileSource(name, folder / name.removeprefix("file:"))
    if name.startswith("bulletin:"):
        assert keys is not None
        return keys.source(name)
    live: LiveSource | SignedSource
    delay_s = settings.delay_ms / 1000
    if name.startswith("session:"):
        live = SignedSource(name, delay_s, settings.listen, clock)
    else:
        session = session_of(name, folder, plain_rtp=settings.plain_rtp)
        live = LiveSource(name, session, delay_s, clock)
    held.callback(live.close)
    return live


def _output(opened: Output, held: ExitStack) -> Output:
    held.callback(opened.close)
    return opened

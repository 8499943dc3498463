"""A device that was provisioned: its keys, its door, its port, its recordings.

What it needs to know whom to trust lies in files of its own: the device's private key (mode 600, no
default: who has none joins no session), the keyrings, and the anti-replay memory with its witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from dsp.errors import Refusal
from ingest.clock import Clock, is_kernel_in_step
from ingest.decode.decoder import Decoder
from loa.device.bulletin_source import BulletinSource
from loa.device.door import CommandDoor
from loa.device.keys import KeyringFiles, device_key, unreadable
from loa.device.port import CommandPort
from loa.device.shelf import Shelf
from loa.device.trust import TrustSettings
from transmit.bulletin.acceptance import Acceptance, Accepted, Place
from transmit.bulletin.challenge import Challenger
from transmit.bulletin.content import Audio
from transmit.bulletin.envelope import MOST_BYTES, read_envelope
from transmit.bulletin.replay_file import ReplayFile


class Provisioned:
    """What belongs to the keys of one device.

    Parameters
    ----------
    settings, folder
        Whom it trusts; what its paths are relative to.
    clock
        The clocks.
    device
        Its id, for which keys of sessions are wrapped.
    place
        Where it speaks.

    Attributes
    ----------
    shelf
        Recordings sent ahead.
    exercise
        What is said ahead of tests.
    memory_state
        What was found of the anti-replay memory.
    """

    def __init__(
        self, settings: TrustSettings, folder: Path, clock: Clock, *, device: str, place: Place
    ) -> None:
        assert settings.state is not None
        self._settings = settings
        self._folder = folder
        self._clock = clock
        state = folder / settings.state
        state.mkdir(parents=True, exist_ok=True)
        self._keyring = KeyringFiles([folder / name for name in settings.trusted_keys])
        memory = ReplayFile(state / "seen.json", state / "seen.generation")
        memory.compact()
        self.memory_state = memory.state
        challenger = Challenger(device)
        self._acceptance = Acceptance(
            self._keyring.read(), place, memory, settings.policy, challenger
        )
        store = None if settings.store is None else folder / settings.store
        self.shelf = Shelf(store, state)
        self.exercise: tuple[Audio, ...] = ()
        if settings.exercise is not None:
            self.exercise = self._signed(folder / settings.exercise)[1]
        self._door = CommandDoor(
            device,
            self._acceptance,
            challenger,
            key=None if settings.device_key is None else device_key(folder / settings.device_key),
            takes_tests=bool(self.exercise),
        )

    def open(self, sources: Sequence[str], held: ExitStack) -> CommandPort:
        """Begin to decode and to listen, also for the sessions in files that `sources` name.

        `held` ends it.
        """
        files = {
            name: self._folder / name.removeprefix("session:")
            for name in sources
            if name.startswith("session:") and name != "session:"
        }
        held.callback(self.shelf.close)
        self.shelf.start()
        return held.enter_context(
            CommandPort(
                self._door,
                self._clock,
                self.now_utc,
                addresses=self._settings.addresses(),
                session_files=files,
                keyring=self._keyring.renewed,
            )
        )

    def now_utc(self) -> datetime | None:
        """Return the time, where somebody vouches for it."""
        said = self._settings.clock
        if said == "untrusted" or (said == "kernel" and not is_kernel_in_step()):
            return None
        return self._clock.now_utc()

    @property
    def tells_fresh(self) -> bool:
        """Whether clock and memory can tell fresh from old: else only what answers is heard."""
        return self._acceptance.trusts(self.now_utc())

    def source(self, name: str) -> BulletinSource:
        """Return the signed recording that a source `bulletin:PATH` names.

        Raises
        ------
        Refusal
            Where it is not signed, not for here, or not the recording that was signed.
        """
        path = self._folder / name.removeprefix("bulletin:")
        accepted, audio = self._signed(path)
        self._door.hold(accepted)
        return BulletinSource(name, accepted, self.shelf, audio, self.now_utc)

    def _signed(self, path: Path) -> tuple[Accepted, tuple[Audio, ...]]:
        """Check an envelope of this machine and its recordings, beside it or in the store."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise unreadable(path, error) from error
        accepted = self._acceptance.again(read_envelope(content), self._clock.now_utc())
        with Decoder() as decoder:
            for audio in accepted.bulletin.audio:
                beside = [path.parent / audio.sha256, *path.parent.glob(f"{audio.sha256}.*")]
                found = next((one for one in beside if one.is_file()), None)
                self.shelf.take(audio, decoder, found)
        if not accepted.bulletin.audio:
            raise Refusal(
                "speaker.source",
                expected="a bulletin with a recording",
                got=f"none in {path.name}",
                advice="`loa bulletin sign` of one with audio",
            )
        return accepted, accepted.bulletin.audio

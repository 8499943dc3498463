"""A loudspeaker that was provisioned: its keys, its door, its port, its recordings.

What it needs to know whom to trust lies in files of its own: the device's private key (mode 600, no
default: who has none joins no session), the keyrings, and the anti-replay memory with its witness.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from dsp.contract import Samples
from dsp.errors import Refusal
from ingest.clock import Clock, is_kernel_in_step
from ingest.decode.decoder import Decoder
from loa.device.door import CommandDoor
from loa.device.port import CommandPort
from loa.speaker.settings import SpeakerSettings
from loa.device.shelf import Shelf
from transmit.bulletin.acceptance import Acceptance, Accepted, Place
from transmit.bulletin.challenge import Challenger
from transmit.bulletin.content import Audio
from transmit.bulletin.envelope import MOST_BYTES, read_envelope
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.keyring import Keyring, TrustedKey, read_keyring
from transmit.bulletin.replay_file import ReplayFile

_KEY_BYTES = 32


class Provisioned:
    """What belongs to the keys of one loudspeaker; a context manager.

    Attributes
    ----------
    port, shelf
        Where commands come in, and recordings sent ahead.
    exercise
        What is said ahead of tests.
    passed_over
        What was not believed when it was opened: (name, why).
    """

    def __init__(self, settings: SpeakerSettings, folder: Path, clock: Clock) -> None:
        assert settings.state is not None
        assert settings.commune is not None
        self._settings = settings
        self._folder = folder
        self._clock = clock
        state = folder / settings.state
        state.mkdir(parents=True, exist_ok=True)
        self._keyring = KeyringFiles([folder / name for name in settings.trusted_keys])
        memory = ReplayFile(state / "seen.json", state / "seen.generation")
        memory.compact()
        self.memory_state = memory.state
        challenger = Challenger(settings.id)
        place = Place(settings.commune, (settings.zone,))
        self._acceptance = Acceptance(
            self._keyring.read(), place, memory, settings.policy, challenger
        )
        store = None if settings.store is None else folder / settings.store
        self.shelf = Shelf(store, state)
        self.exercise: tuple[Audio, ...] = ()
        if settings.exercise is not None:
            self.exercise = self._exercise(folder / settings.exercise)
        self._door = CommandDoor(
            settings.id,
            self._acceptance,
            challenger,
            key=None if settings.device_key is None else device_key(folder / settings.device_key),
            takes_tests=bool(self.exercise),
        )

    def open(self, held: ExitStack) -> CommandPort:
        """Begin to decode and to listen; `held` ends it."""
        names = [name for name in self._settings.sources if name.startswith("session:")]
        files = {name: self._folder / name.removeprefix("session:") for name in names}
        held.callback(self.shelf.close)
        self.shelf.start()
        return held.enter_context(
            CommandPort(
                self._door,
                self._clock,
                self.now_utc,
                addresses=self._settings.addresses(),
                session_files={name: path for name, path in files.items() if name != "session:"},
                keyring=self._keyring.renewed,
            )
        )

    def now_utc(self) -> datetime | None:
        """Return the time, where somebody vouches for it."""
        said = self._settings.clock
        if said == "untrusted" or (said == "kernel" and not is_kernel_in_step()):
            return None
        return self._clock.now_utc()

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

    def _exercise(self, path: Path) -> tuple[Audio, ...]:
        return self._signed(path)[1]

    def _signed(self, path: Path) -> tuple[Accepted, tuple[Audio, ...]]:
        """Check an envelope of this machine and its recordings, beside it or in the store."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise _unreadable(path, error) from error
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


class BulletinSource:
    """Recordings of a signed bulletin, over and over, as long as it holds.

    A source of SPEAKER.toml for where nothing live comes; not heard once, as what comes to the
    door, but whenever it is turned to.
    """

    def __init__(
        self,
        name: str,
        accepted: Accepted,
        shelf: Shelf,
        audio: tuple[Audio, ...],
        now_utc: Callable[[], datetime | None],
    ) -> None:
        self.name = name
        self.bulletin = accepted.name
        self._window = (accepted.bulletin.not_before_utc, accepted.bulletin.expires_utc)
        self._shelf = shelf
        self._audio = audio
        self._now_utc = now_utc
        self._part = self._place = 0
        self.is_revoked = False

    @property
    def is_alive(self) -> bool:
        """Whether it holds now, by a clock that is trusted."""
        now_utc = self._now_utc()
        inside = now_utc is not None and self._window[0] <= now_utc < self._window[1]
        return inside and not self.is_revoked

    def begin(self) -> None:
        """Go back to the beginning."""
        self._part = self._place = 0

    def render(self, count: int) -> Samples:
        """Return the next samples."""
        import numpy as np

        out, filled = np.zeros(count, np.float32), 0
        while filled < count:
            sha256 = self._audio[self._part].sha256
            length = self._shelf.length(sha256)
            assert length, "taken when this was made, and a millisecond at least"
            piece = self._shelf.read(sha256, self._place, min(count - filled, length - self._place))
            out[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._place += len(piece)
            if self._place >= length:
                self._part, self._place = (self._part + 1) % len(self._audio), 0
        return out


class KeyringFiles:
    """Keyrings of SPEAKER.toml as one, read again when a file changes."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._stamp: list[tuple[int, int, int]] = []

    def read(self) -> Keyring:
        """Return all keys.

        Raises
        ------
        Refusal
            A file that is none, or one key with two sets of rights.
        """
        self._stamp = self._stamps()
        keys: list[TrustedKey] = []
        for path in self._paths:
            try:
                keys += read_keyring(path.read_bytes()).key
            except OSError as error:
                raise _unreadable(path, error) from error
        try:
            return Keyring(tuple(keys))
        except ValueError as error:
            raise Refusal(
                "keyring.value", expected="each key once", got=str(error), advice="one of the two"
            ) from error

    def renewed(self) -> Keyring | None:
        """Return the keys where a file has changed since, else None."""
        return None if self._stamps() == self._stamp else self.read()

    def _stamps(self) -> list[tuple[int, int, int]]:
        found = []
        for path in self._paths:
            try:
                told = path.stat()
            except OSError:
                return self._stamp  # while it is exchanged
            found.append((told.st_mtime_ns, told.st_size, told.st_ino))
        return found


def device_key(path: Path) -> DeviceKey:
    """Read a device's private key: 32 bytes in base64, in a file that others cannot read."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
        private = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        private, mode = b"", 0
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(private) != _KEY_BYTES or mode & 0o077:
        readable = "a file that others may read" if len(private) == _KEY_BYTES else "something else"
        raise Refusal(
            "speaker.device_key",
            expected="32 bytes in base64 in a file of mode 600",
            got=f"{path.name}: {readable}",
            advice="`loa bulletin device -o KEYFILE --id ID`; chmod 600 KEYFILE",
        )
    return DeviceKey.from_bytes(private)


def _unreadable(path: Path, error: OSError) -> Refusal:
    return Refusal(
        "file.not_found",
        expected="a file that can be read",
        got=f"{path.name}: {error.strerror}",
        advice="checking the spelling of the path",
    )

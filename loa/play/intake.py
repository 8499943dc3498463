"""Bulletins in: the watched folder, looked at ten times a second on a thread of its own.

Signatures, disks and decoders take their time; the sound does not wait for them. What was taken or
refused goes through a queue to the thread that plays.
"""

from __future__ import annotations

import queue
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dsp.errors import Refusal
from ingest.clock import Clock
from ingest.decode.decoder import Decoder
from loa.play.recordings import Recordings
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.keyring import read_keyring
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.verify import Policy
from transmit.playout.bulletin_store import BulletinStore
from transmit.playout.inbox import Inbox, Taken
from transmit.playout.programme import Heard
from transmit.playout.schedule import Schedule
from transmit.playout.timeline import Part

_PAUSE_S = 0.1


@dataclass(frozen=True)
class Failed:
    """The disk of the intake fails: nothing is taken until it is mended."""

    refusal: Refusal


class BulletinIntake:
    """The store, the folder, and the thread that looks at it; a context manager.

    Attributes
    ----------
    news
        What became of files: `Taken` or `Failed`.
    passed_over
        Records on the disk that were not believed: (name, why).
    """

    def __init__(
        self,
        schedule: Schedule,
        folder: Path,
        recordings: Recordings,
        exercise: Part | None,
        clock: Clock,
    ) -> None:
        assert schedule.keyring is not None
        assert schedule.state is not None
        assert schedule.inbox is not None
        state, self._inbox_path = folder / schedule.state, folder / schedule.inbox
        self._recordings = recordings
        self._exercise = exercise
        self._clock = clock
        memory = ReplayFile(state / "seen.json", state / "seen.generation")
        if not memory.is_trusted:
            raise Refusal(
                "anti_replay.state",
                expected="a memory of counters that is whole and the newest",
                got=f"{memory.state}: {state / 'seen.json'}",
                advice="finding out why; then removing seen.json and seen.generation, "
                "and with them the protection of what was signed before",
                exit_code=4,
            )
        policy = Policy(
            schedule.holders_normal, schedule.holders_priority, schedule.holders_emergency
        )
        place = Place(schedule.commune, tuple(zone.id for zone in schedule.zone))
        keyring = read_keyring((folder / schedule.keyring).read_bytes())
        acceptance = Acceptance(keyring, place, memory, policy)
        self._decoder: Decoder | None = None
        self._store = BulletinStore(state, acceptance, self._decode, exercise)
        self.passed_over = tuple(self._store.passed_over)
        self.news: queue.SimpleQueue[Taken | Failed] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    @property
    def heard(self) -> tuple[Heard, ...]:
        """Bulletins that were accepted before this start."""
        return tuple(self._store.heard.values())

    def prepare(self, decoder: Decoder) -> None:
        """Have everything decoded that was accepted before; what fails is a fallback's work."""
        self._store.forget_before(self._clock.now_utc())
        for one in self.heard:
            for audio in one.bulletin.audio:
                try:
                    self._recordings.add(audio.sha256, self._store.path_of(audio.sha256), decoder)
                except (Refusal, OSError) as error:
                    self.passed_over += ((audio.sha256, str(error)),)

    def look(self) -> None:
        """Look once; the news has what came of it."""
        with Decoder() as self._decoder:
            self._look(Inbox(self._inbox_path, self._store))

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        inbox = Inbox(self._inbox_path, self._store)
        with ExitStack() as held:
            self._decoder = held.enter_context(Decoder())
            while not self._stopped.wait(_PAUSE_S):
                self._look(inbox)

    def _look(self, inbox: Inbox) -> None:
        try:
            for taken in inbox.look(self._clock.now_utc, self._clock.monotonic_s()):
                self.news.put(taken)
        except OSError as error:
            self._fail(
                Refusal(
                    "inbox.folder",
                    expected=f"to read {self._inbox_path}",
                    got=str(error.strerror).lower(),
                    advice="mkdir -p",
                    exit_code=4,
                )
            )
        except Refusal as refusal:
            self._fail(refusal)

    def _fail(self, refusal: Refusal) -> None:
        self.news.put(Failed(refusal))
        self._stopped.wait(1.0)  # the disk may mend; nobody is told ten times a second

    def _decode(self, path: Path, sha256: str) -> int:
        assert self._decoder is not None
        return self._recordings.add(sha256, path, self._decoder)

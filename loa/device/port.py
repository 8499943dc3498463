"""The command port: a socket and a thread before the door, so that disks do not hold up the sound.

What the door lets in goes through a queue to the loop that plays. Ten times a second, where nobody
waits, the thread looks after the rest: files of sessions and the keyring that changed, what was
played to its end, the witness of the memory.
"""

from __future__ import annotations

import contextlib
import queue
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self

from dsp.errors import Refusal
from ingest.clock import Clock
from loa.device.door import CommandDoor
from loa.device.live import bound
from loa.device.news import News, Play, Refused
from transmit.bulletin.envelope import MOST_BYTES
from transmit.bulletin.keyring import Keyring

LOOK_S = 0.1
_JOIN_AGAIN_S = 5.0
_MOST_AT_ONCE = 64
_DATAGRAM_BYTES = 2_048


class CommandPort:
    """Listens for one device; a context manager.

    Parameters
    ----------
    door
        Judges what comes.
    clock
        The clocks.
    now_utc
        The time where it is trusted, else None.
    addresses
        Where to listen, groups among them; with none only files are looked at.
    session_files
        By the source of the settings that names them.
    keyring
        Returns the keyring of the files when it has changed since, else None.

    Attributes
    ----------
    news
        What was let in, and what was not.
    failed
        How often the network did not give what it said it had.
    """

    def __init__(
        self,
        door: CommandDoor,
        clock: Clock,
        now_utc: Callable[[], datetime | None],
        *,
        addresses: tuple[tuple[str, int], ...] = (),
        session_files: dict[str, Path] | None = None,
        keyring: Callable[[], Keyring | None] = lambda: None,
    ) -> None:
        self._door = door
        self._clock = clock
        self._now_utc = now_utc
        self._files = session_files or {}
        self._keyring = keyring
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._again: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        self._to_join: list[tuple[float, str]] = []
        self.news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        with contextlib.ExitStack() as held:
            for address in addresses:
                self._selector.register(held.enter_context(bound(*address)), selectors.EVENT_READ)
            self._sockets = held.pop_all()
        self.failed = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        self._rested = True
        self._put(self._door.unplayed(self._now_utc()))

    @property
    def is_well(self) -> bool:
        """Whether the thread that listens is alive."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def done(self, name: str) -> None:
        """Say that a bulletin was played to its end."""
        self._done.put(name)

    def not_joined(self, session_id: str) -> None:
        """Say that the network did not let a session be joined: tried again in a few seconds."""
        self._again.put((self._clock.monotonic_s() + _JOIN_AGAIN_S, session_id))

    def listen(self, wait_s: float = LOOK_S) -> None:
        """Take what has come, waiting so long for it."""
        if not self._selector.get_map():
            self._stopped.wait(wait_s)
        for key, _ in self._selector.select(wait_s) if self._selector.get_map() else ():
            opened = key.fileobj
            assert isinstance(opened, socket.socket)
            self._receive(opened)

    def _receive(self, opened: socket.socket) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                data, sender = opened.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:  # a network that is down, or what ICMP says about an earlier reply
                self.failed += 1
                continue
            now_utc, monotonic_s = self._now_utc(), self._clock.monotonic_s()
            news = self._door.datagram(data, sender, now_utc, monotonic_s)
            self._put(news, took_s=self._clock.monotonic_s() - monotonic_s)
            for reply, address in self._door.replies():
                with contextlib.suppress(OSError):  # it is asked again
                    opened.sendto(reply, address)

    def look_after(self) -> None:
        """Do what nobody waits for."""
        try:
            while True:
                self._door.done(self._done.get_nowait())
        except queue.Empty:
            pass
        except Refusal as refusal:
            self.news.put(Refused("the disk", refusal))
        self._join_again()
        self._look_at_keyring()
        for source, path in self._files.items():
            self._look_at(source, path)
        self._door.rest()

    def close(self) -> None:
        """End the thread and close the socket."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._selector.close()
        self._sockets.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread and close the socket."""
        self.close()

    def _run(self) -> None:
        looked_s = float("-inf")
        while not self._stopped.is_set():
            self.listen()
            if self._clock.monotonic_s() - looked_s >= LOOK_S:
                looked_s = self._clock.monotonic_s()
                try:
                    self.look_after()
                except Refusal as refusal:
                    self.news.put(Refused("the disk", refusal))
                    looked_s += 1.0  # the disk may mend; nobody is told ten times a second

    def _put(self, news: list[News], took_s: float = 0.0) -> None:
        for one in news:
            self.news.put(replace(one, took_s=took_s) if isinstance(one, Play) else one)

    def _join_again(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._to_join.append(self._again.get_nowait())
        now_s = self._clock.monotonic_s()
        for due_s, session_id in self._to_join:
            if due_s <= now_s:
                self._door.judge_again(session_id)
        self._to_join = [one for one in self._to_join if one[0] > now_s]

    def _look_at_keyring(self) -> None:
        try:
            found = self._keyring()
        except Refusal as refusal:  # half written, or broken: the keys as they were
            self.news.put(Refused("the keyring", refusal))
            return
        if found is not None:
            self._put(self._door.renew(found, self._now_utc()))

    def _look_at(self, source: str, path: Path) -> None:
        """Offer the session in a file; the door knows what it has judged."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError:
            return  # not there yet
        now_utc, monotonic_s = self._now_utc(), self._clock.monotonic_s()
        self._put(self._door.message(content, (str(path),), now_utc, monotonic_s, source))

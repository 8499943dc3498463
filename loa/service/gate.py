"""The gate: a process that accepts connections, and passes on those whose request is worth work.

    accept → look at what has come, without taking it → head and first bytes there: to the API
                                                      └ not there after `receive_s`: sent away

The API has one event loop; accepting and closing thousands of connections on it would hold up the
answers to everybody else. Here they cost a socket each. What was looked at (MSG_PEEK) stays in the
kernel, so that a connection is handed over as if nobody had touched it (SCM_RIGHTS). When this
process dies, who waited here has to come again; nothing of theirs was acknowledged.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass

from loa.service import short_answers
from loa.service.addresses import Clients
from loa.service.first_bytes import FirstBytes
from loa.service.parent import end_with

_ACCEPTED_AT_ONCE, _SENT_AWAY_AT_ONCE = 64, 256
# More than uvicorn takes for a head (16 kB) and the first bytes: who sent so much is passed on.
_LOOKED_AT_BYTES = 24_576
_NEW = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_GONE = select.EPOLLHUP | select.EPOLLERR


@dataclass(frozen=True)
class Rules:
    """What the gate goes by."""

    receive_s: float
    connections_per_address: int
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True)
class Waiting:
    """A connection that has not sent enough yet."""

    connection: socket.socket
    client: str | None
    until_s: float


def main() -> None:
    """Be the gate; descriptors of listener and channel, parent, rules (JSON) are the arguments."""
    listener, channel, parent = (int(word) for word in sys.argv[1:4])
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the service ends us
    said = json.loads(sys.argv[4])
    said["trusted_proxies"] = tuple(said["trusted_proxies"])
    Gate(socket.socket(fileno=listener), socket.socket(fileno=channel), Rules(**said)).run()


class Gate:
    """Accepts at `listener`; sends the descriptors of what may go on over `channel`."""

    def __init__(self, listener: socket.socket, channel: socket.socket, rules: Rules) -> None:
        self._listener, self._channel, self._rules = listener, channel, rules
        self._clients = Clients(rules.trusted_proxies)
        self._waiting: dict[int, Waiting] = {}  # the oldest first
        self._counts: Counter[str] = Counter()
        self._to_pass: deque[socket.socket] = deque()
        self._is_held_up = False  # the API has not yet taken what was passed to it
        self._too_slow = short_answers.too_slow(rules.receive_s)
        self._too_many = short_answers.too_many(rules.connections_per_address)
        for one in (listener, channel):
            one.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(listener, select.EPOLLIN)
        self._epoll.register(channel, select.EPOLLIN)

    def run(self) -> None:
        """Do so until the other end of the channel is gone."""
        while self.turn():
            pass

    def turn(self) -> bool:
        """Wait for something to happen, and see to it; False once the API is gone."""
        for number, happened in self._epoll.poll(self._left_s()):
            if number == self._listener.fileno():
                self._accept()
            elif number == self._channel.fileno():
                if happened & (_GONE | select.EPOLLIN):  # the API says nothing: it has ended
                    return False
                self._pass_on()
            elif number in self._waiting:
                self._look(number, happened)
        self._send_slow_away()
        return True

    def _left_s(self) -> float:
        for oldest in self._waiting.values():
            return max(0.0, oldest.until_s - time.monotonic())
        return -1.0

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._make_room()
                return  # else: it is gone again
            connection.setblocking(False)
            client = self._clients.client(address[0])
            if client is not None:
                if self._counts[client] >= self._rules.connections_per_address:
                    _answer(connection, self._too_many)
                    continue
                self._counts[client] += 1
            until_s = time.monotonic() + self._rules.receive_s
            self._waiting[connection.fileno()] = Waiting(connection, client, until_s)
            self._epoll.register(connection, _NEW)

    def _make_room(self) -> None:
        """Send away who has waited longest: there is no descriptor left."""
        for number, waiting in self._waiting.items():
            self._forget(number)
            _answer(waiting.connection, self._too_many)
            return

    def _look(self, number: int, happened: int) -> None:
        connection = self._waiting[number].connection
        try:
            held = connection.recv(_LOOKED_AT_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            held = b""
        if len(held) == _LOOKED_AT_BYTES or FirstBytes().take(held) is not None:
            self._forget(number)
            self._to_pass.append(connection)
            self._pass_on()
        elif not held or happened & (_GONE | select.EPOLLRDHUP):
            self._forget(number)
            connection.close()

    def _pass_on(self) -> None:
        while self._to_pass:
            try:
                socket.send_fds(self._channel, [b"c"], [self._to_pass[0].fileno()])
            except BlockingIOError:
                break
            except OSError:  # the API is gone, which the next turn sees
                return
            self._to_pass.popleft().close()
        if bool(self._to_pass) is not self._is_held_up:
            self._is_held_up = bool(self._to_pass)
            wanted = select.EPOLLIN | (select.EPOLLOUT if self._is_held_up else 0)
            self._epoll.modify(self._channel, wanted)

    def _send_slow_away(self) -> None:
        now_s = time.monotonic()
        late: list[int] = []
        for number, waiting in self._waiting.items():
            if waiting.until_s > now_s or len(late) == _SENT_AWAY_AT_ONCE:
                break
            late.append(number)
        for number in late:
            connection = self._waiting[number].connection
            self._forget(number)
            first = FirstBytes()
            with contextlib.suppress(OSError):
                first.take(connection.recv(_LOOKED_AT_BYTES))
            if first.has_head:
                _answer(connection, self._too_slow)
            else:
                connection.close()

    def _forget(self, number: int) -> None:
        waiting = self._waiting.pop(number)
        self._epoll.unregister(number)
        if waiting.client is not None:
            self._counts[waiting.client] -= 1
            if not self._counts[waiting.client]:
                del self._counts[waiting.client]


def _answer(connection: socket.socket, answer: bytes) -> None:
    """Say why, as far as that goes at once, and close."""
    with contextlib.suppress(OSError):
        connection.send(answer)
    connection.close()


def rules_as_text(rules: Rules) -> str:
    """Return the rules for the gate's command line."""
    return json.dumps(vars(rules))


def command(listener: int, channel: int, rules: Rules) -> list[str]:
    """Return the command that runs a gate for this process."""
    program = "from loa.service.gate import main; main()"
    numbers = [str(listener), str(channel), str(os.getpid())]
    return [sys.executable, "-c", program, *numbers, rules_as_text(rules)]

"""A centre, thousands of loudspeakers and two real ones, for the bench of emergencies.

What is real: the command `loa bulletin send`, its datagrams to every address over loopback with the
kernel's time of arrival, and two `loa speaker` processes whose tap is listened to. What is
simulated: the network between (loss in bursts, delay, seeded, one for every loudspeaker), and of
each of the others its sound; its door is the real one, with an anti-replay journal of its own, and
verifies and persists for itself.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.process_timing import LOA
from bench.stream.network import Network
from loa.device.door import CommandDoor
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.anti_replay import ReplayMemory
from transmit.bulletin.challenge import Challenger
from transmit.bulletin.content import BoardText, Bulletin
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.keyring import Keyring, TrustedKey, read_keyring
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.signing import SigningKey, sign

PORT = 31_970  # below the ports that the kernel gives away; the next four are used as well
REAL = ("horn-a", "horn-b")
_COMMUNE = "tri-ton"
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE, _IP_PKTINFO = 35, 33, 8
_BUFFER_BYTES = 512 << 20
_DATAGRAM_BYTES = 2_048


class Centre:
    """A desk's key, its keyring, and what it signs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = SigningKey.generate()
        self._counter = 0
        (folder / "KEYRING.toml").write_text(
            f'[[key]]\npublic = "{self.key.public_text}"\nissuer = "commune.{_COMMUNE}"\n'
            'holder = "desk"\ntiers = ["commune"]\npriorities = ["emergency"]\n'
            f'communes = ["{_COMMUNE}"]\n'
        )
        self.keyring: Keyring = read_keyring((folder / "KEYRING.toml").read_bytes())
        assert isinstance(self.keyring.key[0], TrustedKey)

    def write(self, name: str, **said: Any) -> Path:
        """Sign an emergency, or a cancel, and write it."""
        now = datetime.now(UTC)
        self._counter += 1
        stamps = [f"{now + timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" for h in (-1, 1)]
        usual: dict[str, Any] = {
            "id": name,
            "issuer": f"commune.{_COMMUNE}",
            "tier": "commune",
            "communes": (_COMMUNE,),
            "field": "thiên tai",
            "languages": ("vi", "km"),
            "priority": "emergency",
            "title": "Cảnh báo lũ",
            "text": "Nước lên nhanh. Di chuyển đến nơi cao.",
            "board_text": BoardText("LŨ LÊN NHANH", stamps[1]),
            "author": "Nguyễn Văn A",
            "approver": "Trần Thị B",
            "not_before": stamps[0],
            "expires": stamps[1],
            "counter": self._counter,
        }
        path = self.folder / f"{name}.json"
        path.write_bytes(sign(Bulletin(**(usual | said)), self.key).to_bytes())
        return path


class SimulatedHorns:
    """The doors of so many loudspeakers, each with a journal on the disk."""

    def __init__(self, centre: Centre, count: int) -> None:
        first = ReplayMemory().to_bytes()
        self.doors = []
        for number in range(count):
            folder = centre.folder / f"horn-{number}"
            folder.mkdir()
            (folder / "seen.json").write_bytes(first)  # as provisioned
            challenger = Challenger(folder.name)
            memory = ReplayFile(folder / "seen.json", folder / "seen.generation")
            place = Place(_COMMUNE, (f"{_COMMUNE}.{number}",))
            acceptance = Acceptance(centre.keyring, place, memory, challenger=challenger)
            self.doors.append(CommandDoor(folder.name, acceptance, challenger))
        os.sync()

    def takes_s(self, number: int, data: bytes) -> tuple[bool, float]:
        """Let one take a datagram; whether it let it in, and how long that took it."""
        before_s = time.perf_counter()
        news = self.doors[number].datagram(data, ("127.0.0.1", 9), datetime.now(UTC), 0.0)
        return bool(news), time.perf_counter() - before_s


@dataclass(frozen=True)
class Arrival:
    """A datagram as the kernel had it."""

    number: int
    at_s: float
    data: bytes


class Collector:
    """Every loopback address of 127.1.0.0/16 as one socket: whose it was, and when it came."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self.socket.bind(("0.0.0.0", PORT))  # noqa: S104 - every loopback address is one destination

    @staticmethod
    def address(number: int) -> str:
        """Return where loudspeaker `number` listens."""
        return f"127.1.{number // 250}.{1 + number % 250}:{PORT}"

    def drain(self) -> list[Arrival]:
        """Return what has come."""
        self.socket.setblocking(False)
        found: list[Arrival] = []
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(_DATAGRAM_BYTES, 256)
            except BlockingIOError:
                return found
            at_s, number = 0.0, -1
            for _, kind, content in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("=qq", content[:16])
                    at_s = seconds + nanoseconds / 1e9
                elif kind == _IP_PKTINFO:
                    _, _, third, fourth = content[8:12]
                    number = 250 * third + fourth - 1
            found.append(Arrival(number, at_s, data))


class BadLine:
    """Forwards the datagrams of one real loudspeaker as its network would."""

    def __init__(self, port: int, target: int, network: Network) -> None:
        self._target = ("127.0.0.1", target)
        self._network = network
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._socket.setblocking(False)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        waiting: list[tuple[float, bytes]] = []
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while not self._stopped.is_set():
                now_s = time.monotonic()
                due = [one for one in waiting if one[0] <= now_s]
                waiting = [one for one in waiting if one[0] > now_s]
                for _, data in due:
                    self._socket.sendto(data, self._target)
                left_s = min((at - now_s for at, _ in waiting), default=0.05)
                for _ in selector.select(min(0.05, left_s)):
                    data = self._socket.recv(_DATAGRAM_BYTES)
                    for at_s, _, content in self._network.arrivals([(now_s, False, data)]):
                        waiting.append((at_s, content))

    def close(self) -> None:
        """End the thread and close the socket."""
        self._stopped.set()
        self._thread.join()
        self._socket.close()


class RealHorns:
    """Two `loa speaker` processes with a tap each."""

    def __init__(self, centre: Centre, seconds: float) -> None:
        self._folder = centre.folder
        self._processes = []
        for number, name in enumerate(REAL):
            key = centre.folder / f"{name}.key"
            key.touch(mode=0o600)
            key.write_bytes(base64.b64encode(DeviceKey.generate().to_bytes()))
            (centre.folder / f"{name}.toml").write_text(
                f'id = "{name}"\nzone = "{_COMMUNE}.{name}"\ncommune = "{_COMMUNE}"\n'
                f'sources = ["session:"]\ndevice_key = "{name}.key"\nstate = "state-{name}"\n'
                f'trusted_keys = ["KEYRING.toml"]\nclock = "trusted"\n'
                f'commands = ["127.0.0.1:{PORT + 1 + number}"]\n'
            )
            command = [LOA, "speaker", str(centre.folder / f"{name}.toml"), "--json"]
            command += ["--seconds", str(seconds), "--tap", str(centre.folder / f"{name}.wav")]
            out = (centre.folder / f"{name}.log").open("wb")
            self._processes.append(subprocess.Popen(command, stdout=out))

    def wait_until_heard_of(self) -> None:
        """Wait until both have said their first second."""
        for name, process in zip(REAL, self._processes, strict=True):
            log = self._folder / f"{name}.log"
            while b"\n" not in log.read_bytes():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended before it had begun")
                time.sleep(0.05)

    def finish(self) -> list[tuple[Path, float]]:
        """Wait for their end; return each tap and the moment of its first sample."""
        found = []
        for name, process in zip(REAL, self._processes, strict=True):
            if process.wait() != 0:
                raise RuntimeError(f"{name} failed")
            last = (self._folder / f"{name}.log").read_bytes().splitlines()[-1]
            found.append((self._folder / f"{name}.wav", json.loads(last)["begun_unix_s"]))
        return found

    def kill(self) -> None:
        """End what still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

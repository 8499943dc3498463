"""A provisioned loudspeaker in a folder, with a centre that signs for it."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
from datetime import UTC, datetime, timedelta

from bench.stream.network import BEGUN_S
from loa.device.door import CommandDoor
from tests.transmit.bulletin.made import KEY, SECOND, bulletin, trusted
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.announced import AnnouncedSession
from transmit.bulletin.challenge import Challenger
from transmit.bulletin.content import Audio
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.keyring import Keyring
from transmit.bulletin.replay_file import ReplayFile
from transmit.bulletin.session import open_session, sign_session
from transmit.bulletin.signing import sign
from transmit.bulletin.verify import Policy

NOW = datetime.fromtimestamp(BEGUN_S, UTC)
HORN = DeviceKey.generate()
SENDER = ("127.0.0.1", 9)
# Below the ports that the kernel gives away, a range for each worker: nobody else takes them.
PORTS = itertools.count(22_000 + 200 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 2)


def stamp(seconds):
    return f"{NOW + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def said(**changes):
    """A bulletin in force for an hour around NOW."""
    usual = {"not_before": stamp(-60), "expires": stamp(3600), "communes": ("tri-ton",)}
    usual |= {"zones": (), "board_text": None}
    return bulletin(**(usual | changes))


def signed(key=KEY, **changes):
    return sign(said(**changes), key)


def audio_of(path, store):
    """Put a recording into the store; return how a bulletin names it."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    store.mkdir(exist_ok=True)
    (store / digest).write_bytes(content)
    return Audio(digest, len(content), "vi")


def keyring(*revoked):
    return Keyring(
        (
            trusted(revoked=KEY in revoked),
            trusted(SECOND, holder="desk-2", revoked=SECOND in revoked),
        )
    )


def announced(key=KEY, sdp=b"v=0\r\n", srtp_key=bytes(range(30)), device=HORN, **changes):
    usual = {
        "id": "live-1",
        "issuer": "province.vinh-long",
        "tier": "province",
        "priority": "normal",
        "communes": ("tri-ton",),
        "not_before": stamp(-60),
        "expires": stamp(3600),
        "counter": 7,
    }
    session, wraps = open_session(srtp_key, sdp, {"horn-1": device.public}, **(usual | changes))
    return AnnouncedSession(sign_session(session, key), sdp, wraps)


def door(folder, *, policy=None, takes_tests=False, key=HORN, keys=None):
    """The door of horn-1; made again it is as after a restart."""
    memory = ReplayFile(folder / "seen.json", folder / "seen.generation")
    memory.compact()
    challenger = Challenger("horn-1")
    place = Place("tri-ton", ("tri-ton.2",))
    acceptance = Acceptance(keys or keyring(), place, memory, policy or Policy(), challenger)
    return CommandDoor("horn-1", acceptance, challenger, key=key, takes_tests=takes_tests)


def keyring_text(revoked=()):
    rows = []
    for key, holder in ((KEY, "desk-1"), (SECOND, "desk-2")):
        rows.append(
            f'[[key]]\npublic = "{key.public_text}"\nissuer = "province.vinh-long"\n'
            f'holder = "{holder}"\ntiers = ["province"]\ncommunes = ["*"]\nzones = ["*"]\n'
            'priorities = ["normal", "priority", "emergency"]\n'
            f"revoked = {str(key in revoked).lower()}\n"
        )
    return "".join(rows)


def provision(folder, **changes):
    """Write keyring, device key and SPEAKER.toml; return the path of the last."""
    (folder / "KEYRING.toml").write_text(keyring_text())
    key_file = folder / "horn-1.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(base64.b64encode(HORN.to_bytes()))
    values = {
        "id": '"horn-1"',
        "zone": '"tri-ton.2"',
        "commune": '"tri-ton"',
        "sources": '["session:"]',
        "device_key": '"horn-1.key"',
        "trusted_keys": '["KEYRING.toml"]',
        "state": '"state"',
        "store": '"store"',
        "clock": '"trusted"',
    } | changes
    path = folder / "speaker.toml"
    path.write_text("\n".join(f"{name} = {value}" for name, value in values.items() if value))
    return path

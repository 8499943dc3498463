"""What the performance needs, in a folder: keys, two loudspeakers, a relay; all have doors."""

from __future__ import annotations

import base64
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from transmit.bulletin.announced import AnnouncedSession
from transmit.bulletin.content import BoardText, Bulletin
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.session import open_session, sign_session
from transmit.bulletin.signing import SigningKey, sign

COMMUNE, ISSUER = "duc-my", "commune.duc-my"
HORNS = ("ip-1", "ip-2")
RELAY = "relay"  # speaks to the horns that have no keys
DELAY_MS, THROUGH_MS = 400, 1_000
_SRTP_KEY_BYTES = 30


@dataclass(frozen=True)
class Stage:
    """The folder and the keys in it.

    Attributes
    ----------
    desk, stranger
        Whom the loudspeakers trust, and whom they do not.
    devices
        The loudspeakers' own keys.
    media, commands
        Ports: of each loudspeaker; of each, and of the relay.
    """

    folder: Path
    desk: SigningKey
    stranger: SigningKey
    devices: dict[str, DeviceKey]
    media: dict[str, int]
    commands: dict[str, int]

    def path(self, name: str) -> Path:
        """Return a path in the folder."""
        return self.folder / name

    def announce(self, horn: str, now_utc: datetime) -> None:
        """Sign the session that the relay described for a loudspeaker, and lay it down for it."""
        plain = b"".join(
            line
            for line in self.path(f"{horn}.sdp").read_bytes().splitlines(keepends=True)
            if not line.startswith(b"a=crypto")
        )
        key = base64.b64decode(self.path("srtp.key").read_bytes())
        begins = now_utc.replace(microsecond=0) - timedelta(seconds=5)
        session, wraps = open_session(
            key,
            plain,
            {horn: self.devices[horn].public},
            id=f"demo-{horn}",
            issuer=ISSUER,
            tier="commune",
            priority="normal",
            communes=(COMMUNE,),
            not_before=_time(begins),
            expires=_time(begins + timedelta(hours=1)),
            counter=1,
        )
        announced = AnnouncedSession(sign_session(session, self.desk), plain, wraps)
        part = self.path(f".{horn}.session.json")
        part.write_bytes(announced.to_bytes())
        part.rename(self.path(f"{horn}.session.json"))

    def emergency(self, now_utc: datetime, *, by: Literal["desk", "stranger"]) -> bytes:
        """Return a signed emergency; the stranger's is in the desk's words and name."""
        board = BoardText("LŨ LÊN", _time(now_utc + timedelta(hours=1)))
        text = "Nước lên nhanh. Bà con lên chỗ cao ngay."
        said = _said(
            now_utc,
            id=f"lu-{by}",
            title="Cảnh báo lũ",
            text=text,
            board_text=board,
            counter=1 if by == "desk" else 3,
        )
        return sign(said, self.desk if by == "desk" else self.stranger).to_bytes()

    def cancel(self, now_utc: datetime) -> bytes:
        """Return what ends the desk's emergency."""
        said = _said(
            now_utc, id="lu-het", title="Hết cảnh báo", text="", cancels="lu-desk", counter=2
        )
        return sign(said, self.desk).to_bytes()


def _said(now_utc: datetime, **more: Any) -> Bulletin:
    begins = now_utc.replace(microsecond=0) - timedelta(seconds=5)
    return Bulletin(
        issuer=ISSUER,
        tier="commune",
        communes=(COMMUNE,),
        zones=(),
        field="thiên tai",
        languages=("vi",),
        priority="emergency",
        author="Nguyễn Văn A",
        approver="Trần Thị B",
        not_before=_time(begins),
        expires=_time(begins + timedelta(hours=1)),
        **more,
    )


def set_stage(folder: Path, bulletin: Path) -> Stage:
    """Make keys and settings in `folder` to relay the bulletin that lies there."""
    media, commands = {}, {}
    for horn in HORNS:
        media[horn], commands[horn] = _free_port(2), _free_port(1)
    commands[RELAY] = _free_port(1)
    stage = Stage(
        folder,
        SigningKey.generate(),
        SigningKey.generate(),
        {horn: DeviceKey.generate() for horn in HORNS},
        media,
        commands,
    )
    _secret(stage.path("srtp.key"), base64.b64encode(secrets.token_bytes(_SRTP_KEY_BYTES)))
    stage.path("KEYRING.toml").write_text(
        f'[[key]]\npublic = "{stage.desk.public_text}"\nissuer = "{ISSUER}"\nholder = "desk-1"\n'
        'tiers = ["commune"]\npriorities = ["normal", "priority", "emergency"]\n'
        'communes = ["*"]\nzones = ["*"]\n',
        encoding="utf-8",
    )
    for horn in HORNS:
        _secret(stage.path(f"{horn}.key"), base64.b64encode(stage.devices[horn].to_bytes()))
        stage.path(f"{horn}.toml").write_text(
            f'id = "{horn}"\nzone = "{COMMUNE}.1"\ncommune = "{COMMUNE}"\n'
            f'sources = ["session:{horn}.session.json"]\ndevice_key = "{horn}.key"\n'
            f'trusted_keys = ["KEYRING.toml"]\nstate = "{horn}.state"\n'
            f'commands = ["127.0.0.1:{commands[horn]}"]\nclock = "trusted"\n'
            f"delay_ms = {DELAY_MS}\n",
            encoding="utf-8",
        )
    streams = "".join(
        f'[[rtp]]\nto = ["127.0.0.1:{media[horn]}"]\nheard_after_ms = {DELAY_MS}\n'
        f'srtp_key_file = "srtp.key"\nsdp = "{horn}.sdp"\n'
        for horn in HORNS
    )
    stage.path("RELAY.toml").write_text(
        f'id = "{COMMUNE}"\nthrough_ms = {THROUGH_MS}\ncommune = "{COMMUNE}"\n'
        f'zones = ["{COMMUNE}.1"]\ntrusted_keys = ["KEYRING.toml"]\nstate = "{RELAY}.state"\n'
        f'commands = ["127.0.0.1:{commands[RELAY]}"]\nclock = "trusted"\n'
        f'[[input]]\nsource = "file:{bulletin.name}"\n{streams}'
        '[[fm]]\nto = "exciter.wav"\npi = "7001"\nps = "DUC MY"\n',
        encoding="utf-8",
    )
    return stage


def _secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _free_port(count: int) -> int:
    """Return an even port; it and those after it are free now."""
    for port in range(20_000 + 2 * secrets.randbelow(5_000), 64_000, 2):
        opened = []
        try:
            for one in range(port, port + count):
                opened.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                opened[-1].bind(("127.0.0.1", one))
        except OSError:
            continue
        finally:
            for one_socket in opened:
                one_socket.close()
        return port
    raise OSError("no port is free")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

"""`loa bulletin device`, `session` and `send`: from new keys to a loudspeaker's door."""

import base64
import itertools
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from loa import cli
from loa.sending import announcing
from loa.sending.announcing import FIRST_S, SendRequest, moments_s, send_file
from loa.sending.description import describe
from tests.loa.device.made import PORTS, signed
from transmit.bulletin.announced import read_announced
from transmit.bulletin.datagrams import Assembler
from transmit.bulletin.key_wrap import DeviceKey
from transmit.rtp.payloads import CODECS

SRTP_KEY = bytes(range(30))


@pytest.fixture
def centre(tmp_path, capsys, monkeypatch):
    """A folder with a desk's key, two devices and a description; returns how to run a command."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = cli.run(["bulletin", *words])
        return code, capsys.readouterr()

    run("key", "-o", "desk.pem")
    rows = ""
    for name in ("horn-1", "horn-2"):
        made = json.loads(run("device", "--id", name, "-o", f"{name}.key")[1].out)
        rows += f'[[device]]\nid = "{name}"\npublic = "{made["public"]}"\n'
    (tmp_path / "DEVICES.toml").write_text(rows + "revoked = true\n")
    described = describe(CODECS["opus"], ("239.255.12.42", 5004), packet_ms=20, key=SRTP_KEY)
    (tmp_path / "live.sdp").write_text(described.describe(), newline="")
    run.folder = tmp_path
    return run


SESSION = ("session", "live.sdp", "--key", "desk.pem", "--devices", "DEVICES.toml")
SAID = ("--issuer", "commune.tri-ton", "--commune", "tri-ton", "-o", "live.json")


def test_a_session_carries_the_key_for_its_devices_alone(centre):
    code, shown = centre(*SESSION, *SAID)
    assert (code, json.loads(shown.out)["devices"]) == (0, 1)
    content = (centre.folder / "live.json").read_bytes()
    assert base64.b64encode(SRTP_KEY) not in content
    found = read_announced(content)
    assert set(found.wraps) == {"horn-1"}  # horn-2 was revoked
    assert b"crypto" not in found.sdp
    found.session.require_description(found.sdp)
    private = base64.b64decode((centre.folder / "horn-1.key").read_bytes())
    key = found.session.unwrap(found.wraps["horn-1"], DeviceKey.from_bytes(private), "horn-1")
    assert key == SRTP_KEY


def test_a_device_key_is_its_owners_alone_and_never_overwritten(centre):
    assert (centre.folder / "horn-1.key").stat().st_mode & 0o077 == 0
    code, shown = centre("device", "--id", "x", "-o", "horn-1.key")
    assert (code, "output.exists" in shown.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        (*SESSION, *SAID, "--minutes", "720.5"),
        (*SESSION, "--issuer", "a b", "--commune", "tri-ton", "-o", "x.json"),
        (*SESSION, "--issuer", "a", "-o", "x.json"),
        ("session", "desk.pem", *SESSION[2:], *SAID),
        ("send", "live.sdp"),
        ("send", "live.sdp", "--to", "127.0.0.1:9"),
        ("send", "live.sdp", "--to", "horn:5010"),
        ("send", "live.sdp", "--to", "127.0.0.1:5010", "--key", "desk.pem"),
        ("send", "live.sdp", "--devices", "live.sdp"),
        ("send", "live.sdp", "--devices", "none.toml"),
    ],
)
def test_bad_input_is_one_line(centre, words):
    code, shown = centre(*words)
    assert code == 2
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"schema": "loa.announced-session/1"}', b"[" * 9_000],
)
def test_an_announcement_that_is_none(content):
    with pytest.raises(announcing.Refusal, match=r"session\."):
        read_announced(content)


class Leaping:
    """A clock on which every look takes a millisecond, so that nothing is waited for."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic_s(self):
        self.now_s += 0.001
        return self.now_s

    def now_utc(self):
        return datetime(2026, 11, 29, tzinfo=UTC) + timedelta(seconds=self.now_s)


def test_an_emergency_goes_out_at_once_and_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("selectors.DefaultSelector.select", lambda *_: [])
    content = signed().to_bytes()
    (tmp_path / "flood.json").write_bytes(content)
    port = next(PORTS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as horn:
        horn.bind(("127.0.0.1", port))
        horn.settimeout(5)
        request = SendRequest(tmp_path / "flood.json", (f"127.0.0.1:{port}",), seconds=1.0)
        assert send_file(request, Leaping()) == 0
        told = json.loads(capsys.readouterr().out)
        came = [Assembler().add(horn.recv(2_048)) for _ in range(told["datagrams_sent"])]
    assert came == [content] * len([at for at in FIRST_S if at <= 1.0])


def test_it_is_said_again_ever_more_slowly():
    times = list(itertools.islice(moments_s(), 40))
    gaps = [round(later - earlier, 6) for earlier, later in itertools.pairwise(times)]
    assert times[0] == 0.0
    assert len([at for at in times if at <= 1.0]) == 12
    assert gaps == sorted(gaps)

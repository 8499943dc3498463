"""`loa stream`: FFmpeg, which we did not write, hears every codec, plain and by SRTP."""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.packet.rtcp import parse_compound, unix_from_ntp
from dsp.packet.sdp import parse_session
from loa import cli
from loa.real_time import RealTime
from loa.sending.description import describe
from loa.sending.paced_sender import PacedSender
from loa.sending.streaming import StreamRequest, run_stream
from transmit.rtp.payloads import CODECS, Payload
from transmit.rtp.reception import ReceptionBook
from transmit.rtp.stream import RtpStream

RATE = 48_000
KEY = bytes(range(100, 130))
DEADLINE_S = 60


class Swift:
    """A clock on which every look takes ten milliseconds, so that nobody waits."""

    def __init__(self):
        self.ticks = itertools.count()

    def now_utc(self):
        return datetime(2026, 11, 24, 5, 0, tzinfo=UTC)

    def monotonic_s(self):
        return next(self.ticks) * 0.01


def noise(seconds=1.0):
    rng = np.random.default_rng(3)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequency < 300) | (frequency > 3000)] = 0
    wave = np.fft.irfft(spectrum, count)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.fixture
def bulletin(tmp_path):
    path = tmp_path / "bulletin.wav"
    soundfile.write(path, noise(), RATE)
    return path


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(base64.b64encode(KEY).decode())
    return path


# Below the ports that the kernel gives away, a range for each worker: nobody else takes them.
PORTS = itertools.count(20_000 + 400 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 2)


def is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def even_port():
    """Return an even port that is free together with the next."""
    return next(port for port in PORTS if is_free(port) and is_free(port + 1))


def is_open(port):
    """Whether somebody has opened the port, as the kernel's own table says."""
    return f":{port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii")


def wait_until(ready, process):
    """Return when `ready` says so, the process being alive."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        assert process.poll() is None, process.stderr.read()
        if ready():
            return
    pytest.fail("nobody opened the port")


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("name", sorted(CODECS))
def test_ffmpeg_hears_it(name, protected, bulletin, key_file, tmp_path, capsys, monkeypatch):
    port = even_port()
    sdp, heard = tmp_path / "s.sdp", tmp_path / "heard.wav"
    key = KEY if protected else None
    text = describe(
        CODECS[name], ("127.0.0.1", port), packet_ms=CODECS[name].usual_ms, key=key
    ).describe()
    sdp.write_text(text, newline="")
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-protocol_whitelist"]
    command += ["file,udp,rtp,crypto,srtp", "-i", str(sdp), "-ar", str(RATE), "-t", "0.9"]
    command.append(str(heard))
    # Unpaced, a goodbye on its own port would overtake the audio: FFmpeg stops at once for it.
    monkeypatch.setattr(PacedSender, "say_goodbye", lambda *_: None)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: is_open(port) and is_open(port + 1), process)
            request = StreamRequest(
                bulletin,
                (f"127.0.0.1:{port}",),
                name,
                srtp_key_file=key_file if protected else None,
            )
            assert run_stream(request, as_json=True, clock=Swift()) == 0
            _, errors = process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
    summary = json.loads(capsys.readouterr().out)
    assert summary["packets"] == pytest.approx(1020 / CODECS[name].usual_ms, abs=2)
    assert summary["srtp"] == protected
    assert errors == ""
    got, _ = soundfile.read(heard, dtype="float32")
    got = got if got.ndim == 1 else got[:, 0]
    wanted = noise()[: int(0.9 * RATE)]
    assert len(got) == pytest.approx(0.9 * RATE, abs=1)
    score = np.fft.irfft(
        np.fft.rfft(got, 2 * RATE + 8192) * np.conj(np.fft.rfft(wanted, 2 * RATE + 8192))
    )
    size = np.sqrt(np.dot(got, got) * np.dot(wanted, wanted))
    assert score.max() / size > 0.93


def test_the_description_is_written_and_keeps_its_key_to_itself(bulletin, key_file, tmp_path):
    sdp = tmp_path / "out.sdp"
    request = StreamRequest(
        bulletin, ("127.0.0.1:5004",), fec="normal", srtp_key_file=key_file, sdp=sdp
    )
    assert run_stream(request, as_json=False, clock=Swift()) == 0
    assert sdp.stat().st_mode & 0o077 == 0
    session = parse_session(sdp.read_bytes())
    assert (session.encoding, session.port, session.packet_ms) == ("opus", 5004, 20.0)
    assert base64.b64encode(KEY).decode() in session.crypto[0]
    assert dict(session.attributes)["fec-repair-flow"].startswith("encoding-id=8")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["--rtp", "nowhere"], "usage"),
        (["--rtp", "host.example:5004"], "usage"),
        (["--rtp", "127.0.0.1:99999"], "usage"),
        (["--rtp", "127.0.0.1:5004", "--rtp", "[::1]:5004"], "usage"),
        (["--rtp", "127.0.0.1:5004", "--codec", "mp3"], "usage"),
        (["--rtp", "127.0.0.1:5004", "--packet-ms", "21"], "usage"),
        (["--rtp", "127.0.0.1:5004", "--packet-ms", "60", "--bit-rate-kbps", "200"], "usage"),
        (["--rtp", "127.0.0.1:5004", "--codec", "l16", "--packet-ms", "14"], "usage"),
        (["--rtp", "127.0.0.1:5004", "--fec", "much"], "usage"),
    ],
)
def test_bad_words(arguments, kind, bulletin, capsys):
    assert cli.run(["stream", str(bulletin), *arguments, "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["kind"] == kind
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("content", ["", "abc", base64.b64encode(bytes(16)).decode()])
def test_a_key_that_is_none(content, bulletin, key_file, capsys):
    key_file.write_text(content)
    words = ["stream", str(bulletin), "--rtp", "127.0.0.1:5004", "--srtp-key-file", str(key_file)]
    assert cli.run(words) == 2
    assert "srtp.key" in capsys.readouterr().err


def test_a_key_that_others_may_read(bulletin, key_file, capsys):
    key_file.chmod(0o644)
    words = ["stream", str(bulletin), "--rtp", "127.0.0.1:5004", "--srtp-key-file", str(key_file)]
    assert cli.run(words) == 2
    assert "others may read" in capsys.readouterr().err


class Tied:
    """A clock whose time of day and monotonic time go together, ten milliseconds a look."""

    def __init__(self):
        self.now_s = 50.0

    def monotonic_s(self):
        self.now_s += 0.01
        return self.now_s

    def now_utc(self):
        return datetime(2026, 11, 24, 5, 0, tzinfo=UTC) + timedelta(seconds=self.now_s)


class Recorded:
    """A fan-out that keeps what it is given, and when."""

    def __init__(self, clock):
        self.clock, self.sent = clock, []

    def send(self, data):
        self.sent.append((self.clock.now_utc().timestamp(), data))

    def answers(self):
        return iter(())


def test_reports_say_when_it_was_sent_not_when_the_file_was_opened():
    clock = Tied()
    control = Recorded(clock)
    stream = RtpStream(CODECS["pcmu"])
    book = ReceptionBook([], 8_000)
    sender = PacedSender(stream, (Recorded(clock), control), RealTime(clock), clock, book)
    clock.now_s += 3.0  # opening and decoding take their time
    sender.begin(0)
    for number in range(5):
        sender.send(stream.send(Payload(bytes(160), 160 * number, 160)))
    at_s, data = control.sent[0]
    (report, _) = parse_compound(data)
    assert unix_from_ntp(report.ntp) / 1e9 == pytest.approx(at_s, abs=0.1)

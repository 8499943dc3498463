"""The loudspeaker over real sockets, its time given by the test: nothing waits."""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from bench.stream.network import BEGUN_S, RATE, programme, sent, skew_s
from dsp.packet.sdp import AudioSession
from loa import cli
from loa.device.live import OUTAGE_S, LiveSource
from loa.sending.description import describe
from loa.speaker.fallback import FileSource
from loa.speaker.outputs import BLOCK_S, WavOutput
from loa.speaker.program import Speaker, run_speaker
from loa.speaker.settings import SpeakerSettings
from transmit.rtp.payloads import CODECS

KEY = bytes(range(30))
# Below the ports that the kernel gives away, a range for each worker: nobody else takes them.
PORTS = itertools.count(26_000 + 200 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 2)


class Still:
    """A clock that stands, for what asks it in passing."""

    def monotonic_s(self):
        return 0.0

    def now_utc(self):
        return datetime.fromtimestamp(BEGUN_S, UTC)


class Leaping:
    """A clock on which every look takes five milliseconds."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic_s(self):
        self.now_s += 0.005
        return self.now_s

    def now_utc(self):
        return datetime.fromtimestamp(BEGUN_S, UTC) + timedelta(seconds=self.now_s)


@pytest.fixture(scope="module")
def audio():
    return programme(6)


@pytest.fixture
def chime(tmp_path):
    path = tmp_path / "chime.wav"
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    soundfile.write(path, tone, RATE)
    return path


def session(port, key=KEY):
    return describe(CODECS["opus"], ("127.0.0.1", port), packet_ms=20, key=key)


class Bench:
    """A loudspeaker on a free port, fed by datagrams at their moments."""

    def __init__(self, held, tmp_path, chime, delay_s=0.3):
        port = next(PORTS)
        self.live = held.enter_context(LiveSource("live", session(port), delay_s, Still()))
        self.tap_path = tmp_path / "tap.wav"
        self.tap = WavOutput(self.tap_path)
        held.callback(self.tap.close)
        settings = SpeakerSettings("loa-1", "ap-3", ("rtp://127.0.0.1:9",))
        self.speaker = Speaker(
            settings, [self.live, FileSource("file", chime)], [self.tap], Still()
        )
        self.socket = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.ports = (port, port + 1)
        self.states = []

    def play(self, packets, first_s, last_s):
        waiting = iter(packets)
        following = next(waiting, None)
        for block in range(round((last_s - first_s) / BLOCK_S)):
            moment = BEGUN_S + first_s + block * BLOCK_S
            while following is not None and following[0] <= moment:
                address = ("127.0.0.1", self.ports[following[1]])
                self.socket.sendto(following[2], address)
                following = next(waiting, None)
            self.speaker.block(moment)
            self.states.append((round(moment - BEGUN_S, 3), self.speaker._now.name))

    def heard(self):
        self.tap.finish()
        return soundfile.read(self.tap_path, dtype="float32")[0]


@pytest.fixture
def bench(tmp_path, chime):
    with ExitStack() as held:
        yield Bench(held, tmp_path, chime)


def test_the_bulletin_is_heard_and_the_chime_around_it(bench, audio):
    bench.play(sent(audio, key=KEY), 0.0, 8.0)
    live = [at for at, name in bench.states if name == "live"]
    # It begins with its first sample and ends with its last, 300 ms late.
    assert (live[0], live[-1]) == (pytest.approx(0.32, abs=0.05), pytest.approx(6.3, abs=0.1))
    heard = bench.heard()
    moments = BEGUN_S + BLOCK_S * np.arange(len(heard) // 960)
    source = (audio, BEGUN_S + 0.3 + np.arange(0, len(audio), 960) / RATE)
    assert abs(skew_s(source, (heard, moments), 4)) < 0.05e-3
    assert np.max(np.abs(np.diff(heard))) < 2 * np.max(np.abs(np.diff(audio)))
    assert bench.speaker.changes == 3


def test_an_outage_is_noticed_bridged_and_ended(bench, audio):
    packets = sent(audio, key=KEY)[:-1]
    before = [packet for packet in packets if packet[0] < BEGUN_S + 2]
    # A minute later the sender goes on: same keys, a new source.
    after = sent(audio[: 4 * RATE], key=KEY, seed=21, begun_s=BEGUN_S + 60)
    bench.play(before + after, 0.0, 66.0)
    names = dict(bench.states)
    gone = next(at for at, name in bench.states if at > 2 and name == "file")
    back = next(at for at, name in bench.states if at > 60 and name == "live")
    assert gone - 2.0 <= OUTAGE_S + 0.1
    assert back - 60.0 <= 1.0
    assert names[30.0] == "file"


@pytest.mark.parametrize("dropout", [3_000, 100])
def test_after_an_outage_the_fallback_plays_until_there_is_something_to_hear(
    bench, audio, dropout, monkeypatch
):
    """The sender went on meanwhile, under the same source: only the network was gone.

    After a minute its numbers have gone so far that a packet must confirm the first one.
    """
    monkeypatch.setattr("dsp.packet.sequence.MAX_DROPOUT", dropout)
    packets = sent(np.tile(audio, 3), key=KEY)
    kept = [p for p in packets if not BEGUN_S + 2 < p[0] < BEGUN_S + 10]
    bench.play(kept, 0.0, 14.0)
    back = next(at for at, name in bench.states if at > 9 and name == "live")
    assert back - 10.0 == pytest.approx(bench.live.player.delay_s, abs=0.05)
    assert all(name == "file" for at, name in bench.states if 5.0 < at < back)
    heard = bench.heard()
    quiet = [at for at in np.arange(3.0, 13.9, 0.02) if not np.any(heard[int(at * RATE) :][:960])]
    # Silence only until the outage is noticed.
    assert max(quiet) < 2.0 + bench.live.player.delay_s + OUTAGE_S


def test_forged_packets_do_not_make_it_alive(bench, audio):
    bench.play(sent(audio[:RATE], key=bytes(30)), 0.0, 1.5)
    assert {name for _, name in bench.states} == {"file"}
    assert bench.live.receiver.counts["srtp.authentication"] > 40


def write_settings(folder, **changes):
    values = {"id": '"a"', "zone": '"b"', "sources": '["file:chime.wav"]', "unsigned": "true"}
    values |= changes
    path = folder / "speaker.toml"
    path.write_text("\n".join(f"{key} = {value}" for key, value in values.items() if value))
    return path


def test_the_command_plays_and_says_so(tmp_path, chime, capsys):
    path = write_settings(tmp_path, output='"file:out.wav"', volume="0.5")
    tap = tmp_path / "tap.wav"
    assert run_speaker(path, seconds=2.0, tap=tap, as_json=True, clock=Leaping()) == 0
    *seconds, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["state"] for line in seconds] == ["fallback"] * 2
    assert all(line["schema"] == "loa.speaker/1" for line in [*seconds, last])
    assert seconds[1]["level_dbfs"] == pytest.approx(-23.01 - 6.02, abs=0.05)
    assert last["summary"] is True
    out, rate = soundfile.read(tmp_path / "out.wav")
    assert (len(out), rate) == (96_000, RATE)
    np.testing.assert_array_equal(out, soundfile.read(tap)[0])


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"id": ""}, "speaker.key"),
        ({"id": '" "'}, "speaker.value"),
        ({"sources": "[]"}, "speaker.value"),
        ({"sources": '["http://x"]'}, "speaker.value"),
        ({"sources": '["sdp:none.sdp"]'}, "speaker.source"),
        ({"sources": '["sdp:bad.sdp"]'}, "speaker.source"),
        ({"sources": '["rtp://127.0.0.1:27998"]'}, "speaker.unauthenticated"),
        ({"sources": '["rtp://127.0.0.1:5004?codec=mp3"]'}, "speaker.source"),
        ({"sources": '["rtp://host:5004"]'}, "speaker.source"),
        ({"sources": '["sdp:plain.sdp"]'}, "speaker.unauthenticated"),
        ({"volume": "1.5"}, "speaker.value"),
        ({"output": '"loud"'}, "speaker.value"),
        ({"wrong": "1"}, "speaker.key"),
    ],
)
def test_settings_that_are_none(changes, kind, tmp_path, chime, capsys):
    (tmp_path / "bad.sdp").write_text("v=1\n")
    plain = AudioSession("127.0.0.1", 5004, 0, "PCMU", 8_000).describe()
    (tmp_path / "plain.sdp").write_text(plain, newline="")
    path = write_settings(tmp_path, **changes)
    assert cli.run(["speaker", str(path), "--seconds", "0.1", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["kind"] == kind
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("source", ["file:chime.wav", "rtp://127.0.0.1:5004", "sdp:plain.sdp"])
@pytest.mark.parametrize("said", ["", "false"])
def test_no_signature_no_sound_unless_somebody_says_so(source, said, tmp_path, chime, capsys):
    path = write_settings(tmp_path, sources=f'["{source}"]', unsigned=said, plain_rtp="true")
    assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
    err = capsys.readouterr().err
    assert "speaker.unsigned" in err
    assert "trusted_keys" in err
    assert err.count("\n") == 1


def test_who_plays_what_nobody_signed_says_so_at_the_start(tmp_path, chime, capsys):
    run_speaker(write_settings(tmp_path), seconds=0.1, clock=Leaping())
    assert "signed by nobody" in capsys.readouterr().err


def test_plain_rtp_where_somebody_says_so(tmp_path, chime, capsys):
    source = f'["rtp://127.0.0.1:{next(PORTS)}?codec=pcmu", "file:chime.wav"]'
    path = write_settings(tmp_path, sources=source, plain_rtp="true")
    assert run_speaker(path, seconds=0.1, as_json=True, clock=Leaping()) == 0


def test_a_key_of_another_kind(tmp_path, chime, capsys):
    text = session(next(PORTS)).describe()
    other = text.replace(base64.b64encode(KEY).decode(), "AAAA")
    (tmp_path / "s.sdp").write_text(other, newline="")
    path = write_settings(tmp_path, sources='["sdp:s.sdp"]')
    assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
    assert "speaker.key" in capsys.readouterr().err


def test_a_port_that_is_taken(tmp_path, chime, capsys):
    port = next(PORTS)
    path = write_settings(tmp_path, sources=f'["rtp://127.0.0.1:{port}"]', plain_rtp="true")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 4
    assert "network.listen" in capsys.readouterr().err


def test_no_settings_file(tmp_path, capsys):
    assert cli.run(["speaker", str(tmp_path / "none.toml")]) == 2
    assert "speaker.missing" in capsys.readouterr().err

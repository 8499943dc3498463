"""No valid signature, no sound: the whole loudspeaker on real sockets, by a clock of the test."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from datetime import datetime, timedelta

import numpy as np
import pytest
import soundfile

from bench.stream.network import BEGUN_S, RATE, programme, sent
from dsp.playout import alert_tone
from loa import cli
from loa.device.news import Join
from loa.device.signed_source import SignedSource
from loa.sending.announcing import Answering
from loa.sending.description import describe
from loa.speaker.outputs import BLOCK_S, NullOutput
from loa.speaker.program import open_speaker
from loa.speaker.settings import load_settings
from tests.loa.device.made import (
    NOW,
    PORTS,
    announced,
    audio_of,
    door,
    keyring_text,
    provision,
    signed,
    stamp,
)
from tests.transmit.bulletin.made import KEY, SECOND
from transmit.bulletin.challenge import bulletin_digest
from transmit.bulletin.content import BoardText
from transmit.bulletin.datagrams import datagrams_of
from transmit.rtp.payloads import CODECS

SRTP_KEY = bytes(range(30))


class HandClock:
    """Stands until it is moved."""

    def __init__(self):
        self.passed_s = 0.0

    def now_utc(self):
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic_s(self):
        return 1_000.0 + self.passed_s


class Kept(NullOutput):
    """An output that remembers."""

    def __init__(self):
        self.blocks = []

    def write(self, samples):
        self.blocks.append(samples.copy())


class Horn:
    """A provisioned loudspeaker whose thread is the test."""

    def __init__(self, folder, held, **changes):
        self.command_port = next(PORTS)
        address = f'["127.0.0.1:{self.command_port}"]'
        path = provision(folder, **({"commands": address, "prints": "false"} | changes))
        self.clock = HandClock()
        self.settings = load_settings(path)
        self.kept = Kept()
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr("loa.speaker.program.open_output", lambda *_: self.kept)
            self.speaker = open_speaker(self.settings, folder, self.clock, held)
        admitted = self.speaker._admitted
        self.port, self.shelf = admitted.port, admitted.voice._shelf
        self.records = []
        self.socket = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def command(self, message):
        """Send a message and let the port take it."""
        for data in datagrams_of(message):
            self.socket.sendto(data, ("127.0.0.1", self.command_port))
            self.port.listen()

    def play(self, seconds, packets=(), port=0):
        waiting = iter(packets)
        following = next(waiting, None)
        for _ in range(round(seconds / BLOCK_S)):
            moment = BEGUN_S + self.clock.passed_s
            while following is not None and following[0] <= moment:
                self.socket.sendto(following[2], ("127.0.0.1", port + following[1]))
                following = next(waiting, None)
            self.records += self.speaker.block(moment)
            self.clock.passed_s += BLOCK_S

    def heard(self):
        return np.concatenate(self.kept.blocks)

    def events(self):
        return [(one["event"], one.get("name"), one.get("outcome")) for one in self.records]

    def kinds(self):
        return [one["kind"] for one in self.records if one["event"] == "refused"]


@pytest.fixture
def horn(tmp_path, monkeypatch):
    """Make a loudspeaker; its threads are not started, the test does their work."""
    monkeypatch.setattr("loa.device.port.CommandPort.start", lambda _: None)
    with ExitStack() as held:
        yield lambda **changes: Horn(tmp_path, held, **changes)


def wav(path, seconds, hz):
    tone = 0.2 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(path, tone, RATE, subtype="PCM_16")
    return path


def ready(horn, audio):
    """Wait until the shelf's own thread has decoded it."""
    horn.shelf.close()
    assert horn.shelf.length(audio.sha256) is not None


def pitch_hz(sound):
    return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * RATE / len(sound)


def test_an_emergency_sounds_in_the_next_block_and_its_recording_after_the_alert(horn, tmp_path):
    one = horn()
    audio = audio_of(wav(tmp_path / "flood.wav", 1.0, 1500), tmp_path / "store")
    one.play(0.1)
    one.command(signed(audio=(audio,)).to_bytes())
    one.play(0.1)
    ready(one, audio)
    one.play(6.2)
    heard = one.heard()
    first = np.flatnonzero(np.abs(heard) > 1e-4)[0]
    assert first == pytest.approx(0.1 * RATE, abs=100)
    alert = heard[round(0.1 * RATE) : round(3.1 * RATE)]
    np.testing.assert_allclose(alert[480:], alert_tone.alert()[480:], atol=1e-6)
    assert pitch_hz(heard[round(5.1 * RATE) : round(5.9 * RATE)]) == pytest.approx(1500, abs=2)
    assert not np.any(heard[round(3.12 * RATE) : round(4.99 * RATE)])
    assert not np.any(heard[round(6.02 * RATE) :])
    assert one.events() == [
        ("accepted", "province.vinh-long/vinh-long-2026-000123", None),
        ("began", "province.vinh-long/vinh-long-2026-000123", None),
        ("ended", "province.vinh-long/vinh-long-2026-000123", "played"),
    ]


@pytest.mark.parametrize("disk_s", [0.0, 1.2])
def test_an_emergency_waits_for_the_disk_and_for_nothing_else(horn, monkeypatch, disk_s):
    """A sync beside somebody who writes in bulk took 1.2 s, and so long after came the alert."""
    one = horn()
    one.play(0.1)
    sent_s = one.clock.passed_s

    def sync(_):
        one.clock.passed_s += disk_s

    monkeypatch.setattr("transmit.bulletin.replay_file.os.fdatasync", sync)
    one.command(signed().to_bytes())
    one.play(0.1)
    accepted, began = one.records
    assert accepted["took_ms"] == pytest.approx(1000 * disk_s)
    begun = datetime.fromisoformat(began["began"])
    assert begun.timestamp() - BEGUN_S - sent_s == pytest.approx(disk_s, abs=0.001)


@pytest.mark.parametrize(
    ("said", "due_s"),
    [
        ({"priority": "priority", "not_before": stamp(2)}, 2.0),
        ({"not_before": stamp(0)}, 5.0),  # the words of an emergency, after the alert
        ({"not_before": stamp(0), "late_s": 1.5}, 5.0),
        ({}, 5.0),  # signed a minute ago
    ],
    ids=["at its time", "emergency", "emergency heard of late", "signed before"],
)
def test_loudspeakers_whose_blocks_are_apart_speak_in_step(horn, tmp_path, said, due_s):
    late_s = said.get("late_s", 0.0)
    content = {name: value for name, value in said.items() if name != "late_s"}
    audio = audio_of(wav(tmp_path / "flood.wav", 1.0, 1500), tmp_path / "store")
    begins = []
    for name, apart_s in (("a", 0.1), ("b", 0.1 + 0.0077 + late_s)):
        one = horn(state=f'"state-{name}"')
        one.clock.passed_s = apart_s
        one.command(signed(audio=(audio,), **content).to_bytes())
        one.play(0.1)
        ready(one, audio)
        one.play(7.0)
        heard = one.heard()
        # The first words come after what is silent before them.
        words = np.flatnonzero(np.abs(heard) > 1e-4)
        words = words[words > (due_s - apart_s - 0.05) * RATE]
        begins.append(apart_s + words[0] / RATE)
        assert one.events()[-1][2] == "played"
    # A sine begins at nought, so a sample or two are missing of both.
    assert begins == pytest.approx([due_s, due_s], abs=3 / RATE)
    assert abs(begins[0] - begins[1]) < 1.5 / RATE


def test_a_programme_is_pre_empted_and_goes_on(horn, tmp_path):
    chime = audio_of(wav(tmp_path / "chime.wav", 1.0, 440), tmp_path / "store")
    (tmp_path / "chime.json").write_bytes(signed(id="chime", audio=(chime,)).to_bytes())
    (tmp_path / "store" / chime.sha256).rename(tmp_path / f"{chime.sha256}.wav")
    one = horn(sources='["session:", "bulletin:chime.json"]')
    flood = audio_of(wav(tmp_path / "flood.wav", 0.5, 1500), tmp_path / "store")
    one.play(0.5)
    one.command(signed(counter=9, audio=(flood,)).to_bytes())
    one.play(0.1)
    ready(one, flood)
    one.play(6.0)
    heard = one.heard()
    pitches = [
        pitch_hz(heard[round(at * RATE) : round((at + 0.2) * RATE)]) for at in (0.2, 5.2, 5.8)
    ]
    assert pitches == pytest.approx([440, 1500, 440], abs=5)


def test_a_cancel_ends_it_in_the_next_block(horn):
    one = horn()
    one.command(signed(id="flood", counter=1).to_bytes())
    one.play(1.0)
    one.command(signed(id="c", counter=2, cancels="flood", audio=()).to_bytes())
    one.play(0.5)
    heard = one.heard()
    assert np.any(heard[round(0.9 * RATE) : RATE])
    assert not np.any(heard[RATE + 480 :])  # faded over 10 ms
    assert one.events()[-1] == ("ended", "province.vinh-long/flood", "cancelled")


def test_a_test_has_its_own_sound_and_goes_behind_the_real(horn, tmp_path):
    spoken = audio_of(wav(tmp_path / "spoken.wav", 1.0, 1000), tmp_path / "store")
    (tmp_path / "exercise.json").write_bytes(signed(id="e", audio=(spoken,)).to_bytes())
    one = horn(exercise='"exercise.json"')
    drill = audio_of(wav(tmp_path / "drill.wav", 1.0, 2000), tmp_path / "store")
    one.command(signed(id="drill", counter=11, test=True, audio=(drill,)).to_bytes())
    one.play(0.1)
    ready(one, drill)
    one.play(5.2)
    heard = one.heard()
    np.testing.assert_allclose(
        heard[480 : 3 * RATE], alert_tone.exercise()[480 : 3 * RATE], atol=1e-6
    )
    assert pitch_hz(heard[round(3.2 * RATE) : round(3.8 * RATE)]) == pytest.approx(1000, abs=5)
    assert pitch_hz(heard[round(4.2 * RATE) : round(4.8 * RATE)]) == pytest.approx(2000, abs=5)
    one.command(signed(id="drill-2", counter=12, test=True, audio=(drill,)).to_bytes())
    one.play(0.2)
    one.command(signed(id="flood", counter=13).to_bytes())
    one.play(0.2)
    order = [name for event, name, _ in one.events() if event in ("began", "interrupted")]
    assert [name.split("/")[1] for name in order] == ["drill", "drill-2", "drill-2", "flood"]
    assert all(record["test"] for record in one.records if record.get("name", "").endswith("drill"))


def test_alert_and_exercise_are_nothing_alike():
    alert, exercise = alert_tone.alert(), alert_tone.exercise()
    for sound in (alert, exercise):
        assert np.max(np.abs(sound)) == pytest.approx(0.7, abs=1e-6)
    score = np.correlate(alert[:RATE], exercise[:RATE], "full")
    norm = np.linalg.norm(alert[:RATE]) * np.linalg.norm(exercise[:RATE])
    assert np.max(np.abs(score)) / norm < 0.3


def live_session(port, key=SRTP_KEY, **changes):
    sdp = describe(CODECS["opus"], ("127.0.0.1", port), packet_ms=20).describe().encode()
    return announced(sdp=sdp, srtp_key=key, **changes).to_bytes()


def is_heard(one, before_s, after_s):
    return bool(np.any(one.heard()[round(before_s * RATE) : round(after_s * RATE)]))


@pytest.mark.parametrize("length", [30, 28, 44], ids=["AES-CM", "AES-GCM-128", "AES-GCM-256"])
def test_live_audio_of_a_signed_session_is_heard_until_it_expires(horn, length):
    one, port, key = horn(), next(PORTS), bytes(range(length))
    one.command(live_session(port, key, expires=stamp(3)))
    one.play(4.0, sent(programme(4), key=key), port)
    assert is_heard(one, 1.0, 3.0)
    assert not is_heard(one, 3.05, 4.0)


def test_a_session_that_the_network_does_not_let_join_is_joined_later(horn, tmp_path):
    """A device that is up before its network; or a port that the program before has not left."""
    one, port = horn(sources='["session:live.json"]'), next(PORTS)
    (tmp_path / "live.json").write_bytes(live_session(port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as before:
        before.bind(("127.0.0.1", port))
        one.port.look_after()
        one.play(0.1)
    assert one.kinds() == ["network.listen"]
    one.port.look_after()
    one.play(0.1)
    assert one.kinds() == ["network.listen"]  # told once, not ten times a second
    one.clock.passed_s += 5.0
    one.port.look_after()
    one.play(0.1)
    assert [record["event"] for record in one.records] == ["refused", "joined"]
    begun_s = one.clock.passed_s
    one.play(2.0, sent(programme(2), key=SRTP_KEY, begun_s=BEGUN_S + begun_s), port)
    assert is_heard(one, 1.0, 2.0)


@pytest.mark.parametrize(("wall_s", "monotonic_s"), [(3.0, 0.0), (0.0, 3.0)])
def test_a_session_is_over_by_whichever_clock_says_so_first(tmp_path, wall_s, monotonic_s):
    """A wall clock set ahead ends it; one that is set back does not keep it alive."""
    clock, message = HandClock(), live_session(next(PORTS), expires=stamp(3))
    (news,) = door(tmp_path).message(message, ("127.0.0.1", 1), NOW, 0.0)
    assert isinstance(news, Join)
    source = SignedSource("session:", 0.3, "127.0.0.1", clock)
    source.join(news, NOW.timestamp())
    source.expire(NOW.timestamp() + 2.9)
    assert len(source.live) == 1
    clock.passed_s = monotonic_s
    source.expire(NOW.timestamp() + wall_s)
    assert source.live == []
    source.close()


@pytest.mark.parametrize(
    ("key", "announce"),
    [(None, True), (bytes(30), True), (SRTP_KEY, False)],
    ids=["plain", "wrong key", "no session"],
)
def test_packets_that_no_session_carries_are_not_heard(horn, key, announce):
    one, port = horn(), next(PORTS)
    if announce:
        one.command(live_session(port))
    one.play(2.0, sent(programme(2), key=key), port)
    assert not np.any(one.heard())


@pytest.mark.parametrize(
    "changes",
    [
        {"communes": ("cang-long",)},
        {"expires": stamp(0)},
        {"not_before": stamp(60)},
        {"issuer": "province.other"},
    ],
    ids=["cross-zone", "expired", "early", "without the right"],
)
def test_a_session_that_is_not_believed_is_not_heard(horn, changes):
    one, port = horn(), next(PORTS)
    one.command(live_session(port, **changes))
    one.play(1.5, sent(programme(1.5), key=SRTP_KEY), port)
    assert not np.any(one.heard())


def test_a_live_emergency_follows_the_alert(horn):
    one, port = horn(), next(PORTS)
    one.command(live_session(port, priority="emergency"))
    one.command(signed(board_text=BoardText("LŨ LÊN", stamp(3600)), audio=()).to_bytes())
    one.play(6.0, sent(programme(5), key=SRTP_KEY), port)
    assert one.records[1]["board_text"] == {"text": "LŨ LÊN", "expires": stamp(3600)}
    np.testing.assert_allclose(one.heard()[480 : 2 * RATE], alert_tone.alert()[480 : 2 * RATE])
    assert is_heard(one, 3.5, 5.0)
    seconds = one.records[-1]["seconds"]
    assert (seconds["alert"], seconds["live"] > 1.5) == (3.0, True)
    assert one.events()[-1][2] == "played"


def test_a_clock_that_ntp_does_not_lead_hears_answers_only(horn, tmp_path, monkeypatch):
    monkeypatch.setattr("loa.device.provisioned.is_kernel_in_step", lambda: False)
    chime = audio_of(wav(tmp_path / "chime.wav", 0.5, 440), tmp_path / "store")
    (tmp_path / "chime.json").write_bytes(signed(id="chime", audio=(chime,)).to_bytes())
    one, port = horn(clock='"kernel"', sources='["session:", "bulletin:chime.json"]'), next(PORTS)
    one.command(live_session(port))
    flood = signed()
    one.command(flood.to_bytes())
    one.play(1.0, sent(programme(1), key=SRTP_KEY), port)
    assert not np.any(one.heard())
    one.socket.settimeout(5)
    centre = Answering(bulletin_digest(flood.bulletin), KEY)
    (reply,) = centre.take(one.socket.recv(2_000), stamp(1))
    one.socket.sendto(reply, ("127.0.0.1", one.command_port))
    one.port.listen()
    one.play(1.0)
    assert is_heard(one, 1.0, 1.1)
    assert one.records[0]["by_answer"] is True


def test_a_revoked_key_silences_what_it_signed(horn, tmp_path):
    one, port = horn(), next(PORTS)
    one.command(live_session(port))
    packets = sent(programme(4), key=SRTP_KEY)
    one.play(2.0, packets, port)
    one.command(signed(key=SECOND).to_bytes())
    one.play(0.2)
    (tmp_path / "KEYRING.toml").write_text(keyring_text(revoked=(KEY, SECOND)))
    one.port.look_after()
    one.play(0.5, [packet for packet in packets if packet[0] > BEGUN_S + 2.2], port)
    assert not is_heard(one, 2.25, 2.7)
    assert [record["event"] for record in one.records].count("revoked") == 2


def test_a_local_recording_without_an_accepted_bulletin_is_refused(horn, tmp_path, capsys):
    wav(tmp_path / "mine.wav", 1.0, 440)
    for source, kind in (
        ("file:mine.wav", "speaker.unsigned"),
        ("rtp://127.0.0.1:5004", "speaker.unsigned"),
        ("bulletin:none.json", "file.not_found"),
    ):
        path = provision(tmp_path, sources=f'["{source}"]')
        assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
        assert kind in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"communes": ("cang-long",)}, "bulletin.elsewhere"),
        ({"issuer": "province.other"}, "bulletin.forbidden"),
    ],
)
def test_a_local_bulletin_that_is_not_for_here(horn, tmp_path, changes, kind):
    audio = audio_of(wav(tmp_path / "a.wav", 0.5, 440), tmp_path / "store")
    (tmp_path / "a.json").write_bytes(signed(audio=(audio,), **changes).to_bytes())
    path = provision(tmp_path, sources='["bulletin:a.json"]')
    assert cli.run(["speaker", str(path), "--seconds", "0.1", "--json"]) == 2


def test_a_local_recording_that_was_exchanged_is_refused(horn, tmp_path, capsys):
    audio = audio_of(wav(tmp_path / "a.wav", 0.5, 440), tmp_path / "store")
    wav(tmp_path / "store" / "other.wav", 0.5, 880).rename(tmp_path / "store" / audio.sha256)
    (tmp_path / "a.json").write_bytes(signed(audio=(audio,)).to_bytes())
    path = provision(tmp_path, sources='["bulletin:a.json"]')
    assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
    assert "bulletin.digest" in capsys.readouterr().err


def test_a_local_bulletin_is_silent_when_it_has_expired(horn, tmp_path):
    audio = audio_of(wav(tmp_path / "a.wav", 0.5, 440), tmp_path / "store")
    content = signed(audio=(audio,), expires=stamp(1)).to_bytes()
    (tmp_path / "a.json").write_bytes(content)
    one = horn(sources='["bulletin:a.json"]')
    one.play(2.0)
    assert is_heard(one, 0.0, 1.0)
    assert not is_heard(one, 1.05, 2.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"trusted_keys": "[]"},
        {"commune": ""},
        {"state": ""},
        {"commands": '["horn:5010"]'},
        {"holders_emergency": "5"},
        {"clock": '"mine"'},
        {"device_key": '"none.key"'},
        {"trusted_keys": '["none.toml"]'},
    ],
)
def test_provisioning_that_is_none(tmp_path, changes, capsys):
    path = provision(tmp_path, **changes)
    assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_device_key_that_others_may_read(tmp_path, capsys):
    path = provision(tmp_path)
    (tmp_path / "horn-1.key").chmod(0o644)
    assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
    assert "speaker.device_key" in capsys.readouterr().err

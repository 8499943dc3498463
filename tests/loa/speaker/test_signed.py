"""No valid signature, no sound: the whole loudspeaker on real sockets, by a clock of the test."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from bench.stream.network import BEGUN_S, RATE, programme, sent
from dsp.playout import alert_tone
from loa import cli
from loa.device.news import Join
from loa.device.signed_source import SignedSource
from loa.sending.announcing import Answering
from tests.loa.device.made import (
    NOW,
    PORTS,
    audio_of,
    door,
    keyring_text,
    provision,
    signed,
    stamp,
)
from tests.loa.speaker.horn import SRTP_KEY, HandClock, is_heard, live_session, wav
from tests.transmit.bulletin.made import KEY, SECOND
from transmit.bulletin.challenge import bulletin_digest
from transmit.bulletin.content import BoardText


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


def test_a_clock_that_ntp_does_not_lead_hears_answers_only(horn, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("loa.device.provisioned.is_kernel_in_step", lambda: False)
    chime = audio_of(wav(tmp_path / "chime.wav", 0.5, 440), tmp_path / "store")
    (tmp_path / "chime.json").write_bytes(signed(id="chime", audio=(chime,)).to_bytes())
    one, port = horn(clock='"kernel"', sources='["session:", "bulletin:chime.json"]'), next(PORTS)
    one.command(live_session(port))
    flood = signed()
    one.command(flood.to_bytes())
    one.play(1.0, sent(programme(1), key=SRTP_KEY), port)
    assert not np.any(one.heard())
    assert one.speaker._admitted.fields()["trusted"] is False
    one.speaker._admitted.warn()
    assert "nobody vouches for this clock" in capsys.readouterr().err
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

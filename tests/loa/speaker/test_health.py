"""How loud by the clock, what went out, and who watches."""

from __future__ import annotations

import base64
import json
import socket
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from bench.stream.network import RATE, programme
from dsp.errors import Refusal
from dsp.recognise.fingerprint import fingerprint
from loa import cli
from loa.speaker.health import Health
from loa.speaker.loop import Speaker
from loa.speaker.program import run_speaker
from loa.speaker.proof_of_play import ProofOfPlay
from loa.speaker.settings import SpeakerSettings
from loa.speaker.volume import Limit, Volume, VolumePlan, open_volume
from loa.speaker.watchdog import Watchdog
from tests.loa.speaker.test_speaker import Leaping, write_settings

# 11 in the morning and 11 at night in Vietnam.
DAY = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)


def db(factor):
    return round(20 * np.log10(factor), 2)


@pytest.mark.parametrize(
    ("at", "priority", "wanted_db"),
    [
        (DAY, None, -5.0),  # 70 of 75 dBA
        (NIGHT, None, -20.0),  # 55
        (datetime(2026, 11, 29, 13, 59, 59, tzinfo=UTC), None, -5.0),  # 20:59:59 in Vietnam
        (datetime(2026, 11, 29, 14, 0, tzinfo=UTC), None, -20.0),
        (datetime(2026, 11, 28, 22, 59, 59, tzinfo=UTC), None, -20.0),  # 05:59:59
        (datetime(2026, 11, 28, 23, 0, tzinfo=UTC), None, -5.0),
        (None, None, -20.0),  # nobody knows the time: the strictest
        (NIGHT, "priority", -20.0),
        (NIGHT, "emergency", db(0.8)),
    ],
)
def test_limits_by_the_time_of_day(tmp_path, at, priority, wanted_db):
    volume = open_volume(0.8, "qcvn26-ordinary", 75.0, tmp_path)
    assert db(volume.gain(at, priority)) == pytest.approx(wanted_db, abs=0.01)


def test_the_limit_is_told_and_nothing_unverified_is_called_legal(tmp_path):
    for name in ("qcvn26-ordinary", "qcvn26-special"):
        told = open_volume(1.0, name, 90.0, tmp_path).told(NIGHT, None)
        assert told["limit"]["verified"] is False
        assert "QCVN 26" in told["limit"]["source"]
    assert open_volume(1.0, name, 30.0, tmp_path).told(DAY, None) == {"gain_db": 0.0}


def test_limits_in_db_need_no_level(tmp_path):
    (tmp_path / "quiet.toml").write_text(
        'name = "quiet"\n[[limit]]\nbegin = "21:00"\nuntil = "06:00"\nvalue = -12\nunit = "dB"\n'
        'source = "the commune"\n'
    )
    volume = open_volume(0.5, "quiet.toml", None, tmp_path)
    assert db(volume.gain(NIGHT, None)) == pytest.approx(-18.02, abs=0.01)
    assert volume.gain(DAY, None) == 0.5


def test_a_change_of_limit_does_not_click():
    rows = tuple(Limit(begin, until, value, "dB", "x") for begin, until, value in (
        ("06:00", "21:00", 0.0), ("21:00", "06:00", -20.0)
    ))  # fmt: skip
    volume = Volume(1.0, VolumePlan("x", rows))
    ones = np.ones(960, np.float32)
    blocks = [volume.applied(ones, at, None) for at in (DAY, DAY, NIGHT, NIGHT)]
    heard = np.concatenate(blocks)
    assert (heard[0], heard[-1]) == (pytest.approx(1.0), pytest.approx(0.1))
    assert np.max(np.abs(np.diff(heard))) < 0.002
    assert blocks[0].dtype == np.float32


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("", "volume.key"),
        ("name = 1\nlimit = []", "volume.value"),
        ('name = "x"\nlimit = []', "volume.value"),
        ('name = "x"\nlimit = 1', "volume.value"),
        ('name = "x"\nloud = 1\nlimit = []', "volume.key"),
        ('name = "x"\ntime_zone = "Mars/Base"\n{}', "volume.value"),
        ("{late}", "volume.value"),
        ("{loud}", "volume.value"),
    ],
)
def test_profiles_that_are_none(tmp_path, content, kind):
    row = '[[limit]]\nbegin = "21:00"\nuntil = "06:00"\nvalue = 50\nunit = "dBA"\nsource = "x"\n'
    rows = {"{}": row, "{late}": row.replace("21:00", "24:00"), "{loud}": row.replace("dBA", "dB")}
    for name, text in rows.items():
        content = content.replace(name, text if name == "{}" else 'name = "x"\n' + text)
    (tmp_path / "bad.toml").write_text(content)
    with pytest.raises(Refusal) as caught:
        open_volume(1.0, "bad.toml", 80.0, tmp_path)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"profile": '"qcvn26-ordinary"'}, "volume.level"),
        ({"profile": '"none"'}, "volume.missing"),
        ({"profile": '"none"', "level_dba": "200"}, "speaker.value"),
    ],
)
def test_a_profile_in_speaker_toml(tmp_path, changes, kind, capsys):
    soundfile.write(tmp_path / "chime.wav", np.zeros(RATE), RATE)
    path = write_settings(tmp_path, **changes)
    assert cli.run(["speaker", str(path), "--seconds", "0.1"]) == 2
    assert kind in capsys.readouterr().err


def test_the_prints_are_those_of_the_tap(tmp_path, capsys):
    soundfile.write(tmp_path / "chime.wav", programme(4), RATE, subtype="PCM_16")
    path = write_settings(tmp_path, volume="0.5", profile='"qcvn26-special"', level_dba="60")
    run_speaker(path, seconds=4.0, tap=tmp_path / "tap.wav", as_json=True, clock=Leaping())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [line["prints"] for line in lines if "prints" in line]
    words = np.concatenate([np.frombuffer(base64.b64decode(row["words"]), "<u4") for row in rows])
    tap, _ = soundfile.read(tmp_path / "tap.wav", dtype="float32")
    wanted = fingerprint(tap, RATE).words
    assert [row["first"] for row in rows] == list(np.cumsum([0] + [
        len(base64.b64decode(row["words"])) // 4 for row in rows[:-1]
    ]))  # fmt: skip
    # The tap has 16 bits: now and then a sign that was hardly one is the other.
    wrong = np.unpackbits((words ^ wanted[: len(words)]).view(np.uint8)).mean()
    assert len(words) > 100
    assert wrong < 0.01
    assert all(line["gain_db"] <= 0 and line["late_ms"] >= 0 for line in lines[:-1])


def test_a_second_without_sound_has_no_prints():
    assert ProofOfPlay().fields() == {}


def test_systemd_is_told(tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "chime.wav", np.zeros(RATE), RATE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        run_speaker(write_settings(tmp_path), seconds=2.0, as_json=True, clock=Leaping())
        told = [systemd.recv(100) for _ in range(3)]
    assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_nobody_watches(tmp_path):
    for environment in ({}, {"NOTIFY_SOCKET": "@nobody"}, {"NOTIFY_SOCKET": str(tmp_path / "x")}):
        Watchdog(environment).alive()


def test_a_loudspeaker_whose_ear_is_dead_does_not_say_that_it_is_alive(monkeypatch, capsys):
    class Deaf:
        is_well = False

    told = []
    health = Health(Volume(1.0), lambda: DAY)
    monkeypatch.setattr(health.watchdog, "alive", lambda: told.append(1))
    settings = SpeakerSettings("a", "b", ("file:x",))
    for port, count in ((None, 1), (Deaf(), 0)):
        told.clear()
        admitted = None
        if port is not None:
            said = {"listening": port.is_well, "trusted": True}
            admitted = SimpleNamespace(port=port, fields=said.copy)
        Speaker(settings, [], [], Leaping(), admitted=admitted, health=health)._say(as_json=True)
        assert len(told) == count

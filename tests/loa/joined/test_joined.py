"""Horns side by side: what is right holds, what is wrong is named; and the performance itself."""

import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from dsp.errors import Refusal
from dsp.playout.alert_tone import alert
from dsp.receive.meters.figure import Figure
from ingest.clock import SystemClock
from loa.demo.joined import report as joined_report
from loa.demo.joined.hearing import Horn, alert_after_s, on_the_air
from loa.demo.joined.performance import Performance, perform
from loa.demo.joined.programs import Program
from loa.demo.joined.report import demonstrate_joined, joined_table, judge
from loa.demo.joined.stage import HORNS, RELAY, set_stage
from loa.page.joined import joined_section
from loa.tables import print_table
from loa.words import LANGUAGES, load_words
from tests.loa.joined.made import horn, report
from transmit.bulletin.acceptance import Acceptance, Place
from transmit.bulletin.keyring import read_keyring
from transmit.bulletin.replay_file import ReplayFile

RATE = 48_000
BULLETIN = Path(__file__).parents[3] / "examples" / "bulletin-vi.flac"
BEGUN_S = 1_780_000_000.0
NOW = datetime.fromtimestamp(BEGUN_S, UTC)


@pytest.fixture(scope="module")
def sound():
    read, rate_hz = soundfile.read(BULLETIN, dtype="float32")
    return soxr.resample(read, rate_hz, RATE)[: 20 * RATE].astype(np.float32)


def heard(sound, late_s, gain=0.5, alert_at_s=13.0):
    """The bulletin a second after the relay began, and the alert."""
    out = np.zeros(22 * RATE, np.float32)
    first = round((1.0 + late_s) * RATE)
    out[first : first + len(sound)] = gain * sound
    at = round(alert_at_s * RATE)
    out[at : at + len(alert())] = alert()
    return out


def performance(refused="bulletin.unknown_signer"):
    lines = [{"event": "accepted", "took_ms": 8.0}]
    lines += [{"event": "refused", "kind": refused}] if refused else []
    return Performance([], dict.fromkeys((*HORNS, RELAY), lines), {}, BEGUN_S + 12.9)


def test_a_good_performance_holds(sound):
    horns = [
        Horn("ip-1", "IP", heard(sound, 0.0), BEGUN_S),
        Horn("ip-2", "IP", heard(sound, 0.0005), BEGUN_S),
        Horn("fm", "FM", heard(sound, 0.001 + 0.25, 0.51), BEGUN_S - 0.25),
    ]
    found = judge(horns, performance(), BEGUN_S, sound)
    assert found.holds
    late = [one.late.value for one in found.horns]
    assert late == pytest.approx([0.0, 0.0005, 0.001], abs=1e-4)
    assert found.apart_ms == pytest.approx(1.1, abs=0.3)
    assert found.horns[0].alert_s == pytest.approx(0.1, abs=0.005)
    said = found.as_dict()
    assert said["relay"][1]["horn"] == "ip-2"
    assert said["wrong"] == []


def test_what_is_wrong_is_named(sound):
    noise = np.random.default_rng(1).standard_normal(22 * RATE).astype(np.float32) * 0.05
    horns = [
        Horn("ip-1", "IP", heard(sound, 0.0), BEGUN_S),
        Horn("ip-2", "IP", heard(sound, 0.02), BEGUN_S),
        Horn("fm", "FM", noise, BEGUN_S),
    ]
    wrong = "; ".join(judge(horns, performance(refused=None), BEGUN_S, sound).wrong)
    for words in ("fm does not say it", "apart by", "loudness differs", "fm: alert after –"):
        assert words in wrong
    for name in ("ip-1", "ip-2", "fm"):
        assert f"{name} did not refuse the forgery" in wrong
    assert "fm: alert after – s (0.01 of it the disk)" in wrong


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([horn(), horn("ip-2", late=Figure(0.001, 0.0))], []),
        ([horn(), horn("ip-2", loudness_lufs=-15.6)], ["loudness differs by 0.6 LU"]),
        ([horn(alert_s=1.2)], ["ip-1: alert after 1.20 s"]),
        ([horn(says_bulletin=False)], ["ip-1 does not say it"]),
    ],
)
def test_each_limit_is_one_of_its_own(changed, words):
    assert report(*changed, horn("z")).wrong == words


def test_a_machine_that_stood_still_is_named_where_something_is_wrong():
    good, wrong = [horn(), horn("ip-2"), horn("fm", "FM")], [horn(alert_s=9.0), horn("ip-2")]
    assert replace(report(*good), stalls=2).wrong == []
    assert "stood still 2 times" in replace(report(*wrong), stalls=2).wrong[-1]
    assert "stood still" not in "".join(report(*wrong).wrong)


@pytest.mark.parametrize("alerts_s", [[0.1], [9.0, 0.1], [9.0, 9.0]])
def test_a_performance_that_went_wrong_is_given_once_more_and_tells_what_was_wrong(
    alerts_s, monkeypatch, capsys
):
    coming = iter(alerts_s)
    monkeypatch.setattr(
        joined_report,
        "_performed",
        lambda *_: report(horn(alert_s=next(coming)), horn("ip-2"), horn("fm", "FM")),
    )
    found = demonstrate_joined(BULLETIN, np.zeros(1, np.float32), lambda *_: None)
    before = ["ip-1: alert after 9.00 s"] if len(alerts_s) > 1 else []
    assert found.as_dict()["before"] == before
    assert found.holds == (alerts_s[-1] < 1.0)
    assert next(coming, None) is None
    print_table(joined_table(found))
    assert ("the performance before" in capsys.readouterr().out) == bool(before)


def test_the_alert_is_timed_and_silence_has_none():
    out = np.zeros(5 * RATE, np.float32)
    out[RATE : RATE + len(alert())] = 0.3 * alert()
    assert alert_after_s(Horn("a", "IP", out, 10.0), 10.5) == pytest.approx(0.5, abs=0.003)
    assert alert_after_s(Horn("a", "IP", np.zeros(RATE, np.float32), 10.0), 10.0) is None


def test_the_stage_signs_what_loudspeakers_believe_and_a_stranger_does_not(tmp_path):
    shutil.copyfile(BULLETIN, tmp_path / BULLETIN.name)
    stage = set_stage(tmp_path, tmp_path / BULLETIN.name)
    keyring = read_keyring((tmp_path / "KEYRING.toml").read_bytes())
    memory = ReplayFile(tmp_path / "seen.json", tmp_path / "seen.generation")
    door = Acceptance(keyring, Place("duc-my", ("duc-my.1",)), memory)
    accepted = door.accept(stage.emergency(NOW, by="desk"), NOW)
    assert accepted.bulletin.priority == "emergency"
    assert door.accept(stage.cancel(NOW), NOW).bulletin.cancels == "lu-desk"
    with pytest.raises(Refusal, match="unknown_signer"):
        door.accept(stage.emergency(NOW, by="stranger"), NOW)
    assert (tmp_path / "srtp.key").stat().st_mode & 0o077 == 0
    assert len({*stage.media.values(), *stage.commands.values()}) == 5


def test_a_program_that_cannot_run_says_why(tmp_path):
    stage = set_stage(tmp_path, tmp_path / BULLETIN.name)
    (tmp_path / "ip-1.toml").write_text("id = 3")
    with pytest.raises(Refusal, match="loa: speaker") as caught:
        perform(stage, SystemClock(), lambda *_: None)
    assert caught.value.kind == "demo.program"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import time; time.sleep(600)", "nothing for 0.05 s"),
        ("", "an end without a word"),
        ("import sys; sys.exit('loa: it is broken')", "loa: it is broken"),
    ],
)
def test_a_program_that_says_nothing_does_not_hang_the_demo(tmp_path, monkeypatch, program, said):
    stage = set_stage(tmp_path, tmp_path / BULLETIN.name)
    (tmp_path / "mute.py").write_text(program)
    monkeypatch.setattr("loa.demo.joined.programs.COMMAND", [sys.executable, "mute.py"])
    patience_s = 0.05 if "sleep" in program else 60.0
    with (
        Program(stage, "ip-1", ["speaker"], patience_s) as mute,
        pytest.raises(Refusal, match="loa ip-1 to run") as caught,
    ):
        mute.wait_for_lines(1)
    assert (caught.value.exit_code, caught.value.got) == (3, said)


def test_a_program_that_says_much_is_heard_out_while_nobody_waits(tmp_path, monkeypatch):
    """A pipe holds 64 kB: a loudspeaker that is not read would stand still with all its sound."""
    stage = set_stage(tmp_path, tmp_path / BULLETIN.name)
    (tmp_path / "much.py").write_text(
        "import json, pathlib\n"
        "for n in range(300):\n"
        "    print(json.dumps({'schema': 'loa.speaker/1', 'prints': 'x' * 2_000}), flush=True)\n"
        "pathlib.Path('done').touch()\n"
    )
    monkeypatch.setattr("loa.demo.joined.programs.COMMAND", [sys.executable, "much.py"])
    with Program(stage, "ip-1", []) as much:
        much._process.wait(60)
        assert (tmp_path / "done").exists()
        much.wait()
        assert len(much.lines) == 300


def test_a_multiplex_goes_on_the_air_and_is_heard_where_it_was(tmp_path, sound):
    from dsp.coder.multiplex import Multiplex  # noqa: PLC0415
    from dsp.coder.settings import MultiplexSettings  # noqa: PLC0415
    from transmit.multiplex_file import MultiplexFile  # noqa: PLC0415

    coder = Multiplex(MultiplexSettings(), channels=1)
    with MultiplexFile(tmp_path / "m.wav") as sink:
        sink.write(coder.process(np.ascontiguousarray(sound[: 6 * RATE, None])))
        sink.commit()
    heard_fm = on_the_air(tmp_path / "m.wav", SystemClock())
    delay = coder.delay_samples // 4
    a, b = sound[2 * RATE : 4 * RATE], heard_fm[2 * RATE + delay : 4 * RATE + delay]
    assert np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)) > 0.9
    assert {path.name for path in tmp_path.iterdir()} == {"m.wav"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_and_the_table_tell_it(language, capsys):
    words = load_words(language)
    good = joined_section(words, report())
    assert 'class="pass"' in good
    assert words["relay_refused"] in good
    assert "1.0 ± 0.2" in joined_section(words, report(horn(), horn("fm", "FM")))
    assert 'class="fail"' in joined_section(words, report(horn(alert_s=None), horn("ip-2")))
    print_table(joined_table(report()))
    assert "refused" in capsys.readouterr().out


@pytest.mark.long
def test_the_performance_itself(sound, tmp_path):
    """Three programs in real time: on a machine that can follow."""
    shutil.copyfile(BULLETIN, tmp_path / BULLETIN.name)
    found = demonstrate_joined(tmp_path / BULLETIN.name, sound, lambda *_: None)
    assert found.wrong == []

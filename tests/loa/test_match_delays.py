"""`loa match --delays`: the history of delay, of a file whose clock is slow and which jumps."""

import json

import numpy as np
import pytest
import soundfile

from dsp.align.coherence import Opinion
from loa import cli
from loa.recognising import delays
from loa.recognising.heard import Heard
from loa.recognising.live_opinion import Asked
from tests.dsp.recognise.spoken import speech

RATE = 8_000
LATE_S = 0.75
LOST_S = 0.12
CUT_S = 22.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("delays")
    sound = speech(44, 2)
    soundfile.write(place / "evening.wav", sound, RATE)
    cut = round(CUT_S * RATE)
    lost = np.concatenate([sound[:cut], sound[cut + round(LOST_S * RATE) :]])
    silence = np.zeros(round(LATE_S * RATE), np.float32)
    soundfile.write(place / "late.wav", np.concatenate([silence, lost]), RATE)
    return place


def run(capsys, *arguments):
    code = cli.run([str(a) for a in arguments])
    streams = capsys.readouterr()
    return code, streams.out + streams.err


def test_delay_and_jump_of_a_file(folder, capsys, tmp_path):
    written = tmp_path / "delays.jsonl"
    _, said = run(
        capsys, "match", folder / "evening.wav", "--heard", folder / "late.wav", "--delays", written
    )
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    told = [line for line in lines if line["delay_ms"] is not None]
    assert len(told) >= 4
    assert {(line["cluster"], line["reference"]) for line in lines} == {("late.wav", "evening")}
    for line in told:
        lost_ms = 1e3 * LOST_S if line["heard_s"] > CUT_S + LATE_S else 0.0
        assert line["delay_ms"] == pytest.approx(1e3 * LATE_S - lost_ms, abs=1.0)
        assert line["time"] is None
    # Where a window has both sides of the gap there is no delay, and then the jump is told once,
    # or the recogniser began another piece there.
    jumps = [line["jump_ms"] for line in told if line["jump_ms"] is not None]
    assert jumps in ([], [pytest.approx(-1e3 * LOST_S, abs=1.0)])
    assert "late.wav: delay +" in said
    assert [path.name for path in tmp_path.iterdir()] == ["delays.jsonl"]


def test_what_is_no_match_has_no_history(folder, capsys, tmp_path):
    soundfile.write(tmp_path / "other.wav", speech(12, 77), RATE)
    written = tmp_path / "delays.jsonl"
    code, _ = run(
        capsys, "match", folder / "evening.wav", "--heard", tmp_path / "other.wav",
        "--delays", written,
    )  # fmt: skip
    assert code == 1
    assert written.read_text() == ""


def asked(second, delay_s, reference="r"):
    same = Opinion("same", 1.0, "", None)
    if delay_s is None:
        return Asked(second, reference, Opinion("inconclusive", 0.4, "silent", None))
    return Asked(second, reference, same, delay_s, 3e-4)


def test_stations_are_told_apart_and_a_new_reference_is_no_jump():
    near = [asked(20 * n, 0.5 + 40e-6 * 20 * n) for n in range(6)]
    far = [asked(0, 0.5), asked(20, None), asked(40, 0.53), asked(60, 9.0, "another")]
    found = [(Heard("thon-1", asked=near), []), (Heard("thon-2", asked=far), [])]
    history = delays.history_of_stations(found)
    one, two = history.summary("thon-1"), history.summary("thon-2")
    assert (one.measured, one.jumps) == (6, 0)
    assert one.drift_ppm.value == pytest.approx(40.0, abs=1.0)
    assert (two.measured, two.refused, two.jumps) == (3, 1, 1)
    said = list(delays.sentences(history))
    assert len(said) == 2  # heard with different references last: not compared
    assert "drift +40" in said[0]

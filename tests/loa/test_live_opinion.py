"""The second opinion on a live source: scripted answers, real sound; and `loa match` on a scene."""

import json

import numpy as np
import pytest
import soundfile

from dsp.align.speech_band import speech_band
from ingest.reference.answer import Answer
from loa import cli
from loa.recognising.live_opinion import EVERY_S, MOST_ASKED, LiveOpinion, take_opinion
from loa.recognising.pieces import Piece
from tests.dsp.recognise.spoken import speech

RATE = 8_000
BULLETIN, OTHER = speech(40.0, 61), speech(40.0, 62)
BANDS = {"bulletin": speech_band(BULLETIN, RATE), "other": speech_band(OTHER, RATE)}


def match(second, reference="bulletin"):
    return Answer(second, "match", reference, offset_s=float(second))


def listen(sound, say, names=tuple(BANDS), late_s=11):
    """Give the sound second by second; confirm the answer that comes `late_s` later."""
    live, found = LiveOpinion(BANDS.get, names, RATE), []
    for second in range(len(sound) // RATE):
        live.hear(sound[second * RATE : (second + 1) * RATE])
        if second >= late_s:
            found.append(live.confirm(say(second - late_s)))
    return live, found


def test_a_match_is_asked_about_when_it_begins_and_now_and_then():
    live, found = listen(BULLETIN, match)
    assert {answer.verdict for answer in found} == {"match"}
    assert [asked.second for asked in live.asked] == [0, EVERY_S]
    assert {asked.opinion.verdict for asked in live.asked} == {"same"}
    assert live.asked[0].delay_s == pytest.approx(0.0, abs=1e-3)


def test_a_match_whose_sounds_differ_is_inconclusive():
    _, found = listen(OTHER, match)
    assert {answer.verdict for answer in found} == {"inconclusive"}
    assert {answer.others for answer in found} == {("bulletin",)}


def test_speech_that_is_a_reference_after_all_is_not_unknown():
    _, found = listen(BULLETIN, lambda second: Answer(second, "unknown"))
    assert found[0].verdict == "inconclusive"
    assert found[0].others == ("bulletin",)


def test_speech_that_is_none_stays_unknown_and_is_confirmed():
    live, found = listen(speech(20.0, 63), lambda second: Answer(second, "unknown"))
    assert {answer.verdict for answer in found} == {"unknown"}
    assert {asked.opinion.verdict for asked in live.asked} == {"different"}
    assert {asked.reference for asked in live.asked} == {"bulletin", "other"}


def test_many_references_are_not_looked_through():
    names = [f"bulletin {n}" for n in range(MOST_ASKED + 1)]
    live, _ = listen(BULLETIN, lambda second: Answer(second, "unknown"), names)
    assert live.asked == []


def test_a_reference_whose_sound_is_gone_leaves_the_fingerprint_alone():
    live, found = listen(BULLETIN, lambda second: match(second, "gone"))
    assert {answer.verdict for answer in found} == {"match"}
    assert live.asked == []


def test_silence_is_nothing_to_ask_about():
    live, _ = listen(np.zeros(20 * RATE, np.float32), lambda second: Answer(second, "silence"))
    assert live.asked == []


def test_a_piece_takes_the_opinion_of_its_own_seconds():
    live, found = listen(BULLETIN, match)
    piece = Piece(found[:15])
    take_opinion(piece, live.asked)
    assert piece.opinion.verdict == "same"
    assert piece.delay_s == live.asked[0].delay_s
    late = Piece(found[5:15])
    take_opinion(late, live.asked)
    assert late.opinion is None


SCENE = """
[capture]
centre_hz = 60.4e6
rate_hz = 300000
seconds = 18
[dongle]
noise_dbfs = -50
[[station]]
id = "own"
frequency_hz = 60.4e6
level_dbfs = -15
profile = "75k50us"
audio = "{audio}"
"""


def test_a_station_of_a_radio_source_has_a_second_opinion(tmp_path, capsys):
    path = tmp_path / "bulletin.wav"
    soundfile.write(path, BULLETIN, RATE)
    scene = tmp_path / "scene.toml"
    scene.write_text(SCENE.format(audio=path))
    code = cli.run(["match", str(path), "--heard", f"sim:{scene}", "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    matched = [line for line in lines if line["verdict"] == "match"]
    assert code == 0, lines
    assert {line["second_opinion"] for line in matched} == {"same"}
    assert matched[0]["u"]["delay_ms"] < 2.0
    assert matched[0]["delay_ms"] == pytest.approx(0.0, abs=5.0)

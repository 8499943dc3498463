"""What a loudspeaker makes of bulletins: alert, words, turns, cancels, exercises; and in step."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from bench.stream.network import BEGUN_S, RATE
from dsp.playout import alert_tone
from tests.loa.device.made import (
    audio_of,
    signed,
    stamp,
)
from tests.loa.speaker.horn import pitch_hz, ready, wav


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
    began = [record for record in one.records if record["event"] == "began"]
    assert [record["source"] for record in began] == ["exercise", "exercise", "alert"]
    assert all(record["test"] for record in one.records if record.get("name", "").endswith("drill"))


def test_alert_and_exercise_are_nothing_alike():
    alert, exercise = alert_tone.alert(), alert_tone.exercise()
    for sound in (alert, exercise):
        assert np.max(np.abs(sound)) == pytest.approx(0.7, abs=1e-6)
    score = np.correlate(alert[:RATE], exercise[:RATE], "full")
    norm = np.linalg.norm(alert[:RATE]) * np.linalg.norm(exercise[:RATE])
    assert np.max(np.abs(score)) / norm < 0.3

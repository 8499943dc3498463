"""Trials, curve, tables and campaign of recognition, on small seeded sounds."""

import json

import numpy as np
import pytest

from bench.match import false_matches, tables
from bench.match.clips import StrangerPrints
from bench.match.det import det_curve, miss_at, plot
from bench.match.false_matches import Heard, first_named, hear
from bench.match.ours import Loa
from bench.match.speed import load_row
from bench.match.strangers import SHARED, Stranger, runs_of, stranger_text
from bench.match.system import RATE_HZ, Found
from bench.match.texts import plain
from bench.match.trials import Excerpt, Trial, excerpts, starts_of, try_loa, try_system
from bench.match.voices import VOICES
from dsp.recognise.fingerprint import fingerprint
from ingest.reference.answer import Answer


def syllables(seed, seconds):
    """Noise under syllables, every one with formants of its own."""
    rng = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < seconds * RATE_HZ:
        n = int(rng.uniform(0.08, 0.3) * RATE_HZ)
        t = np.arange(n) / RATE_HZ
        formants = rng.uniform((300, 900, 2_000), (900, 2_000, 3_300))
        wave = sum(np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in formants)
        parts.append(wave * np.hanning(n) * rng.uniform(0.2, 1.0))
    return (0.1 * np.concatenate(parts)[: seconds * RATE_HZ]).astype(np.float32)


def trial(system="Loa", bulletin="a", score=10.0, seconds=10.0, impairment="clean", **more):
    fields = {"at_place": True, "right": True, "wrong": False} | more
    return Trial(system, bulletin, "voice", impairment, seconds, 0.0, score, **fields)


class Oracle:
    """A system that always says the same."""

    name = "oracle"
    threshold = 1.0

    def __init__(self, found):
        self.found = found

    def add(self, name, sound):
        pass

    def query(self, _sound):
        return self.found


@pytest.mark.parametrize(
    ("found", "right", "wrong"),
    [
        (Found("a", 20.2, 5.0), True, False),
        (Found("a", 21.0, 5.0), False, True),
        (Found("b", 20.0, 5.0), False, True),
        (Found("b", 20.0, 0.5), False, False),
        (None, False, False),
    ],
)
def test_a_trial_is_right_at_its_place_only(found, right, wrong):
    excerpt = Excerpt("a", "voice", "clean", 20.0, 10.0, np.zeros(10, np.float32))
    got = try_system(Oracle(found), excerpt)
    assert (got.right, got.wrong) == (right, wrong)


def test_excerpts_are_what_was_cut():
    sound = np.arange(20 * RATE_HZ, dtype=np.float32)
    cut = list(
        excerpts(
            sound,
            ("a", "voice", "none"),
            lambda piece, _rng: piece + 1,
            lengths_s=(5.0, 30.0),
            count=3,
            rng=np.random.default_rng(1),
        )
    )
    assert [e.seconds for e in cut] == [5.0] * 3
    for excerpt in cut:
        assert len(excerpt.heard) == 5 * RATE_HZ
        assert excerpt.heard[0] == pytest.approx(excerpt.start_s * RATE_HZ + 1)
    assert len(starts_of(4.0, 5.0, 3, np.random.default_rng(1))) == 0


def test_ours_finds_its_place_and_knows_a_stranger():
    system = Loa()
    own, other = syllables(1, 24), syllables(2, 12)
    system.add("own", own)
    excerpt = Excerpt("own", "v", "clean", 8.0, 10.0, own[8 * RATE_HZ : 18 * RATE_HZ])
    got = try_loa(system, excerpt)
    assert got.right
    assert got.at_place
    assert not got.wrong
    stranger = try_loa(system, Excerpt("", "v", "clean", 0.0, 10.0, other[: 10 * RATE_HZ]))
    assert not stranger.right
    assert not stranger.wrong
    assert stranger.score < got.score


def test_the_curve_of_known_scores():
    targets = [trial(score=s) for s in (4.0, 3.0, 2.0)] + [trial(score=9.0, at_place=False)]
    strangers = [trial(bulletin="", score=s) for s in (1.0, 2.5)]
    curve = det_curve(targets, strangers)
    assert miss_at(curve, 0.0) == pytest.approx(0.5)  # 2.0, and the one at another place
    assert miss_at(curve, 0.5) == pytest.approx(0.25)
    alarmed, missed = curve
    assert np.all(np.diff(alarmed) <= 0)
    assert np.all(np.diff(missed) >= 0)
    assert (alarmed[-1], missed[-1]) == (0.0, 1.0)


def test_the_plot_is_a_picture(tmp_path):
    found = [trial(score=s) for s in (4.0, 3.0)] + [trial(bulletin="", score=1.0)]
    plot(found, tmp_path / "det.png", "two systems")
    assert (tmp_path / "det.png").read_bytes().startswith(b"\x89PNG")


def test_tables_count_by_system_and_length():
    found = [
        trial(impairment="real FM 15 dB + Opus 16k"),
        trial(impairment="real FM 15 dB + Opus 16k", right=False, wrong=True),
        trial(system="peer", impairment="real FM 15 dB + Opus 16k", seconds=5.0),
        trial(),
        trial(system="peer", right=False),
        trial(bulletin="", right=False, wrong=True, score=2.0),
    ]
    aired = tables.over_the_air(found)
    assert "| Loa, 10 s | 50.00 % (9.45-90.55) of 2 | 1 |" in aired
    assert "| peer, 5 s | 100.00 %" in aired
    assert "| clean | 100.0 % of 1 | – | 0 | 0.0 % of 1 |" in tables.impairments(found)
    assert "| Loa | 10 s | 100.00 %" in tables.systems(found)


def test_a_different_text_shares_no_phrase_and_a_formula_may():
    voice = VOICES[0]
    formula = stranger_text(voice, 3, set(), "formula")
    known = runs_of([formula], SHARED + 1)
    different = stranger_text(voice, 4, known, "different")
    assert len(plain(different)) >= 700
    assert not runs_of([different], SHARED + 1) & known
    assert stranger_text(voice, 4, known, "different") == different


def test_false_trials_are_counted_by_ten_seconds():
    answers = [Answer(n, "match", reference="a") for n in (3, 4, 29, 34)]
    named = first_named([*answers, Answer(12, "unknown")], 3)
    assert named == {3: "a", 29: "a"}  # second 34 belongs to no whole trial
    heard = Heard("s", "v", "different", "clean", "stream", 3, tuple(named.items()))
    assert heard.false == 2
    assert "| different | stream | 3 | 2 (" in false_matches.table([heard])
    assert json.dumps(heard.named)


def test_a_stranger_is_heard_as_a_stream_and_as_clips():
    system = Loa()
    own, other = syllables(1, 24), syllables(2, 20)
    system.add("own", own)
    for sound, false in ((own, True), (other, False)):
        stranger = Stranger("s", "v", "different", "clean", "", lambda s=sound: s, (1,))
        ten = [fingerprint(sound[a : a + 10 * RATE_HZ], RATE_HZ) for a in (0, 10 * RATE_HZ)]
        prints = StrangerPrints(stranger, fingerprint(sound, RATE_HZ), {10.0: ten})
        stream, clips = hear(system, prints)
        assert (stream.how, stream.trials, stream.false) == ("stream", 2, 2 * false)
        assert (clips.how, clips.trials, clips.false) == ("10 s clip", 2, 2 * false)


def test_an_index_is_timed_as_it_is_read_from_disk():
    system = Loa()
    for name, seed in (("a", 1), ("b", 2)):
        system.add(name, syllables(seed, 6))
    found = load_row(system, runs=1)
    assert "2 bulletins" in found["work"]
    assert 0.0 < found["value"] < 60.0
    assert found["ok"] is True

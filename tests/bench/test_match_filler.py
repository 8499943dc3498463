"""Made bulletins: seeded, of the asked length, with the statistics of what they are made from."""

import numpy as np
import pytest

from bench.match.filler import PrintModel, references, statistics
from bench.match.filler_cache import kept_references
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.grid import STEPS_PER_SECOND
from dsp.recognise.reference_index import ReferenceIndex
from dsp.recognise.reference_prints import keep_reference
from tests.bench.test_match_trials import syllables

SECONDS = 60.0


@pytest.fixture(scope="module")
def real():
    return [fingerprint(syllables(seed, 60), 48_000) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def model(real):
    return PrintModel(real, SECONDS)


def test_a_seed_gives_the_same_bulletins_whatever_their_number(model):
    first = list(references(model, 3, 7))
    again = list(references(model, 3, 7))
    other = list(references(model, 3, 8))
    assert [name for name, _ in first] == ["filler-7-0", "filler-7-1", "filler-7-2"]
    for (_, a), (_, b), (_, c) in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a.words, b.words)
        assert np.bitwise_count(a.words ^ c.words).mean() == pytest.approx(16.0, abs=0.6)
        assert len(a.words) == pytest.approx(SECONDS * STEPS_PER_SECOND, abs=1)


def test_made_prints_are_like_real_ones(model, real):
    made = statistics([kept for _, kept in references(model, 6, 7)])
    true = statistics([keep_reference(prints) for prints in real])
    assert made.run_steps == pytest.approx(true.run_steps, rel=0.1)
    assert made.distance == pytest.approx(true.distance, abs=0.8)
    assert made.coupling == pytest.approx(true.coupling, abs=0.03)
    assert made.anchors_per_minute == pytest.approx(true.anchors_per_minute, rel=0.05)
    assert min(made.ones) > 0.4
    assert max(made.ones) < 0.6


def test_an_index_takes_them_and_none_is_like_another(model):
    made = list(references(model, 8, 9))
    index = ReferenceIndex()
    index.add_many(made)
    assert len(index) == 8
    assert index.ids[0] == "filler-9-0"


def test_they_are_kept(real, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = kept_references(real[:1], 2)
    again = kept_references(real[:1], 2)
    assert len(list((tmp_path / "loa" / "bench-match").iterdir())) == 1
    for (name, a), (other, b) in zip(first, again, strict=True):
        assert name == other
        np.testing.assert_array_equal(a.words, b.words)
        np.testing.assert_array_equal(a.levels, b.levels)
        np.testing.assert_array_equal(a.anchors, b.anchors)


def test_too_little_speech_makes_no_model():
    with pytest.raises(ValueError, match="15 s or more"):
        PrintModel([fingerprint(syllables(1, 2), 48_000)], 10.0)

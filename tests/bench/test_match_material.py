"""Music, voices, cache and corpus of the bench, without any optional program."""

import numpy as np
import pytest
import soundfile as sf

from bench.match import corpus as corpus_module
from bench.match.corpus import Corpus, Size, deal, read_bulletin
from bench.match.music import tune
from bench.match.sound_cache import cache_folder, kept_sound, path_of
from bench.match.voices import VOICES, Voice, at_house_rate, available

TINY = Size("tiny", 1, 1, 10, 1, 1, tune_s=2.0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOA_SHARED_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr(corpus_module, "PROMPTS", tmp_path / "no prompts")


def test_a_tune_is_the_same_for_a_seed_and_another_for_another():
    first, again, other = tune(1, 3.0), tune(1, 3.0), tune(2, 3.0)
    np.testing.assert_array_equal(first, again)
    assert len(first) == 3 * 48_000
    assert np.abs(first).max() == pytest.approx(0.5)
    likeness = abs(float(first @ other)) / np.linalg.norm(first) / np.linalg.norm(other)
    assert likeness < 0.2


def test_a_kept_sound_is_made_once_and_comes_back_the_same():
    calls = []

    def make():
        calls.append(1)
        return np.linspace(-1.2, 1.2, 4_000, dtype=np.float32), 16_000

    first, rate_hz = kept_sound("a ramp", make)
    again, _ = kept_sound("a ramp", make)
    assert len(calls) == 1
    assert rate_hz == 16_000
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, np.clip(np.linspace(-1.2, 1.2, 4_000), -1, 1), atol=1e-4)
    assert [path for path in cache_folder().iterdir() if path.suffix == ".part"] == []
    assert path_of("another") != path_of("a ramp")


def test_a_maker_that_fails_leaves_nothing_behind():
    def make():
        raise OSError("no voice")

    with pytest.raises(OSError, match="no voice"):
        kept_sound("broken", make)
    assert list(cache_folder().iterdir()) == []


def test_the_house_rate_and_level():
    sound = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    raised = at_house_rate(sound, 16_000)
    assert len(raised) == 48_000
    assert 20 * np.log10(np.sqrt(np.mean(raised**2))) == pytest.approx(-20.0, abs=0.1)
    silent = at_house_rate(np.zeros(10, np.float32), 48_000)
    assert not silent.any()


def test_missing_voices_are_left_out_and_named():
    ghost = Voice("ghost", "no-such-program-anywhere", "vi", (), "tuning")
    assert available([ghost]) == ()
    corpus = Corpus(TINY, [ghost])
    assert corpus.missing == ["ghost", "asterisk prompts", "shared real speech"]
    assert [bulletin.name for bulletin in corpus.indexed] == ["tune-0"]
    assert [bulletin.name for bulletin in corpus.strangers] == ["tune-1"]
    told = []
    corpus.prepare(lambda label, share: told.append((label, share)))
    assert told[-1] == ("corpus", 1.0)
    assert len(corpus.sound(corpus.indexed[0])) == 2 * 48_000


def test_texts_of_a_voice_are_numbered_and_never_repeat():
    first, again = (read_bulletin(VOICES[0], 3, 50) for _ in range(2))
    assert first.text == again.text
    assert first.recipe == again.recipe
    texts = {read_bulletin(voice, n, 50).text for voice in VOICES[:3] for n in range(5)}
    assert len(texts) == 15


def test_prompts_are_dealt_out_once(tmp_path):
    paths = []
    for number in range(400):
        path = tmp_path / f"{number}.g722"
        path.write_bytes(bytes(8_000 * (number % 5)))
        paths.append(path)
    hands = deal(paths, 4)
    dealt = [path for hand in hands for path in hand]
    assert len(hands) == 4
    assert len(set(dealt)) == len(dealt)
    for hand in hands:
        assert 90.0 <= sum(path.stat().st_size for path in hand) / 8_000 < 95.0
    assert deal(paths, 4) == hands


def test_shared_clips_are_joined_by_speaker(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "speech" / "km"
    folder.mkdir(parents=True)
    for name in (
        *("spkr01_a-pcID-001.wav", "spkr01_a-pcID-002.wav", "spkr01_a-pcID-004.wav"),
        "spkr03_b-pcID-001.wav",
    ):
        sf.write(folder / name, 0.1 * np.ones(8_000), 16_000)
    monkeypatch.setenv("LOA_SHARED_DATA", str(tmp_path / "data"))
    corpus = Corpus(TINY, [])
    real = [bulletin for bulletin in corpus.indexed if bulletin.kind == "real"]
    assert [bulletin.voice for bulletin in real] == ["spkr01_a"]
    assert len(corpus.sound(real[0])) == 2 * (24_000 + 12_000)
    unknown = [bulletin.voice for bulletin in corpus.strangers if bulletin.kind == "real"]
    assert unknown == ["spkr01_a", "spkr03_b"]  # clip n is the same text in every mouth

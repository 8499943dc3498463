"""Real speech: named over a bad channel, and the same speaker with another text never.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository; where
there is none nothing is collected. The Khmer clips are by three speakers who read the same texts:
clip n is the same sentence in every mouth, so even ones are known and odd ones are not.
"""

import numpy as np
import pytest
import soundfile as sf
import soxr

from bench.impair.codecs import G711_MU
from bench.impair.fm_noise import FmNoise
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.reference_index import ReferenceIndex
from ingest.reference.recogniser import Recogniser
from tests.shared_data.conftest import DATA

RATE_HZ = 48_000
SPEAKERS = sorted({p.name.split("-p", 1)[0] for p in (DATA / "speech" / "km").glob("*.wav")})
VIETNAMESE = DATA / "speech" / "vi" / "south_nu_giong_nam.wav"


def read(path):
    frames, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(soxr.resample(frames.mean(axis=1), rate_hz, RATE_HZ), np.float32)


def clips(speaker, odd):
    paths = sorted((DATA / "speech" / "km").glob(f"{speaker}-*.wav"))
    return [read(p) for p in paths if int(p.stem.rsplit("-", 1)[1]) % 2 == odd]


@pytest.fixture(scope="module")
def index():
    built = ReferenceIndex()
    for speaker in SPEAKERS:
        built.add(speaker, fingerprint(np.concatenate(clips(speaker, 0)), RATE_HZ))
    built.add("south", fingerprint(read(VIETNAMESE), RATE_HZ))
    return built


def heard(index, sound, seed):
    rng = np.random.default_rng(seed)
    worse = np.ascontiguousarray(G711_MU(FmNoise()(sound, rng), rng), np.float32)
    recogniser = Recogniser(index, look_ahead_s=10)
    answers = recogniser.process(worse) + recogniser.finish()
    return {answer.reference for answer in answers if answer.verdict == "match"}


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_khmer_over_a_bad_channel_is_named(index, speaker):
    sound = np.concatenate(clips(speaker, 0))[3 * RATE_HZ : 15 * RATE_HZ]
    assert heard(index, sound, 1) == {speaker}


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_another_text_of_the_same_speaker_is_not(index, speaker):
    assert heard(index, np.concatenate(clips(speaker, 1)), 2) == set()


def test_vietnamese_over_a_bad_channel_is_named(index):
    sound = read(VIETNAMESE)
    assert heard(index, sound[2 * RATE_HZ : 14 * RATE_HZ], 3) == {"south"}

"""Corrupt and odd files from other projects' test sets: a refusal or sound, never a crash.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository; where
there is none nothing is collected: this material may not be shipped.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from ingest.decode.refusals import KINDS
from tests.ingest.decode_samples import read_all

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("LOA_SHARED_DATA", BESIDE))
CORRUPT = sorted(p for p in (DATA / "corrupt").rglob("*") if p.is_file())
PLAYLISTS = sorted((DATA / "hls").glob("*.m3u8"))
VECTORS = [DATA / "codec" / "g722"] if (DATA / "codec" / "g722").is_dir() else []

# Files that other programs play, and how many samples of how many channels are in them.
WHOLE = {
    "mp3_mozilla_owl.mp3": (146_927, 2),
    "mp3_mozilla_owl-funnier-id3.mp3": (147_456, 2),
    "mp3_mozilla_sound_5.mp3": (110_255, 1),
    "mutagen_empty.ogg": (162_496, 2),
    "mutagen_no-tags.flac": (162_496, 2),
    "mutagen_alac.m4a": (162_496, 2),
    "scipy_test-8000Hz-be-3ch-5S-24bit.wav": (5, 3),
    "scipy_test-8000Hz-le-3ch-5S-24bit-rf64.wav": (5, 3),
    "wav_mozilla_gsm.wav": (24_320, 1),
    "wav_mozilla_r11025_s16_c1_trailing.wav": (11_025, 1),
}
REFUSED = {
    "faulty_05_-_wrong_total_number_of_samples.flac": "audio.damaged",
    "wav_mozilla_r11025_u8_c1_trunc.wav": "audio.truncated",
    "mutagen_ooming-header.flac": "audio.truncated",
    "mp3_mozilla_id3tags.mp3": "audio.empty",
    "mutagen_issue_29.wma": "audio.not_audio",
    "mutagen_empty.spx": "audio.unsupported",
    "faulty_README.txt": "audio.not_audio",
}


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as shared:
        yield shared


def attempt(decoder, path):
    try:
        return read_all(decoder, path)[0]
    except Refusal as refusal:
        return refusal


@pytest.mark.parametrize("path", CORRUPT, ids=lambda p: p.name)
def test_corrupt(decoder, path):
    got = attempt(decoder, path)
    if isinstance(got, Refusal):
        assert got.kind in KINDS - {"audio.decoder_crashed"}
        assert path.name not in WHOLE, got
        assert got.kind == REFUSED.get(path.name, got.kind)
        return
    assert path.name not in REFUSED
    assert np.isfinite(got).all()
    assert got.shape == WHOLE.get(path.name, got.shape)


@pytest.mark.parametrize("path", PLAYLISTS, ids=lambda p: p.name)
def test_playlists_are_never_followed(decoder, path):
    with pytest.raises(Refusal) as caught:
        decoder.open(path)
    assert caught.value.kind == "audio.not_audio"


@pytest.mark.parametrize("folder", VECTORS, ids=["g722"])
def test_the_itu_vector_of_g722(decoder, folder):
    """Rec. ITU-T G.722 test sequence: decoded to what the ITU's own decoder gives."""
    expected = np.fromfile(folder / "outsp1.pcm", "<i2")
    got, _ = read_all(decoder, folder / "codsp.g722")
    np.testing.assert_array_equal(got[:, 0], expected)

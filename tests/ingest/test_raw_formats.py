"""Raw G.711 and G.722 have no header: sound must not be taken for text, nor text for sound."""

import numpy as np
import pytest

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as resident:
        yield resident


def frames_of(decoder, path):
    with decoder.open(path) as audio:
        return np.concatenate([block.copy() for block in audio.blocks()])


@pytest.mark.parametrize(
    ("name", "content"),
    [("quiet.alaw", b"\x55" * 8_000), ("humming.alaw", b"UTWVUTQP" * 1_000)],
)
def test_quiet_a_law_is_sound_though_its_codes_are_letters(decoder, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert len(frames_of(decoder, path)) == 8_000


@pytest.mark.parametrize("suffix", [".ulaw", ".alaw", ".g722"])
def test_words_are_no_sound(decoder, tmp_path, suffix):
    path = tmp_path / f"words{suffix}"
    path.write_text("Kinh thua ba con va cac ban. " * 40)
    with pytest.raises(Refusal, match=r"audio\.not_audio"):
        decoder.open(path)

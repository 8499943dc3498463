"""A ready multiplex from a file or a sound card comes as composite at 288 kS/s, gaps and all."""

import sys
import types

import numpy as np
import pytest
import soundfile as sf

from dsp.errors import Refusal
from ingest.iq.multiplex_source import MultiplexCard
from ingest.iq.open_source import SourceOptions, open_source
from tests.ingest.iq.clocks import HandClock


def tone(seconds, rate_hz, frequency_hz, amplitude=0.5):
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def joined(source):
    return np.concatenate([block.samples for block in source.blocks()])


@pytest.mark.parametrize("rate_hz", [171_000, 192_000, 228_000, 384_000])
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_tone_keeps_its_deviation(tmp_path, rate_hz, ending):
    path = tmp_path / f"mpx.{ending}"
    sf.write(path, tone(0.5, rate_hz, 57_000.0), rate_hz, subtype="PCM_24")
    source = open_source(f"mpx:{path}", SourceOptions())
    composite = joined(source)
    source.close()
    assert len(composite) == 144_000
    expected = tone(0.5, 288_000, 57_000.0)
    np.testing.assert_allclose(composite[2_000:-2_000], expected[2_000:-2_000], rtol=0, atol=1e-4)


def test_full_scale_may_be_another_deviation(tmp_path):
    path = tmp_path / "mpx.wav"
    sf.write(path, tone(0.2, 192_000, 1_000.0), 192_000, subtype="FLOAT")
    source = open_source(f"mpx:{path}", SourceOptions(full_scale_hz=75_000.0))
    assert np.abs(joined(source)).max() == pytest.approx(0.375, abs=1e-3)


def test_of_two_channels_the_first_is_taken(tmp_path):
    path = tmp_path / "mpx.wav"
    one = tone(0.2, 192_000, 1_000.0)
    sf.write(path, np.stack([one, 0 * one], axis=1), 192_000, subtype="FLOAT")
    source = open_source(f"mpx:{path}", SourceOptions())
    assert np.abs(joined(source)).max() == pytest.approx(0.5, abs=1e-3)


def test_what_is_no_number_is_a_gap(tmp_path):
    path = tmp_path / "mpx.wav"
    samples = tone(1.0, 192_000, 1_000.0)
    samples[96_000] = np.nan
    sf.write(path, samples, 192_000, subtype="FLOAT")
    source = open_source(f"mpx:{path}", SourceOptions())
    blocks = list(source.blocks())
    holes = [block for block in blocks if block.missing_samples]
    assert len(holes) == 1
    assert holes[0].missing_samples == pytest.approx(28_800, abs=2_000)
    assert all(np.isfinite(block.samples).all() for block in blocks)
    assert blocks[-1].index + len(blocks[-1].samples) == 288_000
    assert source.notes()[0]["kind"] == "not_finite"


@pytest.mark.parametrize(
    ("rate_hz", "kind"), [(48_000, "multiplex.rate"), (400_000, "multiplex.rate")]
)
def test_a_rate_without_room_is_refused(tmp_path, rate_hz, kind):
    path = tmp_path / "mpx.wav"
    sf.write(path, np.zeros(1_000), rate_hz)
    with pytest.raises(Refusal) as caught:
        open_source(f"mpx:{path}", SourceOptions())
    assert caught.value.kind == kind


def test_files_that_are_none(tmp_path):
    (tmp_path / "mpx.wav").write_bytes(b"RIFF")
    for name, kind in (("mpx.wav", "iq.header"), ("no.wav", "iq.not_found")):
        with pytest.raises(Refusal) as caught:
            open_source(f"mpx:{tmp_path / name}", SourceOptions())
        assert caught.value.kind == kind
    sf.write(tmp_path / "empty.wav", np.zeros(0), 192_000)
    with pytest.raises(Refusal) as caught:
        joined(open_source(f"mpx:{tmp_path / 'empty.wav'}", SourceOptions()))
    assert caught.value.kind == "iq.empty"


class Card:
    """Plays PortAudio's input stream."""

    def __init__(self, **settings):
        self.settings = settings
        self.closed = False
        Card.last = self

    def start(self):
        pass

    def close(self):
        self.closed = True


def test_a_sound_card_gives_blocks_and_marks_overflows():
    library = types.SimpleNamespace(InputStream=Card)
    card = MultiplexCard("2", HandClock(), library=library)
    assert Card.last.settings["samplerate"] == 192_000
    assert Card.last.settings["device"] == 2
    give = Card.last.settings["callback"]
    piece = tone(0.1, 192_000, 1_000.0)[:, None]
    for overflow in (False, False, True):
        give(piece, len(piece), None, types.SimpleNamespace(input_overflow=overflow))
    card.close()
    blocks = list(card.blocks())
    assert Card.last.closed
    assert [block.missing_samples for block in blocks] == [0, 0, 1]
    assert sum(len(block.samples) for block in blocks) > 80_000


def test_no_sound_card(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(Refusal) as caught:
        open_source("mpx:card", SourceOptions())
    assert (caught.value.kind, caught.value.exit_code) == ("sound_card.missing", 3)

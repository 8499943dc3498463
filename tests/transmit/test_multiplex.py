"""A programme to a multiplex on disk, as IQ, on a card: whole or not at all."""

import errno
import json
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile as sf

from dsp.coder.multiplex import Multiplex
from dsp.coder.settings import MultiplexSettings
from dsp.errors import Refusal
from tests.naive.modulator import demodulated
from transmit import multiplex_card, multiplex_file
from transmit.multiplex import build_coder, make_multiplex
from transmit.multiplex_file import to_24_bits
from transmit.multiplex_iq import CarrierSettings
from transmit.multiplex_sink import sink_for

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CARRIER = CarrierSettings(NOW, rate_hz=1_000_000, offset_hz=-100_000.0, level_dbfs=-3.0)


def programme(seconds=1.2, rate_hz=48_000, channels=2):
    rng = np.random.default_rng(1)
    return (rng.standard_normal((round(seconds * rate_hz), channels)) * 0.05).astype(np.float32)


def made(output, source, rate_hz=48_000, settings=None):
    coder = build_coder(settings or MultiplexSettings(), None, source.shape[1])
    with sink_for(str(output), CARRIER) as sink:
        return make_multiplex(np.array_split(source, 7), (rate_hz, source.shape[1]), coder, sink)


def straight(source, settings=None):
    """The multiplex of `source` in one piece, to the end."""
    coder = Multiplex(settings or MultiplexSettings(), channels=source.shape[1])
    tail = np.zeros((-(-coder.delay_samples // 4), source.shape[1]), np.float32)
    return coder.process(np.concatenate([source, tail]))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_files_hold_the_multiplex_to_24_bits(tmp_path, suffix):
    source = programme()
    path = tmp_path / f"mpx{suffix}"
    run = made(path, source)
    info = sf.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (192_000, 1, "PCM_24")
    read, _ = sf.read(path, dtype="float64")
    wanted = straight(source)
    np.testing.assert_allclose(read, wanted, atol=0.5 / (1 << 23) + 1e-9)
    assert run.figures.duration_s == len(wanted) / 192_000
    assert run.limited_share == 0.0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_same_programme_is_the_same_file(tmp_path):
    runs = [made(tmp_path / name, programme()) for name in ("a.wav", "b.wav")]
    assert runs[0].sha256 == runs[1].sha256
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_another_rate_is_converted(tmp_path):
    seconds = 1.0
    n = np.arange(44_100)
    tone = (0.2 * np.sin(2 * np.pi * 1_000 / 44_100 * n)).astype(np.float32)[:, None]
    made(tmp_path / "a.wav", tone, 44_100, MultiplexSettings(stereo=False, pre_emphasis_us=0.0))
    read, _ = sf.read(tmp_path / "a.wav")
    assert len(read) == pytest.approx(seconds * 192_000 + 1_175, abs=4)
    middle = read[50_000:146_000]
    level = 2 * abs(np.mean(middle * np.exp(-2j * np.pi * np.arange(96_000) / 192)))
    assert level == pytest.approx(0.2 * 0.75, rel=1e-3)


def test_iq_is_the_modulated_carrier(tmp_path):
    source = programme(0.5)
    made(tmp_path / "station.cf32", source)
    iq = np.fromfile(tmp_path / "station.cf32", np.complex64)
    np.testing.assert_allclose(np.abs(iq), 10 ** (-3 / 20), rtol=1e-6)
    composite = demodulated(iq, 1_000_000) + 1.0  # -100 kHz of offset
    wanted = straight(source)
    # At the multiplex's rate: every 125 of 24 samples; the delay of the modulator is 41.
    at = 41 + np.arange(2_000, 80_000, 24) * 125 // 24
    assert np.corrcoef(composite[at], wanted[np.arange(2_000, 80_000, 24)])[0, 1] > 0.98


def test_iq_as_wav_has_i_on_the_left_and_q_on_the_right(tmp_path):
    source = programme()
    made(tmp_path / "station.IQ.wav", source)
    made(tmp_path / "station.cf32", source)
    frames, rate_hz = sf.read(tmp_path / "station.IQ.wav")
    iq = np.fromfile(tmp_path / "station.cf32", np.complex64)
    assert rate_hz == 1_000_000
    assert np.abs(frames[:, 0] + 1j * frames[:, 1] - iq).max() < 5e-5  # 16 bits


def test_sigmf_names_the_command(tmp_path):
    made(tmp_path / "station.sigmf", programme(0.2))
    meta = json.loads((tmp_path / "station.sigmf-meta").read_text())
    assert meta["global"]["core:recorder"] == "loa multiplex"


def test_the_last_word_is_not_cut_off(tmp_path):
    source = np.zeros((4_800, 1), np.float32)
    source[-20:] = 0.1
    made(tmp_path / "a.wav", source, settings=MultiplexSettings(stereo=False))
    read, _ = sf.read(tmp_path / "a.wav")
    late = Multiplex(MultiplexSettings(stereo=False), channels=1).delay_samples
    assert np.abs(read[19_120 + late - 40 :]).max() > 0.05


def test_what_is_too_loud_is_limited_and_said(tmp_path):
    run = made(tmp_path / "a.wav", programme() * 40)
    assert run.limited_share > 0.5
    assert run.figures.peak_deviation_hz <= 75_000.0


def test_nan_is_mended_and_counted(tmp_path):
    source = programme()
    source[100, 0] = np.nan
    assert made(tmp_path / "a.wav", source).not_finite == 1


@pytest.mark.parametrize("name", ["a.mp3", "a", "a.wave", "cards"])
def test_another_name_is_refused(tmp_path, name):
    with pytest.raises(Refusal) as caught:
        sink_for(str(tmp_path / name), CARRIER)
    assert caught.value.kind == "output.format"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.cu8", "a.sigmf"])
def test_an_interruption_leaves_nothing(tmp_path, name):
    def broken():
        yield programme(0.1)
        raise KeyboardInterrupt

    coder = build_coder(MultiplexSettings(), None, 2)
    with pytest.raises(KeyboardInterrupt), sink_for(str(tmp_path / name), CARRIER) as sink:
        make_multiplex(broken(), (48_000, 2), coder, sink)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_full_disk_is_exit_code_4_and_leaves_nothing(tmp_path, name, monkeypatch):
    sink = sink_for(str(tmp_path / name), CARRIER)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with sink:
        monkeypatch.setattr(sink._wav or sink._flac, "write", full)
        with pytest.raises(Refusal) as caught:
            sink.write(np.zeros(100, np.float32))
    assert caught.value.kind == "output.disk_full"
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_libflac_that_fails_is_an_os_error():
    with pytest.raises(OSError, match="libFLAC"), multiplex_file._flac_failures():
        raise sf.LibsndfileError(0)


@pytest.mark.parametrize(
    "keys", [{"rate_hz": 48_000}, {"offset_hz": 600_000.0}, {"level_dbfs": 3.0}]
)
def test_a_carrier_that_cannot_be_is_refused(tmp_path, keys):
    carrier = CarrierSettings(NOW, **({"rate_hz": 1_000_000} | keys))
    with pytest.raises(Refusal, match=rf"multiplex\.carrier: expected {next(iter(keys))} "):
        sink_for(str(tmp_path / "a.cu8"), carrier)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_together_are_refused():
    with pytest.raises(Refusal, match=r"multiplex\.settings: expected mpx_limit_dbr "):
        build_coder(MultiplexSettings(mpx_limit_dbr=-10.0), None, 2)


def test_24_bits_round_and_clip():
    steps = to_24_bits(np.array([0.0, 1.0, -1.0, 2.0, 1.4 / (1 << 23)], np.float32))
    assert steps.tolist() == [0, (1 << 23) - 1, -(1 << 23), (1 << 23) - 1, 1]


class FakeCard:
    """A sound library with one card that plays 192 kHz; hears what it is given."""

    latency = 0.48  # of the stream that was opened

    class PortAudioError(Exception):
        pass

    def __init__(self, *, rates=(192_000,), outputs=1, dry=()):
        self.rates, self.outputs, self.dry = rates, outputs, list(dry)
        self.heard, self.calls = [], []

    def check_output_settings(self, name, channels, dtype, samplerate):
        assert (channels, dtype) == (1, "float32")
        if name == "nobody":
            raise ValueError("No output device matching 'nobody'")
        if samplerate not in self.rates or not self.outputs:
            raise self.PortAudioError("Invalid sample rate")

    def query_devices(self):
        return [{"max_output_channels": self.outputs}]

    def OutputStream(self, **keys):  # noqa: N802 - as the library calls it
        assert keys["samplerate"] == 192_000
        return self

    def start(self):
        self.calls.append("start")

    def write(self, frames):
        self.heard.append(frames.copy())
        return self.dry.pop(0) if self.dry else False

    def stop(self):
        self.calls.append("stop")

    def close(self, ignore_errors):
        assert ignore_errors
        self.calls.append("close")


@pytest.fixture
def card(monkeypatch):
    def plug(fake):
        monkeypatch.setattr(multiplex_card, "_sound_library", lambda: fake)
        return fake

    return plug


def test_a_card_hears_the_multiplex(card):
    fake = card(FakeCard(dry=[False, True]))
    source = programme(0.5)
    run = made("card", source)
    np.testing.assert_array_equal(np.concatenate(fake.heard)[:, 0], straight(source))
    assert fake.calls == ["start", "stop", "close"]
    assert run.sha256 is None


def test_gaps_of_a_card_are_counted(card):
    card(FakeCard(dry=[True, False, True]))
    with sink_for("card:any", CARRIER) as sink:
        for _ in range(4):
            sink.write(np.zeros(100, np.float32))
    assert sink.underflows == 2


@pytest.mark.parametrize(
    ("fake", "output", "kind"),
    [
        (FakeCard(), "card:nobody", "sound_card.missing"),
        (FakeCard(outputs=0), "card", "sound_card.missing"),
        (FakeCard(rates=(48_000,)), "card", "sound_card.rate"),
    ],
)
def test_a_card_that_cannot_is_exit_code_3(card, fake, output, kind):
    card(fake)
    with pytest.raises(Refusal) as caught:
        sink_for(output, CARRIER)
    assert (caught.value.kind, caught.value.exit_code) == (kind, 3)


def test_without_the_library_the_mending_command_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(Refusal, match="uv sync --inexact --extra soundcard") as caught:
        sink_for("card", CARRIER)
    assert caught.value.exit_code == 3


def test_without_portaudio_too(monkeypatch):
    class Finder:
        def find_spec(self, name, *_):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(Refusal, match="apt-get install -y libportaudio2") as caught:
        sink_for("card", CARRIER)
    assert caught.value.exit_code == 3

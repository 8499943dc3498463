"""Every impairment: seeded, of the right length, and doing what its name says."""

import numpy as np
import pytest
from scipy import signal

from bench.impair.band_limit import BandLimit
from bench.impair.catalogue import Chain, catalogue
from bench.impair.codecs import G711_A, G711_MU, MP3_32K, OPUS_16K
from bench.impair.drop_outs import DropOuts
from bench.impair.dynamics import WildCompressor
from bench.impair.emphasis_error import EmphasisError
from bench.impair.fm_noise import FmNoise
from bench.impair.horn_place import HornPlace
from bench.impair.speed import Speed

RATE_HZ = 48_000


def rng():
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def sound():
    """Two seconds of noise under syllables, coloured as speech."""
    drawn = np.random.default_rng(4)
    wave = signal.lfilter([1.0], [1.0, -0.95], drawn.standard_normal(2 * RATE_HZ))
    envelope = np.interp(np.arange(len(wave)), np.arange(0, 96_001, 4_800), drawn.uniform(0, 1, 21))
    wave *= envelope
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def tone(frequency_hz, amplitude=0.2):
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(RATE_HZ) / RATE_HZ)).astype(
        np.float32
    )


def rms_db(sound):
    return 10 * np.log10(np.mean(np.square(sound[len(sound) // 4 :], dtype=float)) + 1e-20)


@pytest.mark.parametrize("name", catalogue())
def test_it_is_seeded_finite_and_keeps_the_length(name, sound):
    impairment = catalogue()[name]
    before = sound.copy()
    first, again = impairment(sound, rng()), impairment(sound, rng())
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(sound, before)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    stretch = 0.99 if "speed -" in name else 1.01 if "speed +" in name else 1.0
    assert len(first) == pytest.approx(len(sound) / stretch, abs=2)


@pytest.mark.parametrize("codec", [OPUS_16K, MP3_32K, G711_MU, G711_A], ids=lambda c: c.encoder)
def test_a_codec_gives_the_sound_back_changed(codec, sound):
    heard = codec(sound, rng())
    spectrum = np.fft.rfft(heard, 1 << 18) * np.conj(np.fft.rfft(sound, 1 << 18))
    likeness = np.fft.irfft(spectrum).max() / np.linalg.norm(heard) / np.linalg.norm(sound)
    assert 0.8 < likeness < 0.99999


def test_fm_noise_has_the_asked_level_and_falls_off_as_de_emphasis_has_it():
    silent = np.zeros(4 * RATE_HZ, np.float32)
    sent = silent.copy()
    sent[: 2 * RATE_HZ] = np.resize(tone(1_000), 2 * RATE_HZ)
    noise = FmNoise(15.0)(sent, rng()) - FmNoise(200.0)(sent, rng())
    assert rms_db(tone(1_000)) - 10 * np.log10(np.mean(noise.astype(float) ** 2)) == pytest.approx(
        15.0, abs=0.3
    )
    smooth = FmNoise(15.0, click_share=0.0)
    noise = smooth(sent, rng()) - FmNoise(200.0)(sent, rng())
    frequency_hz, density = signal.welch(noise, RATE_HZ, nperseg=4096)
    low, middle, high = (
        10 * np.log10(density[(frequency_hz > a) & (frequency_hz < b)].mean())
        for a, b in ((200, 400), (8_000, 12_000), (16_000, 20_000))
    )
    assert middle > low
    assert high < middle - 20


def test_emphasis_errors_follow_the_time_constants():
    treble, bass = tone(10_000, 0.05), tone(100, 0.05)
    for sent_us, received_us in ((50.0, 0.0), (0.0, 75.0), (75.0, 50.0)):
        wrong = EmphasisError(sent_us, received_us)
        omega = 2 * np.pi * 10_000.0 * 1e-6
        due_db = 10 * np.log10((1 + (omega * sent_us) ** 2) / (1 + (omega * received_us) ** 2))
        # The bilinear transform and the filter's end at 20 kHz bend it a little.
        assert rms_db(wrong(treble, rng())) - rms_db(treble) == pytest.approx(due_db, abs=2.0)
        assert rms_db(wrong(bass, rng())) - rms_db(bass) == pytest.approx(0.0, abs=0.1)


def test_a_band_limit_takes_what_is_outside():
    limit = BandLimit()
    assert rms_db(limit(tone(1_000), rng())) == pytest.approx(rms_db(tone(1_000)), abs=0.1)
    for frequency_hz in (100, 8_000):
        assert rms_db(limit(tone(frequency_hz), rng())) < rms_db(tone(frequency_hz)) - 40


def test_speed_moves_a_tone():
    heard = Speed(0.01)(tone(1_000), rng())
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 1 << 20))
    assert np.argmax(spectrum) * RATE_HZ / (1 << 20) == pytest.approx(1_010.0, abs=0.5)


def test_the_compressor_evens_out_levels_and_clips():
    loud, soft = tone(500, 0.5), tone(500, 0.05)
    wild = WildCompressor()
    assert rms_db(loud) - rms_db(soft) == pytest.approx(20.0)
    assert 0.0 < rms_db(wild(loud, rng())) - rms_db(wild(soft, rng())) < 4.0
    assert np.abs(wild(loud, rng())).max() <= 0.5


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_drop_outs_take_the_share(share, sound):
    ones = np.ones(20 * RATE_HZ, np.float32)
    gone = np.mean(DropOuts(share)(ones, rng()) == 0.0)
    assert share <= gone <= share + 0.6 / 20.0
    assert len(DropOuts(share)(sound[:0], rng())) == 0


def test_a_horn_place_adds_echoes_and_voices(sound):
    click = np.zeros(RATE_HZ, np.float32)
    click[100] = 0.9
    room = HornPlace(babble_snr_db=200.0)(click, rng())
    energy = np.cumsum(room.astype(float)[::-1] ** 2)[::-1]
    assert energy[RATE_HZ // 4] > 0.003 * energy[0]
    assert energy[9 * RATE_HZ // 10] < 1e-4 * energy[0]
    voices = [np.random.default_rng(n).standard_normal(RATE_HZ) for n in range(3)]
    with_voices = HornPlace(voices=voices)(sound, rng())
    without = HornPlace(babble_snr_db=200.0, voices=voices)(sound, rng())
    assert not np.allclose(with_voices, without, atol=1e-3)


def test_a_chain_goes_in_order(sound):
    chain = Chain((DropOuts(0.5), Speed(0.01)))
    drawn = rng()
    expected = Speed(0.01)(DropOuts(0.5)(sound, drawn), drawn)
    np.testing.assert_array_equal(chain(sound, rng()), expected)

"""Words of speech: the same however cut, at every rate, and little changed by noise and filters."""

import itertools

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.recognise.fingerprint import Fingerprinter, Prints, fingerprint
from tests.dsp.recognise.spoken import noisy, speech


def errors(one, other):
    n = min(len(one), len(other))
    return np.unpackbits((one.words[:n] ^ other.words[:n]).view(np.uint8)).mean()


def in_pieces(sound, rate_hz, cuts):
    printer = Fingerprinter(rate_hz)
    prints = Prints.empty()
    for a, b in itertools.pairwise([0, *sorted(cuts), len(sound)]):
        prints = prints.then(printer.process(sound[a:b]))
    return prints.then(printer.finish())


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("seed", range(3))
def test_cut_anywhere(rate_hz, seed):
    sound = np.repeat(speech(3, seed), rate_hz // 8_000)
    cuts = np.random.default_rng(seed).integers(0, len(sound), 9)
    cut, whole = in_pieces(sound, rate_hz, cuts), fingerprint(sound, rate_hz)
    for name in Prints.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))


@pytest.mark.parametrize("start_s", [3.0, 3.26, 4.5])
def test_words_do_not_remember_where_a_stream_began(start_s):
    """A stream that begins in the middle of something loud: 1.2 s later its words are the same.

    Level and patch look back 0.6 + 0.48 s. The sums are of other numbers before: half a per mille.
    """
    whole = speech(12, 4).copy()
    first = round(start_s * 8_000)
    whole[first : first + 1_000] *= 4.0
    late = fingerprint(whole[first:], 8_000)
    begun = fingerprint(whole, 8_000).part(round(start_s * 50), 600)
    settled = slice(60, len(begun))
    wrong = np.unpackbits((late.words ^ begun.words)[settled].view(np.uint8)).mean()
    assert wrong < 0.0005
    np.testing.assert_allclose(late.level_dbfs[settled], begun.level_dbfs[settled], atol=0.01)
    np.testing.assert_allclose(late.activity[settled], begun.activity[settled], rtol=0.01)


def test_one_sample_pieces():
    sound = speech(0.2, 1)
    cut, whole = in_pieces(sound, 8_000, range(1, len(sound))), fingerprint(sound, 8_000)
    np.testing.assert_array_equal(cut.values, whole.values)
    assert len(whole) == 10


def test_a_finished_printer_is_as_good_as_new():
    printer = Fingerprinter(8_000)
    first = printer.process(speech(2, 1)).then(printer.finish())
    again = printer.process(speech(2, 1)).then(printer.finish())
    np.testing.assert_array_equal(first.values, again.values)


def test_a_word_a_frame_from_the_first_sample_to_the_last():
    assert len(fingerprint(speech(3, 1), 8_000)) == 150
    assert len(fingerprint(np.zeros(0, np.float32), 8_000)) == 0
    assert len(fingerprint(np.zeros(1, np.float32), 8_000)) == 1


def test_words_come_when_the_stream_has_passed_them_by_the_delay():
    printer = Fingerprinter(16_000)
    sound = np.repeat(speech(4, 1), 2)
    prints = printer.process(sound)
    last = prints.first + len(prints) - 1
    assert last == (len(sound) - printer.delay_samples) // 320


def test_a_refused_piece_leaves_the_state_untouched():
    sound = speech(2, 3)
    printer = Fingerprinter(8_000)
    head = printer.process(sound[:5000])
    for bad in (sound.astype(np.float64), np.full(9, np.nan, np.float32), sound.reshape(2, -1)):
        with pytest.raises(BlockContractError):
            printer.process(bad)
    cut = head.then(printer.process(sound[5000:])).then(printer.finish())
    np.testing.assert_array_equal(cut.values, fingerprint(sound, 8_000).values)


def test_rates_that_are_no_multiple_of_8_khz_are_refused():
    with pytest.raises(ValueError, match="rate_hz"):
        Fingerprinter(44_100)


def test_noise_turns_few_signs_and_another_text_turns_half():
    sound = speech(20, 1)
    clean = fingerprint(sound, 8_000)
    assert errors(clean, fingerprint(noisy(sound, 15), 8_000)) < 0.2
    assert 0.42 < errors(clean, fingerprint(speech(20, 2), 8_000)) < 0.58


def test_gain_changes_nothing():
    sound = speech(10, 1)
    quiet = fingerprint((sound * 0.1).astype(np.float32), 8_000)
    assert errors(fingerprint(sound, 8_000), quiet) < 0.03
    assert np.median(fingerprint(sound, 8_000).level_dbfs - quiet.level_dbfs) == pytest.approx(
        20.0, abs=0.1
    )


def test_both_rates_give_the_same_words():
    sound = speech(10, 1)
    padded = np.zeros(6 * len(sound))
    padded[::6] = sound * 6
    # An ideal interpolator: the spectrum above 4 kHz is emptied.
    spectrum = np.fft.rfft(padded)
    spectrum[len(sound) // 2 :] = 0
    wide = np.fft.irfft(spectrum, len(padded)).astype(np.float32)
    assert errors(fingerprint(sound, 8_000), fingerprint(wide, 48_000)) < 0.03


def test_silence_hiss_and_a_tone_do_not_speak():
    rng = np.random.default_rng(1)
    hiss = fingerprint((0.1 * rng.standard_normal(48_000)).astype(np.float32), 8_000)
    tone = fingerprint(np.sin(np.arange(48_000) * 0.785).astype(np.float32), 8_000)
    silence = fingerprint(np.zeros(48_000, np.float32), 8_000)
    inner = slice(70, -70)
    assert hiss.activity[inner].max() < 0.3
    assert tone.activity[inner].max() < 0.1
    assert silence.activity.max() == 0.0
    assert np.median(fingerprint(speech(6, 1), 8_000).activity) > 0.6
    assert hiss.flatness[inner].min() > 0.5
    assert tone.flatness[inner].max() < 0.05
    assert tone.level_dbfs[150] == pytest.approx(-3.0, abs=4.0)
    assert silence.level_dbfs[150] < -80.0


def test_words_stand_at_their_time():
    sound = np.zeros(5 * 8_000, np.float32)
    sound[2 * 8_000 : 3 * 8_000] = speech(3, 1)[8_000 : 2 * 8_000]
    prints = fingerprint(sound, 8_000)
    spoken = np.flatnonzero(prints.activity > 0.1)
    # A patch reaches 0.48 s to either side; its window fades out towards its ends.
    assert 1.5 * 50 <= spoken[0] < 2.0 * 50
    assert 3.0 * 50 <= spoken[-1] < 3.5 * 50
    assert spoken[0] + spoken[-1] == pytest.approx(2 * 2.5 * 50, abs=12)

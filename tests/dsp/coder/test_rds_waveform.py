"""The RDS waveform against the ideal filter, its spectrum, its level, and cut anywhere."""

import itertools

import numpy as np
import pytest

from dsp.coder.rds_waveform import NEIGHBOURS, TAPS, RdsWaveform, shaped_pulse, sum_pulses
from dsp.contract import BlockContractError
from dsp.rds.shaping import PEAK_FORM_FACTOR
from tests.naive.rds_waveform import naive_baseband

RATE = 192_000


class Source:
    """Seeded bits, or given ones over and over."""

    def __init__(self, bits=None, seed=1):
        self.bits = np.random.default_rng(seed).integers(0, 2, 8192) if bits is None else bits
        self.bits = np.asarray(self.bits, np.uint8)
        self.taken = 0

    def next_bits(self, count):
        index = (self.taken + np.arange(count)) % len(self.bits)
        self.taken += count
        return self.bits[index]


def baseband(wave, rate_hz=RATE, phase_deg=0.0):
    """Twice the product with the subcarrier, low-passed at 10 kHz."""
    carrier = np.sin(2 * np.pi * 57_000 * np.arange(len(wave)) / rate_hz + np.radians(phase_deg))
    spectrum = np.fft.rfft(2.0 * wave * carrier)
    spectrum[np.fft.rfftfreq(len(wave), 1 / rate_hz) > 10_000] = 0.0
    return np.fft.irfft(spectrum, len(wave))


@pytest.mark.parametrize("rate_hz", [192_000, 288_000, 228_000])
@pytest.mark.parametrize("phase_deg", [0.0, 90.0, 37.0])
def test_equals_the_ideal_filter(rate_hz, phase_deg):
    # 38 bits; an even number of ones so that the differential code repeats as well.
    source = np.random.default_rng(5).integers(0, 2, 38).astype(np.uint8)
    source[-1] ^= source.sum() % 2
    period = 38 * 2 * rate_hz // 2375
    assert period * 2375 == 38 * 2 * rate_hz
    wave = RdsWaveform(rate_hz, phase_deg).next(3 * period, Source(source))[period : 2 * period]
    signs = 2.0 * np.bitwise_xor.accumulate(source) - 1.0
    ideal = naive_baseband(signs, rate_hz, period) / PEAK_FORM_FACTOR
    times = np.arange(period, 2 * period) / rate_hz
    carrier = np.sin(2 * np.pi * 57_000 * times + np.radians(phase_deg))
    # Faded tails: 6e-5 of the peak for one bit; neighbours add up.
    np.testing.assert_allclose(wave, ideal * carrier, rtol=0, atol=3e-4)


def test_the_kernel_is_what_its_python_says():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((19, TAPS, 162)).astype(np.float32)
    symbols = rng.choice([-1.0, 1.0], TAPS + 4).astype(np.float32)
    compiled, plain = np.empty(700, np.float32), np.empty(700, np.float32)
    sum_pulses(symbols, table, 7, 11, 19, 3072, compiled)
    sum_pulses.py_func(symbols, table, 7, 11, 19, 3072, plain)
    np.testing.assert_allclose(compiled, plain, rtol=0, atol=1e-5)


def test_the_power_of_a_bit_is_one():
    places = np.arange(-7.5, 7.5, 1 / 512)
    assert np.sum(shaped_pulse(places) ** 2) / 512 == pytest.approx(1.0, abs=1e-6)


def test_level_is_the_peak_of_the_shaped_waveform():
    wave = RdsWaveform(RATE, peak=0.02).next(40 * RATE, Source(seed=2)).astype(np.float64)
    shaped = baseband(wave)[RATE : 39 * RATE]
    assert np.abs(shaped).max() == pytest.approx(0.02, rel=2e-3)
    assert np.abs(wave).max() <= 0.02
    rms = np.sqrt(np.mean(wave[RATE : 39 * RATE] ** 2))
    assert 0.02 / (np.sqrt(2) * rms) == pytest.approx(PEAK_FORM_FACTOR, rel=2e-3)


def test_equal_bits_give_two_lines():
    # Source zeros: the differential code stands still and every pulse is the same.
    wave = RdsWaveform(RATE).next(2 * RATE, Source([0])).astype(np.float64)[RATE // 2 :][:RATE]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(RATE)))
    lines = np.fft.rfftfreq(RATE, 1 / RATE)[np.argsort(spectrum)[-4:]]
    assert set(np.round(lines / 1187.5 * 2)) == {94, 98}
    shaped = baseband(wave)[RATE // 10 : -RATE // 10]
    assert np.abs(shaped).max() == pytest.approx(2**0.5 / PEAK_FORM_FACTOR, rel=1e-3)


def test_spectrum_stays_within_its_band():
    wave = RdsWaveform(RATE).next(20 * RATE, Source(seed=3)).astype(np.float64)
    pieces = wave[RATE : 17 * RATE].reshape(16, RATE) * np.blackman(RATE)
    power = np.sum(np.abs(np.fft.rfft(pieces, axis=1)) ** 2, axis=0)
    hz = np.arange(len(power), dtype=np.float64)
    away = np.abs(hz - 57_000)
    total = power.sum()
    assert power[away > 2_400].sum() / total < 10 ** (-80 / 10)
    # Stereo ends at 53 kHz; 61 kHz is as far on the other side.
    assert power[away >= 4_000].sum() / total < 10 ** (-100 / 10)
    assert power[away >= 4_000].max() / power.max() < 10 ** (-100 / 10)
    # DSB: nothing at the subcarrier itself.
    assert power[away < 20].max() / power.max() < 10 ** (-20 / 10)


def test_the_phase_is_that_of_the_sample_index_for_ever():
    source = Source([1, 0, 1, 1, 0])
    wave = RdsWaveform(RATE)
    early = wave.next(3072 * 10, source)[-3072 * 5 :]
    # A day later; 19 * 5 bits and 3072 * 5 samples later everything repeats.
    repeats = 24 * 3600 * RATE // (3072 * 10)
    far = RdsWaveform(RATE)
    far.next(3072 * 5, Source([1, 0, 1, 1, 0]))
    far.position += repeats * 3072 * 10
    np.testing.assert_array_equal(
        far.next(3072 * 5, _From(source.bits, 19 * 5 + NEIGHBOURS)), early
    )


class _From(Source):
    def __init__(self, bits, taken):
        super().__init__(bits)
        self.taken = taken


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate_hz", [192_000, 288_000, 240_000])
def test_cut_anywhere(seed, rate_hz):
    cuts = sorted(np.random.default_rng(seed).integers(0, 9_000, 12))
    wave, source = RdsWaveform(rate_hz, 90.0), Source()
    pieces = [wave.next(int(b - a), source) for a, b in itertools.pairwise([0, *cuts, 9_000])]
    whole = RdsWaveform(rate_hz, 90.0).next(9_000, Source())
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_one_sample_pieces_and_empty_ones():
    wave, source = RdsWaveform(), Source()
    pieces = [wave.next(n, source) for _ in range(700) for n in (1, 0)]
    np.testing.assert_array_equal(np.concatenate(pieces), RdsWaveform().next(700, Source()))


def test_reset_equals_new_and_out_equals_returned():
    wave = RdsWaveform()
    wave.next(5_000, Source(seed=9))
    wave.reset()
    out = np.empty(4_000, np.float32)
    assert wave.next(4_000, Source(), out=out) is out
    np.testing.assert_array_equal(out, RdsWaveform().next(4_000, Source()))


def test_earlier_output_is_left_alone():
    wave, source = RdsWaveform(), Source()
    first = wave.next(4_000, source)
    kept = first.copy()
    wave.next(4_000, source)
    np.testing.assert_array_equal(first, kept)


class _Answers:
    def __init__(self, answer):
        self.answer = answer

    def next_bits(self, count):
        return self.answer(count)


@pytest.mark.parametrize(
    "answer",
    [
        lambda n: np.zeros(n, np.int64),
        lambda n: np.zeros(n - 1, np.uint8),
        lambda n: np.full(n, 2, np.uint8),
        lambda n: [0] * n,
    ],
    ids=["int64", "too few", "two", "list"],
)
def test_bits_that_are_none_leave_the_waveform_where_it_was(answer):
    wave, twin = RdsWaveform(), RdsWaveform()
    source, other = Source(), Source()
    wave.next(1_000, source)
    twin.next(1_000, other)
    with pytest.raises(BlockContractError, match="bits"):
        wave.next(9_000, _Answers(answer))
    np.testing.assert_array_equal(wave.next(9_000, source), twin.next(9_000, other))


@pytest.mark.parametrize(
    "out", [np.empty(99, np.float32), np.empty(100), np.empty(200, np.float32)[::2]]
)
def test_a_wrong_out_is_refused(out):
    wave = RdsWaveform()
    with pytest.raises(BlockContractError, match="out"):
        wave.next(100, Source(), out=out)
    assert wave.position == 0


def test_a_negative_count_is_refused():
    with pytest.raises(BlockContractError, match="count"):
        RdsWaveform().next(-1, Source())


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"rate_hz": 48_000}, "rate_hz"),
        ({"rate_hz": 192_001}, "rate_hz"),
        ({"rate_hz": 192_000.5}, "rate_hz"),
        ({"phase_deg": float("nan")}, "phase_deg"),
        ({"peak": -0.1}, "peak"),
        ({"peak": float("inf")}, "peak"),
    ],
)
def test_settings_that_cannot_be(settings, word):
    with pytest.raises(ValueError, match=word):
        RdsWaveform(**settings)

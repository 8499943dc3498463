"""DTMF: exact tones, times, levels, edges, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.coder.dtmf import dtmf_burst
from dsp.errors import Refusal
from dsp.fm.dtmf_tones import DTMF_TONES

RATE = 48_000
KEYS = "".join(DTMF_TONES)


def amplitude(samples, hz, rate_hz=RATE):
    """Amplitude of one tone over whole periods or a window long enough."""
    window = np.blackman(len(samples))
    turns = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate_hz)
    return 2 * abs(np.sum(window * samples * turns)) / window.sum()


def test_sixteen_keys():
    assert KEYS == "123A456B789C*0#D"
    assert DTMF_TONES["1"] == (697, 1209)
    assert DTMF_TONES["0"] == (941, 1336)
    assert DTMF_TONES["D"] == (941, 1633)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_its_two_tones_exactly(key, rate_hz):
    burst = dtmf_burst(key, rate_hz, -10.0, on_s=1.0, off_s=0.04).astype(np.float64)[:rate_hz]
    spectrum = np.abs(np.fft.rfft(burst * np.blackman(rate_hz)))
    peaks = np.argsort(spectrum)[-6:]
    # A Blackman window over one second: each line is its bin and the two beside it.
    row, column = DTMF_TONES[key]
    assert set(peaks) == {row - 1, row, row + 1, column - 1, column, column + 1}
    for hz in (row, column):
        assert amplitude(burst, hz, rate_hz) == pytest.approx(10 ** (-10 / 20), rel=1e-3)


@given(
    st.text(st.sampled_from(KEYS), min_size=1, max_size=8),
    st.floats(0.04, 0.3),
    st.floats(0.04, 0.3),
)
def test_times_and_edges(digits, on_s, off_s):
    burst = dtmf_burst(digits, RATE, -6.1, on_s, off_s)
    on, off = round(on_s * RATE), round(off_s * RATE)
    assert burst.dtype == np.float32
    assert burst.shape == (len(digits) * (on + off),)
    assert np.abs(burst).max() <= 1.0
    keys = burst.reshape(len(digits), on + off)
    assert not keys[:, on:].any()
    # An edge starts below -80 dB of the tones and no step is steeper than the tones themselves.
    assert np.abs(keys[:, [0, on - 1]]).max() < 1e-3
    steepest = 2 * np.pi * (941 + 1633) / RATE * 10 ** (-6.1 / 20)
    assert np.abs(np.diff(burst)).max() <= steepest * 1.01
    assert np.abs(keys[:, on // 2 - 100 : on // 2 + 100]).max() > 0.3


def test_edges_do_not_click():
    burst = dtmf_burst("5", RATE, -10.0, 0.1, 0.1).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(burst, 1 << 16)) ** 2
    hz = np.fft.rfftfreq(1 << 16, 1 / RATE)
    assert spectrum[hz > 4_000].sum() / spectrum.sum() < 10 ** (-60 / 10)


@pytest.mark.parametrize("twist_db", [-8.0, 0.0, 4.0])
def test_twist_is_column_over_row(twist_db):
    burst = dtmf_burst("8", RATE, -10.0, 0.5, 0.04, twist_db=twist_db).astype(np.float64)[:24_000]
    row, column = (amplitude(burst[2_000:22_000], hz) for hz in DTMF_TONES["8"])
    assert 20 * np.log10(column / row) == pytest.approx(twist_db, abs=0.02)
    assert 20 * np.log10(max(row, column)) == pytest.approx(-10.0, abs=0.02)


def test_a_key_is_the_same_wherever_it_stands():
    one, three = dtmf_burst("7"), dtmf_burst("277")
    np.testing.assert_array_equal(three.reshape(3, -1)[1], one)
    np.testing.assert_array_equal(three.reshape(3, -1)[2], one)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("",), "dtmf.digits"),
        (("1E",), "'E'"),
        (("12 3",), "' '"),
        (("٣",), "dtmf.digits"),
        ((5,), "dtmf.digits"),
        (("1" * 101,), "dtmf.digits"),
        (("1", 7_999), "rate_hz"),
        (("1", RATE, 0.0), "below full scale"),
        (("1", RATE, float("nan")), "level_dbfs"),
        (("1", RATE, -10.0, 0.009), "on_s"),
        (("1", RATE, -10.0, float("inf")), "on_s"),
        (("1", RATE, -10.0, 0.1, 0.0), "off_s"),
        (("1", RATE, "loud"), "level_dbfs"),
    ],
)
def test_what_cannot_be_is_refused_with_words(arguments, word):
    with pytest.raises(Refusal, match="dtmf") as refusal:
        dtmf_burst(*arguments)
    assert word in str(refusal.value)


def test_a_twist_out_of_range_is_refused():
    with pytest.raises(Refusal, match="twist_db"):
        dtmf_burst("1", twist_db=13.0)

"""FM modulator: exact phases for ever, any offset, Bessel's lines."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.modulate.fm_modulator import FmModulator
from tests.dsp.stream_contract_suite import StreamContract, real_piece
from tests.naive.modulator import bessel_dbc, carrier, demodulated, line_dbc, tone

RATE_HZ = 2_400_000


class TestFmModulator(StreamContract):
    def make(self):
        return FmModulator(RATE_HZ, -350_123.4)


class TestAtTheRateOfTheMultiplex(StreamContract):
    """More than half a turn a sample: 1.0 is 100 kHz of 192."""

    def make(self):
        return FmModulator(192_000)


def test_the_exact_twin():
    x = real_piece(20_000)
    made = FmModulator(RATE_HZ, 400_000.0, amplitude=0.5).process(x)
    # Sine and cosine within 3e-7 (twice that for the two of them), phases exact.
    assert np.abs(made / 0.5 - carrier(x, RATE_HZ, 400_000.0)).max() < 6e-7


def test_sine_and_cosine_over_the_whole_turn():
    block = FmModulator(1 << 20, 1.0)  # 2^20 angles, then the same between them
    for shift in range(3):
        block.reset()
        block._state[0] = np.uint64(shift * 5_000_000_000_000)
        made = block.process(np.zeros(1 << 20, np.float32))
        turns = np.arange(1, (1 << 20) + 1) / (1 << 20) + shift * 5e12 / 2.0**64
        wanted = np.exp(2j * np.pi * turns)
        assert np.abs(made.real - wanted.real).max() < 3e-7
        assert np.abs(made.imag - wanted.imag).max() < 3e-7


@pytest.mark.parametrize("offset_hz", [-1_200_000.0, -1_199_999.9, -0.1, 0.0, 7.0, 1_200_000.0])
@pytest.mark.parametrize("rate_hz", [2_400_000, 2_048_000, 2_400_001])
def test_no_drift_after_24_hours(offset_hz, rate_hz):
    offset_hz = max(-rate_hz / 2, min(rate_hz / 2, offset_hz))
    block = FmModulator(rate_hz, offset_hz)
    samples = 24 * 3_600 * rate_hz + 12_345
    block.skip(samples)
    exact = Fraction(offset_hz) * samples / rate_hz % 1
    # 2^-65 of a turn a sample, two hundred thousand million samples: 6e-9 turns.
    error = (block.phase_turns - exact + Fraction(1, 2)) % 1 - Fraction(1, 2)
    assert abs(error) < 1e-8
    # And what is modulated then is what is modulated now, turned.
    x = real_piece(3_000)
    later, now = block.process(x), FmModulator(rate_hz, offset_hz).process(x)
    turned = now * np.exp(2j * np.pi * float(exact))
    assert np.abs(later - turned).max() < 1e-6


def test_skip_is_silence():
    skipped, silent = FmModulator(RATE_HZ, 333_333.3), FmModulator(RATE_HZ, 333_333.3)
    skipped.skip(100_000)
    silent.process(np.zeros(100_000, np.float32))
    assert skipped.phase_turns == silent.phase_turns


@pytest.mark.parametrize("offset_hz", [-1_199_000.0, -123_456.7, 0.0, 900_000.0])
def test_the_offset_is_the_frequency(offset_hz):
    made = FmModulator(RATE_HZ, offset_hz).process(np.zeros(240_000, np.float32))
    measured_hz = np.mean(demodulated(made, RATE_HZ)) * 100_000
    assert measured_hz == pytest.approx(offset_hz, abs=0.02)
    np.testing.assert_allclose(np.abs(made), 1.0, atol=5e-7)


def test_an_offset_that_moves_makes_no_phase_jump():
    block = FmModulator(RATE_HZ, 1_000.0)
    ramp = np.linspace(-50_000.0, 50_000.0, 24_000)
    pieces = [
        block.process(np.zeros(5_000, np.float32)),
        block.process(np.zeros(24_000, np.float32), offset_hz=ramp),
        block.process(np.zeros(5_000, np.float32), offset_hz=-7_000.0),
        block.process(np.zeros(5_000, np.float32)),
    ]
    wanted = np.concatenate([np.full(5_000, 1e3), ramp, np.full(5_000, -7e3), np.full(5_000, 1e3)])
    measured = demodulated(np.concatenate(pieces), RATE_HZ) * 100_000
    np.testing.assert_allclose(measured, wanted[1:], atol=0.5)  # 6e-7 rad at 2.4 MHz: 0.3 Hz


def test_offsets_for_every_sample_equal_a_steady_one():
    x = real_piece(5_000)
    steady = FmModulator(RATE_HZ, 250_000.0).process(x)
    moving = FmModulator(RATE_HZ).process(x, offset_hz=np.full(5_000, 250_000.0))
    np.testing.assert_allclose(moving, steady, atol=1e-6)


@pytest.mark.parametrize(
    "offset_hz",
    [
        np.zeros(99),
        np.zeros(100, np.float32),
        np.zeros(200)[::2],
        np.full(100, np.nan),
        np.full(100, 1_300_000.0),
        1_300_000.0,
        float("nan"),
    ],
    ids=["short", "float32", "strided", "NaN", "outside", "one outside", "one NaN"],
)
def test_offsets_that_cannot_be_are_refused(offset_hz):
    block = FmModulator(RATE_HZ)
    block.process(real_piece(50))
    before = block.phase_turns
    with pytest.raises(BlockContractError, match="offset_hz"):
        block.process(real_piece(100), offset_hz=offset_hz)
    assert block.phase_turns == before


# J0's zeros: the carrier vanishes (facts 2.1: 31.187 kHz at ±75, 20.792 at ±50, 10.396 at ±25).
@pytest.mark.parametrize("deviation_khz", [75.0, 50.0, 25.0])
@pytest.mark.parametrize("zero", [2.404826, 5.520078, 8.653728, 11.791534, 14.930918])
def test_bessel_nulls(deviation_khz, zero):
    hertz = deviation_khz * 1e3 / zero
    x = tone(hertz, deviation_khz * 1e3, RATE_HZ, 480_000).astype(np.float32)
    made = FmModulator(RATE_HZ, 300_000.0).process(x)
    # The zeros are given to 5e-7: |J1| · 5e-7 is -130 dB, float32 deviation 6e-8 likewise.
    assert line_dbc(made, 300_000.0, RATE_HZ) < -85.0


LINES = {  # facts 2.1, dBc of n = 0 … 5
    1: (-2.32, -7.13, -18.79, -34.17, -52.12, -72.05),
    2: (-13.00, -4.78, -9.05, -17.79, -29.37, -43.05),
    5: (-15.01, -9.69, -26.64, -8.76, -8.15, -11.66),
}


@pytest.mark.parametrize("index", LINES)
def test_line_levels(index):
    hertz = 10_000.0
    x = tone(hertz, index * hertz, RATE_HZ, 240_000).astype(np.float32)
    made = FmModulator(RATE_HZ).process(x)
    for order, wanted_db in enumerate(LINES[index]):
        assert bessel_dbc(order, index) == pytest.approx(wanted_db, abs=0.006)
        for side in (-1, 1):
            level_db = line_dbc(made, side * order * hertz, RATE_HZ)
            assert level_db == pytest.approx(wanted_db, abs=0.01)


@pytest.mark.parametrize(
    "keys", [{"rate_hz": 0}, {"rate_hz": 100, "offset_hz": 51.0}, {"rate_hz": 9, "amplitude": -1.0}]
)
def test_what_cannot_be_built_is_named(keys):
    with pytest.raises(ValueError, match=f"{list(keys)[-1]}: expected"):
        FmModulator(**keys)

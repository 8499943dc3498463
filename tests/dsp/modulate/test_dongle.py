"""The dongle: noise that is Gaussian and as strong as asked, image, DC, gain steps, eight bits."""

import numpy as np
import pytest

from dsp.modulate.dongle import Dongle, DongleSettings
from tests.dsp.stream_contract_suite import StreamContract, iq_piece

N = 400_000
SILENCE = np.zeros(N, np.complex64)
QUIET = DongleSettings(noise_dbfs=None)


def carrier(frequency, n=N, level=0.25):
    return (level * np.exp(2j * np.pi * frequency * np.arange(n))).astype(np.complex64)


class TestFloatDongle(StreamContract):
    kind = "iq"

    def make(self):
        settings = DongleSettings(-40.0, -30.0, 0.5, 2.0, seed=5)
        return Dongle(settings, gain_steps=((100, -6.0), (4_000, 3.0)), eight_bits=False)


def test_eight_bits_cut_anywhere_are_the_same_bytes():
    iq = iq_piece(9_000)
    settings = DongleSettings(-40.0, -30.0, 0.5, 2.0, seed=5)
    whole = Dongle(settings).process(iq)
    dongle = Dongle(settings)
    cut = [dongle.process(piece) for piece in np.split(iq, [1, 2, 700, 701, 4_096, 8_999])]
    np.testing.assert_array_equal(np.concatenate(cut), whole)


@pytest.mark.parametrize("noise_dbfs", [-60.0, -20.0])
def test_noise_is_as_strong_as_asked_white_and_gaussian(noise_dbfs):
    noise = Dongle(DongleSettings(noise_dbfs), eight_bits=False).process(SILENCE)
    power = np.mean(np.abs(noise) ** 2)
    # The power of N complex samples has a standard error of 1 / sqrt(N): 0.007 dB.
    assert 10 * np.log10(power) == pytest.approx(noise_dbfs, abs=0.035)
    unit = noise.view(np.float32).astype(np.float64) / np.sqrt(power / 2)
    # Moments of 800 000 normal numbers, five standard errors: sqrt(1, 15, 96 / N).
    assert abs(unit.mean()) < 5 * np.sqrt(1 / len(unit))
    assert abs((unit**3).mean()) < 5 * np.sqrt(15 / len(unit))
    assert abs((unit**4).mean() - 3) < 5 * np.sqrt(96 / len(unit))
    assert np.abs(unit).max() < 6.0
    for lag in (1, 2, 3, 4_096):
        assert abs(np.mean(unit[lag:] * unit[:-lag])) < 5 / np.sqrt(len(unit))
    spectrum = np.abs(np.fft.fft(noise.reshape(-1, 200), axis=1)) ** 2
    mean = spectrum.mean(axis=0)
    # 2 000 exponentially distributed powers in each bin: 2.2 % of standard error.
    assert np.abs(mean / mean.mean() - 1).max() < 5 * 0.0224


def test_the_seed_chooses_the_noise():
    one, other, again = (
        Dongle(DongleSettings(-20.0, seed=seed), eight_bits=False).process(SILENCE)
        for seed in (1, 2, 1)
    )
    np.testing.assert_array_equal(one, again)
    likeness = np.vdot(one, other) / np.sqrt(np.vdot(one, one) * np.vdot(other, other))
    assert abs(likeness) < 5 / np.sqrt(N)


def test_noise_does_not_repeat_after_two_to_the_32_samples():
    dongle = Dongle(DongleSettings(-20.0), eight_bits=False)
    first = dongle.process(SILENCE[:1_000])
    dongle._done = (1 << 32) - 500
    across = dongle.process(SILENCE[:1_500])
    assert np.abs(across[500:] - first).min() > 0
    # … and is cut there like anywhere else.
    dongle._done = 1 << 32
    np.testing.assert_array_equal(dongle.process(SILENCE[:1_000]), across[500:])


def test_eight_bits_round_to_the_nearest_code_and_clip():
    values = np.array([-9, -1, -0.5, -0.4 / 127.5, 0.4 / 127.5, 0.5, 1, 9], np.float32)
    iq = (values + 1j * values[::-1]).astype(np.complex64)
    codes = Dongle(QUIET).process(iq)
    assert codes[::2].tolist() == [0, 0, 64, 127, 128, 191, 255, 255]
    assert codes[1::2].tolist() == codes[::2][::-1].tolist()
    ramp = np.linspace(-1, 1, 10_001, dtype=np.float32)
    codes = Dongle(QUIET).process(ramp.astype(np.complex64))[::2]
    assert np.abs((codes - 127.5) / 127.5 - ramp).max() <= 0.5001 / 127.5


@pytest.mark.parametrize(
    ("gain_db", "phase_deg"), [(0.5, 0.0), (0.0, 3.0), (1.0, -2.0)], ids=["gain", "phase", "both"]
)
def test_imbalance_leaves_the_image_of_the_formula(gain_db, phase_deg):
    settings = DongleSettings(None, None, gain_db, phase_deg)
    out = Dongle(settings, eight_bits=False).process(carrier(0.1)).astype(np.complex128)
    n = np.arange(N)
    wanted = np.mean(out * np.exp(-2j * np.pi * 0.1 * n))
    image = np.mean(out * np.exp(2j * np.pi * 0.1 * n))
    # I' = a I, Q' = (Q cos φ + I sin φ) / a of e^{jωt}: wanted (a + e^{jφ}/a) / 2, image likewise.
    a, turn = 10 ** (gain_db / 40), np.exp(1j * np.radians(phase_deg))
    assert wanted == pytest.approx(0.25 * (a + turn / a) / 2, abs=1e-6)
    assert abs(image) == pytest.approx(0.25 * abs(a - np.conj(turn) / a) / 2, abs=1e-6)


def test_the_dc_spike_is_as_large_as_asked():
    out = Dongle(DongleSettings(None, -26.0), eight_bits=False).process(SILENCE)
    assert 20 * np.log10(abs(out.mean())) == pytest.approx(-26.0, abs=1e-3)


def test_gain_steps_act_on_signal_and_noise_from_their_sample_on():
    steps = ((0, -3.0), (1_000, -20.0), (2_000, 0.0))
    out = Dongle(QUIET, gain_steps=steps, eight_bits=False).process(carrier(0.1, 3_000))
    levels = 20 * np.log10(np.abs(out) / 0.25)
    for (begin, gain_db), end in zip(steps, (1_000, 2_000, 3_000), strict=True):
        np.testing.assert_allclose(levels[begin:end], gain_db, atol=1e-4)
    noise = Dongle(DongleSettings(-20.0), gain_steps=((0, -20.0),), eight_bits=False)
    power = np.mean(np.abs(noise.process(SILENCE)) ** 2)
    assert 10 * np.log10(power) == pytest.approx(-40.0, abs=0.035)


def test_steps_out_of_order_are_refused():
    with pytest.raises(ValueError, match="gain_steps"):
        Dongle(QUIET, gain_steps=((5, 0.0), (4, 0.0)))

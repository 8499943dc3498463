"""FM limiter: after the coder's pre-emphasis and 15 kHz low-pass nothing passes 100 %."""

import numpy as np
import pytest

from bench.audio.limiter_signals import KINDS, draw
from dsp.master.fm_limiter import FmLimiter
from dsp.master.mpx_power import MpxPower, mean_square_hz2, mpx_power_dbr, multiplex_square
from tests.dsp.contract_suite import BlockContract

RATE_HZ = 48_000
CODER_RATE_HZ = 192_000


class TestFmLimiter(BlockContract):
    def make(self):
        return FmLimiter(RATE_HZ, 2, tau_us=50.0)


def coder_peak(flat, tau_us):
    """Peak of the modulating audio of an independent coder, and its analogue pre-emphasis.

    Everything in the frequency domain, float64: 48 to 192 kHz, the exact 1 + j w tau, and a 15 kHz
    low-pass that is flat to 15 kHz and falls along half a cosine to nothing at 19 kHz (the pilot).
    """
    padded = np.concatenate([np.zeros(2_048), flat, np.zeros(2_048)]).astype(np.float64)
    factor = CODER_RATE_HZ // RATE_HZ
    spectrum = np.fft.rfft(padded)
    frequency_hz = np.arange(len(spectrum)) * RATE_HZ / len(padded)
    fall = np.clip((frequency_hz - 15_000) / 4_000, 0.0, 1.0)
    shaped = spectrum * (1 + 2j * np.pi * frequency_hz * tau_us * 1e-6)
    shaped *= 0.5 + 0.5 * np.cos(np.pi * fall)
    return np.abs(np.fft.irfft(shaped, factor * len(padded)) * factor).max()


def limited(x, tau_us=50.0):
    block = FmLimiter(RATE_HZ, 1, tau_us=tau_us)
    padded = np.concatenate([x, np.zeros(block.delay_samples)]).astype(np.float32)
    return block.process(padded[:, None])[block.delay_samples :, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tau_us", [50.0, 75.0])
def test_the_deviation_is_held(kind, tau_us):
    rng = np.random.default_rng(11)
    for _ in range(12):
        # Silence around it: a signal cut off at a full wave has no defined peak.
        x = np.pad(draw(rng, kind, 3_000), 500)
        assert 20 * np.log10(coder_peak(limited(x, tau_us), tau_us)) <= 0.05


def test_the_master_is_flat():
    n = np.arange(24_000)
    for frequency_hz in (100, 1_000, 5_000, 10_000, 14_900):
        # At 75 µs 15 kHz gains 17 dB: 0.1 stays below 100 %.
        x = 0.1 * np.sin(2 * np.pi * frequency_hz / RATE_HZ * n)
        y = limited(x, 75.0)[4_000:20_000]
        assert 20 * np.log10(np.sqrt(2 * np.mean(y**2)) / 0.1) == pytest.approx(0.0, abs=0.1)


def test_a_sibilant_does_not_duck_the_vowel():
    n = np.arange(48_000)
    vowel = 0.5 * np.sin(2 * np.pi * 300 / RATE_HZ * n)
    hiss = 0.35 * np.sin(2 * np.pi * 9_000 / RATE_HZ * n) * (n > 24_000)
    y = limited(vowel + hiss)[30_000:46_000]
    level = np.abs(y @ np.exp(-2j * np.pi * 300 / RATE_HZ * np.arange(16_000))) / 8_000
    # Pre-emphasised, vowel and hiss reach 1.6: one gain for both would take 4.1 dB off the vowel.
    assert 20 * np.log10(level / 0.5) > -1.0


@pytest.mark.parametrize(
    ("deviation_hz", "wanted_dbr"),
    [(19_000, 0.0), (6_750, -8.989), (2_000, -19.554), (50_000, 8.404), (75_000, 11.926)],
)
def test_mpx_power_of_a_sine(deviation_hz, wanted_dbr):
    assert mpx_power_dbr(deviation_hz**2 / 2) == pytest.approx(wanted_dbr, abs=0.001)
    assert mean_square_hz2(wanted_dbr) == pytest.approx(deviation_hz**2 / 2, rel=3e-4)


def test_mpx_power_of_the_sum():
    meter = MpxPower(audio_deviation_hz=66_250, pilot_hz=6_750, rds_hz=2_000)
    assert meter.largest_dbr(np.full(7_000, 0.5)) == pytest.approx(10.897, abs=0.001)


def test_the_window_is_uniform_and_60_s_long():
    meter = MpxPower(audio_deviation_hz=19_000, pilot_hz=0, rds_hz=0)
    power = meter.windows_dbr(np.concatenate([np.full(6_000, 0.5), np.zeros(6_000)]))
    assert power[0] == pytest.approx(0.0, abs=1e-9)
    assert power[3_000] == pytest.approx(-3.01, abs=0.01)
    assert power[-1] < -30.0


def test_a_stereo_side_signal_counts_half():
    frames = np.array([[1.0, -1.0], [1.0, 1.0], [1.0, 0.0]], np.float32)
    np.testing.assert_allclose(multiplex_square(frames), [0.5, 1.0, 0.375])

"""The peak an FM coder will see: the table of facts for 50 and 75 µs (Rec. ITU-R BS.450)."""

import numpy as np
import pytest

from dsp.master.deviation_peak import DeviationPeak

RATE_HZ = 48_000


def tone(frequency_hz, level_db):
    time_s = np.arange(RATE_HZ) / RATE_HZ
    fade = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / 0.1)
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency_hz * time_s) * fade
    return wave.astype(np.float32)[:, None]


# The meter reads a sine up to 0.1 dB low between its points; the low-pass is flat to 0.1 dB.
@pytest.mark.parametrize(
    ("tau_us", "frequency_hz", "gain_db"),
    [(50, 400, 0.068), (50, 5_000, 5.400), (50, 10_000, 10.362), (75, 10_000, 13.656)],
)
def test_a_tone_reads_its_level_plus_the_pre_emphasis(tau_us, frequency_hz, gain_db):
    meter = DeviationPeak(RATE_HZ, 1, tau_us=tau_us)
    meter.process(tone(frequency_hz, -20.0))
    assert meter.result() == pytest.approx(-20.0 + gain_db, abs=0.15)


def test_what_the_coder_filters_out_does_not_count():
    meter = DeviationPeak(RATE_HZ, 1, tau_us=50)
    meter.process(tone(17_000, -3.0))
    assert meter.result() < -25.0


def test_silence_has_no_peak():
    meter = DeviationPeak(RATE_HZ, 1, tau_us=50)
    meter.process(np.zeros((RATE_HZ, 1), np.float32))
    assert meter.result() is None

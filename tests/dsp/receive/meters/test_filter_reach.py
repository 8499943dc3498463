"""A deviation that leaves its channel reads low: the uncertainty covers it, and a note says so."""

import numpy as np
import pytest

from dsp.fm.profiles import PROFILES
from dsp.receive.composite.discriminator import Discriminator
from dsp.receive.front.channelizer import Channelizer
from dsp.receive.meters.filter_reach import CUT, cut_hz
from dsp.receive.station_meters import StationMeters

RATE_HZ = 960_000
OFFSET_HZ = -150_000.0


def received(deviation_hz, tone_hz, half_width_hz):
    """A second of a tone through channelizer, discriminator and meters: not that of the start."""
    time = np.arange(RATE_HZ * 21 // 10) / RATE_HZ
    phase = 2 * np.pi * OFFSET_HZ * time
    phase += deviation_hz / tone_hz * np.sin(2 * np.pi * tone_hz * time)
    capture = (0.4 * np.exp(1j * phase)).astype(np.complex64)
    channels = Channelizer(RATE_HZ, [OFFSET_HZ], half_width_hz=[half_width_hz])
    discriminator = Discriminator()
    meters = StationMeters(
        PROFILES["75k50us"],
        delay_samples=discriminator.delay_samples,
        half_width_hz=half_width_hz,
    )
    iq = channels.process(capture)[0]
    return meters.process(discriminator.process(iq), iq)[1]


# facts.md: a filter of ±100 kHz under-reads 110 kHz of deviation by 1.2 kHz; how much depends on
# the tone.
@pytest.mark.parametrize(
    ("deviation_hz", "tone_hz", "half_width_hz", "low_hz"),
    [
        (110_000.0, 10_000.0, 130_000.0, 700.0),
        (90_000.0, 10_000.0, 100_000.0, 2_000.0),
    ],
)
def test_what_is_cut_off_is_covered_and_told(deviation_hz, tone_hz, half_width_hz, low_hz):
    record = received(deviation_hz, tone_hz, half_width_hz)
    peak = record.figures["peak_deviation_hz"]
    assert peak.value == pytest.approx(deviation_hz - low_hz, abs=100.0)
    assert low_hz < peak.u < 4.0 * low_hz
    assert CUT in record.notes


def test_what_fits_is_known_well():
    for deviation_hz, tone_hz in ((110_000.0, 1_000.0), (75_000.0, 10_000.0)):
        record = received(deviation_hz, tone_hz, 130_000.0)
        peak = record.figures["peak_deviation_hz"]
        assert abs(peak.value - deviation_hz) < 100.0
        assert peak.u < 110.0
        assert record.notes == ()


def test_more_deviation_or_less_filter_loses_more():
    assert cut_hz(75_000.0, 15_000.0, 130_000.0) == 0.0
    grown = [cut_hz(peak_hz, 10_000.0, 130_000.0) for peak_hz in (100e3, 110e3, 120e3, 130e3)]
    assert grown == sorted(grown)
    assert cut_hz(90_000.0, 5_000.0, 100_000.0) > cut_hz(90_000.0, 5_000.0, 130_000.0)

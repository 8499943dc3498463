"""The meter of our own multiplex: known composites, read."""

import numpy as np
import pytest

from dsp.coder.composite_meter import CompositeMeter
from dsp.coder.multiplex import Multiplex
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler
from dsp.coder.settings import MultiplexSettings
from dsp.contract import BlockContractError
from tests.naive.coder import carrier


def measured(composite, cuts=(), rated_hz=75_000.0):
    meter = CompositeMeter(rated_hz)
    for piece in np.split(composite.astype(np.float32), list(cuts)):
        meter.process(np.ascontiguousarray(piece))
    return meter.result()


def sine(hertz, deviation_hz, seconds=1.0, phase_rad=0.0):
    return deviation_hz / 1e5 * carrier(hertz, np.arange(round(192_000 * seconds)), phase_rad)


@pytest.mark.parametrize(
    ("deviation_hz", "wanted_dbr"),
    [(19_000, 0.0), (6_750, -8.989), (2_000, -19.554), (50_000, 8.404), (75_000, 11.926)],
)
def test_bs412_check_values(deviation_hz, wanted_dbr):
    figures = measured(sine(19_000, deviation_hz))
    assert figures.mpx_power_dbr == pytest.approx(wanted_dbr, abs=0.001)
    assert figures.mpx_window_s == 1.0
    assert figures.peak_deviation_hz == pytest.approx(deviation_hz, rel=4e-4)
    assert figures.pilot_hz == pytest.approx(deviation_hz, rel=1e-5)


def test_the_mean_is_what_the_carrier_is_off():
    composite = sine(1_000, 30_000, 1.5) - 1_234.5 / 1e5
    assert measured(composite, (7, 100_000)).mean_hz == pytest.approx(-1_234.5, abs=0.01)


def test_the_composite_of_the_standard():
    parts = (sine(1_000, 66_250, 3), sine(19_000, 6_750, 3), sine(57_000, 2_000, 3))
    assert measured(sum(parts)).mpx_power_dbr == pytest.approx(10.897, abs=0.001)


def test_the_window_of_60_s():
    tone = sine(1_000, 19_000)
    half_silent = np.concatenate(
        [np.zeros(192_000 * 45), np.tile(tone, 30), np.zeros(192_000 * 45)]
    )
    figures = measured(half_silent)
    assert figures.mpx_window_s == 60.0
    assert figures.mpx_power_dbr == pytest.approx(-3.01, abs=0.002)


def test_the_loudest_minute_counts_and_memory_is_bounded():
    meter = CompositeMeter(75_000.0)
    loud, soft = (sine(1_000, d).astype(np.float32) for d in (38_000, 19_000))
    for second in range(200):
        meter.process(loud if 70 <= second < 130 else soft)
    assert len(meter._power._last) == 6_000
    # 38 kHz is 6.02 dB over 19 kHz.
    assert meter.result().mpx_power_dbr == pytest.approx(6.021, abs=0.001)


def test_a_peak_between_the_samples_is_seen():
    # 48 kHz at 45°: four samples a turn, all at 0.707 of the peak.
    fade = np.minimum(1.0, np.arange(192_000) / 1_000)
    figures = measured(fade * sine(48_000, 50_000, 1, np.pi / 4))
    # 64 places a turn: cos(pi / 64), and the mean over one place.
    assert figures.peak_deviation_hz == pytest.approx(50_000, rel=2e-3)


def test_the_pilot_frequency():
    n = np.arange(192_000 * 4)
    off = 0.0675 * np.sin(2 * np.pi * 19_000.05 / 192_000 * n)
    assert measured(off).pilot_frequency_hz == pytest.approx(19_000.05, abs=1e-4)


def test_rds_and_what_is_left_of_38_khz():
    settings = MultiplexSettings(rds_hz=3_000.0)
    coder = Multiplex(settings, RdsScheduler(RdsContent(pi=0x7001, ps="TRAVINH")))
    made = coder.process(np.zeros((48_000 * 8, 2), np.float32))
    figures = measured(made)
    # The form factor is that of random data: PI and PS repeat.
    assert figures.rds_hz == pytest.approx(3_000.0, rel=0.02)
    assert figures.pilot_hz == pytest.approx(6_750.0, abs=0.1)
    assert figures.subcarrier_db < -100.0
    spoiled = measured(made + sine(38_000, 750.0, 8))
    assert spoiled.subcarrier_db == pytest.approx(-40.0, abs=0.1)


def test_cut_anywhere():
    rng = np.random.default_rng(3)
    composite = rng.standard_normal(400_000) * 0.2
    whole = measured(composite)
    assert measured(composite, np.sort(rng.integers(0, 400_000, 20))) == whole


def test_what_is_too_short_has_no_figure():
    figures = measured(sine(1_000, 30_000, 0.5))
    assert figures.pilot_hz is figures.rds_hz is figures.subcarrier_db is None
    assert figures.peak_deviation_hz == pytest.approx(30_000, rel=4e-4)
    empty = measured(np.zeros(0))
    assert empty.mpx_power_dbr is None
    assert empty.duration_s == 0.0


def test_nan_is_refused():
    with pytest.raises(BlockContractError):
        measured(np.array([0.0, np.nan]))

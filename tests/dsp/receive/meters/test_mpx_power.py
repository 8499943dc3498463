"""MPX power of BS.412: check values, the uniform window, noise taken off."""

import pytest

from dsp.receive.meters.mpx_power import MpxPowerMeter


@pytest.mark.parametrize(
    ("peaks_hz", "dbr"),
    [
        ((19_000,), 0.000),
        ((6_750,), -8.989),
        ((2_000,), -19.554),
        ((50_000,), 8.404),
        ((75_000,), 11.926),
        ((66_250, 6_750, 2_000), 10.897),
    ],
)
def test_check_values(peaks_hz, dbr):
    # facts.md 2.1: sines of these peaks.
    square = sum(peak**2 / 2.0 for peak in peaks_hz)
    assert MpxPowerMeter().add(square, 0.0).value == pytest.approx(dbr, abs=0.0006)


def test_the_window_is_uniform_and_sixty_seconds_long():
    # 0 dBr for the whole window, then half a window of silence: -3.01; an average would fail.
    meter = MpxPowerMeter()
    for _ in range(200):
        figure = meter.add(19_000.0**2 / 2.0, 0.0)
    assert (figure.value, meter.window_s) == (pytest.approx(0.0), 60)
    for _ in range(30):
        figure = meter.add(0.0, 0.0)
    assert figure.value == pytest.approx(-3.0103, abs=1e-3)
    for _ in range(30):
        figure = meter.add(0.0, 0.0)
    assert figure.value < -30.0


def test_the_window_grows_and_begins_anew():
    meter = MpxPowerMeter()
    for second in range(1, 5):
        meter.add(1e8, 0.0)
        assert meter.window_s == second
    meter.reset()
    meter.add(19_000.0**2 / 2.0, 0.0)
    assert meter.window_s == 1


def test_noise_is_taken_off_and_widens_the_uncertainty():
    square = 19_000.0**2 / 2.0
    clean = MpxPowerMeter().add(square, 0.0)
    noisy = MpxPowerMeter().add(square + 2e7, 2e7)
    assert noisy.value == pytest.approx(clean.value, abs=1e-9)
    assert noisy.u > 2.0 * clean.u
    # More noise than there is power: no logarithm of a negative number.
    assert MpxPowerMeter().add(1e6, 2e6).value == pytest.approx(-60.0)

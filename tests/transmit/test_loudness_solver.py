"""The series of one pass and the solver on them."""

import numpy as np
import pytest

from dsp.master.gain_prediction import GainPrediction
from dsp.master.peak_envelope import PeakEnvelope
from dsp.measure.loudness import integrated_lufs
from tests.naive.limiting import gain_power
from transmit.loudness_series import CellMeans, ProgrammeSeries, programme_loudness
from transmit.loudness_solver import LoudnessSolver
from transmit.target import FmTarget, Target

RELEASE_S = (0.06, 0.5)


def series(seconds=10.0, rms=0.02, peak=0.1):
    cells = int(seconds * 100)
    return ProgrammeSeries(np.full(cells, rms**2), np.full(cells * 10, peak, np.float32))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000])
@pytest.mark.parametrize("cut", [1, 7, 480, 10_000])
def test_peaks_per_millisecond_equal_numpy(rate_hz, cut):
    n = 3_000
    x = np.random.default_rng(cut).standard_normal((n, 2)).astype(np.float32)
    envelope = PeakEnvelope(rate_hz, 2)
    for a in range(0, n, cut):
        envelope.feed(np.ascontiguousarray(x[a : a + cut]))
    steps = np.arange(n) * 1000 // rate_hz
    wanted = [np.abs(x[steps == k]).max() for k in range(steps[-1] + 1)]
    np.testing.assert_array_equal(envelope.take(), np.array(wanted, np.float32))


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000])
@pytest.mark.parametrize("cut", [1, 7, 480, 10_000])
def test_cell_means_equal_numpy(rate_hz, cut):
    x = np.random.default_rng(cut).random(3_000).astype(np.float32)
    means = CellMeans(rate_hz)
    for a in range(0, 3_000, cut):
        means.feed(x[a : a + cut])
    cells = np.arange(3_000) * 100 // rate_hz
    sums = np.bincount(cells, x)
    np.testing.assert_allclose(means.values()[:-1], sums[:-1] / (rate_hz / 100), rtol=1e-5)


@pytest.mark.parametrize("cells", [40, 41, 59, 3_000, 12_345])
def test_programme_loudness_equals_the_meters(cells):
    energies = np.random.default_rng(cells).random(cells) ** 12
    power = np.random.default_rng(1).random(cells)
    assert programme_loudness(energies) == pytest.approx(integrated_lufs(energies), abs=1e-9)
    wanted = integrated_lufs(energies * power)
    assert programme_loudness(energies, power) == pytest.approx(wanted, abs=1e-9)


def test_loudness_of_less_than_a_block():
    assert programme_loudness(np.full(10, 1.0)) == pytest.approx(-0.691)
    assert programme_loudness(np.full(10, 1e-9)) is None
    assert programme_loudness(np.zeros(0)) is None


def test_no_limiting_below_the_ceiling():
    prediction = GainPrediction(np.full(1_000, 0.25, np.float32), 1.0, RELEASE_S)
    power, deep = prediction.at(3.9)
    assert (power == 1.0).all()
    assert deep == 0.0


def test_a_steady_peak_is_brought_to_the_ceiling():
    prediction = GainPrediction(np.full(1_000, 0.5, np.float32), 1.0, RELEASE_S)
    power, deep = prediction.at(8.0, 10.0)  # 12 dB over
    assert 10 * np.log10(power[50]) == pytest.approx(-12.04, abs=0.01)
    assert deep == 1.0


@pytest.mark.parametrize("seconds", [0.5, 3.0, 90.0])
def test_lanes_of_time_agree_with_one_step_after_the_other(seconds):
    rng = np.random.default_rng(2)
    loud = np.repeat(10 ** rng.uniform(-1.5, 0.5, round(seconds * 10)), 100)
    peaks = (rng.random(len(loud)) * loud).astype(np.float32)
    power, _ = GainPrediction(peaks, 0.5, RELEASE_S).at(2.0)
    wanted = gain_power(peaks.astype(float), 0.25, RELEASE_S)
    # Ten dB of the slow average, forgotten to e^-8: 0.003 dB.
    assert np.abs(10 * np.log10(power / wanted)).max() < 0.003


def test_more_gain_is_never_less_loud():
    peaks = np.random.default_rng(1).random(5_000).astype(np.float32) ** 4
    prediction = GainPrediction(peaks, 0.5, RELEASE_S)
    loud = [(gain**2 * prediction.at(gain)[0]).sum() for gain in np.geomspace(0.1, 100, 60)]
    assert (np.diff(loud) > 0).all()


def test_the_gain_is_the_distance_to_the_target():
    energies = series()
    before = programme_loudness(energies.energies)
    solution = LoudnessSolver(energies, Target(-20.0, -1.0), RELEASE_S).solve()
    assert solution.limited_by is None
    assert solution.gain_db == pytest.approx(-20.0 - before, abs=0.005)


def test_the_cap_on_limiting():
    target = Target(-10.0, -1.0, max_mean_limiting_db=2.0)
    solution = LoudnessSolver(series(rms=0.005, peak=0.5), target, RELEASE_S).solve()
    assert solution.limited_by == "peaks"
    assert solution.mean_limiting_db == pytest.approx(2.0, abs=0.05)


def test_the_cap_on_mpx_power():
    base = series()
    with_mpx = ProgrammeSeries(base.energies, base.peaks, base.energies * 2)
    target = Target(-16.0, 0.0, fm=FmTarget(rds_hz=0.0, mpx_power_dbr=-3.0))
    solver = LoudnessSolver(with_mpx, target, RELEASE_S)
    solution = solver.solve()
    assert solution.limited_by == "mpx_power"
    assert solver.outcome(solution.gain_db).mpx_dbr == pytest.approx(-3.0, abs=0.01)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("loudness_lufs", {"loudness_lufs": 0.0}),
        ("ceiling_dbtp", {"ceiling_dbtp": 1.0}),
        ("channels", {"channels": "surround"}),
        ("sample_rate_hz", {"sample_rate_hz": 4_000}),
        ("sample_rate_hz", {"sample_rate_hz": 16_000, "fm": FmTarget()}),
        ("max_gain_db", {"max_gain_db": -1.0}),
    ],
)
def test_a_target_names_what_is_wrong(name, options):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        Target(**({"loudness_lufs": -16.0, "ceiling_dbtp": -1.0} | options))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rated_deviation_hz", {"rated_deviation_hz": 1.0}),
        ("pre_emphasis_us", {"pre_emphasis_us": 0.0}),
        ("pilot_hz", {"pilot_hz": 80_000.0}),
    ],
)
def test_an_fm_target_names_what_is_wrong(name, options):
    with pytest.raises(ValueError, match=f"^{name}.*: expected"):
        FmTarget(**options)

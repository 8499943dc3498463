"""The 57 kHz channel: against a plain twin, selectivity, and cut anywhere."""

from fractions import Fraction

import numpy as np
import pytest

from dsp.receive.rds.baseband import DECIMATION, RdsBaseband
from dsp.receive.rds.pilot import PILOT_HOP, PilotPhase
from tests.dsp.stream_contract_suite import StreamContract, real_piece

RATE = 288_000


def tone(hertz, phase=0.0, n=RATE // 4):
    return np.cos(2 * np.pi * hertz * np.arange(n) / RATE + phase).astype(np.float32)


class TestBaseband(StreamContract):
    rate = Fraction(1, DECIMATION)

    def make(self):
        return RdsBaseband()


def test_equals_mixing_then_filtering_in_double_precision():
    block = RdsBaseband()
    x = real_piece(20_000)
    taps = block._taps[0] + 1j * block._taps[1]
    padded = np.concatenate([np.zeros(len(taps) - 1), x])
    out = block.process(x)
    for m in (0, 3, 4, 100, 700):
        direct = np.dot(taps, padded[m * DECIMATION : m * DECIMATION + len(taps)])
        # Output m belongs to input 24 (m - delay): turned back by the carrier there.
        turn = np.exp(-2j * np.pi * 57_000 * DECIMATION * (m - block.delay_samples) / RATE)
        assert out[m] == pytest.approx(direct * turn, abs=2e-6)


@pytest.mark.parametrize("phase", [0.0, 0.7, -2.0])
def test_carrier_comes_out_with_its_amplitude_and_phase(phase):
    out = RdsBaseband().process(tone(57_000, phase))[20:]
    np.testing.assert_allclose(out, np.exp(1j * phase), atol=1e-4)


@pytest.mark.parametrize(("hertz", "least_db"), [(54_600, 0.1), (59_400, 0.1)])
def test_flat_over_the_channel(hertz, least_db):
    out = RdsBaseband().process(tone(hertz))[20:]
    assert abs(20 * np.log10(np.abs(out).mean())) < least_db


@pytest.mark.parametrize("hertz", [1_000, 19_000, 38_000, 43_000, 46_500, 68_000, 76_000, 100_000])
def test_what_would_fold_onto_the_channel_is_70_db_down(hertz):
    out = RdsBaseband().process(tone(hertz))[20:]
    folded = (hertz - 57_000 + 6_000) % 12_000 - 6_000
    if abs(folded) <= 2_400:
        assert 20 * np.log10(np.abs(out).max()) < -70
    else:
        assert 20 * np.log10(np.abs(out).max()) < -55


def test_pilot_phase_against_a_direct_sum():
    x = 0.0675 * tone(19_000, 0.9, 3 * PILOT_HOP) + 0.3 * tone(14_730, 0.0, 3 * PILOT_HOP)
    x += 0.3 * tone(23_210, 1.0, 3 * PILOT_HOP)
    pilot = PilotPhase()
    pilot.process(x)
    for hop in range(3):
        found = pilot.at_hop(hop)
        assert abs(found) == pytest.approx(0.0675, rel=1e-3)
        assert np.angle(found) == pytest.approx(0.9, abs=1e-3)


def test_pilot_phase_does_not_care_about_cuts():
    x = real_piece(PILOT_HOP) + 0.1 * tone(19_000, 0.5, PILOT_HOP)
    whole, cut = PilotPhase(), PilotPhase()
    whole.process(x)
    for start in range(0, len(x), 997):
        cut.process(x[start : start + 997])
    # Sums in lanes: another order of at most 288 terms.
    assert cut.at_hop(0) == pytest.approx(whole.at_hop(0), abs=1e-6)

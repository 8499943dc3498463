"""The live master: any level in, the target's loudness out, equal on both paths, peaks held."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from dsp.measure.loudness_meter import LoudnessMeter
from tests.dsp.contract_suite import BlockContract
from transmit.live.delay_line import DelayLine
from transmit.live.live_master import RATE_HZ, LiveMaster, inner_target, keep_equal
from transmit.profile import load_profile

BLOCK = 960
BULLETIN = Path(__file__).parents[3] / "examples" / "bulletin-vi.flac"


class TestLiveMasterIp(BlockContract):
    def make(self):
        return LiveMaster(load_profile("ip"), 2)


class TestLiveMasterFm(BlockContract):
    def make(self):
        return LiveMaster(load_profile("fm"), 2)


class TestDelayLine(BlockContract):
    def make(self):
        return DelayLine(1_234, 2)


@pytest.fixture(scope="module")
def bulletin():
    sound, rate_hz = soundfile.read(BULLETIN, dtype="float32")
    return soxr.resample(sound, rate_hz, RATE_HZ)[: 30 * RATE_HZ].astype(np.float32)


def mastered(sound, name):
    master = LiveMaster(load_profile(name))
    pieces = [
        master.process(np.ascontiguousarray(sound[at : at + BLOCK, None]))
        for at in range(0, len(sound), BLOCK)
    ]
    return np.concatenate(pieces), master


def measured(frames):
    meter = LoudnessMeter(RATE_HZ, 1)
    meter.process(frames)
    return meter.result()


@pytest.mark.parametrize("gain_db", [0.0, -20.0, 12.0])
def test_paths_are_equally_loud_whatever_the_level_of_the_line(bulletin, gain_db):
    line = np.clip(bulletin * np.float32(10 ** (gain_db / 20)), -1.0, 1.0)
    found = {}
    for name in ("ip", "fm"):
        out, master = mastered(line, name)
        found[name] = measured(out)
        # The limiters keep the ceilings they promise to files (0.05 dB and what the meter adds).
        # Flat, an fm master lies lower than after the pre-emphasis it is limited behind.
        assert found[name].true_peak_dbtp <= inner_target(master.profile).ceiling_dbtp + 0.07
        # The rider's own account is leaky and not cut at 30 s: near, not equal.
        assert master.loudness_lufs == pytest.approx(found[name].integrated_lufs, abs=1.0)
    assert found["ip"].integrated_lufs == pytest.approx(found["fm"].integrated_lufs, abs=0.5)
    # Nobody has heard the end: the first seconds are worked off, not undone.
    assert found["ip"].integrated_lufs == pytest.approx(-16.0, abs=1.5)


def test_masters_of_one_programme_follow_the_first(bulletin):
    masters = {name: LiveMaster(load_profile(name)) for name in ("ip", "fm")}
    keep_equal(masters.values())
    out = {name: [] for name in masters}
    for at in range(0, len(bulletin), BLOCK):
        for name, master in masters.items():
            out[name].append(master.process(np.ascontiguousarray(bulletin[at : at + BLOCK, None])))
    for from_s in (0, 10, 20):  # each by itself: 0.33 LU apart in the second ten seconds
        part = slice(from_s * RATE_HZ, (from_s + 10) * RATE_HZ)
        ip, fm = (measured(np.concatenate(out[name])[part]).integrated_lufs for name in masters)
        assert ip == pytest.approx(fm, abs=0.2)


def test_an_open_line_is_not_raised():
    hiss = np.random.default_rng(2).standard_normal((10 * RATE_HZ, 1)).astype(np.float32)
    out, _ = mastered(hiss[:, 0] * np.float32(10 ** (-62 / 20)), "ip")
    # Gain of a programme nobody has heard yet (13 dB) at most, and the expander takes off.
    assert 10 * np.log10(np.mean(out**2)) < -45.0


def test_the_delay_is_what_it_says():
    click = np.zeros((RATE_HZ, 1), np.float32)
    click[9_000] = 0.5
    for name in ("ip", "fm"):
        master = LiveMaster(load_profile(name))
        out = master.process(click)[:, 0]
        # Minimum-phase filters spread a click by less than a millisecond.
        assert int(np.argmax(np.abs(out))) == pytest.approx(9_000 + master.delay_samples, abs=48)

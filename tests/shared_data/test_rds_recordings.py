"""RDS of signals that no one here made: PiFmRds, gr-rds, and captures without RDS."""

import numpy as np
import pytest
import scipy.signal
import soundfile

from dsp.receive.rds.receiver import RdsReceiver
from dsp.receive.rds.station import RdsStation
from tests.shared_data.conftest import DATA

RATE = 288_000


def resampled(samples, rate_hz):
    """To 288 kHz, far better than what is measured here (Kaiser 9: -90 dB)."""
    shared = np.gcd(RATE, rate_hz)
    return scipy.signal.resample_poly(
        samples, RATE // shared, rate_hz // shared, window=("kaiser", 9.0)
    ).astype(np.float32)


def demodulated(name, rate_hz):
    """Multiplex of a u8 capture with one carrier in its middle, 1.0 = 100 kHz."""
    values = np.fromfile(DATA / "iq" / name, np.uint8).astype(np.float32) - 127.5
    iq = values[::2] + 1j * values[1::2]
    steps = np.angle(iq[1:] * np.conj(iq[:-1])) * rate_hz / (2 * np.pi)
    return resampled(steps / 100_000, rate_hz)


def received(samples):
    receiver, station, groups = RdsReceiver(), RdsStation(), []
    for start in range(0, len(samples), RATE // 10):
        groups += receiver.process(samples[start : start + RATE // 10])
    figures = receiver.figures
    groups += receiver.flush()
    for group in groups:
        station.take(group)
    return groups, station.state(), figures


def test_multiplex_of_pifmrds():
    samples, rate_hz = soundfile.read(DATA / "mpx" / "pifmrds_stereo_228k.flac", dtype="float32")
    groups, state, figures = received(resampled(samples * 0.75, rate_hz))
    # 10 s hold 114.2 groups; redsea has PS and RT as set, too.
    assert sum(g.whole for g in groups) == 114
    assert state["pi"] == "1234"
    assert state["ps"] == "PIFM SYN"
    assert state["rt"] == "PIFM SYN"
    assert state["tp"] is True
    # 4 % of 75 kHz as the root mean square of the envelope, locked in phase to the pilot.
    assert figures.level_hz == pytest.approx(3_000, rel=0.01)
    assert figures.phase_deg == pytest.approx(0.0, abs=0.1)
    assert figures.ppm == pytest.approx(0.0, abs=0.01)


def test_capture_of_gr_rds():
    groups, state, figures = received(demodulated("syn_grrds_stereo_256k.cu8", 256_000))
    # 8 s hold 91.3 groups; redsea finds 88.
    assert sum(g.whole for g in groups) == 91
    assert groups[0].sample < 0.2 * RATE
    assert state["pi"] == "D392"
    assert state["ps"] == "TRAVINH1"
    assert state["rt"] == "Dai phat thanh TEST RadioText 12:30 gr-rds"
    assert state["pty"] == 1
    assert state["tp"] is True
    assert state["ct"] == "2026-11-23T14:08:00Z"
    # Meant is 99.6 MHz, sent is "one follows" with the code 0: no frequency.
    assert state["af_hz"] == []
    assert {g.blocks[2] for g in groups if g.blocks[1] >> 11 == 0} == {0xE100}
    assert state["blocks_lost"] == 0
    # Truth: 1993 Hz peak, 20 ppm.
    assert figures.peak_level_hz == pytest.approx(1_993, abs=20)
    assert figures.ppm == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize(
    ("name", "rate_hz"),
    [
        ("syn_mono_nopilot_240k.cu8", 240_000),
        ("syn_dead_carrier_240k.cu8", 240_000),
        ("syn_noise_only_240k.cu8", 240_000),
        ("rtl_noise_unknown_rate.cu8", 256_000),
    ],
)
def test_captures_without_rds(name, rate_hz):
    groups, state, figures = received(demodulated(name, rate_hz))
    assert groups == []
    assert state["pi"] is None
    assert figures is None

"""The project's own coder heard by the project's own receiver: everything sent is known again."""

from datetime import UTC, datetime

import numpy as np
import pytest

from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler, bit_at
from dsp.coder.rds_waveform import RdsWaveform
from dsp.receive.rds.receiver import RdsReceiver
from dsp.receive.rds.station import RdsStation

RATE = 288_000
START = datetime(2026, 11, 24, 5, 29, 50, tzinfo=UTC)


def received(content, seconds, *, phase_deg=0.0, noise_hz=2_000.0, peak=0.02):
    """(groups, state, figures) of `content` on a multiplex with pilot, tone and noise."""
    n = round(seconds * RATE)
    turns = np.arange(n)
    wave = RdsWaveform(RATE, phase_deg, peak=peak).next(n, RdsScheduler(content, START))
    wave = wave + 0.0675 * np.sin(2 * np.pi * (19_000 * turns % RATE) / RATE)
    wave += 0.3 * np.sin(2 * np.pi * (1_000 * turns % RATE) / RATE)
    rng = np.random.default_rng(1)
    wave += rng.standard_normal(n) * noise_hz / 100_000
    receiver, station, groups = RdsReceiver(), RdsStation(), []
    wave = wave.astype(np.float32)
    for start in range(0, n, RATE // 5):
        groups += receiver.process(wave[start : start + RATE // 5])
    figures = receiver.figures
    groups += receiver.flush()
    for group in groups:
        station.take(group)
    return groups, station.state(), figures


CONTENT = RdsContent(
    pi=0x7001,
    ps="TRAVINH",
    rt="Dai truyen thanh xa Long Duc: ban tin sang",
    pty=1,
    tp=True,
    ta=False,
    ms=False,
    ct=True,
    af_hz=(98_000_000, 107_900_000),
    ecc=0xF2,
    language=0x46,
    ptyn="BAN TIN",
)


@pytest.mark.parametrize("phase_deg", [0.0, 90.0])
def test_all_of_a_station_is_known_again(phase_deg):
    groups, state, figures = received(CONTENT, 14, phase_deg=phase_deg)
    assert state["pi"] == "7001"
    assert state["ps"] == "TRAVINH "
    assert state["rt"] == CONTENT.rt
    assert state["pty"] == 1
    assert state["tp"] is True
    assert state["ta"] is False
    assert state["music"] is False
    assert state["ct"] == "2026-11-24T12:30:00+07:00"
    assert state["af_hz"] == [98_000_000, 107_900_000]
    assert state["ecc"] == "F2"
    assert state["country"] == "VN"
    assert state["language"] == 0x46
    assert state["ptyn"] == "BAN TIN"
    # The minute's edge, 10 s after the start, is the end of its group.
    assert state["ct_sample"] / RATE == pytest.approx(10.0, abs=0.1)
    assert figures.peak_level_hz == pytest.approx(2_000, abs=30)
    assert figures.phase_deg == pytest.approx(phase_deg, abs=1.0)
    sent = [g.group for g in RdsScheduler(CONTENT, START).groups_until(bit_at(14))]
    # From the very first bit on; the last group that was begun may end after the signal.
    assert len(groups) >= len(sent) - 1
    assert [g.hex() for g in groups][: len(sent)] == sent[: len(groups)]


def test_applications_and_other_networks():
    content = RdsContent(
        pi=0x7001,
        ps="TRAVINH",
        rt="Diem xua - Khanh Ly",
        rt_plus=(),
        ert="Phường Trà Vinh",
        ews=((0x01, 0x2345, 0x6789),),
        inhouse=((0x02, 0xAAAA, 0xBBBB),),
    )
    _, state, _ = received(content, 12)
    assert state["ert"] == "Phường Trà Vinh"
    assert "6552" in state["oda"]
    assert {g[:4] + g[8:] for g in state["ews"]} == {"700123456789"}
    assert {g[:4] + g[8:] for g in state["in_house"]} == {"7001AAAABBBB"}


@pytest.mark.parametrize("peak_hz", [1_000, 2_000, 7_500])
def test_level_of_the_standards_range(peak_hz):
    _, _, figures = received(CONTENT, 3, peak=peak_hz / 100_000, noise_hz=500)
    assert figures.peak_level_hz == pytest.approx(peak_hz, rel=0.01)

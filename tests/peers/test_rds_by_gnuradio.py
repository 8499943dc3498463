"""GNU Radio's gr-rds hears our station: every group, name, text, time; from composite and from IQ.

First with RDS alone in a plain multiplex and a plain modulator (a running sum of phases), then
through the project's own stereo coder at full deviation and its own modulator.
"""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dsp.coder.multiplex import Multiplex
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler, bit_at
from dsp.coder.rds_waveform import RdsWaveform
from dsp.coder.settings import MultiplexSettings
from dsp.modulate.upconvert import Upconverter

pytestmark = pytest.mark.root

STATION = Path(__file__).with_name("gnuradio_station.py")
OWN_RATE = 768_000
SECONDS = 24
CONTENT = RdsContent(
    pi=0x7001,
    ps="TRAVINH",
    rt="Dai truyen thanh xa Long Duc: ban tin sang luc 05:00 moi ngay",
    pty=1,
    tp=True,
    ct=True,
    af_hz=(98_000_000, 107_900_000),
    ecc=0xF2,
    language=0x46,
)
START = datetime(2022, 5, 16, 0, 29, 42, tzinfo=UTC)


def composite(rate_hz, phase_deg):
    """RDS at 2 kHz, pilot at 6.75 kHz and a 1 kHz tone at 40 kHz; 1.0 = 100 kHz."""
    count = rate_hz * SECONDS
    turns = np.arange(count)
    wave = 0.0675 * np.sin(2 * np.pi * (19_000 * turns % rate_hz) / rate_hz)
    wave += 0.4 * np.sin(2 * np.pi * (1_000 * turns % rate_hz) / rate_hz)
    rds = RdsWaveform(rate_hz, phase_deg, peak=0.02).next(count, RdsScheduler(CONTENT, START))
    return wave + rds


def listen(tmp_path, form, samples, rate_hz):
    path = tmp_path / "station"
    samples.tofile(path)
    done = subprocess.run(
        ["/usr/bin/python3", STATION, form, path, str(rate_hz)],
        capture_output=True,
        check=True,
        timeout=120,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


def was_heard(lines):
    """Every group in order and all it says."""
    heard = [line["group"] for line in lines if "group" in line]
    sent = [g.group for g in RdsScheduler(CONTENT, START).groups_until(bit_at(SECONDS))]
    # Its loops may take some seconds to settle; from then on nothing is missing or
    # wrong. What is still between its blocks when the samples end, a few groups, is lost.
    steady = heard[-150:]
    assert any(
        steady == sent[first : first + 150] for first in range(len(sent) - 156, len(sent) - 149)
    )
    assert set(heard) <= set(sent)

    told = {}
    for line in lines:
        if "kind" in line:
            told.setdefault(line["kind"], []).append(line["text"])
    assert set(told["pi"]) == {"7001"}
    assert set(told["pty"]) == {"News"}
    assert told["ps"][-1] == "TRAVINH "
    assert told["rt"][-1].rstrip("\r ") == CONTENT.rt
    assert told["ct"] == ["16.05.2022, 00:30 (+7.0h)"]
    assert {"98.00MHz", "107.90MHz"} <= {text.strip(", ") for text in told["af"]}


@pytest.mark.parametrize("phase_deg", [0.0, 90.0])
def test_gr_rds_hears_our_waveform_off_the_composite(tmp_path, phase_deg):
    wave = composite(192_000, phase_deg).astype(np.float32)
    was_heard(listen(tmp_path, "mpx", wave, 192_000))


@pytest.mark.parametrize("phase_deg", [0.0, 90.0])
def test_gr_rds_hears_our_waveform_off_the_air(tmp_path, phase_deg):
    wave = composite(384_000, phase_deg)
    iq = np.exp(2j * np.pi * np.cumsum(wave * 100_000 / 384_000)).astype(np.complex64)
    was_heard(listen(tmp_path, "iq", iq, 384_000))


def own_multiplex():
    """Loud stereo noise with its peaks at the rated deviation, and RDS, out of the coder."""
    noise = np.random.default_rng(1).standard_normal((48_000 * SECONDS, 2))
    settings = MultiplexSettings(rds_hz=2_000.0)
    coder = Multiplex(settings, RdsScheduler(CONTENT, START))
    return coder.process((0.2 * noise).clip(-1.0, 1.0).astype(np.float32))


def test_gr_rds_hears_the_stereo_coder(tmp_path):
    was_heard(listen(tmp_path, "mpx", own_multiplex(), 192_000))


def test_gr_rds_hears_the_stereo_coder_and_the_modulator(tmp_path):
    iq = Upconverter(OWN_RATE).process(own_multiplex())
    was_heard(listen(tmp_path, "iq", iq, OWN_RATE))

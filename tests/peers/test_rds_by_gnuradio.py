"""GNU Radio's gr-rds hears our station: every group, name, text, time; from composite and from IQ.

The modulator here is a plain running sum of phases, none of the project's.
"""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler, bit_at
from dsp.coder.rds_waveform import RdsWaveform

pytestmark = pytest.mark.root

STATION = Path(__file__).with_name("gnuradio_station.py")
RATES = {"mpx": 192_000, "iq": 384_000}
SECONDS = 16
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
START = datetime(2022, 5, 16, 0, 29, 52, tzinfo=UTC)


def composite(rate_hz, phase_deg):
    """RDS at 2 kHz, pilot at 6.75 kHz and a 1 kHz tone at 40 kHz; 1.0 = 100 kHz."""
    count = rate_hz * SECONDS
    turns = np.arange(count)
    wave = 0.0675 * np.sin(2 * np.pi * (19_000 * turns % rate_hz) / rate_hz)
    wave += 0.4 * np.sin(2 * np.pi * (1_000 * turns % rate_hz) / rate_hz)
    rds = RdsWaveform(rate_hz, phase_deg, peak=0.02).next(count, RdsScheduler(CONTENT, START))
    return wave + rds


def listen(tmp_path, form, samples):
    path = tmp_path / "station"
    samples.tofile(path)
    done = subprocess.run(
        [
            "/usr/bin/python3",
            Path(__file__).with_name("gnuradio_station.py"),
            form,
            path,
            str(RATES[form]),
        ],
        capture_output=True,
        check=True,
        timeout=120,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


@pytest.mark.parametrize("phase_deg", [0.0, 90.0])
@pytest.mark.parametrize("form", ["mpx", "iq"])
def test_gr_rds_hears_every_group_and_text(tmp_path, form, phase_deg):
    wave = composite(RATES[form], phase_deg)
    if form == "iq":
        samples = np.exp(2j * np.pi * np.cumsum(wave * 100_000 / RATES[form])).astype(np.complex64)
    else:
        samples = wave.astype(np.float32)
    lines = listen(tmp_path, form, samples)

    heard = [line["group"] for line in lines if "group" in line]
    sent = [g.group for g in RdsScheduler(CONTENT, START).groups_until(bit_at(SECONDS))]
    # From the first it heard to the last, nothing is missing or wrong. It gets a second to find the
    # clock; what is still between its blocks when the samples end is lost.
    first = next(i for i in range(40) if sent[i : i + 20] == heard[:20])
    assert heard == sent[first : first + len(heard)]
    assert len(heard) >= len(sent) - 30

    told = {}
    for line in lines:
        if "kind" in line:
            told.setdefault(line["kind"], []).append(line["text"])
    assert set(told["pi"]) == {"7001"}
    assert set(told["pty"]) == {"News"}
    assert told["ps"][-1] == "TRAVINH "
    assert told["rt"][-1].rstrip("\r ") == CONTENT.rt
    assert told["ct"] == ["16.05.2022, 00:30 (+7.0h)"]
    assert "98.00MHz, 107.90MHz" in set(told["af"]) or "107.90MHz" in set(told["af"])

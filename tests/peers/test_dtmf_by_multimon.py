"""multimon-ng reads our DTMF off its 22 050 Hz input."""

import subprocess

import numpy as np
import pytest

from dsp.coder.dtmf import dtmf_burst

pytestmark = pytest.mark.root

RATE = 22_050
KEYS = "123A456B789C*0#D"


def heard(samples, tmp_path):
    path = tmp_path / "keys.raw"
    np.round(samples * 32_767).astype("<i2").tofile(path)
    done = subprocess.run(
        ["multimon-ng", "-q", "-a", "DTMF", "-t", "raw", path],
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    )
    return "".join(
        line.split(":")[1].strip() for line in done.stdout.splitlines() if line.startswith("DTMF")
    )


@pytest.mark.parametrize("twist_db", [-4.0, 0.0, 4.0])
@pytest.mark.parametrize(("on_s", "off_s"), [(0.1, 0.1), (0.06, 0.06)])
def test_every_key_is_read(tmp_path, on_s, off_s, twist_db):
    burst = dtmf_burst(KEYS, RATE, -10.0, on_s, off_s, twist_db=twist_db)
    assert heard(burst, tmp_path) == KEYS


def test_a_repeated_key_is_two_keys_and_silence_none(tmp_path):
    assert heard(dtmf_burst("1155##", RATE), tmp_path) == "1155##"
    assert heard(np.zeros(RATE), tmp_path) == ""

"""A power cut loses nothing that was acknowledged.

The control, which does not sync, must lose: else this would prove nothing.
"""

import os
import shutil
import subprocess
import sys

import pytest

from tests.service.conftest import two_seconds
from tests.shared_data.conftest import DATA

POWER_CUT = DATA.parent / "tools" / "powercut.sh"
# Processes that were killed let go of their files a moment later.
UMOUNT = """#!/bin/sh
for try in $(seq 200); do %s "$@" 2>/dev/null && exit 0; sleep 0.1; done
exit 1
"""


def lost(tmp_path, writer, checker):
    file = tmp_path / "bulletin.wav"
    file.write_bytes(two_seconds())
    patient = tmp_path / "bin" / "umount"
    patient.parent.mkdir(exist_ok=True)
    patient.write_text(UMOUNT % shutil.which("umount"))
    patient.chmod(0o755)
    program = [sys.executable, "-m", "tests.service.power_cut"]
    environment = os.environ | {
        "BULLETIN": str(file),
        "WAIT_S": "300",
        "PATH": f"{patient.parent}:{os.environ['PATH']}",
    }
    command = ["bash", str(POWER_CUT), *program, writer, ":::", *program, checker]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert "lost: " in done.stdout, done.stderr
    return done.stdout.rpartition("lost: ")[2].strip()


def test_what_was_acknowledged_survives_a_power_cut(tmp_path):
    assert lost(tmp_path, "write", "check") == "[]"


def test_the_control_that_does_not_sync_loses_jobs(tmp_path):
    assert lost(tmp_path, "careless", "check") != "[]"


def test_a_service_cut_off_at_work_goes_on(tmp_path):
    assert lost(tmp_path, "serve", "finish") == "[]"


@pytest.mark.long
def test_twenty_more_cuts_at_work(tmp_path):
    for _ in range(20):
        assert lost(tmp_path, "serve", "finish") == "[]"

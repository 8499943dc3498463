"""What `make` does about system packages: names them, then installs them or says how."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "system-packages"
STUBS = {
    "dpkg-query": "exit 1",  # nothing is installed
    "apt-get": 'echo "$@" >>"$APT_LOG"',
    "id": "echo ${AS_USER:-0}",
    "no-venv": "exit 1",  # a Python without ensurepip
}


@pytest.fixture
def asked(tmp_path):
    """Return a function that runs the script and tells (exit code, what it said, apt's calls)."""
    for name, body in STUBS.items():
        stub = tmp_path / name
        stub.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
        stub.chmod(0o755)
    log = tmp_path / "apt.log"

    def run(target, **environment):
        log.unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", SCRIPT, target],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "APT_LOG": str(log),
                "PYTHON": str(tmp_path / "no-venv"),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        calls = log.read_text(encoding="ascii").splitlines() if log.exists() else []
        return done.returncode, done.stdout + done.stderr, calls

    return run


def test_root_with_apt_installs_what_was_named(asked):
    code, said, calls = asked("test")
    assert code == 0
    assert "needs the system packages: ffmpeg" in said
    assert [call.split()[0] for call in calls] == ["update", "install"]
    assert "ffmpeg" in calls[1].split()


@pytest.mark.parametrize("environment", [{"LOA_NO_APT": "1"}, {"AS_USER": "1000"}])
def test_otherwise_the_one_line_is_printed_and_nothing_installed(asked, environment):
    code, said, calls = asked("test", **environment)
    assert code == 0
    assert "sudo apt-get install -y --no-install-recommends ffmpeg" in said
    assert calls == []


@pytest.mark.parametrize("environment", [{"LOA_NO_APT": "1"}, {"AS_USER": "1000"}])
def test_set_up_stops_where_python_cannot_make_environments(asked, environment):
    code, said, calls = asked("setup", **environment)
    assert code == 3
    assert "please run: sudo apt-get install -y --no-install-recommends python3-venv" in said
    assert calls == []

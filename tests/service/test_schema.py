"""schemathesis attacks the API from its own description, over the real port: also step by step."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service import form_hooks

ROOT = Path(__file__).parents[2]


def attack(service, examples, timeout_s):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"{service.url}/v1/openapi.json", "-H", f"Authorization: Bearer {service.token}"]
    command += ["-n", str(examples), "--workers", "1", "--seed", "7"]
    command += ["--generation-database", "none"]
    hooks = {"SCHEMATHESIS_HOOKS": form_hooks.__name__, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=service.data,
        env=os.environ | hooks,
    )
    assert found.returncode == 0, found.stdout[-6000:]
    assert "✅ Stateful" in found.stdout


def test_schemathesis_finds_nothing(service):
    attack(service, 3, 240)


@pytest.mark.long
def test_schemathesis_finds_nothing_in_thousands_of_requests(service):
    attack(service, 200, 3_000)

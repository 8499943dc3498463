"""schemathesis attacks the API from its own description, over the real port: also step by step."""

import subprocess
import sys
from pathlib import Path

import pytest


def attack(service, examples, timeout_s):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"{service.url}/v1/openapi.json", "-H", f"Authorization: Bearer {service.token}"]
    command += ["-n", str(examples), "--workers", "1", "--seed", "7"]
    command += ["--generation-database", "none"]
    found = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=service.data
    )
    assert found.returncode == 0, found.stdout[-6000:]
    assert "✅ Stateful" in found.stdout


def test_schemathesis_finds_nothing(service):
    attack(service, 3, 240)


@pytest.mark.long
def test_schemathesis_finds_nothing_in_thousands_of_requests(service):
    attack(service, 200, 3_000)

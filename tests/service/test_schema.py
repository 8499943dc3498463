"""schemathesis attacks the API from its own description, over the real port."""

import subprocess
import sys
from pathlib import Path


def test_schemathesis_finds_nothing(service):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"{service.url}/v1/openapi.json", "-H", f"Authorization: Bearer {service.token}"]
    command += ["-n", "4", "--workers", "1", "--seed", "7", "--generation-database", "none"]
    found = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=service.data
    )
    assert found.returncode == 0, found.stdout[-6000:]

"""The quick start, every command as it stands, in an empty folder; the clients of `examples`."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loa.service.webhooks import signature
from tests.service.live import children

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "service-quick-start.md"
TIMEOUT_S = 240


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.root
def test_the_quick_start_runs_as_it_stands(tmp_path):
    steps = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(steps) > 8
    # -m: background jobs are `%1`, as in a terminal; each step says that it ended.
    script = "set -em\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n" + "".join(
        f"{step}echo\necho STEP {n}\n" for n, step in enumerate(steps)
    )
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": os.pathsep.join(places), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as shell:
        try:
            stdout, stderr = shell.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            for one in reversed([shell.pid, *children(shell.pid)]):  # the service is one of them
                os.kill(one, signal.SIGKILL)
            raise
    said = stdout + stderr
    assert shell.returncode == 0, said
    assert f"STEP {len(steps) - 1}" in stdout
    assert '"state":"done"' in stdout
    assert "OggS" in stdout
    assert "job.conflict" in stdout
    assert "429" not in re.findall(r'"status":(\d+)', stdout)
    assert (tmp_path / "bulletin.opus").read_bytes()[:4] == b"OggS"
    assert (tmp_path / "loa-backup" / "loa.sqlite").exists()
    assert re.search(r'"audit_lines": \d+, "broken_at": null', stdout)


def test_the_python_client_hands_in_and_fetches(service, bulletin, tmp_path, capsys):
    path = tmp_path / "bulletin.wav"
    path.write_bytes(bulletin + b"client")
    client = load("service_client")
    client.main(service.url, service.token, str(path), "ip")
    client.main(service.url, service.token, str(path), "ip")  # after a mishap: the same
    assert (tmp_path / "bulletin-ip.opus").read_bytes()[:4] == b"OggS"
    assert capsys.readouterr().out.count("LUFS True") == 4
    with pytest.raises(SystemExit, match=r"job\.conflict"):
        client.main(service.url, service.token, str(path), "web")


def test_the_webhook_receiver_believes_what_is_signed_and_fresh():
    receiver = load("webhook_receiver")
    body = b'{"event": "job.done"}'
    headers = {"Loa-Timestamp": "1700000000", "Loa-Signature": signature("s", "1700000000", body)}
    assert receiver.is_genuine("s", headers, body, 1_700_000_010.0)
    assert not receiver.is_genuine("s", headers, body + b" ", 1_700_000_010.0)
    assert not receiver.is_genuine("t", headers, body, 1_700_000_010.0)
    assert not receiver.is_genuine("s", headers, body, 1_700_001_000.0)
    assert not receiver.is_genuine("s", headers | {"Loa-Timestamp": "1700000001"}, body, 1.7e9)
    assert not receiver.is_genuine("s", {}, body, 1.7e9)

"""The quick start, every command as it stands, in an empty folder; the clients of `examples`."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loa.service.webhooks import signature

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
    script = "set -em\n" + "".join(f"{step}echo\necho STEP {n}\n" for n, step in enumerate(steps))
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": os.pathsep.join(places), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"STEP {len(steps) - 1}" in done.stdout
    assert '"state":"done"' in done.stdout
    assert "OggS" in done.stdout
    assert "job.conflict" in done.stdout
    assert "429" not in re.findall(r'"status":(\d+)', done.stdout)
    assert (tmp_path / "bulletin.opus").read_bytes()[:4] == b"OggS"
    assert (tmp_path / "loa-backup" / "loa.sqlite").exists()
    assert re.search(r'"audit_lines": \d+, "broken_at": null', done.stdout)


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

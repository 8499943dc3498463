"""kill -9 of a real loudspeaker: what it had accepted it plays, and nothing twice."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from tests.loa.device.made import PORTS, provision
from tests.transmit.bulletin.made import KEY, bulletin
from transmit.bulletin.datagrams import datagrams_of
from transmit.bulletin.signing import sign


def started(folder):
    """Start a loudspeaker; return it when it has said its first second."""
    command = [sys.executable, "-m", "loa", "speaker", "speaker.toml", "--json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
    return process, until(process, "speaker")


def until(process, wanted):
    """Return the next record of an event, or of a schema."""
    for line in process.stdout:
        record = json.loads(line)
        if wanted in (record.get("event"), record["schema"].split("/")[0].removeprefix("loa.")):
            return record
    raise AssertionError(f"no {wanted}")


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_an_emergency_outlives_a_kill_and_is_heard_once(tmp_path):
    port, now = next(PORTS), datetime.now(UTC)
    provision(tmp_path, commands=f'["127.0.0.1:{port}"]', prints="false")
    times = {
        name: f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"
        for name, hours in (("not_before", -1), ("expires", 1))
    }
    flood = sign(bulletin(id="flood", audio=(), counter=1, **times), KEY).to_bytes()
    cancel = bulletin(id="c", cancels="flood", audio=(), board_text=None, counter=2, **times)

    def send(message):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as centre:
            for data in datagrams_of(message):
                centre.sendto(data, ("127.0.0.1", port))

    process, _ = started(tmp_path)
    send(flood)
    assert until(process, "began")["name"].endswith("/flood")
    killed(process)
    process, _ = started(tmp_path)  # it begins in the first block, before the first line
    send(flood)
    assert until(process, "refused")["kind"] == "bulletin.replay"
    send(sign(cancel, KEY).to_bytes())
    ended = until(process, "ended")
    assert (ended["name"].split("/")[1], ended["outcome"]) == ("flood", "cancelled")
    assert ended["seconds"]["alert"] > 0.5
    killed(process)
    process, first = started(tmp_path)
    send(flood)
    assert until(process, "refused")["kind"] in {"bulletin.replay", "bulletin.cancelled"}
    assert first["state"] == "waiting"
    killed(process)

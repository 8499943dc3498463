"""kill -9 in the middle of an item: the next process plays from where the clock says."""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import datetime

import numpy as np
import soundfile

LENGTH_S = 600.0
ENVIRONMENT = os.environ | {"PYTHONUNBUFFERED": "1"}


def began(folder):
    """Start a playout; return it and the record of the item that began."""
    command = [sys.executable, "-m", "loa", "play", "SCHEDULE.toml", "--json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, env=ENVIRONMENT)
    for line in process.stdout:
        record = json.loads(line)
        if record["event"] == "began":
            return process, record
    raise AssertionError("nothing began")


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_the_next_process_plays_from_where_the_clock_says(tmp_path):
    # The recording says at every sample where it is.
    ramp = np.linspace(0, 0.5, round(LENGTH_S * 8_000))
    soundfile.write(tmp_path / "ramp.wav", ramp, 8_000, subtype="FLOAT")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(60)
        (tmp_path / "KEYRING.toml").write_text("")
        (tmp_path / "inbox").mkdir()
        (tmp_path / "SCHEDULE.toml").write_text(
            'commune = "x"\ncrossfade_ms = 0\nkeyring = "KEYRING.toml"\ninbox = "inbox"\n'
            f'state = "state"\n[[zone]]\nid = "x.1"\ncodec = "l16"\n'
            f'rtp = ["127.0.0.1:{listener.getsockname()[1]}"]\n'
            '[[item]]\nid = "ramp"\naudio = "ramp.wav"\nwhen = "now"\n'
        )
        process, first = began(tmp_path)
        killed(process)
        listener.setblocking(False)
        while True:
            try:
                listener.recv(2_000)
            except BlockingIOError:
                break
        listener.settimeout(60)
        process, second = began(tmp_path)
        packet = listener.recv(2_000)
        killed(process)
    assert second["playing"] == first["playing"]
    heard_s = np.frombuffer(packet[12:], ">i2")[0] / 32_767 / 0.5 * LENGTH_S
    begun_ms = json.loads((tmp_path / "state" / "first_seen.json").read_bytes())["ramp"]
    passed_s = datetime.fromisoformat(second["time"]).timestamp() - begun_ms / 1000
    # One step of 16 bits is 37 ms of the ramp.
    assert abs(heard_s - passed_s) < 0.1
    assert heard_s > 0.1

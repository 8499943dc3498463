"""`loa demo` whole: the masters, the band on the air and heard, the page."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.receiver.band_receiver import BandReceiver
from ingest.scene.scene import load_scene
from loa import cli
from loa.demo import air_demonstration, demonstration
from tests.loa.joined.made import report
from transmit.rtl_tcp.server import RtlTcpServer

DEAD_S = 30.0


class Lockstep:
    """A clock that the player moves on as soon as the listener has what was played.

    So the band goes by as fast as both can work, and nothing is ever late.
    """

    def __init__(self):
        self.now_s = 0.0
        self.heard_s = 0.0
        self.changed = threading.Condition()

    def now_utc(self):
        return datetime(2026, 5, 16, 22, tzinfo=UTC) + timedelta(seconds=self.now_s)

    def monotonic_s(self):
        return self.now_s

    def heard(self, seconds):
        with self.changed:
            self.heard_s = seconds
            self.changed.notify()

    def wait_until(self, elapsed_s):
        # A client may hold back a piece of a buffer, 7 ms at most.
        with self.changed:
            came = self.changed.wait_for(lambda: self.heard_s >= self.now_s - 0.01, DEAD_S)
        self.now_s = elapsed_s
        return came


class Server(RtlTcpServer):
    """Remembers how much it can hold for a listener that the machine keeps waiting."""

    holds_bytes = 0

    def __init__(self, *place, queue_bytes):
        type(self).holds_bytes = queue_bytes
        super().__init__(*place, queue_bytes=queue_bytes)


@pytest.fixture
def lockstep(monkeypatch):
    time = Lockstep()
    monkeypatch.setattr(air_demonstration, "RtlTcpServer", Server)

    class Receiver(BandReceiver):
        def process(self, block):
            records = super().process(block)
            time.heard(self.seconds)
            return records

    monkeypatch.setattr(air_demonstration, "SystemClock", lambda: time)
    monkeypatch.setattr(air_demonstration, "RealTime", lambda _clock: time)
    monkeypatch.setattr(air_demonstration, "BandReceiver", Receiver)
    # Programs of their own in real time: tests/loa/joined has its parts, and itself among the long.
    monkeypatch.setattr(demonstration, "demonstrate_joined", lambda *_: report())


@pytest.mark.usefixtures("lockstep")
def test_the_demo_masters_sends_and_hears_the_bulletin(tmp_path, capsys):
    folder = tmp_path / "demo"
    assert cli.run(["demo", "-o", str(folder), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["schema"] for line in lines} == {"loa.demo/1"}
    manifests = [line for line in lines if "output" in line]
    made = {Path(manifest["output"]).name for manifest in manifests}
    beside = {"index.html", "bulletin-vi.flac", "band.toml", "stations.toml"}
    assert made | beside == {path.name for path in folder.iterdir()}
    assert {manifest["target"] for manifest in manifests} == {"ip", "fm", "web"}

    capture = load_scene(folder / "band.toml").capture
    assert Server.holds_bytes == 2 * capture.rate_hz * capture.seconds  # nothing is ever dropped

    good, strong, strange = (line for line in lines if "station" in line)
    for heard in (good, strong, strange):
        assert heard["holds"]
        assert heard["wrong"] == []
        assert heard["pi"] == heard["true"]["pi"]
        assert heard["ps"] == heard["true"]["ps"]
        assert heard["peak_deviation_hz"] == pytest.approx(
            heard["true"]["peak_deviation_hz"], abs=2_000.0
        )
        assert heard["loudness_lufs"] == pytest.approx(heard["true"]["loudness_lufs"], abs=0.6)
    assert good["noticed"] == []
    assert [notice["kind"] for notice in strong["noticed"]] == ["over_deviation"]
    assert strange["noticed"] == [{"kind": "stranger", "start_s": 5, "end_s": 10}]
    for heard in (good, strong, strange):
        programme = heard["programme"]
        assert programme["reference"] == "bulletin"
        assert abs(programme["delay_ms"]) < 1.0
        assert programme["u"]["delay_ms"] < 1.0
    assert good["programme"]["completeness_percent"] > 80.0
    assert good["programme"]["alarms"] == strong["programme"]["alarms"] == []
    [alarm] = strange["programme"]["alarms"]
    assert alarm["finding"] == "stranger_on_idle_channel"
    assert 5 < alarm["told_s"] <= 10
    [joined] = [line for line in lines if "relay" in line]
    assert joined["holds"]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "loa relay" in page
    assert "Nhị Long" in page
    assert 'id="picture-band"' in page

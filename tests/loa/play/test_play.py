"""`loa play` from schedule and folder to packets, by a clock of the test's own."""

import hashlib
import json
import os
import socket
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from loa.cli import run
from loa.play.pipe_relay import PipeRelay
from loa.play.program import BLOCK_S, Playout
from tests.transmit.bulletin.made import KEY, bulletin, trusted
from transmit.bulletin.content import Audio
from transmit.bulletin.signing import sign

BEGIN = datetime(2026, 11, 23, 21, 59, 59, tzinfo=UTC)  # 04:59:59 in Vietnam


class HandClock:
    """Stands until it is moved; the wall may be moved alone."""

    def __init__(self, begin=BEGIN):
        self.begin, self.passed_s, self.wrong = begin, 0.0, timedelta(0)

    def now_utc(self):
        return self.begin + timedelta(seconds=self.passed_s) + self.wrong

    def monotonic_s(self):
        return 1_000.0 + self.passed_s


def wav(path, seconds, value=0.3):
    soundfile.write(path, np.full(round(seconds * 48_000), value), 48_000, subtype="PCM_16")
    return path


class Site:
    """A folder with a schedule and a listener."""

    def __init__(self, root):
        self.root = root
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        (root / "inbox").mkdir()
        key = trusted()
        (root / "KEYRING.toml").write_text(
            f'[[key]]\npublic = "{key.public}"\nissuer = "{key.issuer}"\nholder = "desk-1"\n'
            'tiers = ["province"]\ncommunes = ["*"]\nzones = ["*"]\n'
            'priorities = ["normal", "priority", "emergency"]\n'
        )
        wav(root / "a.wav", 1.0)
        self.write()

    def write(self, more="", head=""):
        port = self.socket.getsockname()[1]
        (self.root / "SCHEDULE.toml").write_text(
            f'{head}commune = "tri-ton"\nkeyring = "KEYRING.toml"\ninbox = "inbox"\n'
            f'state = "state"\n[[zone]]\nid = "tri-ton.1"\nrtp = ["127.0.0.1:{port}"]\n'
            f'codec = "l16"\n[[item]]\nid = "a"\naudio = "a.wav"\nwhen = "daily"\nat = "05:00"\n'
            + more
        )

    def play(self, clock):
        return Playout(self.root / "SCHEDULE.toml", clock)

    def drop(self, **said):
        recording = wav(self.root / "made.wav", 0.5, -0.3).read_bytes()
        digest = hashlib.sha256(recording).hexdigest()
        (self.root / "inbox" / digest).write_bytes(recording)
        usual = {
            "audio": (Audio(digest, len(recording), "vi"),),
            "not_before": "2026-11-23T05:00:00Z",
            "expires": "2026-11-24T12:00:00Z",
        }
        content = sign(bulletin(**(usual | said)), KEY).to_bytes()
        (self.root / "inbox" / "x.bulletin.json").write_bytes(content)

    def sound(self):
        """What the packets of L16 that have come hold."""
        packets = []
        while True:
            try:
                packets.append(self.socket.recv(2_000))
            except BlockingIOError:
                break
        data = b"".join(packet[12:] for packet in packets)
        return np.frombuffer(data, ">i2").astype(np.float32) / 32_768


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.socket.close()


def steps(playout, clock, seconds):
    records = []
    for _ in range(round(seconds / BLOCK_S)):
        records += playout.step()
        clock.passed_s += BLOCK_S
    return records


def events(records):
    return [(one["event"], one.get("name"), one.get("outcome")) for one in records]


def test_an_item_is_heard_at_its_time(site):
    clock = HandClock()
    with site.play(clock) as playout:
        records = steps(playout, clock, 2.5)
    assert events(records) == [("began", "a", None), ("ended", "a", "played")]
    assert records[0]["time"] == "2026-11-23T22:00:00.000Z"
    sound = site.sound()
    assert len(sound) == 2.5 * 48_000
    heard = np.flatnonzero(sound > 0.15)
    assert heard[0] == pytest.approx(48_000 + 2_400, abs=10)  # half a fade of 100 ms
    assert len(heard) == pytest.approx(48_000 - 2_400, abs=30)


def test_an_emergency_out_of_the_folder_breaks_in_and_the_item_goes_on(site):
    clock = HandClock()
    with site.play(clock) as playout:
        records = steps(playout, clock, 1.2)
        site.drop()
        playout.intake.look()
        records += steps(playout, clock, 3.0)
    assert events(records) == [
        ("began", "a", None),
        ("accepted", "province.vinh-long/vinh-long-2026-000123", None),
        ("interrupted", "a", None),
        ("began", "province.vinh-long/vinh-long-2026-000123", None),
        ("ended", "province.vinh-long/vinh-long-2026-000123", "played"),
        ("resumed", "a", None),
        ("ended", "a", "played"),
    ]
    assert records[3]["time"] == "2026-11-23T22:00:00.400Z"  # 0.2 s after it came
    sound = site.sound()
    # Of 0.4 + 0.6 s of the item and 0.5 s of the emergency fades of 100 ms take their part: up from
    # nothing half of one, from 0.3 to −0.3 a quarter of it is still the item.
    assert np.sum(sound > 0.15) == pytest.approx((0.4 - 0.05 + 0.025 + 0.6 - 0.05) * 48_000, abs=50)
    assert np.sum(sound < -0.15) == pytest.approx((0.5 - 0.075) * 48_000, abs=50)


def test_after_a_kill_it_is_where_the_clock_says(site):
    clock = HandClock()
    playout = site.play(clock)
    steps(playout, clock, 1.2)
    site.drop()
    playout.intake.look()
    steps(playout, clock, 0.3)
    playout.close()  # nothing is written at the end: a kill leaves the same files
    site.sound()
    clock.passed_s += 0.3
    with site.play(clock) as again:
        records = steps(again, clock, 2.0)
    names = events(records)
    assert names[0] == ("began", "province.vinh-long/vinh-long-2026-000123", None)
    assert names[-1] == ("ended", "a", "partial")
    # The emergency lasts from 1.4 to 1.9, the item, of which 0.4 s were heard, to 2.5.
    assert records[-1]["time"] == "2026-11-23T22:00:01.500Z"
    assert np.sum(site.sound() > 0.15) == pytest.approx(0.55 * 48_000, abs=50)


def test_a_replay_after_a_restart_is_refused(site):
    clock = HandClock()
    with site.play(clock) as playout:
        site.drop()
        playout.intake.look()
        steps(playout, clock, 0.1)
    with site.play(clock) as playout:
        site.drop()
        playout.intake.look()
        (record,) = [one for one in steps(playout, clock, 0.1) if one["event"] == "refused"]
    assert record["kind"] == "bulletin.replay"
    assert list((site.root / "inbox" / "refused").glob("*.reason"))


def test_a_step_of_the_clock_is_followed_when_it_lasts_and_no_packet_is_missing(site):
    clock = HandClock()
    with site.play(clock) as playout:
        clock.wrong = timedelta(hours=-1)
        assert steps(playout, clock, 0.4) == []
        clock.wrong = timedelta(hours=1)
        steps(playout, clock, 0.02)
        clock.passed_s += 61
        after = steps(playout, clock, 0.18)
    assert events(after) == [("ended", "a", "missed")]
    assert abs(playout.now_ms / 1000 - clock.now_utc().timestamp()) < 0.1
    assert len(site.sound()) == pytest.approx(0.6 * 48_000, abs=1)


def test_what_plays_now_is_not_begun_again_by_a_restart(site):
    site.write('[[item]]\nid = "b"\naudio = "a.wav"\nwhen = "now"\n')
    clock = HandClock(BEGIN - timedelta(hours=1))
    with site.play(clock) as playout:
        assert events(steps(playout, clock, 0.5))[0] == ("began", "b", None)
    clock.passed_s += 10
    with site.play(clock) as playout:
        assert steps(playout, clock, 0.5) == []


def test_a_pipe_is_played_and_its_end_is_covered(site, tmp_path):
    path = tmp_path / "live.pipe"
    os.mkfifo(path)
    relay = PipeRelay(path)
    writer = os.open(path, os.O_WRONLY)
    assert not relay.is_ready
    os.write(writer, np.full(10_001, 8_192, "<i2").tobytes()[:-1])
    assert relay.is_ready
    assert np.allclose(relay.read(10_000), 0.25)
    os.close(writer)
    assert len(relay.read(10)) == 0
    assert not relay.is_ready
    relay.close()


def test_a_memory_that_was_put_back_stops_the_start(site, capsys):
    clock = HandClock()
    with site.play(clock) as playout:
        site.drop()
        playout.intake.look()
    (site.root / "state" / "seen.json").unlink()
    assert run(["play", str(site.root / "SCHEDULE.toml"), "--seconds", "0.1"]) == 4
    assert capsys.readouterr().err.startswith("loa: anti_replay.state: ")


def test_the_command_plays_tells_clashes_and_says_goodbye(site, capsys):
    site.write('[[item]]\nid = "b"\naudio = "a.wav"\nwhen = "daily"\nat = "05:00"\n')
    assert run(["play", str(site.root / "SCHEDULE.toml"), "--seconds", "0.1", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    clashes = [one for one in lines if one["event"] == "clash"]
    assert len(clashes) == 7
    assert clashes[0]["resolved"] == "undecided"
    assert {one["schema"] for one in lines} == {"loa.status/1"}
    assert len(site.sound()) == 0.1 * 48_000


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("ceiling_dbfs = 3\n", "ceiling_dbfs: within -30 … 0, got 3.0"),
        ('time_zone = "Mars"\n', "time_zone"),
        ('chime = "none.wav"\n', "none.wav"),
        ("x\n", "schedule.toml"),
    ],
)
def test_a_bad_schedule_is_one_line(site, capsys, head, words):
    site.write(head=head)
    assert run(["play", str(site.root / "SCHEDULE.toml"), "--seconds", "0.1"]) in (2, 4)
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1

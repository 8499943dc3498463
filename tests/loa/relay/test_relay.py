"""The relay whole: real sockets, real receivers, its time given by the test.

What an IP horn plays and what an FM horn plays of the same programme is set side by side: equally
loud, at the same moment, whatever the paths between.
"""

import base64
import itertools
import json
import os
import signal
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from dsp.align.delay import measure_delay
from dsp.fm.profiles import PROFILES
from dsp.measure.loudness_meter import LoudnessMeter
from ingest.iq.multiplex_source import MultiplexFile
from ingest.receiver.multiplex_receiver import MultiplexReceiver
from ingest.receiver.stations import Station, StationList
from loa import cli
from loa.device.described import session_of
from loa.device.live import LiveSource
from loa.relay.blocks import BLOCK_S, BLOCK_SAMPLES
from loa.relay.loop import Relay
from loa.relay.settings import parse_relay
from loa.relay.status_line import record_of

RATE = 48_000
BEGUN_S = 1_780_000_000.0
BULLETIN = Path(__file__).parents[3] / "examples" / "bulletin-vi.flac"
PORTS = itertools.count(31_000 + 200 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 2)


class Given:
    """A clock that the test moves."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic_s(self):
        return self.now_s

    def now_utc(self):
        return datetime.fromtimestamp(BEGUN_S + self.now_s, UTC)


def free_port():
    while True:
        port = next(PORTS)
        try:
            for one in (port, port + 1):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("127.0.0.1", one))
        except OSError:
            continue
        return port


@pytest.fixture(scope="module")
def bulletin():
    sound, rate_hz = soundfile.read(BULLETIN, dtype="float32")
    return soxr.resample(sound, rate_hz, RATE)[: 26 * RATE].astype(np.float32)


def laid_out(place, bulletin):
    """Lay bulletin, SRTP key and codes into a folder."""
    soundfile.write(place / "bulletin.wav", bulletin, RATE, subtype="FLOAT")
    key = place / "key"
    key.touch(mode=0o600)
    key.write_text(base64.b64encode(bytes(range(30))).decode())
    (place / "codes.toml").write_text(
        '[station]\nid = "tri-ton"\nfrequency_hz = 60.4e6\npi = "7001"\n'
        '[[code]]\nname = "open"\ndtmf = "15#"\n[[code]]\nname = "close"\ndtmf = "10*"\n'
    )
    return place


@pytest.fixture
def folder(tmp_path, bulletin):
    return laid_out(tmp_path, bulletin)


def run(relay, clock, blocks, horn=None, *, takes_in=True, before=None):
    """Run so many blocks; return what the IP horn plays, block by block as it is heard."""
    heard = []
    for _ in range(blocks):
        due_s = clock.now_s
        if before is not None:
            before()
        relay.step(due_s, takes_in=takes_in)
        if horn is not None:
            horn.receive(BEGUN_S + due_s)
            heard.append(horn.render(BLOCK_SAMPLES, BEGUN_S + due_s))
        clock.now_s += BLOCK_S
    return np.concatenate(heard) if heard else None


class Ear:
    """The sink of an FM receiver."""

    wants_audio, wants_composite = True, False

    def __init__(self):
        self.pieces = []

    def audio(self, index, frames):
        assert index == sum(len(piece) for piece in self.pieces)
        self.pieces.append(frames.mean(axis=1))


def received(path):
    """Return mono as an FM horn has it, and the records of the receiver."""
    station = Station(id="x", carrier="wired")
    ear = Ear()
    receiver = MultiplexReceiver(StationList((station,), dict(PROFILES)), station, sink=ear)
    source = MultiplexFile(path, Given())
    records = [record for block in source.blocks() for record in receiver.process(block)]
    records += receiver.finish()
    return np.concatenate(ear.pieces), records


def loudness(sound):
    meter = LoudnessMeter(RATE, 1)
    meter.process(np.ascontiguousarray(sound[:, None]))
    return meter.result().integrated_lufs


def opened(folder, text):
    clock = Given()
    return Relay(parse_relay(text.encode()), folder, clock), clock


@dataclass(frozen=True)
class Horns:
    """What the horns said of 25 s, what the FM receiver told, and the relay's own record."""

    sounds: dict
    received: list
    record: dict


@pytest.fixture(scope="module")
def horns(tmp_path_factory, bulletin):
    folder, port = laid_out(tmp_path_factory.mktemp("horns"), bulletin), free_port()
    relay, clock = opened(
        folder,
        f"""
id = "tri-ton"
through_ms = 1200
[[input]]
source = "file:bulletin.wav"
[[rtp]]
to = ["127.0.0.1:{port}"]
heard_after_ms = 300
srtp_key_file = "key"
sdp = "relay.sdp"
[[fm]]
to = "mpx.wav"
pi = "7001"
heard_after_ms = 0
[[line]]
to = "file:line.wav"
""",
    )
    with relay:
        session = session_of("sdp:relay.sdp", folder, plain_rtp=False)
        with LiveSource("ip", session, 0.3, clock) as horn:
            ip = run(relay, clock, 25 * 50, horn)
            for name, (path, pair) in relay.pairs().items():
                relay.late[name] = path.ear.late(pair)
            record = record_of(relay, clock)
            more = run(relay, clock, relay.end_programme() + 60, horn, takes_in=False)
        relay.finish()
    fm, records = received(folder / "mpx.wav")
    wired, _ = soundfile.read(folder / "line.wav", dtype="float32")
    return Horns({"ip": np.concatenate([ip, more]), "fm": fm, "wired": wired}, records, record)


def test_all_horns_speak_as_late_as_asked_for(horns, bulletin):
    programme = bulletin[: 25 * RATE]
    for sound in horns.sounds.values():
        late = measure_delay(programme, np.ascontiguousarray(sound[: 25 * RATE]), RATE)
        assert late.invalid is None
        assert late.value == pytest.approx(1.2, abs=0.001 + late.u)


def test_fm_and_ip_horns_speak_at_the_same_moment(horns):
    first, last = 2 * RATE, 22 * RATE
    ip, fm = (np.ascontiguousarray(horns.sounds[name][first:last]) for name in ("ip", "fm"))
    apart = measure_delay(ip, fm, RATE)
    assert apart.invalid is None
    assert abs(apart.value) <= 0.001
    assert abs(apart.value) + apart.u <= 0.005


def test_all_horns_are_equally_loud_after_decoding_and_demodulation(horns):
    said = {name: loudness(sound) for name, sound in horns.sounds.items()}
    assert np.ptp(list(said.values())) <= 0.3  # 0.5 is asked for
    assert said["fm"] == pytest.approx(-16.0, abs=1.5)


def test_the_relay_says_of_itself_what_the_receivers_say(horns):
    outputs = {output["kind"]: output for output in horns.record["outputs"]}
    for kind, name in (("rtp", "ip"), ("fm", "fm")):
        said = loudness(horns.sounds[name])
        assert outputs[kind]["loudness_lufs"] == pytest.approx(said, abs=0.3)
    for output in outputs.values():
        assert output["through_ms"] == pytest.approx(1200.0, abs=1.0)
        assert 0.0 < output["u"]["through_ms"] < 2.0
    assert horns.record["apart_ms"] < 1.0
    assert horns.record["difference_lu"] <= 0.5
    assert horns.record["state"] == "relaying"
    assert horns.record["source"] == "file:bulletin.wav"


def test_the_multiplex_keeps_to_the_rated_deviation(horns):
    assert max(r["peak_deviation_hz"] for r in horns.received) < 75_100.0
    assert {r["pi"] for r in horns.received[2:-2]} == {"7001"}


CODED = """
id = "tri-ton"
through_ms = 1500
[[input]]
source = "file:bulletin.wav"
[[fm]]
to = "mpx.wav"
pi = "7001"
station = "tri-ton"
frequency_hz = 60.4e6
codes = "codes.toml"
code_before = ["open"]
code_after = ["close"]
"""


def test_clusters_are_opened_before_the_first_word_and_closed_after_the_last(folder, bulletin):
    soundfile.write(folder / "bulletin.wav", bulletin[: 6 * RATE], RATE)
    relay, clock = opened(folder, CODED)
    with relay:
        run(relay, clock, 6 * 50)
        assert relay.has_ended
        # Receivers tell of whole seconds: one more, so that the last digit lies in one.
        run(relay, clock, relay.end_programme() + 50, takes_in=False)
        relay.finish()
    fm, records = received(folder / "mpx.wav")
    digits = [(r["second"], r["dtmf"]) for r in records if r["dtmf"]]
    assert "".join(found for _, found in digits) == "15#10*"
    late = measure_delay(bulletin[: 6 * RATE], np.ascontiguousarray(fm), RATE)
    assert late.value == pytest.approx(1.5, abs=0.002)
    # 0.6 s of digits and 0.2 s of pause end where the programme begins, 1.5 s in.
    loud = np.abs(fm[: int(1.5 * RATE)]) > 0.05
    assert np.flatnonzero(loud)[0] / RATE == pytest.approx(1.5 - 0.8, abs=0.06)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("through_ms = 1500", "through_ms = 600", "through_ms: 8"),
        ('station = "tri-ton"', 'station = "tan-binh"', "codes.other_station"),
        ("frequency_hz = 60.4e6", "frequency_hz = 61e6", "codes.other_station"),
        ('pi = "7001"', 'pi = "7002"', "codes.other_station"),
        ('codes = "codes.toml"\n', "", "codes.none"),
        ('["open"]', '["everything"]', "codes.unknown"),
        ('pi = "7001"', 'pi = "7001"\nprofile = "ip"', "a profile for a transmitter"),
        ('pi = "7001"', 'pi = "7001"\nrules = "75k75us"', "a transmitter of 75"),
        ('pi = "7001"', 'pi = "7001"\npilot_khz = 49', "multiplex.settings"),
    ],
)
def test_codes_and_settings_of_another_station_are_refused(folder, old, new, said, capfd):
    (folder / "relay.toml").write_text(CODED.replace(old, new))
    before = set(folder.iterdir())
    assert cli.run(["relay", str(folder / "relay.toml")]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert set(folder.iterdir()) == before


def test_the_command_relays_and_ends_with_the_file(folder, bulletin, capfd):
    soundfile.write(folder / "bulletin.wav", bulletin[: RATE // 2], RATE)
    words = [str(folder / "bulletin.wav"), "--to", f"fm:{folder / 'mpx.wav'}", "--json"]
    assert cli.run(["relay", *words, "--through-ms", "100"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines[-1]["summary"] is True
    assert {line["schema"] for line in lines} == {"loa.relay/1"}
    assert soundfile.info(folder / "mpx.wav").samplerate == 192_000


def test_ctrl_c_closes_clusters_and_completes_files(folder, capfd):
    """The signal comes at the first block: what is on its way goes out, then the file is whole."""
    (folder / "relay.toml").write_text(CODED)

    class Interrupting(Given):
        told = False

        def monotonic_s(self):
            # Every look takes a block: nobody waits.
            self.now_s += BLOCK_S
            if self.now_s > 1.0 and not self.told:
                self.told = True
                os.kill(os.getpid(), signal.SIGINT)
            return self.now_s

    from loa.relay.program import run_relay  # noqa: PLC0415

    assert run_relay(folder / "relay.toml", clock=Interrupting(), as_json=True) == 0
    summary = json.loads(capfd.readouterr().out.splitlines()[-1])
    output = summary["outputs"][0]
    assert (output["codes_opened"], output["codes_closed"]) == (1, 1)
    assert output["clusters"] == "closed"
    assert soundfile.info(folder / "mpx.wav").frames > 1.5 * 192_000


def test_a_machine_that_stood_still_is_not_late_for_ever(folder, capfd):
    """After a second in which nothing ran all outputs go on from now, and say so."""

    class Stalling(Given):
        def monotonic_s(self):
            # Every look takes a millisecond; at one of them the machine stands for a second.
            self.now_s += 1.0 if 0.5 <= self.now_s < 0.501 else 0.001
            return self.now_s

    from loa.relay.program import run_relay  # noqa: PLC0415

    (folder / "relay.toml").write_text(
        'id = "a"\nthrough_ms = 100\n[[input]]\nsource = "file:bulletin.wav"\n'
        '[[line]]\nto = "null"\n'
    )
    path = folder / "relay.toml"
    assert run_relay(path, seconds=0.6, clock=Stalling(), as_json=True) == 0
    summary = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert summary["stalls"] == 1
    # The first sample of the stream, as it goes on now, would have been a second later.
    assert summary["begun_unix_s"] - BEGUN_S == pytest.approx(1.0, abs=0.05)

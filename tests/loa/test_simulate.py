"""`loa simulate`: the command, its files, its server, and what it refuses, leaving no trace."""

import hashlib
import itertools
import json
import resource
import signal
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import sigmf

from ingest.iq.open_source import SourceOptions, open_source
from ingest.scene.scene import load_scene
from loa import cli
from loa.air import simulating
from loa.air.simulating import SimulateRequest, run_simulation
from loa.real_time import RealTime

RATE = 960_000
SCENE = """
[capture]
centre_hz = 98e6
rate_hz = 960_000
seconds = {seconds}
start_utc = 2026-05-16T22:00:00Z
[dongle]
noise_dbfs = -45
[[station]]
id = "A"
frequency_hz = 97.8e6
level_dbfs = -12
profile = "75k50us"
tone_hz = 1000
stereo = true
rds_hz = 2000
[[station.fault]]
kind = "off_air"
start_s = 0.25
"""
EXAMPLES = Path(__file__).parents[2] / "examples" / "scenes"


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.toml"
    path.write_text(SCENE.format(seconds=1.0))
    return path


def run(capsys, *arguments):
    code = cli.run(["simulate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines()], said.err


@pytest.mark.parametrize("suffix", ["cu8", "cs8", "cs16", "cf32", "wav"])
def test_a_band_in_every_form_with_its_truth(scene, tmp_path, capsys, suffix):
    output, truth = tmp_path / f"band.{suffix}", tmp_path / "truth.json"
    code, (summary,), err = run(capsys, scene, "-o", output, "--truth", truth, "--json")
    assert code == 0
    assert err == ""
    assert summary["schema"] == "loa.simulate/1"
    assert (summary["samples"], summary["seconds"]) == (RATE, 1.0)
    assert summary["stations"] == ["A"]
    assert summary["scene_sha256"] == hashlib.sha256(scene.read_bytes()).hexdigest()
    if suffix != "wav":
        assert summary["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    table = json.loads(truth.read_text(encoding="utf-8"))
    assert table["schema"] == "loa.truth/1"
    assert table["scene_sha256"] == summary["scene_sha256"]
    assert table["stations"]["A"][0]["fault"] == "off_air"
    assert sorted(p.name for p in tmp_path.iterdir()) == [output.name, "scene.toml", "truth.json"]
    # The reader of recordings, which is nobody's twin here, finds the carrier in it.
    options = SourceOptions(rate_hz=RATE, centre_hz=98e6)
    source = open_source(str(output), options)
    blocks = [(b.samples.copy(), source.full_scale) for b in source.blocks()]
    source.close()
    numbers = np.concatenate([samples for samples, _ in blocks])
    if numbers.dtype == np.uint8:
        numbers = ((numbers.astype(np.float32) - 127.5) / 127.5).view(np.complex64)
    early = numbers[10_000 : RATE // 5] / (1.0 if suffix == "cu8" else source.full_scale)
    power = np.abs(np.fft.fft(early)) ** 2
    hertz = np.fft.fftfreq(len(early), 1 / RATE)
    assert np.sum(power * hertz) / np.sum(power) == pytest.approx(-200e3, abs=3e3)
    assert 10 * np.log10(np.mean(np.abs(early) ** 2)) == pytest.approx(-12.0, abs=0.1)


def test_sigmf_with_picture(scene, tmp_path, capsys):
    output, picture = tmp_path / "band.sigmf", tmp_path / "band.png"
    code, (summary,), _ = run(capsys, scene, "-o", output, "--plot", picture, "--json")
    assert code == 0
    assert summary["output"] == [str(tmp_path / f"band.sigmf-{end}") for end in ("data", "meta")]
    recording = sigmf.fromfile(output)
    assert recording.sample_rate == RATE
    assert recording.get_captures()[0]["core:datetime"] == "2026-05-16T22:00:00.000000Z"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_for_a_person_it_says_one_line(scene, tmp_path, capsys):
    code, out, err = run(capsys, scene, "-o", tmp_path / "band.cu8")
    assert (code, out) == (0, [])
    assert err.count("\n") == 1
    assert "1 s of 1 stations around 98 MHz" in err


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ([], "usage"),
        (["-o", "x.cu8", "--rtl-tcp", "127.0.0.1:0"], "usage"),
        (["--rtl-tcp", "nonsense"], "usage"),
        (["--rtl-tcp", "127.0.0.1:99999"], "usage"),
        (["--rtl-tcp", "127.0.0.1:0", "--truth", "t.json"], "usage"),
        (["-o", "x.mp3"], "output.format"),
        (["-o", "none/x.cu8"], "output.folder"),
        (["-o", "x.cu8", "--truth", "x.cu8"], "output.twice"),
        (["-o", "x.cu8", "--plot", "none/x.png"], "output.folder"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else v,
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(
    scene, capsys, monkeypatch, arguments, kind
):
    monkeypatch.chdir(scene.parent)
    code, (error,), err = run(capsys, scene, *arguments, "--json")
    assert code == (4 if kind == "output.folder" else 2)
    assert error["kind"] == kind
    assert err.count("\n") == 1
    assert [p.name for p in scene.parent.iterdir()] == ["scene.toml"]


def test_a_scene_that_cannot_be_writes_nothing(tmp_path, capsys):
    path = tmp_path / "scene.toml"
    path.write_text(SCENE.format(seconds=1.0).replace("97.8e6", "99.8e6"))
    code, (error,), err = run(capsys, path, "-o", tmp_path / "band.cu8", "--json")
    assert code == 2
    assert error["kind"] == "scene.value"
    assert "frequency_hz" in error["expected"]
    assert "97650000 … 98350000" in error["expected"]
    assert "99800000" in error["got"]
    assert err.startswith("loa: scene.value: expected station 'A'.frequency_hz")
    assert [p.name for p in tmp_path.iterdir()] == ["scene.toml"]


def test_a_full_disk_leaves_neither_band_nor_truth(scene, tmp_path, capsys):
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, old[1]))
        code, (error,), _ = run(
            capsys, scene, "-o", tmp_path / "x.cu8", "--truth", tmp_path / "t.json", "--json"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, kept)
    assert (code, error["kind"]) == (4, "output.disk_full")
    assert [p.name for p in tmp_path.iterdir()] == ["scene.toml"]


class Hasty:
    """A clock on which a hundredth of a second passes whenever somebody looks."""

    def __init__(self):
        self.ticks = itertools.count()

    def now_utc(self):
        raise AssertionError("nobody asks for the time of day here")

    def monotonic_s(self):
        return next(self.ticks) * 0.01


def test_over_rtl_tcp_the_band_has_the_same_bytes(scene, tmp_path, capsys, monkeypatch):
    assert run(capsys, scene, "-o", tmp_path / "band.cu8")[0] == 0
    ready = tmp_path / "ready.json"
    heard = {}

    def listen():
        address = json.loads(ready.read_text())
        source = open_source(
            f"tcp://{address['host']}:{address['port']}",
            SourceOptions(rate_hz=RATE, centre_hz=98e6, patience_s=0.0),
        )
        heard["rate_hz"] = source.rate_hz
        heard["samples"] = []
        try:
            for block in source.blocks():
                heard["samples"].append(block.samples.copy())
                if sum(map(len, heard["samples"])) >= 2 * RATE:
                    break
        finally:
            source.close()

    client = threading.Thread(target=listen, daemon=True)
    written = simulating._write_ready

    def write_and_listen(path, address):
        written(path, address)
        client.start()

    monkeypatch.setattr(simulating, "_write_ready", write_and_listen)
    request = SimulateRequest(scene, rtl_tcp="127.0.0.1:0", ready_file=ready)
    assert run_simulation(request, as_json=True, clock=Hasty()) == 0
    client.join(20)
    assert not client.is_alive()
    summary = json.loads(capsys.readouterr().out)
    assert summary["clients"] == 1
    assert summary["samples"] == RATE
    assert summary["samples_dropped"] == 0
    assert summary["commands"] >= 2  # frequency and rate at least
    wanted = np.fromfile(tmp_path / "band.cu8", np.uint8)
    np.testing.assert_array_equal(np.concatenate(heard["samples"]), wanted)


def test_a_port_that_is_taken(scene, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, (error,), _ = run(capsys, scene, "--rtl-tcp", address, "--json")
    assert (code, error["kind"]) == (4, "network.listen")


def test_real_time_waits_by_the_clock_and_can_be_stopped():
    clock = Hasty()
    pacer = RealTime(clock)
    assert pacer.wait_until(0.05)  # the first block is due when it comes
    before = next(clock.ticks)
    pacer._stopped.wait = lambda _: next(clock.ticks) < 0
    assert pacer.wait_until(0.55)
    assert next(clock.ticks) - before >= 25  # half a second in hundredths, two looks a round
    pacer.stop()
    assert not pacer.wait_until(100.0)


@pytest.mark.parametrize("name", ["healthy", "three-communes"])
def test_the_examples_are_scenes_that_render(name, tmp_path, capsys):
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    bulletin = (EXAMPLES.parent / "bulletin-vi.flac").as_posix()
    short = text.replace("../bulletin-vi.flac", bulletin)
    # As they stand they are parsed; rendered is a shorter one without its later events.
    assert load_scene(EXAMPLES / f"{name}.toml").capture.seconds >= 20
    if name == "healthy":
        short = short.replace("seconds = 20", "seconds = 1")
        path = tmp_path / "short.toml"
        path.write_text(short, encoding="utf-8")
        code, (summary,), _ = run(capsys, path, "-o", tmp_path / "x.cu8", "--json")
        assert (code, summary["samples"]) == (0, 2_400_000)


def served(capsys, request, monkeypatch):
    """Serve `request` to one client that reads everything; return its bytes and the summary."""
    heard = []
    listeners = []

    def listen(address):
        with socket.create_connection(tuple(address), timeout=20) as client:
            while data := client.recv(1 << 16):
                heard.append(data)

    def start(_path, address):
        listeners.append(threading.Thread(target=listen, args=(address,), daemon=True))
        listeners[0].start()

    monkeypatch.setattr(simulating, "_write_ready", start)
    # By the real clock: a hasty one has no patience with a reader that is slow to begin.
    assert run_simulation(request, as_json=True) == 0
    listeners[0].join(20)
    assert not listeners[0].is_alive()
    return b"".join(heard)[12:], json.loads(capsys.readouterr().out)


def test_a_recording_is_served_as_well(tmp_path, capsys, monkeypatch):
    codes = np.random.default_rng(1).integers(0, 256, 2 * 96_000, dtype=np.uint8)
    codes.tofile(tmp_path / "old.cu8")
    request = SimulateRequest(
        tmp_path / "old.cu8",
        rtl_tcp="127.0.0.1:0",
        ready_file=Path("ready"),
        rate_hz=RATE,
        centre_hz=98e6,
    )
    got, summary = served(capsys, request, monkeypatch)
    assert got == codes.tobytes()
    assert (summary["samples"], summary["rate_hz"]) == (96_000, RATE)
    assert summary["samples_dropped"] == 0


def test_a_recording_is_not_rendered_to_a_file(tmp_path, capsys):
    np.zeros(2_000, np.uint8).tofile(tmp_path / "old.cu8")
    code, (error,), _ = run(capsys, tmp_path / "old.cu8", "-o", tmp_path / "new.cu8", "--json")
    assert (code, error["kind"]) == (2, "usage")

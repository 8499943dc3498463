"""The main job whole: every codec, every target, odd and hostile input, all or nothing."""

import errno
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa import bulletin as bulletins
from loa import cli
from loa.bulletin import MasterRequest, master_bulletin
from transmit.profile import load_profile

RATE_HZ = 24_000
EXTENSIONS = ("mp3", "m4a", "aac", "opus", "flac", "wav", "g722", "ulaw", "alaw")
EXAMPLE = Path(__file__).parents[2] / "examples" / "bulletin-vi.flac"


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as resident:
        yield resident


@pytest.fixture(scope="module")
def speech():
    """Ten seconds of the example, from its loud half into its quiet one."""
    samples, rate_hz = sf.read(EXAMPLE, dtype="float32")
    assert rate_hz == RATE_HZ
    return samples[28 * RATE_HZ : 38 * RATE_HZ, None]


@pytest.fixture(scope="module")
def recording(tmp_path_factory, speech):
    path = tmp_path_factory.mktemp("bulletin") / "recording.wav"
    sf.write(path, speech, RATE_HZ, subtype="PCM_16")
    return path


def run(decoder, source, folder, target, extensions):
    outputs = tuple(folder / f"{target}.{extension}" for extension in extensions)
    return master_bulletin(MasterRequest(source, outputs, load_profile(target)), decoder=decoder)


@pytest.fixture(scope="module")
def all_of_ip(decoder, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ip")
    return run(decoder, recording, folder, "ip", EXTENSIONS)


def test_every_rendition_holds_its_ceiling_after_decoding(all_of_ip):
    for rendition in all_of_ip.renditions:
        assert rendition.holds
        assert rendition.proof.figures.true_peak_dbtp <= -2.0


def test_every_rendition_has_its_loudness_or_says_why_not(all_of_ip):
    for rendition in all_of_ip.renditions:
        off_lu = rendition.proof.figures.integrated_lufs + 16.0
        assert abs(off_lu) <= 0.1 or rendition.limited_by is not None
        assert off_lu <= 0.1


def test_every_rendition_is_as_long_as_the_recording(all_of_ip):
    for rendition in all_of_ip.renditions:
        late_s = rendition.encoded.delay_samples / rendition.encoded.setting.sample_rate_hz
        # ADTS frames cannot be cut: priming in front, the last frame filled up (1024 each).
        spare_s = 2 * 1024 / 24_000 if rendition.output.suffix == ".aac" else 0.0
        assert 10.0 - 1e-9 <= rendition.proof.figures.duration_s <= 10.0 + late_s + spare_s + 1e-3


def test_the_manifest_is_the_contract_and_can_be_sent(all_of_ip):
    for rendition in all_of_ip.renditions:
        manifest = json.loads(json.dumps(rendition.as_dict(), allow_nan=False))
        keys = "output target codec sha256 bit_rate_bps duration_s before after trim_db limited_by"
        assert set(keys.split()) <= set(manifest)
        digest = hashlib.sha256(rendition.output.read_bytes()).hexdigest()
        assert manifest["sha256"] == digest
        assert manifest["profile"]["sha256"] == load_profile("ip").digest
        assert manifest["before"]["integrated_lufs"] < manifest["after"]["integrated_lufs"]


def test_the_same_input_gives_the_same_bytes(all_of_ip, decoder, recording, tmp_path):
    again = run(decoder, recording, tmp_path, "ip", EXTENSIONS)
    for first, second in zip(all_of_ip.renditions, again.renditions, strict=True):
        assert first.encoded.sha256 == second.encoded.sha256, first.output.name


def test_a_rendition_does_not_depend_on_those_beside_it(all_of_ip, decoder, recording, tmp_path):
    alone = run(decoder, recording, tmp_path, "ip", ["wav"]).renditions[0]
    beside = next(r for r in all_of_ip.renditions if r.output.suffix == ".wav")
    assert alone.encoded.sha256 == beside.encoded.sha256


@pytest.mark.parametrize(("target", "loudest_db"), [("fm", 0.0), ("web", -1.0)])
def test_the_other_targets_hold_too(decoder, recording, tmp_path, target, loudest_db):
    report = run(decoder, recording, tmp_path, target, ["flac", "opus", "m4a", "mp3"])
    for rendition in report.renditions:
        assert rendition.holds
        assert rendition.proof.figures.true_peak_dbtp <= loudest_db
        if target == "fm":
            assert rendition.proof.deviation_peak_db <= 0.0


@pytest.mark.parametrize("target", ["ip", "fm", "web"])
def test_a_master_mastered_again_stays_as_loud(decoder, recording, tmp_path, target):
    first = run(decoder, recording, tmp_path, target, ["wav"]).renditions[0]
    again = tmp_path / "again"
    again.mkdir()
    second = run(decoder, first.output, again, target, ["wav"]).renditions[0]
    change = second.proof.figures.integrated_lufs - first.proof.figures.integrated_lufs
    assert abs(change) <= 0.2


@pytest.mark.parametrize("seconds", [0.5, 3.0, 10.0])
def test_a_short_clip_of_speech_has_its_loudness_at_once(decoder, tmp_path, seconds):
    """Clips of the bulletin that take the limiter of `ip` hardest: 3.6 LU for the second one."""
    speech, rate_hz = sf.read(EXAMPLE, start=RATE_HZ, dtype="float32")
    clip = tmp_path / "clip.wav"
    sf.write(clip, speech[: round(seconds * rate_hz)], rate_hz)
    first = run(decoder, clip, tmp_path, "ip", ["wav"]).renditions[0]
    assert first.limited_by is None
    assert abs(first.proof.figures.integrated_lufs + 16.0) <= 0.1
    again = tmp_path / "again"
    again.mkdir()
    second = run(decoder, first.output, again, "ip", ["wav"]).renditions[0]
    assert abs(second.proof.figures.integrated_lufs + 16.0) <= 0.1


def square(seconds):
    return np.where(np.arange(int(seconds * RATE_HZ)) // 40 % 2, 1.0, -1.0)[:, None]


ODD = {
    "silence": np.zeros((RATE_HZ, 1)),
    "one sample": np.full((1, 1), 0.5),
    "DC": np.full((RATE_HZ, 1), 0.7),
    "full-scale square": square(2.0),
    "denormals": np.full((RATE_HZ, 1), 1e-40),
    "NaN and infinity": np.where(
        np.arange(RATE_HZ)[:, None] % 5_000 == 7, np.nan, 0.3 * square(1.0)
    ).clip(None, np.inf),
    "far over full scale": 30.0 * square(1.0),
    "stereo noise": np.random.default_rng(1).standard_normal((RATE_HZ, 2)) * 0.2,
    "5.1": np.random.default_rng(2).standard_normal((RATE_HZ, 6)) * 0.1,
}


@pytest.mark.parametrize("target", ["ip", "fm", "web"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_input_leaves_finite_output_below_the_ceiling(decoder, tmp_path, odd, target):
    source = tmp_path / "odd.wav"
    sf.write(source, ODD[odd].astype(np.float32), RATE_HZ, subtype="FLOAT")
    report = run(decoder, source, tmp_path, target, ["flac", "opus"])
    for rendition in report.renditions:
        assert rendition.holds
        samples, _ = sf.read(rendition.output)
        assert np.isfinite(samples).all()
        json.dumps(rendition.as_dict(), allow_nan=False)


def test_half_a_second_is_enough(decoder, speech, tmp_path):
    source = tmp_path / "short.wav"
    sf.write(source, speech[2 * RATE_HZ : 2 * RATE_HZ + RATE_HZ // 2], RATE_HZ, subtype="PCM_16")
    rendition = run(decoder, source, tmp_path, "web", ["wav"]).renditions[0]
    off_lu = rendition.proof.figures.integrated_lufs + 16.0
    assert abs(off_lu) <= 0.1 or rendition.limited_by is not None


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("outputs", "kind", "code"),
    [
        (["x.doc"], "output.extension", 2),
        (["x.wav", "y"], "output.extension", 2),
        (["x.wav", "x.wav"], "output.same", 2),
        (["recording.wav"], "output.same", 2),
        (["nowhere/x.wav", "x.mp3"], "output.folder", 4),
    ],
)
def test_a_wrong_output_is_refused_and_nothing_appears(
    recording, tmp_path, capsys, outputs, kind, code
):
    source = tmp_path / "recording.wav"
    source.write_bytes(recording.read_bytes())
    options = [word for name in outputs for word in ("-o", str(tmp_path / name))]
    assert cli.run(["master", str(source), *options]) == code
    said = capsys.readouterr().err
    assert said.startswith(f"loa: {kind}: expected ")
    assert said.count("\n") == 1
    assert files_in(tmp_path) == ["recording.wav"]
    assert source.read_bytes() == recording.read_bytes()


def test_a_cut_off_recording_is_refused_and_nothing_appears(recording, tmp_path, capsys):
    source = tmp_path / "cut.wav"
    source.write_bytes(recording.read_bytes()[:200_000])
    assert cli.run(["master", str(source), "-o", str(tmp_path / "x.mp3")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("loa: audio.truncated: expected ")
    assert files_in(tmp_path) == ["cut.wav"]


def test_a_disk_that_fills_while_encoding_leaves_what_was_there(
    recording, tmp_path, monkeypatch, capsys
):
    old = tmp_path / "x.wav"
    old.write_bytes(b"yesterday's bulletin")
    real = bulletins.encode

    def full(blocks, source, path, setting, **more):
        real(blocks, source, path, setting, **more)
        if setting.extension == ".mp3":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(bulletins, "encode", full)
    options = ["-o", str(old), "-o", str(tmp_path / "x.mp3")]
    assert cli.run(["master", str(recording), *options]) == 4
    assert "No space left on device" in capsys.readouterr().err
    assert files_in(tmp_path) == ["x.wav"]
    assert old.read_bytes() == b"yesterday's bulletin"


def test_peaks_that_no_trim_brings_down_are_refused(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(bulletins, "trim_change_db", lambda *_args, **_more: -0.5)
    request = MasterRequest(recording, (tmp_path / "x.wav",), load_profile("ip"))
    with pytest.raises(Refusal, match=r"rendition\.peaks"):
        master_bulletin(request)
    assert files_in(tmp_path) == []


def test_master_prints_a_manifest_a_line_and_draws_a_plot(recording, tmp_path, capsys):
    outputs = [tmp_path / "x.opus", tmp_path / "x.wav"]
    options = [word for path in outputs for word in ("-o", str(path))]
    plot = tmp_path / "gain.svg"
    assert cli.run(["master", str(recording), *options, "--json", "--plot", str(plot)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["schema"] for line in lines] == ["loa.master/1"] * 2
    assert [line["output"] for line in lines] == [str(path) for path in outputs]
    assert plot.read_text().startswith("<svg")
    assert files_in(tmp_path) == ["gain.svg", "x.opus", "x.wav"]

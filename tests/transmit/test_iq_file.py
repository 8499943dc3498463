"""IQ files: every form against its definition, SigMF through its own library, full disks."""

import json
import resource
import signal
from datetime import UTC, datetime

import numpy as np
import pytest
import sigmf
import soundfile

from dsp.errors import Refusal
from transmit.iq_file import FORMS, IqFile, Recording, iq_form
from transmit.iq_samples import encode_iq

ABOUT = Recording(
    2_400_000,
    98e6,
    datetime(2026, 5, 16, 0, 30, tzinfo=UTC),
    "a simulated dongle",
    "three communes",
)
RNG = np.random.default_rng(3)
IQ = (RNG.uniform(-1.1, 1.1, 5_000) + 1j * RNG.uniform(-1.1, 1.1, 5_000)).astype(np.complex64)
CODES = RNG.integers(0, 256, 10_000, dtype=np.uint8)
PAIRS = IQ.view(np.float32).astype(np.float64)


def written(path, *blocks):
    with IqFile(path, ABOUT) as file:
        for block in blocks:
            file.write(block)
        file.commit()
    return file


@pytest.mark.parametrize(
    ("name", "dtype", "wanted", "step"),
    [
        ("x.cu8", "u1", np.clip(PAIRS, -1, 1) * 127.5 + 127.5, 0.5),
        ("x.cs8", "i1", np.clip(PAIRS * 127.5, -128, 127), 0.5),
        ("x.cs16", "<i2", np.clip(PAIRS * 32767, -32768, 32767), 0.502),
        ("x.cf32", "<f4", PAIRS, 0.0),
    ],
)
def test_bare_files_hold_the_numbers_of_their_form(tmp_path, name, dtype, wanted, step):
    file = written(tmp_path / name, IQ[:1], IQ[1:2_000], IQ[2_000:])
    found = np.fromfile(tmp_path / name, dtype)
    assert file.samples == len(IQ)
    assert np.abs(found - wanted).max() <= step + 1e-3 * (step > 0)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_bytes_of_a_dongle_pass_unchanged(tmp_path):
    written(tmp_path / "x.cu8", CODES)
    assert (tmp_path / "x.cu8").read_bytes() == CODES.tobytes()
    floats = encode_iq(CODES, "cf32")
    np.testing.assert_allclose(floats, (CODES - 127.5) / 127.5, atol=1e-6)
    # There and back.
    np.testing.assert_array_equal(encode_iq(floats.view(np.complex64), "cu8"), CODES)


def test_wav_has_i_on_the_left_and_q_on_the_right(tmp_path):
    written(tmp_path / "x.wav", IQ[:3_000], IQ[3_000:])
    frames, rate = soundfile.read(tmp_path / "x.wav", dtype="int16")
    assert rate == 2_400_000
    np.testing.assert_array_equal(frames.ravel(), encode_iq(IQ, "cs16"))


def test_sigmf_is_read_back_by_its_own_library(tmp_path):
    file = written(tmp_path / "x.sigmf", CODES[:5_000], CODES[5_000:])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.sigmf-data", "x.sigmf-meta"]
    assert file.outputs == [tmp_path / "x.sigmf-data", tmp_path / "x.sigmf-meta"]
    for name in ("x.sigmf-meta", "x.sigmf"):
        recording = sigmf.fromfile(tmp_path / name)  # checks the SHA-512
        recording.validate()
        assert recording.sample_rate == 2_400_000
        assert recording.sample_count == 5_000
        (capture,) = recording.get_captures()
        assert capture["core:frequency"] == 98e6
        assert capture["core:datetime"] == "2026-05-16T00:30:00.000000Z"
        info = recording.get_global_info()
        assert info["core:datatype"] == "cu8"
        assert info["core:hw"] == "a simulated dongle"
        assert info["core:description"] == "three communes"
        samples = recording.read_samples()
        # The library takes 128 for the middle and for full scale.
        wanted = (CODES.astype(float) - 128) / 128
        np.testing.assert_allclose(samples.view(np.float32), wanted, atol=1e-6)


def test_a_changed_sample_is_found_by_the_checksum(tmp_path):
    written(tmp_path / "x.sigmf", CODES)
    data = bytearray((tmp_path / "x.sigmf-data").read_bytes())
    data[77] ^= 1
    (tmp_path / "x.sigmf-data").write_bytes(data)
    with pytest.raises(sigmf.error.SigMFFileError):
        sigmf.fromfile(tmp_path / "x.sigmf-meta")


def test_nothing_appears_unless_committed(tmp_path):
    for suffix in FORMS:
        with IqFile(tmp_path / f"x{suffix}", ABOUT) as file:
            file.write(IQ)
        with pytest.raises(Refusal):
            write_and_break(tmp_path / f"y{suffix}")
    assert list(tmp_path.iterdir()) == []


def write_and_break(path):
    with IqFile(path, ABOUT) as file:
        file.write(IQ)
        raise Refusal("broken", expected="", got="", advice="")


def write_much(path):
    with IqFile(path, ABOUT) as file:
        for _ in range(1_000):
            file.write(CODES)
        file.commit()


@pytest.mark.parametrize("suffix", FORMS)
def test_a_full_disk_leaves_no_half_file(tmp_path, suffix):
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
        with pytest.raises(Refusal) as caught:
            write_much(tmp_path / f"x{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, kept)
    assert caught.value.kind == "output.disk_full"
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_another_extension_or_folder_is_refused(tmp_path):
    with pytest.raises(Refusal) as caught:
        iq_form(tmp_path / "x.mp3")
    assert caught.value.kind == "output.format"
    assert ".cu8" in caught.value.expected
    with pytest.raises(Refusal) as caught:
        IqFile(tmp_path / "none" / "x.cu8", ABOUT)
    assert caught.value.kind == "output.folder"


def test_metadata_is_plain_json(tmp_path):
    written(tmp_path / "x.sigmf", CODES)
    metadata = json.loads((tmp_path / "x.sigmf-meta").read_text(encoding="utf-8"))
    assert set(metadata) == {"global", "captures", "annotations"}

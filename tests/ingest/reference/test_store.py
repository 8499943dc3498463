"""The index on disk: whole at every moment, or refused in words, whatever was done to the files."""

import fcntl
import hashlib
import json

import numpy as np
import pytest

from dsp.errors import Refusal
from dsp.recognise.fingerprint import fingerprint
from dsp.recognise.segment import Segment, check
from ingest.reference import segment_file, store
from ingest.reference.store import Source, open_store
from tests.dsp.recognise.spoken import speech


@pytest.fixture(scope="module")
def prints():
    return {f"b{n}": fingerprint(speech(6, n), 8_000) for n in range(6)}


def source(name):
    return Source(f"{name}.wav", "00" * 32, 6.0)


def add(folder, prints, *names):
    with open_store(folder, create=True, write=True) as opened:
        opened.add([(name, prints[name], source(name)) for name in names])


def ids(folder):
    with open_store(folder) as opened:
        assert set(opened.sources) == set(opened.index.ids)
        return opened.index.ids


def found(folder, number):
    with open_store(folder) as opened:
        lines = opened.index.search(fingerprint(speech(6, number), 8_000))
        return [line.reference for line in lines]


def refused(folder):
    with pytest.raises(Refusal) as caught, open_store(folder):
        pass
    assert caught.value.advice
    assert caught.value.exit_code == 2
    return caught.value.kind


def segments(folder):
    return sorted(folder.glob("*.segment"))


def test_what_was_added_is_there_and_what_was_removed_is_not(tmp_path, prints):
    folder = tmp_path / "index"
    add(folder, prints, "b0", "b1", "b2")
    add(folder, prints, "b3")
    with open_store(folder, write=True) as opened:
        opened.remove(["b1"])
    assert ids(folder) == ["b0", "b2", "b3"]
    assert found(folder, 2) == ["b2"]
    assert found(folder, 1) == []
    add(folder, prints, "b1")
    assert ids(folder) == ["b0", "b1", "b2", "b3"]
    assert found(folder, 1) == ["b1"]


def test_old_segments_are_kept_as_they_are(tmp_path, prints):
    add(tmp_path, prints, "b0", "b1")
    (first,) = segments(tmp_path)
    before = first.stat().st_ino
    add(tmp_path, prints, "b2")
    assert first.stat().st_ino == before
    assert len(segments(tmp_path)) == 2


def test_merged_segments_leave_no_files_behind(tmp_path, prints):
    for name in prints:
        add(tmp_path, prints, name)
    with open_store(tmp_path) as opened:
        assert len(segments(tmp_path)) == len(opened.index.segments) < len(prints)
    assert ids(tmp_path) == sorted(prints)


def test_an_empty_index_can_be_kept(tmp_path, prints):
    add(tmp_path, prints, "b0")
    with open_store(tmp_path, write=True) as opened:
        opened.remove(["b0"])
    assert ids(tmp_path) == []
    assert segments(tmp_path) == []


def test_all_or_none(tmp_path, prints):
    add(tmp_path, prints, "b0")
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(Refusal, match=r"index\.duplicate"):
        add(tmp_path, prints, "b1", "b0")
    with (
        pytest.raises(Refusal, match=r"index\.unknown"),
        open_store(tmp_path, write=True) as opened,
    ):
        opened.remove(["b0", "b9"])
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert ids(tmp_path) == ["b0"]


@pytest.mark.parametrize("step", ["write_segment", "_replace"])
def test_a_crash_leaves_the_old_index(tmp_path, prints, monkeypatch, step):
    add(tmp_path, prints, "b0")

    def crash(*arguments):
        path = arguments[0]
        path.with_suffix(".new" if step == "_replace" else ".segment").write_bytes(b"half")
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(store, step, crash)
        with pytest.raises(OSError, match="power cut"):
            add(tmp_path, prints, "b1")
    assert ids(tmp_path) == ["b0"]
    add(tmp_path, prints, "b2")
    assert ids(tmp_path) == ["b0", "b2"]
    assert not list(tmp_path.glob("*.new"))
    with open_store(tmp_path) as opened:
        assert len(segments(tmp_path)) == len(opened.index.segments)


def test_only_one_writes(tmp_path, prints):
    add(tmp_path, prints, "b0")
    with (tmp_path / "lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refusal, match=r"index\.busy"):
            add(tmp_path, prints, "b1")
        assert ids(tmp_path) == ["b0"]


def test_folders_that_are_no_index(tmp_path, prints):
    assert refused(tmp_path / "nothing") == "index.not_an_index"
    (tmp_path / "letter.txt").write_text("Dear")
    assert refused(tmp_path) == "index.not_an_index"
    with pytest.raises(Refusal, match=r"index\.not_an_index"):
        add(tmp_path, prints, "b0")
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


@pytest.fixture
def small(tmp_path):
    """An index of one short reference: a few thousand bytes."""
    with open_store(tmp_path, create=True, write=True) as opened:
        opened.add([("b", fingerprint(speech(2, 1), 8_000), source("b"))])
    return tmp_path


def test_truncated_anywhere(small):
    (path,) = segments(small)
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert refused(small) in ("index.truncated", "index.damaged")
    path.unlink()
    assert refused(small) == "index.truncated"
    path.write_bytes(data)
    manifest = small / "manifest.json"
    text = manifest.read_bytes()
    for length in range(len(text)):
        manifest.write_bytes(text[:length])
        assert refused(small) == "index.damaged"


def test_a_changed_bit_anywhere(small):
    (path,) = segments(small)
    for victim in (path, small / "manifest.json"):
        data = victim.read_bytes()
        rng = np.random.default_rng(1)
        for place in rng.choice(len(data), 250, replace=False):
            changed = bytearray(data)
            changed[place] ^= 1 << int(rng.integers(8))
            victim.write_bytes(changed)
            # A bit of white space in the manifest may change: then nothing has changed.
            if bytes(changed).split() == data.split():
                continue
            assert refused(small) in ("index.damaged", "index.version", "index.truncated")
        victim.write_bytes(data)
    assert ids(small) == ["b"]


def resealed(path, change):
    """Rewrite a segment's header by `change`, with a checksum that fits."""
    data = path.read_bytes()[:-32]
    length = int.from_bytes(data[8:16], "little")
    header = json.loads(data[16 : 16 + length])
    change(header)
    text = json.dumps(header).encode().ljust(length)
    assert len(text) == length
    data = data[:16] + text + data[16 + length :]
    path.write_bytes(data + hashlib.sha256(data).digest())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda h: h.update(version=1), "index.version"),
        (lambda h: h.update(words="x" * 16), "index.version"),
        (lambda h: h.update(ids=["b", "b"]), "index.damaged"),
        (lambda h: h.update(ids=[7]), "index.damaged"),
        (lambda h: h["arrays"]["words"].update(count=10**6), "index.damaged"),
        (lambda h: h["arrays"]["words"].update(at=-64), "index.damaged"),
        (lambda h: h["arrays"]["words"].update(count=3), "index.damaged"),
        (lambda h: h["arrays"].pop("table"), "index.damaged"),
        (lambda h: h["arrays"].update(table=5), "index.damaged"),
    ],
)
def test_a_consistent_lie(small, change, kind):
    (path,) = segments(small)
    resealed(path, change)
    assert refused(small) == kind


def lying(**changed):
    good = {
        "ids": ("a", "b"),
        "starts": np.array([0, 8, 12], np.int64),
        "words": np.zeros(12, np.uint32),
        "levels": np.ones(3, np.uint8),
        "table": np.concatenate([[0], np.full(256, 2)]).astype(np.uint32),
        "postings": np.array([1, 9], np.uint32),
    }
    return check(Segment(**(good | changed)))


def test_arrays_that_would_lead_out_of_bounds_are_found():
    assert lying() is None
    assert "posting" in lying(postings=np.array([1, 12], np.uint32))
    assert "table" in lying(table=np.concatenate([[0], np.full(256, 3)]).astype(np.uint32))
    falling = np.concatenate([[0, 2, 1], np.full(254, 2)]).astype(np.uint32)
    assert "table" in lying(table=falling)
    assert "table" in lying(table=np.zeros(4, np.uint32), postings=np.zeros(0, np.uint32))
    assert "reference" in lying(starts=np.array([0, 14, 12], np.int64))
    assert "places" in lying(starts=np.array([0, 8, 13], np.int64))
    assert "levels" in lying(levels=np.ones(4, np.uint8))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(schema="loa.index/9"),
        lambda m: m.update(segments=5),
        lambda m: m.update(references={}),
        lambda m: m.update(references={"b": {"path": "b.wav"}}),
        lambda m: m["segments"][0].update(removed=[5]),
        lambda m: m["segments"][0].update(removed=["b"]),
        lambda m: m["segments"][0].update(file="../x.segment"),
        lambda m: m["segments"].append(m["segments"][0]),
    ],
)
def test_a_manifest_that_lies(small, change):
    path = small / "manifest.json"
    body = json.loads(path.read_bytes())
    del body["sha256"]
    change(body)
    path.write_bytes(store._signed(body))
    assert refused(small) in ("index.damaged", "index.version")


def test_a_file_of_another_kind(small):
    (path,) = segments(small)
    data = b"RIFF" + b"\0" * 100
    path.write_bytes(data + hashlib.sha256(data).digest())
    assert refused(small) == "index.damaged"
    assert segment_file.AGAIN.startswith("`loa index add`")

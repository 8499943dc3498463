"""Broken, bent and lying files, as a worker gets them: an answer for each, no dead worker."""

import collections
import json
import random
import resource
import struct
import sys
import time

import pytest

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa.bulletin import MasterRequest, master_bulletin
from loa.service.blobs import open_blobs
from loa.service.part import Part
from loa.service.render import Bench, Order, load_kernels
from tests.service.conftest import two_seconds
from tests.service.live import child_of, children, ended, living
from transmit.profile import load_profile


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A fifth of a second in every format that Loa writes."""

    folder = tmp_path_factory.mktemp("originals")
    source = folder / "source.wav"
    whole = two_seconds()
    data = whole[44 : 44 + 9_600]
    source.write_bytes(
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + whole[8:40]
        + struct.pack("<I", len(data))
        + data
    )
    load_kernels()
    outputs = tuple(folder / f"a.{suffix}" for suffix in ("opus", "mp3", "m4a", "flac", "aac"))
    with Decoder(child="ingest.decode.child") as decoder:
        master_bulletin(MasterRequest(source, outputs, load_profile("web")), decoder=decoder)
    return [path.read_bytes() for path in (source, *outputs)]


def bent(dice, original):
    """Return `original` with something done to it."""
    content = bytearray(original)
    what = dice.randrange(6)
    if what == 0:  # bits fall over
        for _ in range(dice.randrange(1, 40)):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    elif what == 1:  # a head that lies
        for _ in range(dice.randrange(1, 8)):
            place = dice.randrange(min(200, len(content) - 4))
            content[place : place + 4] = dice.choice((b"\xff" * 4, bytes(4), dice.randbytes(4)))
    elif what == 2:  # cut off
        del content[dice.randrange(1, len(content)) :]
    elif what == 3:  # a piece is missing, or said twice
        start = dice.randrange(len(content))
        piece = content[start : start + dice.randrange(1, 2_000)]
        content[start : start + len(piece) * dice.randrange(2)] = piece * dice.randrange(3)
    elif what == 4:  # noise within
        start = dice.randrange(len(content))
        content[start : start + 500] = dice.randbytes(500)
    else:  # nothing but noise after a true beginning
        keep = dice.randrange(1, 64)
        content[keep:] = dice.randbytes(dice.randrange(1, 4_000))
    return bytes(content)


def answers_to(tmp_path, originals, count, seed):
    """Have `count` bent files worked on; return what became of them, and the longest in s."""
    dice = random.Random(seed)
    store = open_blobs(f"file://{tmp_path}/blobs", tmp_path)
    bench = Bench(store, 1, 60.0)
    became, longest_s = collections.Counter(), 0.0
    try:
        for _ in range(count):
            part = Part(store.parts)
            part.write(bent(dice, dice.choice(originals)) or b"x")
            digest = part.sha256
            store.keep(part.path, digest)
            part.close()
            began_s = time.monotonic()
            try:
                list(bench.render([Order(digest, "", "web", 60.0)], lambda _stage: None))
                became["rendered"] += 1
            except Refusal as refusal:
                became[refusal.kind] += 1
            longest_s = max(longest_s, time.monotonic() - began_s)
    finally:
        bench.close()
    kinds = became.keys() - {"rendered"}
    assert all(kind.startswith("audio.") for kind in kinds), kinds
    assert "audio.decoder_crashed" not in kinds
    return became, longest_s


def test_five_hundred_bent_files(tmp_path, originals):
    became, _ = answers_to(tmp_path, originals, 500, 7)
    assert 0 < became["rendered"] < 500


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_a_hundred_thousand_bent_files(seed, tmp_path, originals, capsys):
    became, longest_s = answers_to(tmp_path, originals, 5_000, seed)
    decoder_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    told = {
        "bent files": became.total(),
        "bent files became": dict(became),
        "most s for one": round(longest_s, 2),
        "most MB of a decoder": round(decoder_mb),
    }
    show(capsys, told)
    assert decoder_mb < 512


def show(capsys, figures):
    """Print figures as `bench.long_tests` puts them together."""
    with capsys.disabled():
        sys.stdout.write("\n" + json.dumps(figures) + "\n")


@pytest.mark.long
def test_a_thousand_bent_files_handed_in(tmp_path, originals, capsys):
    """By HTTP to a service at work, which serves on with the worker that it began with."""
    dice, became = random.Random(77), collections.Counter()
    with living(tmp_path / "data") as service, service.client() as client:
        nursery = child_of(service.process.pid, "worker_process")
        workers = set(children(nursery))
        for batch in range(40):
            sent = []
            for number in range(25):
                content = bent(dice, dice.choice(originals)) or b"x"
                answer = client.put(f"/v1/jobs/bent-{batch}-{number}", content=content)
                assert answer.status_code == 202
                sent.append(answer.json()["id"])
            for job in (ended(client, job_id) for job_id in sent):
                became[job["state"] if job["state"] == "done" else job["problem"]["kind"]] += 1
        assert set(children(nursery)) == workers
        assert not [line for line in service.log if '"bug"' in line or "Traceback" in line]
    kinds = became.keys() - {"done"}
    assert all(kind.startswith("audio.") for kind in kinds), kinds
    show(capsys, {"bent files by HTTP": became.total(), "by HTTP became": dict(became)})

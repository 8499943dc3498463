"""Broken, bent and lying files, as a worker gets them: an answer for each, no dead worker."""

import random
import struct

import pytest

from dsp.errors import Refusal
from ingest.decode.decoder import Decoder
from loa.bulletin import MasterRequest, master_bulletin
from loa.service.blobs import Part, open_blobs
from loa.service.render import Bench, Order, load_kernels
from tests.service.conftest import two_seconds
from transmit.profile import load_profile

SEEDS = 500


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
    """Have `count` bent files worked on; return how many were done and the kinds of refusals."""
    dice = random.Random(seed)
    store = open_blobs(f"file://{tmp_path}/blobs", tmp_path)
    bench = Bench(store, 1, 60.0)
    done, kinds = 0, set()
    try:
        for _ in range(count):
            part = Part(store.parts)
            part.write(bent(dice, dice.choice(originals)) or b"x")
            digest = part.sha256
            store.keep(part.path, digest)
            part.close()
            try:
                list(bench.render([Order(digest, "", "web", 60.0)], lambda _stage: None))
                done += 1
            except Refusal as refusal:
                kinds.add(refusal.kind)
    finally:
        bench.close()
    return done, kinds


def test_five_hundred_bent_files(tmp_path, originals):
    done, kinds = answers_to(tmp_path, originals, SEEDS, 7)
    assert kinds
    assert all(kind.startswith("audio.") for kind in kinds), kinds
    assert "audio.decoder_crashed" not in kinds
    assert 0 < done < SEEDS


@pytest.mark.long
def test_a_hundred_thousand_bent_files(tmp_path, originals):
    for seed in range(100):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _, kinds = answers_to(folder, originals, 1_000, seed)
        assert all(kind.startswith("audio.") for kind in kinds), (seed, kinds)

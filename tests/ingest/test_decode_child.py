"""The decoder's child dies, hangs, hoards and lies: a refusal for that file, and life goes on."""

import itertools
import json
import os
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest

from dsp.errors import Refusal
from ingest.decode import landlock, seccomp
from ingest.decode.decoder import DecodeLimits, Decoder
from ingest.decode.link import make_ring
from ingest.decode.sandbox import BARRIERS
from tests.ingest.decode_samples import as_int16, read_all, tone, with_sndfile

HOSTILE = "tests.ingest.hostile_child"


def provoke(tmp_path, how, limits=None):
    """Let a hostile child loose; return what came and the refusal, and check the next file."""
    path = tmp_path / f"a.{how}"
    path.write_bytes(b"x")
    with Decoder(limits, child=HOSTILE) as decoder:
        blocks = []
        with pytest.raises(Refusal) as caught, decoder.open(path) as audio:
            blocks.extend(block.copy() for block in audio.blocks())
        probe = tmp_path / "a.probe"
        probe.write_bytes(b"x")
        assert len(read_all(decoder, probe)[0]) == 1_000
    return blocks, caught.value


def test_nothing_gets_out_of_the_sandbox(tmp_path):
    path = tmp_path / "a.probe"
    path.write_bytes(b"x")
    with Decoder(child=HOSTILE) as decoder:
        assert "system_call_filter" in decoder.isolation
        report = json.loads(read_all(decoder, path)[0].tobytes())
    assert report["tried"] > 10
    assert report["through"] == []


def test_barriers_are_named(decoder):
    assert set(decoder.isolation) <= set(BARRIERS)
    assert {"resource_limits", "no_new_privileges", "not_dumpable"} <= set(decoder.isolation)


def test_no_path_is_left_where_landlock_holds():
    """By itself, in a process of its own that has no system-call filter."""
    script = (
        "import os, sys; from ingest.decode import landlock; import ctypes;"
        "ctypes.CDLL(None).prctl(38, 1, 0, 0, 0); kept = os.open('/etc/passwd', os.O_RDONLY);"
        "held = landlock.install(); os.pread(kept, 1, 0);"
        "opened = True\ntry: os.close(os.open('/etc/passwd', os.O_RDONLY))\n"
        "except PermissionError: opened = False\n"
        "sys.exit(0 if opened != held else 1)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_landlock_asks_for_no_more_than_a_kernel_knows():
    assert [len(landlock.rights(version)) for version in (1, 3, 4, 5, 6, 7)] == [
        8,
        8,
        16,
        16,
        24,
        24,
    ]
    assert landlock.rights(1) == struct.pack("=Q", 0x1FFF)


def test_a_crash(tmp_path):
    blocks, refusal = provoke(tmp_path, "crash")
    assert len(blocks) == 1
    assert refusal.kind == "audio.decoder_crashed"
    assert "SIGSEGV" in refusal.got


def test_a_hang_ends_at_the_deadline(tmp_path):
    _, refusal = provoke(tmp_path, "hang", DecodeLimits(wait_base_s=0.3))
    assert refusal.kind == "audio.decoder_crashed"
    assert "no answer within" in refusal.got


def test_a_spin_without_an_answer_ends_too(tmp_path):
    _, refusal = provoke(tmp_path, "spin", DecodeLimits(wait_base_s=0.3))
    assert refusal.kind == "audio.decoder_crashed"


def test_a_file_that_trickles_ends_too(tmp_path):
    """All its blocks together are waited for, not each anew."""
    blocks, refusal = provoke(tmp_path, "trickle", DecodeLimits(wait_base_s=1.0))
    assert 0 < len(blocks) < 100
    assert refusal.kind == "audio.decoder_crashed"


def test_the_kernel_ends_a_child_that_nobody_listens_to(tmp_path):
    limits = DecodeLimits(cpu_base_s=0.4, cpu_per_second_s=1e-9, wait_base_s=60.0)
    _, refusal = provoke(tmp_path, "spin", limits)
    assert refusal.kind == "audio.too_costly"


def test_hoarding_memory(tmp_path):
    _, refusal = provoke(tmp_path, "hog", DecodeLimits(memory_bytes=64 << 20))
    assert refusal.kind == "audio.too_costly"


def test_impossible_blocks_are_not_believed(tmp_path):
    _, refusal = provoke(tmp_path, "lie")
    assert refusal.kind == "audio.decoder_crashed"
    assert "impossible block" in refusal.got


def test_sound_without_end_stops_at_the_limit(tmp_path):
    _, refusal = provoke(tmp_path, "endless", DecodeLimits(max_duration_s=1_000.0))
    assert refusal.kind == "audio.too_long"


def test_a_child_killed_in_mid_file(tmp_path):
    path = with_sndfile(tmp_path / "a.wav", np.zeros((5_000_000, 2), np.int16))
    with Decoder() as decoder:
        audio = decoder.open(path)
        blocks = audio.blocks()
        next(blocks)
        os.kill(decoder._process._process.pid, signal.SIGKILL)
        with pytest.raises(Refusal) as caught:
            list(blocks)
        assert caught.value.kind == "audio.decoder_crashed"
        assert read_all(decoder, path)[0].shape == (5_000_000, 2)


def test_leaving_a_file_early_keeps_the_child(tmp_path):
    path = with_sndfile(tmp_path / "a.wav", np.zeros((5_000_000, 2), np.int16))
    with Decoder() as decoder:
        with decoder.open(path) as audio:
            next(audio.blocks())
        child = decoder._process
        assert read_all(decoder, path)[0].shape == (5_000_000, 2)
        assert decoder._process is child


def test_a_child_is_replaced_after_so_many_files(tmp_path):
    path = with_sndfile(tmp_path / "a.wav", as_int16(tone()))
    with Decoder(DecodeLimits(files_per_child=2)) as decoder:
        seen = []
        for _ in range(5):
            read_all(decoder, path)
            seen.append(decoder._process)
    assert [a is b for a, b in itertools.pairwise(seen)] == [True, False, True, False]


def test_a_child_that_does_not_start(tmp_path):
    path = with_sndfile(tmp_path / "a.wav", as_int16(tone()))
    with Decoder(child="tests.ingest.no_such_module") as decoder, pytest.raises(Refusal) as caught:
        decoder.open(path)
    assert caught.value.kind == "audio.decoder_crashed"


def test_the_ring_cannot_be_cut_short():
    ring = make_ring()
    try:
        with pytest.raises(PermissionError):
            os.ftruncate(ring, 0)
    finally:
        os.close(ring)


def test_blocks_are_as_small_as_who_plays_them_asks(tmp_path):
    """Eight programmes in megabyte slots would fill 48 MB by and by."""
    samples = as_int16(tone(48_000))
    path = with_sndfile(tmp_path / "a.wav", samples)
    with Decoder(slot_bytes=4_096) as decoder:
        blocks = [block.copy() for block in decoder.open(path).blocks()]
        process = decoder._process
    assert max(block.nbytes for block in blocks) == 4_096
    assert len(blocks) > 6  # every slot was used again
    np.testing.assert_array_equal(np.concatenate(blocks), samples.reshape(-1, blocks[0].shape[1]))
    assert sum(len(slot) for slot in process.slots) == 6 * 4_096


def verdict(machine, architecture, number, third_argument=0):
    """Run the filter as the kernel would: a small BPF machine of the five instructions used."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, 0, 0, third_argument, 0, 0, 0)
    program = list(struct.iter_unpack("=HBBI", seccomp.assemble(machine)))
    at, value = 0, 0
    while True:
        code, if_true, if_false, k = program[at]
        at += 1
        if code == 0x20:
            value = struct.unpack_from("=I", data, k)[0]
        elif code == 0x06:
            return {0x7FFF0000: "allow", 0x00050001: "refuse", 0x80000000: "kill"}[k]
        else:
            true = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += if_true if true else if_false


@pytest.mark.parametrize(
    ("machine", "architecture", "read", "openat", "socket", "mmap"),
    [("x86_64", 0xC000003E, 0, 257, 41, 9), ("aarch64", 0xC00000B7, 63, 56, 198, 222)],
)
def test_the_filter_on_both_machines(machine, architecture, read, openat, socket, mmap):
    assert verdict(machine, architecture, read) == "allow"
    assert verdict(machine, architecture, openat) == "refuse"
    assert verdict(machine, architecture, socket) == "refuse"
    assert verdict(machine, architecture, mmap, 3) == "allow"
    assert verdict(machine, architecture, mmap, 5) == "refuse"
    assert verdict(machine, architecture, 0x40000000 | read) == "refuse"
    assert verdict(machine, 0x40000003, read) == "kill"


def test_other_machines_get_no_filter():
    with pytest.raises(ValueError, match="machine: expected one of"):
        seccomp.assemble("riscv64")

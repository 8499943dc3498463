"""A pipe that nobody reads, that somebody reads late, that fills, that breaks."""

import os

import numpy as np
import pytest

from dsp.errors import Refusal
from transmit.live.pipe_writer import PipeWriter


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def opened(path):
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def taken(descriptor):
    data = b""
    while True:
        try:
            piece = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return data
        if not piece:
            return data
        data += piece


RAMP = np.linspace(-1.0, 1.0, 9_600).astype(np.float32)


def test_nobody_is_waited_for(pipe):
    writer = PipeWriter(pipe, "float32")
    writer.write(RAMP)
    assert writer.lost == len(RAMP)
    reader = opened(pipe)
    writer.write(RAMP)
    np.testing.assert_array_equal(np.frombuffer(taken(reader), "<f4"), RAMP)
    os.close(reader)
    writer.write(RAMP)  # the reader has left
    writer.write(RAMP)
    assert writer.lost >= 2 * len(RAMP)
    writer.close()


@pytest.mark.parametrize("form", ["float32", "int16"])
def test_a_full_pipe_loses_whole_samples_only(pipe, form):
    reader, writer = opened(pipe), PipeWriter(pipe, form)
    width = 4 if form == "float32" else 2
    data = b""
    for turn in range(60):
        writer.write(RAMP)
        if turn % 13 == 12:
            # Odd counts of bytes are read, so that a sample may go in by halves.
            data += os.read(reader, 100_001)
    data += taken(reader)
    writer.write(RAMP[:1])
    data += taken(reader)
    assert len(data) % width == 0
    dtype = "<f4" if form == "float32" else "<i2"
    read = np.frombuffer(data, dtype).astype(np.float64)
    if form == "int16":
        read /= 32_767.0
    assert len(read) + writer.lost == 60 * len(RAMP) + 1
    # Each piece that came is a piece of the ramp.
    steps = np.diff(read)
    assert np.all((np.abs(steps - 2 / 9_599) < 1e-4) | (steps < 0) | (steps > 0.001))
    os.close(reader)
    writer.close()


def test_what_is_no_pipe_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for name in ("file", "nothing"):
        with pytest.raises(Refusal, match="named pipe") as caught:
            PipeWriter(tmp_path / name, "float32")
        assert caught.value.kind == "output.pipe"

"""The child without FFmpeg, and the change to the full one."""

import subprocess
import sys

import av
import numpy as np

from ingest.decode.decoder import CHILD, LIGHT_CHILD, Decoder
from tests.ingest.decode_samples import as_int16, read_all, tone, with_sndfile


def opus(path):
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9_600), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_ffmpeg_is_loaded_by_the_first_file_that_needs_it(tmp_path):
    wav = with_sndfile(tmp_path / "a.wav", as_int16(tone()))
    with Decoder() as decoder:
        before = read_all(decoder, wav)[0]
        light = decoder._process
        assert decoder._child_module == LIGHT_CHILD
        assert read_all(decoder, opus(tmp_path / "a.opus"))[0].shape[0] >= 9_600
        full = decoder._process
        assert decoder._child_module == CHILD
        assert full is not light
        np.testing.assert_array_equal(read_all(decoder, wav)[0], before)
        assert decoder._process is full


def test_a_name_tells_which_child_to_start(tmp_path):
    with Decoder(files=[tmp_path / "a.M4A"]) as decoder:
        assert decoder._child_module == CHILD
    with Decoder(files=[tmp_path / "a.wav"]) as decoder:
        assert decoder._child_module == LIGHT_CHILD
    with Decoder(files=[tmp_path / "a.wav", tmp_path / "b.opus"]) as decoder:
        assert decoder._child_module == CHILD


def test_a_wrong_name_does_not_matter(tmp_path):
    path = opus(tmp_path / "a.wav")
    with Decoder(files=[path]) as decoder:
        assert read_all(decoder, path)[0].shape[0] >= 9_600


def test_soundfile_loads_without_numpy():
    code = (
        "import sys; from ingest.decode.lean_soundfile import load_soundfile; load_soundfile(); "
        "import soundfile; assert 'numpy' not in sys.modules, 'numpy'; "
        "assert soundfile.SoundFile.buffer_read_into; print('lean')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "lean"

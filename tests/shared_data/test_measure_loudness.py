"""The meter on real sound: against libebur128's table and the files of the EBU.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository; where
there is none nothing is collected: this material may not be shipped.
"""

import json
import os
from pathlib import Path

import pytest
import soundfile as sf

from dsp.measure.programme import ProgrammeMeter

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("LOA_SHARED_DATA", BESIDE))
TABLE = DATA / "loudness_table.json"
PEERS = json.loads(TABLE.read_text()) if TABLE.exists() else {}
REAL = sorted(name for name in PEERS if name.startswith(("speech/", "noise/")))
# Tech 3341 and 3342: figure, expected, tolerance below and above.
EBU = {
    "seq-3341-1-16bit": ("integrated_lufs", -23.0, 0.1, 0.1),
    "seq-3341-3-16bit-v02": ("integrated_lufs", -23.0, 0.1, 0.1),
    "seq-3341-5-16bit-v02": ("integrated_lufs", -23.0, 0.1, 0.1),
    "seq-3341-10-1-24bit": ("max_short_term_lufs", -23.0, 0.1, 0.1),
    "seq-3341-10-8-24bit": ("max_short_term_lufs", -23.0, 0.1, 0.1),
    "seq-3341-10-15-24bit": ("max_short_term_lufs", -23.0, 0.1, 0.1),
    "seq-3341-12-24bit": ("max_momentary_lufs", -23.0, 0.1, 0.1),
    "seq-3341-13-1-24bit": ("max_momentary_lufs", -23.0, 0.1, 0.1),
    "seq-3341-13-8-24bit": ("max_momentary_lufs", -23.0, 0.1, 0.1),
    "seq-3341-13-15-24bit": ("max_momentary_lufs", -23.0, 0.1, 0.1),
    "seq-3341-15-24bit": ("true_peak_dbtp", -6.0, 0.4, 0.2),
    "seq-3341-17-24bit": ("true_peak_dbtp", -6.0, 0.4, 0.2),
    "seq-3341-19-24bit": ("true_peak_dbtp", 3.0, 0.4, 0.2),
    "seq-3341-21-24bit": ("true_peak_dbtp", 0.0, 0.4, 0.2),
    "seq-3341-23-24bit": ("true_peak_dbtp", 0.0, 0.4, 0.2),
    "seq-3342-1-16bit": ("loudness_range_lu", 10.0, 1.0, 1.0),
    "seq-3342-3-16bit": ("loudness_range_lu", 20.0, 1.0, 1.0),
}


def measured(path):
    frames, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    meter = ProgrammeMeter(rate_hz, frames.shape[1], mono_as="mono")
    meter.process(frames)
    return meter.result()


@pytest.mark.parametrize("name", REAL)
def test_integrated_loudness_agrees_with_libebur128(name):
    assert abs(measured(DATA / name).integrated_lufs - PEERS[name]["libebur128"]["I"]) <= 0.05


@pytest.mark.parametrize("name", REAL)
def test_integrated_loudness_agrees_with_ffmpeg(name):
    # FFmpeg prints tenths: 0.05 of agreement and 0.05 of its rounding.
    peer_lufs = float(PEERS[name]["ffmpeg51_ebur128"]["I"])
    assert abs(measured(DATA / name).integrated_lufs - peer_lufs) <= 0.1


@pytest.mark.parametrize("name", [n for n in EBU if (DATA / "loudness" / f"{n}.flac").exists()])
def test_a_file_of_the_ebu_reads_as_expected(name):
    figure, expected, below, above = EBU[name]
    value = getattr(measured(DATA / "loudness" / f"{name}.flac"), figure)
    assert expected - below <= value <= expected + above

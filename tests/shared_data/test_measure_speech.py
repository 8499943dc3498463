"""Real speech: loudness against FFmpeg's ebur128, and no fault found where there is none.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository; where
there is none nothing is collected: this material may not be shipped. FFmpeg comes with PyAV.
"""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from dsp.measure.programme import ProgrammeMeter
from tests.naive import meters

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("LOA_SHARED_DATA", BESIDE))
FILES = sorted(p for kind in ("wav", "flac") for p in (DATA / "speech").glob(f"*/*.{kind}"))
NAMES = [p.stem for p in FILES]


def read(path):
    return sf.read(path, dtype="float32", always_2d=True)


def measure(sound, rate):
    meter = ProgrammeMeter(rate, sound.shape[1], mono_as="mono")
    meter.process(np.ascontiguousarray(sound))
    return meter.result()


def ebur128(sound, rate):
    """The last report of FFmpeg's filter: LUFS, LU and a linear true peak, by name."""
    layout = {1: "mono", 2: "stereo"}[sound.shape[1]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=rate, format="flt", layout=layout, time_base=Fraction(1, rate)
    )
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    found = {}
    for start in [*range(0, len(sound), rate), None]:
        graph.push(None if start is None else frame_of(sound[start : start + rate], rate, layout))
        while True:
            try:
                found = dict(graph.pull().metadata) or found
            except (av.error.BlockingIOError, av.error.EOFError):
                break
    return {key.rsplit(".", 1)[1]: float(value) for key, value in found.items()}


def frame_of(piece, rate, layout):
    frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate = rate
    return frame


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_loudness_agrees_with_ffmpeg(path):
    sound, rate = read(path)
    # FFmpeg reports every 100 ms: give it the whole hundreds, and both the same.
    sound = np.ascontiguousarray(sound[: len(sound) * 10 // rate * rate // 10])
    ours, theirs = measure(sound, rate), ebur128(sound, rate)
    if ours.integrated_lufs is None:
        assert theirs["I"] <= -70
        return
    assert ours.integrated_lufs == pytest.approx(theirs["I"], abs=0.05)
    if ours.duration_s >= 10:
        # FFmpeg counts percentiles through a histogram: of the 80 blocks of 11 s, one more or less.
        assert ours.loudness_range_lu == pytest.approx(theirs["LRA"], abs=0.5)
    # Another interpolator of four points per sample.
    assert ours.true_peak_dbtp == pytest.approx(20 * np.log10(theirs["true_peak"]), abs=0.4)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_speech_level_agrees_with_its_twin(path):
    sound, rate = read(path)
    levels = [meters.speech_level(channel.astype(float), rate) for channel in sound.T]
    found = measure(sound, rate).active_speech_level_dbov
    assert found == pytest.approx(max(level for level, _ in levels), abs=0.02)


# Recorded on 50 Hz mains: in their pauses the line at 50 Hz stands 8 to 20 dB out of its
# surroundings, in auditok's those at 150, 250 and 350 Hz too.
HUMMING = {
    "auditok_1to6arabic_noise", "R001", "VIVOSDEV01_R028", "VIVOSDEV01_R043", "VIVOSDEV01_R055",
    "t2_tro_nen", "spkr01_mk-soungsreynoch-f-pcID-003", "spkr03_pp-chuorporchourng-m-pcID-007",
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_only_faults_that_are_there(path):
    sound, rate = read(path)
    kinds = {fault.kind for fault in measure(sound, rate).faults if not fault.note}
    assert kinds <= ({"hum"} if path.stem in HUMMING else set())


SPOKEN = [p for p in FILES if p.stem in {"south_nu_giong_nam", "demo-congrats", "ina_musanmix"}]


@pytest.mark.parametrize("path", SPOKEN, ids=lambda p: p.stem)
def test_hum_30_db_under_real_speech_is_found(path):
    sound, rate = read(path)
    level = 10 ** ((measure(sound, rate).active_speech_level_dbov - 30) / 20)
    seconds = np.arange(len(sound)) / rate
    hum = level * np.sqrt(2) * np.sin(2 * np.pi * 50 * seconds)
    faults = measure((sound + hum[:, None]).astype(np.float32), rate).faults
    (found,) = (fault for fault in faults if fault.kind == "hum")
    assert found.values["level_dbfs"] == pytest.approx(20 * np.log10(level), abs=1)

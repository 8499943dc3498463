"""Talk-off: five minutes of Vietnamese, Khmer and English speech, music and noise, no digit."""

import numpy as np
import pytest
import soundfile
import soxr

from dsp.receive.meters.dtmf_detector import DtmfDetector
from tests.shared_data.conftest import DATA

FILES = sorted(path for path in (DATA / "speech").rglob("*") if path.suffix in {".wav", ".flac"})


@pytest.mark.parametrize("level", [1.0, 0.1])
def test_speech_dials_nothing(level):
    seconds = 0.0
    for path in FILES:
        audio, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        samples = soxr.resample(audio.mean(axis=1), rate_hz, 48_000).astype(np.float32) * level
        seconds += len(samples) / 48_000
        detector = DtmfDetector()
        assert detector.process(samples) + detector.flush() == [], path.name
    assert seconds > 290

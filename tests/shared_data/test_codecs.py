"""Real speech through every codec: still understood, and still where it was.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository; where
there is none nothing is collected: this material may not be shipped.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pystoi import stoi

from tests.transmit.decoded import decoded, lag_samples, to_rate
from transmit.codecs.setting import CODECS, setting_for
from transmit.encode import encode

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
SPEECH = Path(os.environ.get("LOA_SHARED_DATA", BESIDE)) / "speech"
NAMES = ("vi/south_nu_giong_nam.wav", "other/jfk.flac")
CLIPS = [SPEECH / name for name in NAMES if (SPEECH / name).exists()]
RATE_HZ = 24_000
# STOI of 64 kbit/s MP3 and AAC was 0.998 and of Opus 0.988 (docs/campaigns/codec-settings.md);
# G.711 holds 3.4 kHz of the 5 kHz that STOI hears.
LEAST_STOI = {".opus": 0.97, ".ulaw": 0.94, ".alaw": 0.94}


def speech(clip):
    samples, rate_hz = soundfile.read(clip, dtype="float32")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    cut = to_rate(mono[: 8 * rate_hz], rate_hz, RATE_HZ)
    return np.ascontiguousarray(cut[:, None] * (0.1 / np.sqrt(np.mean(cut**2))), np.float32)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
@pytest.mark.parametrize("extension", CODECS)
def test_speech_is_understood_after_decoding(tmp_path, extension, clip):
    frames = speech(clip)
    path = tmp_path / f"out{extension}"
    encoded = encode([frames], (RATE_HZ, 1), path, setting_for(path, RATE_HZ, 1))
    heard, rate_hz = decoded(path)
    heard = to_rate(heard[:, 0], rate_hz, RATE_HZ)
    late = encoded.delay_samples * RATE_HZ // encoded.setting.sample_rate_hz
    # One sample of slack: a rate that is no multiple rounds the place of a peak.
    assert abs(lag_samples(frames[:, 0], heard) - late) <= 1
    heard = heard[late : late + len(frames)]
    heard = np.pad(heard, (0, len(frames) - len(heard)))
    assert stoi(frames[:, 0], heard, RATE_HZ) >= LEAST_STOI.get(extension, 0.985)

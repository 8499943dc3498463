"""Real speech through the horn, and the pauses of real speech.

LOA_SHARED_DATA names the folder of test material, else `shared/data` beside the repository; where
there is none nothing is collected: this material may not be shipped.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from bench.audio.intelligibility import RATE_HZ, compare, measure, read_mono, speech_files, verdict
from transmit.chain import build_chain
from transmit.profile import load_profile

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
SPEECH = Path(os.environ.get("LOA_SHARED_DATA", BESIDE)) / "speech"
FILES = speech_files(SPEECH)
# A few of every kind; `make long` and `python -m bench.audio.intelligibility` take all.
FEW = [p for p in FILES if p.stem in ("VIVOSDEV01_R012", "vieneu_example_4", "tt-weasels", "jfk")]
PAUSED = [p for p in FILES if p.parent.name != "km" and p.stem != "ina_musanmix"]


@pytest.mark.parametrize("few", [FEW] if FEW else [])
def test_ip_is_understood_better_than_the_peer(few):
    mean, worst, holds = verdict(compare(SPEECH, few))
    assert holds, f"mean gain {mean:+.3f}, worst file {worst:+.3f}"


@pytest.mark.long
@pytest.mark.parametrize("everything", [FILES] if FILES else [])
def test_ip_is_understood_better_on_all_speech(everything):
    mean, worst, holds = verdict(compare(SPEECH, everything))
    assert holds, f"mean gain {mean:+.3f}, worst file {worst:+.3f}"


@pytest.mark.parametrize("path", PAUSED, ids=lambda p: p.stem)
def test_pauses_of_real_speech_rise_no_more_than_the_speech(path):
    sound = read_mono(path, RATE_HZ)
    before = measure(sound, RATE_HZ)
    chain = build_chain(load_profile("ip"), RATE_HZ, 1, before)
    padded = np.concatenate((sound, np.zeros(chain.delay_samples)))[:, None]
    heard = chain.process(np.ascontiguousarray(padded, np.float32))[chain.delay_samples :, 0]
    if before.noise_floor_dbfs is None:
        assert np.isfinite(heard).all()
        return
    # Power in the pauses found before, against the active level, before and after. The median: the
    # first steps of a pause hold the last word dying away, which is speech.
    steps = len(before.pause_mask)
    size = RATE_HZ // 100

    def ratio_db(frames, active_dbov):
        powers = np.mean(frames[: steps * size].reshape(steps, size) ** 2, axis=1)
        return active_dbov - 10 * np.log10(np.median(powers[before.pause_mask]) + 1e-20)

    after = measure(heard, RATE_HZ)
    # At the same speech level again: the meter takes what is under a tenth of a 16-bit step for
    # digital silence, and the chain's nominal level is 13 dB under that of a loud recording.
    lift_db = before.active_speech_level_dbov - after.active_speech_level_dbov
    heard = heard * np.float32(10 ** (lift_db / 20))
    after = measure(heard, RATE_HZ)
    was = ratio_db(sound, before.active_speech_level_dbov)
    now = ratio_db(heard.astype(np.float64), after.active_speech_level_dbov)
    assert now >= was - 1.0
    # A floor below -80 dBFS is that of the file format; nobody hears it.
    # Less than 0.2 s of pause is the end of a word.
    long_enough = before.pause_mask.sum() >= 20 and before.noise_floor_dbfs > -80.0
    if after.noise_floor_dbfs is not None and long_enough:
        figures = [f.active_speech_level_dbov - f.noise_floor_dbfs for f in (before, after)]
        assert figures[1] >= figures[0] - 1.0

import numpy as np
import pytest

from dsp.align.speech_band import BAND_RATE_HZ
from ingest.watch.quiet import quiet_at_end
from tests.dsp.recognise.spoken import speech

REFERENCE = speech(20.0, 5)


def heard(from_s, to_s, silent_from_s, noise=0.0):
    part = REFERENCE[int(from_s * BAND_RATE_HZ) : int(to_s * BAND_RATE_HZ)].copy()
    part[int((silent_from_s - from_s) * BAND_RATE_HZ) :] = 0.0
    rng = np.random.default_rng(3)
    return part + noise * rng.standard_normal(len(part)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize("silent_from_s", [9.3, 10.9])
def test_the_moment_is_found(silent_from_s, noise):
    quiet = quiet_at_end(heard(8.0, 12.0, silent_from_s, noise), REFERENCE, 8.0, 0.0)
    # A pause may come before it: syllables are 0.4 s apart at most between words.
    assert 12.0 - silent_from_s - 0.05 <= quiet.silent_s <= 12.0 - silent_from_s + 0.6
    assert 0.5 * quiet.silent_s <= quiet.spoken_s <= quiet.silent_s


def test_what_speaks_is_not_quiet():
    assert quiet_at_end(heard(8.0, 12.0, 12.0), REFERENCE, 8.0, 0.0).silent_s < 0.6


def test_a_gain_moves_the_line():
    soft = np.float32(0.05) * heard(8.0, 12.0, 12.0)
    assert quiet_at_end(soft, REFERENCE, 8.0, 0.0).silent_s > 3.0
    assert quiet_at_end(soft, REFERENCE, 8.0, -26.0).silent_s < 0.6


@pytest.mark.parametrize("place_s", [-3.0, 18.0, 25.0])
def test_beyond_the_reference_nobody_speaks(place_s):
    quiet = quiet_at_end(np.zeros(4 * BAND_RATE_HZ, np.float32), REFERENCE, place_s, 0.0)
    assert quiet.silent_s == 4.0
    inside_s = max(min(place_s + 4.0, 20.0) - max(place_s, 0.0), 0.0)
    assert quiet.spoken_s <= inside_s

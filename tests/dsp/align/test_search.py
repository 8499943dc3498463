import numpy as np
import pytest

from dsp.align.envelopes import BANDS, band_powers, modulation
from dsp.align.search import candidates, overlap_sums
from dsp.align.speech_band import speech_band
from tests.dsp.align.voices import RATE, bulletin, piece


def naive_overlap_sums(reference, heard):
    """Every delay, every frame, by loops."""
    n, m = reference.shape[1], heard.shape[1]
    found = []
    for delay in range(-(n - 1), m):
        sums = 0.0
        for t in range(m):
            if 0 <= t - delay < n:
                sums += float(heard[:, t] @ reference[:, t - delay])
        found.append(sums)
    return np.array(found)


@pytest.mark.parametrize(("n", "m"), [(13, 5), (5, 13), (1, 1), (7, 7)])
def test_overlap_sums_are_those_of_the_slow_twin(n, m):
    rng = np.random.default_rng(n)
    reference, heard = rng.standard_normal((2, n)), rng.standard_normal((2, m))
    found = overlap_sums(reference, heard, 32)
    assert found == pytest.approx(naive_overlap_sums(reference, heard), abs=1e-9)


def test_the_right_place_is_first_and_whole():
    sides = [modulation(band_powers(speech_band(s, RATE))) for s in (bulletin(), piece(5.0, 12.0))]
    found = candidates(*sides)
    assert found[0].delay_s == pytest.approx(-5.0, abs=0.011)
    assert found[0].correlation > 0.95
    assert all(other.correlation < 0.6 for other in found[1:])


def test_nothing_gives_no_candidates():
    nothing = np.zeros((BANDS, 0), np.float32)
    assert candidates(nothing, nothing) == []
    assert modulation(nothing).shape == (BANDS, 0)
    assert band_powers(np.zeros(0, np.float32)).shape == (BANDS, 0)


def test_frames_stand_where_they_say():
    click = np.zeros(8_000, np.float32)
    click[4_040] = 1.0  # the middle of frame 50
    assert int(np.argmax(band_powers(click).sum(axis=0))) == 50

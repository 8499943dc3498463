import itertools

import numpy as np
import pytest

from bench.align.paths import slower, with_noise
from dsp.align.delay_tracker import BandStream, DelayTracker
from dsp.align.speech_band import speech_band
from dsp.contract import BlockContractError
from tests.dsp.align.voices import RATE, noise, piece

DROPPED_S = 0.2
SECONDS = 26.0


def tracker():
    return DelayTracker(RATE, reach_s=4.0, window_s=4.0, step_s=2.0)


def story():
    """Heard 1.5 s late by a clock 60 ppm slow; after 12 s, 0.2 s are lost."""
    late = np.concatenate([noise(1.5, level=1e-4), slower(piece(0.0, SECONDS), 60.0)])
    cut = 12 * RATE
    lost = np.concatenate([late[:cut], late[cut + round(DROPPED_S * RATE) :]])
    return with_noise(lost, 25.0, np.random.default_rng(2))


def run(reference, heard, cuts):
    made, block = [], tracker()
    edges = [0, *cuts, max(len(reference), len(heard))]
    for start, end in itertools.pairwise(edges):
        made += block.process(reference[start:end], heard[start:end])
    return made, block


def test_drift_and_jump_are_told():
    records, block = run(piece(0.0, SECONDS), story(), [])
    jumps = [record for record in records if record.jump_s is not None]
    assert [j.jump_s for j in jumps] == [pytest.approx(-DROPPED_S, abs=1e-3)]
    assert 12.0 <= jumps[0].heard_s <= 16.0 + 2.0
    for record in records:
        if record.delay.invalid is None:
            lost_s = DROPPED_S if record.heard_s > 12.0 else 0.0
            place_s = record.heard_s - 1.5
            true_s = 1.5 - lost_s + 60e-6 * (place_s + lost_s)
            assert abs(record.delay.value - true_s) <= max(record.delay.u, 1e-3)
    assert sum(record.delay.invalid is None for record in records) >= len(records) - 3
    assert list(block.history) == records
    last = records[-1].drift_ppm
    assert abs(last.value - 60.0) <= last.u < 60.0


@pytest.mark.parametrize("cuts", [[1, 2, 3], [7 * RATE + 11], list(range(9_001, 26 * RATE, 9_001))])
def test_cut_anywhere(cuts):
    heard = story()
    whole, _ = run(piece(0.0, SECONDS), heard, [])
    found, _ = run(piece(0.0, SECONDS), heard, cuts)
    assert found == whole


def test_a_reference_that_comes_late_is_waited_for_and_reset_is_new():
    block = tracker()
    nothing = np.zeros(0, np.float32)
    assert block.process(nothing, piece(0.0, 10.2)) == []
    records = block.process(piece(0.0, 14.2), nothing)
    assert [record.delay.value for record in records] == [
        pytest.approx(0.0, abs=1e-4) for _ in records
    ]
    assert len(records) == 4  # windows that end at 4, 6, 8 and 10 s
    block.reset()
    assert not block.history
    assert block.process(nothing, piece(0.0, 10.2)) == []
    assert block.process(piece(0.0, 14.2), nothing) == records


def test_a_reference_that_never_comes_is_no_guess_and_no_memory():
    block = tracker()
    for _ in range(4):
        records = block.process(np.zeros(0, np.float32), piece(0.0, 10.0))
    assert records
    assert all(record.delay.invalid for record in records)
    held = len(block._heard.band) + len(block._heard._held)
    assert held < (2 * 4.0 + 4.0 + 2.0 + 5.0) * RATE


def test_a_refused_piece_leaves_everything_as_it_was():
    block = tracker()
    block.process(piece(0.0, 5.0), piece(0.0, 5.0))
    with pytest.raises(BlockContractError):
        block.process(piece(5.0, 9.0), np.full(RATE, np.inf, np.float32))
    records = block.process(piece(5.0, 9.0), piece(5.0, 9.0))
    other = tracker()
    assert other.process(piece(0.0, 9.0), piece(0.0, 9.0)) == records


@pytest.mark.parametrize(
    "settings", [{"window_s": 1.0}, {"step_s": 20.0}, {"reach_s": 1e6}, {"history": 0}]
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match="expected"):
        DelayTracker(RATE, **settings)
    with pytest.raises(ValueError, match="rate_hz"):
        BandStream(22_051, 1.0)


def test_the_stream_of_the_band_is_that_of_the_whole():
    stream = BandStream(RATE, 100.0)
    sound = piece(0.0, 10.2)
    for part in np.array_split(sound, 17):
        stream.process(part)
    whole = speech_band(sound, RATE)[: stream.end]
    assert stream.end == 80_000
    # The ring of the band's edges has died away to 1e-3 behind the apron.
    assert np.abs(stream.band - whole).max() < 1e-3 * np.abs(whole).max()

"""A source and a reader with crystals of their own: no drop-out, no drift, bounded."""

import numpy as np
import pytest

from dsp.playout.elastic_line import RATE_HZ, ElasticLine

BLOCK = 960


def run(line, seconds, source_ppm=0.0, burst_s=0.02):
    """Write bursts of a source that is fast by `source_ppm`, read evenly; return what was read."""
    came, out, flags = 0.0, [], []
    for block in range(round(seconds * RATE_HZ / BLOCK)):
        now_s = block * BLOCK / RATE_HZ
        count = round(burst_s * RATE_HZ)
        while (came + count) / RATE_HZ <= now_s * (1 + source_ppm * 1e-6):
            times = (came + np.arange(count)) / RATE_HZ
            line.write(np.sin(2 * np.pi * 440 * times).astype(np.float32))
            came += count
        samples, passed = line.read(BLOCK)
        out.append(samples)
        flags.append(passed)
    return np.concatenate(out), np.concatenate(flags)


@pytest.mark.parametrize("ppm", [150.0, -150.0])
@pytest.mark.parametrize("burst_s", [0.02, 1.0])
def test_a_drifting_source_is_followed_without_running_dry(ppm, burst_s):
    line = ElasticLine(0.9 * burst_s, 0.1)
    # A crystal of 150 ppm drifts by 36 ms in four minutes; the control takes 100 s.
    out, flags = run(line, 240, ppm, burst_s)
    assert line.ran_dry == 0
    begin = np.flatnonzero(flags)[0]
    assert flags[begin:].all()
    # The lowest stays by what is to be spare: it is seen in steps of a block, and a control that is
    # proportional stands 15 ms off for 150 ppm.
    assert 0.1 - 0.05 < line.held_s < 0.1 + 0.05 + burst_s
    assert abs(line.rate_ppm) <= 500.0
    # A sine that is read in step has no step in it: 440 Hz moves by 0.06 a sample at most.
    assert np.abs(np.diff(out[begin + 100 :])).max() < 0.06


def test_what_waits_to_be_read_is_read_at_its_own_pace():
    line = ElasticLine(0.1, 0.0, follows=False)
    ramp = np.arange(RATE_HZ, dtype=np.float32)
    line.write(ramp)
    read = np.concatenate([line.read(BLOCK)[0] for _ in range(40)])
    # Read at whole places: interpolation gives the samples back, to float32.
    np.testing.assert_allclose(read[100:], ramp[100 : len(read)], atol=0.05)
    assert line.rate_ppm == 0.0


def test_a_line_that_runs_dry_stops_and_begins_again():
    line = ElasticLine(0.1, 0.05)
    line.write(np.ones(RATE_HZ // 20, np.float32))
    assert not line.flowing
    assert not line.read(BLOCK)[1].any()
    line.write(np.ones(RATE_HZ // 10, np.float32))
    assert line.flowing
    waited = [bool(line.read(BLOCK)[1].any()) for _ in range(4)]
    assert waited == [False, False, False, True]  # 50 ms, in blocks of 20
    for _ in range(10):
        line.read(BLOCK)
    assert (line.flowing, line.ran_dry) == (False, 1)


def test_what_was_held_up_for_long_is_left_out():
    line = ElasticLine(0.1, 0.05)
    line.write(np.ones(5 * RATE_HZ, np.float32))
    for _ in range(110):
        line.write(np.ones(BLOCK, np.float32))
        line.read(BLOCK)
    assert line.held_s < 0.2
    assert line.left_out > 4 * RATE_HZ


def test_flags_travel_with_their_samples():
    line = ElasticLine(0.05, 0.0, follows=False)
    flags = np.arange(RATE_HZ) // 4_800 % 2 == 0
    line.write(flags.astype(np.float32), flags)
    seen, read = [], []
    for _ in range(40):
        seen.append(line.passes_next)
        read.append(line.read(BLOCK)[1])
    np.testing.assert_array_equal(np.concatenate(read), flags[: 40 * BLOCK])
    assert seen == [bool(block[0]) for block in read]


def test_values_out_of_range_are_refused():
    for bad in ((31.0, 0.1), (0.1, -0.1), (-0.1, 0.1)):
        with pytest.raises(ValueError, match="begin_s, spare_s: expected"):
            ElasticLine(*bad)

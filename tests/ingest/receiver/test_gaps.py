"""What is missing: counted by second, told by the clock where nobody tells it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dsp.receive.front.carrier_search import Candidate
from ingest.iq.block import IqBlock
from ingest.receiver.gaps import Gaps
from ingest.receiver.moments import utc_text
from ingest.receiver.prelude import half_widths_hz
from ingest.receiver.time_check import with_gaps_told

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_missing_samples_fall_into_their_seconds():
    gaps = Gaps(1_000)
    gaps.add(900, 2_100)
    gaps.add(2_500, 2_600)
    assert [gaps.missing_in(second) for second in range(4)] == [100, 1_000, 200, 0]
    assert (gaps.count, gaps.total_samples) == (2, 1_300)


def test_what_is_there_of_a_second():
    gaps = Gaps(1_000)
    gaps.add(900, 2_100)
    gaps.add(2_500, 2_600)
    assert gaps.present_in(0) == [(0.0, 0.9)]
    assert gaps.present_in(1) == []
    assert gaps.present_in(2) == [(0.1, 0.5), (0.6, 1.0)]
    assert gaps.present_in(3) == [(0.0, 1.0)]


def block(index, count, at_s):
    return IqBlock(np.zeros(2 * count, np.uint8), index, START + timedelta(seconds=at_s))


def test_a_drop_nobody_told_of_is_found_by_the_time():
    notes = []
    blocks = [block(0, 100, 0.0), block(100, 100, 0.1), block(200, 100, 0.25), block(300, 50, 0.35)]
    told = list(with_gaps_told(blocks, 1_000, notes))
    assert [b.index for b in told] == [0, 100, 250, 350]
    assert [b.missing_samples for b in told] == [0, 0, 50, 0]
    assert [note["kind"] for note in notes] == ["gap"]


def test_a_source_that_counts_itself_and_a_drifting_clock_pass_unchanged():
    notes = []
    blocks = [block(0, 100, 0.0), block(150, 100, 0.15 + 2e-5), block(250, 100, 0.25 + 4e-5)]
    told = list(with_gaps_told(blocks, 1_000, notes))
    assert [b.index for b in told] == [0, 150, 250]
    assert notes == []


def test_times_are_rounded_not_cut():
    moment = START + timedelta(seconds=4, microseconds=999_600)
    assert utc_text(moment) == "2026-01-01T00:00:05.000Z"


def candidate(offset_hz):
    return Candidate(offset_hz, 0.1, 30.0, 100e3)


@pytest.mark.parametrize(
    ("offsets", "carriers", "widths"),
    [
        ([0.0], [], [130e3]),
        ([0.0, 400e3], [], [130e3, 130e3]),
        ([0.0, 200e3], [], [80e3, 80e3]),
        ([0.0], [10e3, 200e3], [80e3]),  # 10 kHz away it is the station itself
        ([0.0, 110e3], [], [50e3, 50e3]),
    ],
)
def test_a_close_neighbour_narrows_the_channel_named_or_not(offsets, carriers, widths):
    assert half_widths_hz(offsets, [candidate(o) for o in carriers]) == widths

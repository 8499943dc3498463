"""Clusters are open when the first word comes, and closed when nothing more does."""

import numpy as np
import pytest

from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler
from transmit.control_codes import ControlCode
from transmit.live.coded_line import CodedLine, Codes
from transmit.multiplex_codes import CodedBits

OPEN = ControlCode("open", dtmf="15#")
CLOSE = ControlCode("close", dtmf="10#")
CODES = Codes((OPEN,), (CLOSE,))
LENGTH = CODES.opening_samples
DELAY = LENGTH + 4_800
BLOCK = 960
LINGER_S = 0.5


def make(codes=CODES, delay=DELAY, bits=None):
    return CodedLine(delay, codes, bits, LINGER_S)


def run(line, course, block=BLOCK):
    """Feed (blocks of 960 samples, value, active) and return all that comes out."""
    out = []
    for count, value, active in course:
        out += [
            line.process(np.full(block, value, np.float32), active=active)
            for _ in range(count * BLOCK // block)
        ]
    return np.concatenate(out)


def places_of(out, code, least=0.999):
    """Return where the code begins in `out`."""
    tone = code.audio(48_000)
    size = np.sqrt(np.sum(tone**2))
    spectrum = np.fft.rfft(out, 2 * len(out)) * np.conj(np.fft.rfft(tone, 2 * len(out)))
    match = np.fft.irfft(spectrum)[: len(out)] / size**2
    found = np.flatnonzero(match > least)
    return [int(p) for i, p in enumerate(found) if i == 0 or p - found[i - 1] > 100]


SILENT, SPEECH = (20, 0.0, False), (60, 0.001, True)
END = (200, 0.0, False)


def test_the_codes_end_where_the_first_word_begins():
    line = make()
    out = run(line, [SILENT, SPEECH, END])
    first = 20 * BLOCK + DELAY
    assert places_of(out, OPEN) == [first - LENGTH]
    np.testing.assert_array_equal(out[first : first + 60 * BLOCK], np.float32(0.001))
    assert not out[: first - LENGTH].any()
    # Closed when nothing has come for half a second: told at the next block of 20 ms.
    last = first + 60 * BLOCK
    [closed] = places_of(out, CLOSE)
    assert 0 <= closed - (last + LINGER_S * 48_000) <= 2 * BLOCK
    assert (line.opened, line.closed, line.open) == (1, 1, False)


def test_words_at_the_very_beginning_are_heard_whole():
    line = make()
    out = run(line, [SPEECH, END])
    np.testing.assert_array_equal(out[DELAY : DELAY + 60 * BLOCK], np.float32(0.001))
    assert places_of(out, OPEN) == [DELAY - LENGTH]


@pytest.mark.parametrize("block", [960, 480, 96])
def test_cut_anywhere(block):
    course = [SILENT, SPEECH, END]
    whole = run(make(), course)
    opened = run(make(), course, block)
    first = 20 * BLOCK + DELAY
    np.testing.assert_array_equal(opened[: first + 60 * BLOCK], whole[: first + 60 * BLOCK])


def test_a_pause_in_a_programme_sends_nothing():
    line = make()
    out = run(line, [SPEECH, (20, 0.0, False), SPEECH, END])
    assert len(places_of(out, OPEN)) == len(places_of(out, CLOSE)) == 1


def test_what_begins_again_before_the_closing_takes_it_back():
    line = make()
    # The closing codes are laid 0.5 s after the end and go out DELAY later.
    out = run(line, [SPEECH, (28, 0.0, False), SPEECH, END])
    assert len(places_of(out, OPEN)) == len(places_of(out, CLOSE)) == 1
    assert (line.opened, line.closed) == (1, 1)


def test_what_begins_while_the_codes_close_is_opened_behind_them():
    line = make()
    closing = (25 + (DELAY // BLOCK) + 10, 0.0, False)  # they have begun to go out
    out = run(line, [SPEECH, closing, (150, 0.001, True), END])
    opened, closed = places_of(out, OPEN), places_of(out, CLOSE)
    assert len(opened) == len(closed) == 2
    # Never one over the other: an opening ends, then the next code begins.
    order = sorted([*opened, *closed])
    assert order == [opened[0], closed[0], opened[1], closed[1]]
    assert opened[1] >= closed[0] + LENGTH


def test_the_end_is_told_and_everything_comes_out():
    line = make()
    run(line, [SPEECH])
    line.end_programme()
    left = line.to_come_samples
    assert left == DELAY + CODES.closing_samples
    out = line.process(np.zeros(left, np.float32), active=False)
    assert places_of(out, CLOSE) == [DELAY]
    assert line.to_come_samples == 0


def test_rds_codes_go_to_the_groups_when_they_are_due():
    bits = CodedBits(RdsScheduler(RdsContent(pi=0x7001, ps="TRAVINH")))
    code = ControlCode("on", rds=("7001 6023 0001 00FF",), repeats=3)
    codes = Codes((code,), ())
    line = CodedLine(codes.opening_samples + 9_600, codes, bits)
    waiting = []
    for _ in range(30):
        line.process(np.zeros(BLOCK, np.float32), active=True)
        waiting.append(bits.waiting)
    # The programme begins with the first sample: its codes are due 9600 samples after it.
    assert waiting.index(3) == 9_600 // BLOCK


def test_a_delay_without_room_for_the_codes_is_refused():
    with pytest.raises(ValueError, match=f"delay_samples: expected {LENGTH} or more"):
        CodedLine(LENGTH - 1, CODES)
    rds = Codes((ControlCode("on", rds=("7001 6023 0001 00FF",)),))
    with pytest.raises(ValueError, match="expected RDS"):
        CodedLine(480_000, rds)

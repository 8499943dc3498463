"""Extended sequence numbers, loss, jitter: RFC 3550 appendix A, and hostile jumps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsp.packet.sequence import MAX_DROPOUT, SourceState


def started(first=10):
    state = SourceState()
    assert state.update(first) is None
    assert state.update(first + 1) is not None
    return state


def test_a_stray_packet_opens_nothing():
    state = SourceState()
    for number in (5, 900, 17, 40_000):
        assert state.update(number) is None
    assert not state.valid
    assert state.update(40_001) == state.highest
    assert state.valid


@given(st.integers(0, 65_535), st.lists(st.integers(1, 2_000), max_size=120))
def test_numbers_go_up_as_the_sender_counted(first, steps):
    state = SourceState()
    state.update(first)
    sent = first + 1
    base = state.update(sent % 65_536)
    assert base is not None
    for step in steps:
        sent += step
        assert state.update(sent % 65_536) == base + (sent - first - 1)


def test_late_and_double_packets_keep_their_number():
    state = started(65_530)
    for number in range(65_532, 65_536):
        state.update(number)
    assert state.update(1) == state.highest
    high = state.highest
    assert state.update(65_535) == high - 2
    assert state.update(65_535) == high - 2
    assert state.highest == high


def test_loss_is_counted_and_reported_in_256ths():
    state = started(0)
    for number in range(2, 101):
        if number % 4:
            state.update(number)
    # 1 … 99 are expected, 1 began it, 24 of them were not sent; 100 is lost at the end unseen.
    assert (state.expected, state.received, state.lost) == (99, 75, 24)
    assert state.fraction_lost() == 24 * 256 // 99
    assert state.fraction_lost() == 0


def test_a_jump_is_believed_when_the_next_packet_confirms_it():
    state = started(100)
    before = state.highest
    assert state.update((101 + MAX_DROPOUT + 500) % 65_536) is None
    assert state.update(20_000) is None
    assert state.restarts == 0
    number = state.update(20_001)
    assert number is not None
    assert number > before
    assert state.restarts == 1
    assert (state.received, state.lost) == (1, 0)


def test_one_wild_packet_does_not_move_the_stream():
    state = started(100)
    assert state.update(40_000) is None
    assert state.update(102) == state.highest
    assert state.restarts == 0


def test_jitter_of_a_steady_stream_is_zero_and_of_alternate_delays_what_a_8_says():
    state = SourceState()
    for n in range(50):
        state.observe_transit(160 * n + 77, 160 * n)
    assert state.jitter == 0
    wanted = 0.0
    for n in range(50, 100):
        late = 40 if n % 2 else 0
        state.observe_transit((160 * n + 77 + late) % 2**32, 160 * n)
        wanted += ((40 if n > 50 else 0) - wanted) / 16
    assert abs(state.jitter - wanted) < 1e-9

"""Two threads and a few pieces: neither waits for ever, whatever ends first."""

import threading

import pytest

from loa.relay.handover import Handover

PATIENCE_S = 60.0


@pytest.fixture
def threads():
    """Starts threads; all of them must have ended by the end of the test."""
    begun = []

    def start(work):
        begun.append(threading.Thread(target=work, daemon=True))
        begun[-1].start()
        return begun[-1]

    yield start
    for one in begun:
        one.join(PATIENCE_S)
        assert not one.is_alive()


def test_pieces_come_in_order_and_then_the_end(threads):
    between = Handover[int](3)

    def give():
        for piece in range(200):
            between.give(piece)
        between.end()

    threads(give)
    taken = []
    while (piece := between.wait()) is not None:
        taken.append(piece)
    assert taken == list(range(200))
    assert between.is_over
    # The end is there for whoever asks again.
    assert between.wait() is None
    assert between.take() is None


def test_an_end_wakes_who_waits_for_a_piece(threads):
    between, found = Handover[int](1), []
    waiting = threads(lambda: found.append(between.wait()))
    bug = ValueError("of the giver")
    between.end(bug)
    waiting.join(PATIENCE_S)
    assert found == [None]
    assert between.error is bug


def test_what_was_given_before_the_end_is_still_taken():
    between = Handover[int](2)
    between.give(1)
    between.end()
    assert not between.is_over
    assert (between.wait(), between.wait()) == (1, None)


def test_who_closes_wakes_who_waits_for_room(threads):
    between = Handover[int](1)
    between.give(1)
    giver = threads(lambda: [between.give(2), between.give(3)])
    between.close()
    giver.join(PATIENCE_S)
    assert between.wait() is None
    between.give(4)  # nobody is held up afterwards
    assert between.take() is None

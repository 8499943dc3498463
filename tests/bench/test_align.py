import pytest

from bench.align.rows import Followed, Timed, course_rows, error_row, told_as_it_was
from dsp.receive.meters.figure import Figure


def followed(*jumps_s, ppm=0.0, drift=0.5):
    return Followed("voice", ppm, 0.05, jumps_s, Figure(drift, 1.0), (0.1, -0.2), 1)


@pytest.mark.parametrize(
    ("one", "right"),
    [
        (followed(0.0505), True),
        (followed(0.0515), False),
        (followed(0.0515, ppm=150.0), True),
        (followed(), False),
        (followed(0.05, -0.02), False),
    ],
)
def test_a_jump_counts_if_it_is_the_only_one_and_right_but_for_the_drift(one, right):
    assert told_as_it_was(one) is right


def test_rows_tell_the_worst():
    jumps, drift, errors = course_rows([followed(0.05), followed()])
    assert (jumps["value"], jumps["ok"]) == (1.0, False)
    assert drift["value"] == 0.5
    assert (errors["value"], errors["ok"]) == (0.2, True)


def test_an_error_over_the_limit_fails_and_a_refusal_is_counted():
    pair = ("original", "fm, WAV")
    timed = [Timed("v", pair, 20.0, error, 0.4) for error in (0.1, -1.2)]
    row = error_row([*timed, Timed("v", pair, 20.0, None, None)], 20.0, 1.0)
    assert (row["value"], row["ok"]) == (1.2, False)
    assert "2 of 3 answered" in row["work"]
    assert "50.00 %" in row["work"]

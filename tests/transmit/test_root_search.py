import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transmit.root_search import highest_not_above

TOLERANCE = 0.002


def searched(rising, bracket=(-60.0, 40.0), guess=None):
    """The answer and how often the function was asked."""
    asked = []

    def counted(x):
        asked.append(x)
        return rising(x)

    return highest_not_above(counted, bracket, TOLERANCE, guess), len(asked)


@given(
    st.floats(-59.0, 39.0),
    st.sampled_from(
        [
            lambda d: d,
            lambda d: d + 0.4 * math.sin(d),
            lambda d: d**3,
            math.tanh,
            lambda d: math.floor(5 * d) / 5,
            lambda d: -200.0 if d <= 0 else 1e-9,
            lambda d: max(d, -0.01) if d <= 0 else 1e3 * d,
        ],
    ),
    st.one_of(st.none(), st.floats(-80.0, 60.0)),
)
def test_the_answer_is_that_of_a_bisection(root, shape, guess):
    rising = lambda x: shape(x - root)  # noqa: E731 - the function under test
    low, high = -60.0, 40.0
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rising(middle) <= 0 else (low, middle)
    found, asked = searched(rising, guess=guess)
    assert rising(found) <= 0
    assert low - TOLERANCE <= found <= low + 1e-6
    assert asked <= 70


def test_smooth_functions_take_few_evaluations():
    limited = lambda g: g - 0.5 * max(0.0, g - 8.0) ** 1.2 * 0.3 - 11.0  # noqa: E731
    assert searched(limited, guess=11.0)[1] <= 9


def test_the_upper_end_is_returned_where_all_is_well():
    assert searched(lambda x: x - 41.0) == (40.0, 1)


@pytest.mark.parametrize("bracket", [(5.0, 5.0), (5.0, 5.001)])
def test_a_bracket_within_the_tolerance(bracket):
    assert searched(lambda x: x, bracket)[0] == 5.0

"""Wilson's interval, against values of the literature and its own limits."""

import math

import pytest

from bench.proportion import Proportion


def test_known_intervals():
    # R. G. Newcombe, Statist. Med. 17 (1998), table I, method 3.
    assert Proportion(81, 263).interval() == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Proportion(15, 148).interval() == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert Proportion(0, 20).interval() == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert Proportion(1, 29).interval() == pytest.approx((0.0061, 0.1718), abs=1e-4)


def test_nothing_tried_is_nothing_known():
    assert Proportion(0, 0).interval() == (0.0, 1.0)
    assert math.isnan(Proportion(0, 0).share)


def test_it_reads_as_a_table_has_it():
    assert str(Proportion(992, 1000)) == "99.20 % (98.43-99.59) of 1000"

"""The bench of outages reads a tap rightly, and says where there is nothing to be read."""

import pytest

from bench.stream.outage import judged

A, F, S = ["programme"], ["fallback"], ["silence"]


def test_an_outage_is_read_off_the_tap():
    # 2 s before it, 10 s heard, concealed and silent for 2 s, a minute of fallback, back.
    found = judged(F * 100 + A * 500 + S * 100 + F * 2_930 + A * 400, 0.4)
    assert (found.noticed_s, found.rejoined_s) == pytest.approx((2.4, 1.0))
    assert found.unheard_s == pytest.approx(2.0)


@pytest.mark.parametrize("names", [[], F * 900, A * 4_000, A * 500 + F * 3_000, S * 4_000])
def test_a_tap_without_an_outage_is_none(names):
    with pytest.raises(RuntimeError, match="expected programme, fallback, programme"):
        judged(names, 0.4)

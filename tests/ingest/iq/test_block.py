"""A block of radio samples knows how many there are and where the next one belongs."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ingest.iq.block import FULL_SCALE, U8_MIDDLE, IqBlock

MOMENT = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "samples", [np.zeros(2_000, np.uint8), np.zeros(1_000, np.complex64)], ids=["u8", "complex64"]
)
def test_counts_complex_samples(samples):
    block = IqBlock(samples, index=5_000, time_utc=MOMENT, missing_samples=7)
    assert block.count == 1_000
    assert block.end_index == 6_000


def test_extreme_codes_of_eight_bits_are_full_scale():
    codes = np.array([0, 255], np.float64)
    np.testing.assert_array_equal((codes - U8_MIDDLE) / FULL_SCALE["u8"], [-1.0, 1.0])

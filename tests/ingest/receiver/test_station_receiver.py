"""What a station's receiver takes: samples are looked at once, before anything keeps them."""

from datetime import UTC, datetime

import numpy as np
import pytest

from dsp.contract import BlockContractError
from dsp.fm.profiles import PROFILES
from ingest.receiver.gaps import Gaps
from ingest.receiver.station_receiver import Listening, StationReceiver
from ingest.receiver.stations import Station

RATE_HZ = 288_000


def receiver():
    listening = Listening(
        profile=PROFILES["75k50us"],
        half_width_hz=130_000.0,
        moment=lambda _: datetime(2026, 1, 1, tzinfo=UTC),
        gaps=Gaps(RATE_HZ),
    )
    return StationReceiver(Station.at(96.0e6), listening)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_channel_that_is_not_finite_is_refused_by_its_composite(bad):
    channel = np.ones(20_000, np.complex64)
    channel[12_345] = bad
    with pytest.raises(BlockContractError, match="finite"):
        receiver().process(0, channel)


def test_a_multiplex_that_is_not_finite_is_refused():
    composite = np.zeros(20_000, np.float32)
    composite[7] = np.inf
    with pytest.raises(BlockContractError, match="finite"):
        receiver().process_composite(0, composite, np.ones(20_000, np.complex64))


def test_finite_samples_are_taken():
    assert receiver().process(0, np.ones(20_000, np.complex64)) == []

"""The receiver of a band says why a channel is narrow: a neighbour, or the edge of the capture."""

from datetime import UTC, datetime

import numpy as np
import pytest

from dsp.receive.station_meters import NARROWED
from ingest.iq.block import IqBlock
from ingest.receiver.band_receiver import EDGE, BandReceiver
from ingest.receiver.stations import StationList

CENTRE_HZ = 97e6


class Capture:
    centre_hz = CENTRE_HZ

    def __init__(self, rate_hz):
        self.rate_hz = rate_hz


def notes_of(rate_hz, offsets_hz):
    """Notes of the first second of the first station, all carriers bare."""
    stations = StationList.of_frequencies(tuple(CENTRE_HZ + offset for offset in offsets_hz))
    receiver = BandReceiver(Capture(rate_hz), CENTRE_HZ, stations, carriers=[])
    turns = np.arange(2 * rate_hz) / rate_hz
    iq = sum(0.2 * np.exp(2j * np.pi * offset * turns) for offset in offsets_hz)
    block = IqBlock(iq.astype(np.complex64), 0, datetime(2026, 1, 1, tzinfo=UTC))
    records = [*receiver.process(block), *receiver.finish()]
    frequency_hz = CENTRE_HZ + offsets_hz[0]
    return next(r for r in records if r["frequency_hz"] == frequency_hz)["notes"]


@pytest.mark.parametrize(
    ("rate_hz", "offsets_hz", "notes"),
    [
        (1_024_000, [100e3], []),
        (240_000, [0.0], [EDGE]),
        (1_024_000, [400e3], [EDGE]),
        (1_024_000, [100e3, 300e3], [NARROWED]),
    ],
)
def test_why_a_channel_is_narrow(rate_hz, offsets_hz, notes):
    assert notes_of(rate_hz, offsets_hz) == notes

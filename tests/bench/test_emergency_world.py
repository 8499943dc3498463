"""The simulated loudspeakers of the emergency bench do their own work."""

import numpy as np

from bench.stream.emergency import Command, _heard_simulated
from bench.stream.emergency_world import Centre, Collector, SimulatedHorns
from transmit.bulletin.datagrams import datagrams_of
from transmit.bulletin.replay_file import ReplayFile


def test_each_verifies_and_persists_for_itself(tmp_path):
    centre = Centre(tmp_path)
    horns = SimulatedHorns(centre, 3)
    (data,) = datagrams_of(centre.write("flood").read_bytes())
    for number in (0, 2):
        let_in, service_s = horns.takes_s(number, data)
        assert let_in
        assert service_s > 0
        assert not horns.takes_s(number, data)[0]
    kept = [ReplayFile(tmp_path / f"horn-{number}" / "seen.json").memory for number in range(3)]
    assert [list(memory.pending) for memory in kept] == [
        ["commune.tri-ton/flood"],
        [],
        ["commune.tri-ton/flood"],
    ]
    bent = data[:-1] + b"x"
    assert not horns.takes_s(1, bent)[0]


def test_who_is_not_reached_counts_as_silent(tmp_path):
    horns = SimulatedHorns(Centre(tmp_path), 2)
    heard = _heard_simulated(Command(0.0, 0.0, []), horns, 0.0)
    assert (heard.silent, heard.times_s) == (2, [])


def test_addresses_are_told_apart():
    addresses = [Collector.address(number) for number in range(5_000)]
    assert len(set(addresses)) == 5_000
    hosts = np.array([[int(part) for part in one.split(":")[0].split(".")] for one in addresses])
    assert hosts.max() <= 250

from datetime import timedelta

import pytest

from dsp.align.delay_course import DelayRecord
from dsp.receive.meters.figure import Figure
from ingest.watch.delay_history import DelayHistory
from tests.ingest.watch.seconds import START


def found(delay_s, jump_s=None):
    return DelayRecord(0.0, Figure(delay_s, 4e-4), Figure(12.0, 3.0), jump_s)


NOTHING = DelayRecord(0.0, Figure.missing("silent"), Figure.missing("silent"), None)


def history(*records, **settings):
    made = DelayHistory(**settings)
    for n, (cluster, record) in enumerate(records):
        made.add(cluster, record, reference="r", time=START + timedelta(seconds=5 * n))
    return made


def test_what_was_found_of_each_cluster_is_told():
    kept = history(*[("a", found(0.1 + n * 1e-3)) for n in range(101)], ("b", NOTHING))
    told = kept.summary("a")
    assert (told.measured, told.refused, told.jumps) == (101, 0, 0)
    assert told.median_ms == pytest.approx(150.0)
    assert (told.low_ms, told.high_ms) == (pytest.approx(105.0), pytest.approx(195.0))
    assert told.u_ms == pytest.approx(0.4)
    assert told.drift_ppm.value == 12.0
    silent = kept.summary("b")
    assert (silent.measured, silent.refused, silent.median_ms) == (0, 1, None)
    assert silent.drift_ppm.invalid == "no delay yet"
    assert kept.summary("c") is None
    assert kept.lines("c") == []


def test_lines_are_fit_for_json():
    first, second = history(("a", found(0.25, jump_s=0.02)), ("a", NOTHING)).lines("a")
    assert first == {
        "time": START.isoformat(),
        "cluster": "a",
        "heard_s": 0.0,
        "reference": "r",
        "delay_ms": 250.0,
        "drift_ppm": 12.0,
        "jump_ms": 20.0,
        "u": {"delay_ms": 0.4, "drift_ppm": 3.0},
        "invalid": {},
    }
    assert second["delay_ms"] is None
    assert second["invalid"] == {"delay_ms": "silent", "drift_ppm": "silent"}


def test_how_far_apart_the_clusters_are():
    assert history(("a", found(0.1))).apart_ms() is None
    kept = history(("a", found(9.0)), ("a", found(0.1)), ("b", found(0.13)), ("b", NOTHING))
    assert kept.apart_ms() == pytest.approx(30.0)
    kept.add("b", found(0.2), reference="another")
    assert kept.apart_ms() is None


def test_memory_is_bounded_and_the_longest_silent_cluster_makes_room():
    kept = history(*[(str(n % 9), found(0.1)) for n in range(900)], kept=7, clusters=3)
    assert kept.clusters == ["6", "7", "8"]
    assert len(history(*[("a", found(0.1))] * 50, kept=7).lines("a")) == 7
    with pytest.raises(ValueError, match="kept"):
        DelayHistory(kept=0)

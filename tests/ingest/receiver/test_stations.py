"""STATIONS.toml: typed, unknown keys refused, ranges checked."""

import pytest

from dsp.errors import Refusal
from ingest.receiver.stations import (
    StationList,
    frequency_id,
    load_stations,
    parse_days,
    parse_stations,
)

WHOLE = """
[[station]]
id = "duc-my"
commune = "Đức Mỹ"
frequency_hz = 96.4e6
profile = "50k50us"
pi = "7001"
carrier = "fm"
lat = 9.93
lon = 106.34
codes = ["dtmf:15#"]
[[station.slot]]
start = "05:00"
end = "05:30"
days = "mon-sat"
reference = "morning.opus"
[[station.slot]]
start = "23:30"
end = "00:15"

[[station]]
id = "cluster-4"
carrier = "ip"
""".encode()

MINIMAL = b'[[station]]\nid = "a"\nfrequency_hz = 64000000\n'


def limit(name, value, unit):
    return f'[limit.{name}]\nvalue = {value}\nunit = "{unit}"\nsource = "licence"\n'.encode()


RATED = limit("rated_deviation", "75", "kHz")
EMPHASIS = limit("pre_emphasis", "50", "us")


def test_everything_a_file_can_say():
    first, second = parse_stations(WHOLE).stations
    assert (first.id, first.commune, first.frequency_hz) == ("duc-my", "Đức Mỹ", 96.4e6)
    assert (first.pi, first.lat, first.lon, first.codes) == ("7001", 9.93, 106.34, ("dtmf:15#",))
    assert first.slot[0].weekdays == frozenset(range(6))
    assert (first.slot[0].start_minute, first.slot[0].end_minute) == (300, 330)
    assert (first.slot[1].start_minute, first.slot[1].end_minute) == (1410, 1455)
    assert (second.carrier, second.frequency_hz) == ("ip", 0.0)


def test_defaults_and_the_profile_behind_the_name():
    found = parse_stations(MINIMAL)
    (station,) = found.stations
    assert (station.profile, station.pi, station.carrier, station.slot) == (
        "75k50us",
        None,
        "fm",
        (),
    )
    assert found.profile_of(station).rated_deviation_hz == 75_000.0
    assert found.profile_of(station).over_limit_hz == 77_000.0
    whole = parse_stations(WHOLE)
    assert whole.profile_of(whole.stations[0]).over_limit_hz == 52_000.0


def test_a_profile_of_ones_own_is_found_beside_the_file(tmp_path):
    (tmp_path / "own.toml").write_bytes(
        limit("rated_deviation", "40", "kHz") + limit("pre_emphasis", "50", "us")
    )
    path = tmp_path / "stations.toml"
    path.write_bytes(MINIMAL + b'profile = "own.toml"')
    found = load_stations(path)
    profile = found.profile_of(found.stations[0])
    assert (profile.name, profile.rated_deviation_hz) == ("own", 40_000.0)
    assert (profile.over_limit_hz, profile.pre_emphasis_us) == (42_000.0, 50.0)
    assert not profile.limits["rated_deviation"].verified


@pytest.mark.parametrize(
    ("wrong", "kind", "word"),
    [
        (b"", "stations.key", "no station"),
        (b"station = []", "stations.value", "1 to 200"),
        (b"[[station]]\nid = 'a'", "stations.value", "50e6"),
        (b"[[station]]\nfrequency_hz = 64e6", "stations.key", "no id"),
        (MINIMAL + b"colour = 1", "stations.key", "unknown colour"),
        (MINIMAL.replace(b'"a"', b'"a/../b"'), "stations.value", "letters"),
        (MINIMAL.replace(b"64000000", b"64"), "stations.value", "50e6"),
        (MINIMAL.replace(b"64000000", b"'64e6'"), "stations.value", "station a.frequency_hz"),
        (MINIMAL.replace(b"64000000", b"nan"), "stations.value", "finite number"),
        (MINIMAL + b'pi = "70G1"', "stations.value", "hexadecimal"),
        (MINIMAL + b"pi = 7001", "stations.value", "text"),
        (MINIMAL + b'carrier = "am"', "stations.value", "'wired'"),
        (MINIMAL + b'profile = "75k"', "profile.missing", "75k50us"),
        (MINIMAL + b"lat = 91", "stations.value", "lat"),
        (MINIMAL + b"lon = -181.0", "stations.value", "lon"),
        (MINIMAL + b'codes = [""]', "stations.value", "codes"),
        (MINIMAL + b'codes = "1"', "stations.value", "list"),
        (MINIMAL + b'[[station.slot]]\nstart = "5:00"\nend = "06:00"', "stations.value", "HH:MM"),
        (MINIMAL + b'[[station.slot]]\nstart = "24:00"\nend = "06:00"', "stations.value", "lasts"),
        (MINIMAL + b'[[station.slot]]\nstart = "05:00"\nend = "05:00"', "stations.value", "lasts"),
        (MINIMAL + b'[[station.slot]]\nstart = "05:00"', "stations.key", "no end"),
        (
            MINIMAL + b'[[station.slot]]\nstart = "05:00"\nend = "06:00"\ndays = "monday"',
            "stations.value",
            "mon-sat",
        ),
        (MINIMAL + MINIMAL, "stations.value", "station 2.id"),
        (MINIMAL * 201, "stations.value", "200"),
    ],
)
def test_a_wrong_file_is_refused_by_name(wrong, kind, word):
    with pytest.raises(Refusal) as caught:
        parse_stations(wrong)
    assert caught.value.kind == kind
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "kind", "word"),
    [
        (b"", "profile.key", "no limit"),
        (limit("rated_deviation", "75", "kHz"), "profile.key", "no pre_emphasis"),
        (limit("rated_deviation", "75", "dB") + EMPHASIS, "profile.value", "kHz"),
        (limit("rated_deviation", "750", "Hz") + EMPHASIS, "profile.value", "10000"),
        (limit("rated_deviation", "'75'", "kHz") + EMPHASIS, "profile.value", "finite number"),
        (limit("pre_emphasis", "500", "us") + RATED, "profile.value", "100"),
        (RATED + EMPHASIS + limit("over_deviation", "9", "kHz"), "profile.value", "rated"),
        (b"limit = 3", "profile.value", "table"),
        (b"colour = 3\n" + RATED + EMPHASIS, "profile.key", "colour"),
    ],
)
def test_a_wrong_profile_is_refused(wrong, kind, word, tmp_path):
    (tmp_path / "own.toml").write_bytes(wrong)
    with pytest.raises(Refusal) as caught:
        parse_stations(MINIMAL + b'profile = "own.toml"', tmp_path)
    assert caught.value.kind == kind
    assert word in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Refusal, match="STATIONS"):
        load_stations(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily", set(range(7))),
        ("sun", {6}),
        ("sat-mon", {5, 6, 0}),
        ("mon,wed,fri", {0, 2, 4}),
        ("mon-tue, sat", {0, 1, 5}),
    ],
)
def test_days(text, days):
    assert parse_days(text) == days


def test_stations_called_by_their_frequency():
    assert frequency_id(96.4e6) == "96.40MHz"
    assert frequency_id(96_412_500.0) == "96.4125MHz"
    found = StationList.of_frequencies((96.4e6, 97.1e6, 96.4e6))
    assert [s.id for s in found.stations] == ["96.40MHz", "97.10MHz"]
    with pytest.raises(Refusal, match="50 … 110 MHz"):
        StationList.of_frequencies((96.4,))

"""SCENE.toml: defaults, and every scene that cannot be with the key, value and range it names."""

from datetime import UTC, datetime

import pytest

from dsp.errors import Refusal
from ingest.scene.faults import EFFECTS
from ingest.scene.scene import load_scene, parse_scene

CAPTURE = """
[capture]
centre_hz = 98e6
rate_hz = 2_400_000
seconds = 10
"""
STATION = """
[[station]]
id = "A"
frequency_hz = 97.6e6
level_dbfs = -20
profile = "75k50us"
"""
RICH = STATION + 'stereo = true\nrds_hz = 2000\npi = "7001"\n'


def fault(kind, **keys):
    shown = "\n".join(f"{k} = {v!r}".replace("'", '"') for k, v in keys.items())
    return f'\n[[station.fault]]\nkind = "{kind}"\n{shown}\n'


def parse(text, folder):
    return parse_scene(text.encode(), folder)


def refused(text, folder):
    with pytest.raises(Refusal) as caught:
        parse(text, folder)
    assert caught.value.exit_code == 2
    return caught.value


def test_only_the_keys_of_the_contract_are_required(tmp_path):
    scene = parse(CAPTURE + STATION, tmp_path)
    assert scene.samples == 24_000_000
    assert scene.capture.seed == 0
    assert scene.capture.start_utc == datetime(2026, 1, 1, tzinfo=UTC)
    (station,) = scene.stations
    assert (station.rated_hz, station.pre_emphasis_us) == (75_000.0, 50.0)
    assert station.deviation_hz == 75_000.0
    assert station.pilot_hz == 0.0
    assert station.table.rds_hz == 0.0
    assert station.audio == ()


def test_the_pilot_is_nine_per_cent_of_the_rated_deviation(tmp_path):
    text = STATION.replace("75k50us", "50k50us") + "stereo = true\ndeviation_hz = 60e3\n"
    (station,) = parse(CAPTURE + text, tmp_path).stations
    assert station.pilot_hz == pytest.approx(4_500.0)
    assert station.deviation_hz == 60_000.0


def test_a_scene_is_named_by_its_bytes(tmp_path):
    path = tmp_path / "scene.toml"
    path.write_text(CAPTURE + STATION)
    scene = load_scene(path)
    assert scene.digest == parse(CAPTURE + STATION, tmp_path).digest
    assert scene.digest != parse(CAPTURE + STATION + "\n", tmp_path).digest


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-05-16T07:30:00+07:00", datetime(2026, 5, 16, 0, 30, tzinfo=UTC)),
        ('"2026-05-16T00:30:00Z"', datetime(2026, 5, 16, 0, 30, tzinfo=UTC)),
    ],
)
def test_the_start_is_a_time_with_its_zone(tmp_path, written, moment):
    scene = parse(CAPTURE + f"start_utc = {written}\n" + STATION, tmp_path)
    assert scene.capture.start_utc == moment
    error = refused(CAPTURE + "start_utc = 2026-05-16T07:30:00\n" + STATION, tmp_path)
    assert "capture.start_utc" in error.expected


def test_audio_is_found_beside_the_scene(tmp_path):
    (tmp_path / "one.wav").write_bytes(b"RIFF")
    (tmp_path / "two.wav").write_bytes(b"RIFF")
    (station,) = parse(CAPTURE + STATION + 'audio = "one.wav"\n', tmp_path).stations
    assert station.audio == (tmp_path / "one.wav",)
    (station,) = parse(CAPTURE + STATION + 'audio = ["one.wav", "two.wav"]\n', tmp_path).stations
    assert len(station.audio) == 2


def test_a_profile_may_be_a_file(tmp_path):
    limit = '[limit.{}]\nvalue = {}\nunit = "{}"\nsource = "licence 1"\n'
    rated, emphasis = (
        limit.format("rated_deviation", 50, "kHz"),
        limit.format("pre_emphasis", 75, "us"),
    )
    (tmp_path / "own.toml").write_text(rated + emphasis)
    (station,) = parse(CAPTURE + STATION.replace("75k50us", "own.toml"), tmp_path).stations
    assert (station.rated_hz, station.pre_emphasis_us) == (50_000.0, 75.0)
    (tmp_path / "own.toml").write_text(rated)
    refused(CAPTURE + STATION.replace("75k50us", "own.toml"), tmp_path)


@pytest.mark.parametrize("kind", EFFECTS)
def test_every_fault_needs_its_kind_alone(tmp_path, kind):
    (station,) = parse(CAPTURE + RICH + fault(kind), tmp_path).stations
    (found,) = station.faults
    assert (found.kind, found.start_s, found.end_s, found.audio) == (kind, 0.0, 10.0, None)


def test_values_that_depend_on_the_station(tmp_path):
    text = RICH + fault("over_deviation", end_s=1.0) + fault("bad_pi", start_s=1.0)
    (station,) = parse(CAPTURE + text, tmp_path).stations
    assert station.faults[0].value == pytest.approx(97_500.0)
    assert station.faults[1].value == 0xC001


NO_SUCH = [
    # scene, the key, the value and a piece of the range that the error must name
    ("", "capture", "no capture", "capture, dongle, station"),
    (CAPTURE.replace("seconds = 10", ""), "the scene.capture", "no seconds", "seed"),
    (CAPTURE + "nonsense = 1", "the scene.capture", "unknown nonsense", "centre_hz"),
    (CAPTURE.replace("= 10", "= -10"), "capture.seconds", "-10", "0.01"),
    (CAPTURE.replace("= 10", '= "ten"'), "capture.seconds", "'ten'", "a number"),
    (CAPTURE.replace("= 10", "= nan"), "capture.seconds", "nan", "0.01"),
    (CAPTURE.replace("2_400_000", "2_400_000.5"), "capture.rate_hz", "2400000.5", "whole"),
    (CAPTURE.replace("2_400_000", "9_600_000"), "capture.rate_hz", "9600000", "3.2e+06"),
    (CAPTURE + "[dongle]\nppm = 150\n", "dongle.ppm", "150", "-100 … 100"),
    (CAPTURE + "[dongle]\ndrops = 5\n", "dongle.drops", "5", "a list"),
    (
        CAPTURE + "[dongle]\ndrops = [{at_s = 11, samples = 5}]\n",
        "dongle.drops.at_s",
        "11",
        "0 … 10",
    ),
    (
        CAPTURE + "[dongle]\ndrops = [{at_s = 9, samples = 2_400_001}]\n",
        "dongle.drops.samples",
        "2400001",
        "at most 2400000",
    ),
    (
        CAPTURE + "[dongle]\nrepeats = [{at_s = 0, samples = 5}]\n",
        "dongle.repeats.samples",
        "5",
        "the samples before",
    ),
    (
        CAPTURE + "[dongle]\ndrops = [{at_s = 1, samples = 9e6}, {at_s = 2, samples = 5}]\n",
        "dongle.drops.at_s",
        "2",
        "the one at 1 s ends",
    ),
    (STATION, "frequency_hz", "99200000", "96930000 … 99070000"),
    (STATION, "frequency_hz", "80000000", "54e6 … 68e6 or 87e6 … 108e6"),
    (STATION, "deviation_hz", "140000", "130000"),
    (STATION, "deviation_hz", "-75000", "1000"),
    (STATION, "profile", "'75k'", "75k50us, 50k50us, 75k75us"),
    (STATION, "audio", "'nowhere.wav'", "a file"),
    (STATION, "pi", "'700'", "four hexadecimal"),
    (STATION, "pty", "32", "0 … 31"),
    (STATION, "pilot_hz", "6750", "stereo = true"),
    (STATION, "id", "'a b'", "letters"),
    (STATION, "stereo", "1", "true or false"),
    (STATION, "multipath", "[{'delay_us': 1}]", ""),
]


def with_value(text, key, shown):
    """Return `text` with `key` set to the TOML of `shown`."""
    lines = [line for line in text.splitlines() if not line.startswith(f"{key} =")]
    return "\n".join([*lines, f"{key} = {shown}"]) + "\n"


@pytest.mark.parametrize(("text", "key", "got", "allowed"), NO_SUCH, ids=lambda v: str(v)[-40:])
def test_a_scene_that_cannot_be_is_named_by_key_value_and_range(tmp_path, text, key, got, allowed):
    if text == STATION:
        written = "[{delay_us = 1}]" if key == "multipath" else got.replace("'", '"')
        text = CAPTURE + with_value(STATION, key, written)
    error = refused(text, tmp_path)
    said = str(error)
    assert key in error.expected.replace("the scene:", "capture")
    if key != "multipath":
        assert got.split(".")[0] in error.got
    assert allowed in error.expected
    assert "\n" not in said


FAULTS = [
    (fault("off_air", start_s=-1.0), "start_s", "-1"),
    (fault("off_air", start_s=5.0, end_s=4.0), "end_s", "4"),
    (fault("off_air", start_s=5.0, end_s=11.0), "end_s", "11"),
    (fault("nonsense"), "kind", "nonsense"),
    (fault("off_air", value=1.0), "value", "1"),
    (fault("hiss", value=5.0), "value", "5"),
    (fault("no_audio", audio="x.wav"), "audio", "x.wav"),
    (fault("intruder", audio="x.wav"), "audio", "x.wav"),
    (fault("over_deviation", value=200e3), "value", "200000"),
    (fault("one_channel", value=0.5), "value", "0.5"),
    (fault("bad_pi", value=70000.5), "value", "70000.5"),
    (fault("drift", value=60e3), "value", "60000"),
    (fault("hiss", end_s=5.0) + fault("no_audio", start_s=4.0), "start_s", "4"),
    (fault("off_air", end_s=5.0) + fault("hum", start_s=4.0), "start_s", "4"),
    (fault("capture", end_s=5.0) + fault("intruder", start_s=4.0), "start_s", "4"),
    (fault("splatter", end_s=5.0) + fault("over_deviation"), "start_s", "0"),
]


@pytest.mark.parametrize(("text", "key", "got"), FAULTS, ids=lambda v: " ".join(str(v).split()))
def test_a_fault_that_cannot_be(tmp_path, text, key, got):
    error = refused(CAPTURE + RICH + text, tmp_path)
    assert f".{key}" in error.expected
    assert "station 'A'" in error.expected or "station[0]" in error.expected
    assert got in error.got


@pytest.mark.parametrize("kind", ["no_pilot", "one_channel", "bad_pi"])
def test_a_fault_of_what_the_station_does_not_have(tmp_path, kind):
    error = refused(CAPTURE + STATION + fault(kind), tmp_path)
    assert "a station with" in error.expected


def test_faults_that_go_together(tmp_path):
    text = RICH + fault("off_air") + fault("intruder", start_s=2.0, end_s=7.0)
    assert len(parse(CAPTURE + text, tmp_path).stations[0].faults) == 2
    text = RICH + fault("hum") + fault("no_pilot") + fault("over_deviation") + fault("drift")
    assert len(parse(CAPTURE + text, tmp_path).stations[0].faults) == 4
    # One ends where the other begins.
    text = RICH + fault("hiss", end_s=5.0) + fault("no_audio", start_s=5.0)
    assert len(parse(CAPTURE + text, tmp_path).stations[0].faults) == 2


def test_two_stations_of_one_name(tmp_path):
    error = refused(CAPTURE + STATION + STATION, tmp_path)
    assert "no other station" in error.expected
    assert error.got == "'A'"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[capture", b"x = " + b"[" * 5000, b"a = 1\na = 2"], ids=range(4)
)
def test_rubbish_is_no_scene(tmp_path, content):
    with pytest.raises(Refusal) as caught:
        parse_scene(content, tmp_path)
    assert caught.value.kind == "scene.toml"


def test_a_scene_that_is_not_there_or_too_large(tmp_path):
    with pytest.raises(Refusal) as caught:
        load_scene(tmp_path / "none.toml")
    assert caught.value.kind == "scene.missing"
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * 2_000_001)
    with pytest.raises(Refusal) as caught:
        load_scene(large)
    assert caught.value.kind == "scene.value"

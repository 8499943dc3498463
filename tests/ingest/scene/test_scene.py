"""SCENE.toml: defaults, and every scene that cannot be with the key, value and range it names."""

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dsp.errors import Refusal
from ingest.scene.exciter import rds_of
from ingest.scene.faults import EFFECTS
from ingest.scene.rds import rds_content
from ingest.scene.scene import (
    Burst,
    Capture,
    DongleTable,
    FaultTable,
    GainStep,
    OnAir,
    RayTable,
    Span,
    StationTable,
    load_scene,
    parse_scene,
)

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


MORE_RDS = """
[station.rds]
ecc = "F2"
language = "Vietnamese"
af_hz = [97.6e6]
ptyn = "TIN XA"
ert = "ព័ត៌មាន"
ews = ["1F 0001 00FF"]
title = "Tin xã"
[[station.rds.eon]]
pi = "7002"
ps = "CAU KE"
"""


def test_a_station_may_say_everything_that_rds_has(tmp_path):
    (station,) = parse(CAPTURE + RICH + 'rt = "Tin xã Đức Mỹ"\n' + MORE_RDS, tmp_path).stations
    content = rds_content(station.table)
    assert (content.pi, content.ecc, content.language) == (0x7001, 0xF2, 0x46)
    assert (content.af_hz, content.ptyn, content.ert) == ((97_600_000,), "TIN XA", "ព័ត៌មាន")
    assert [other.pi for other in content.eon] == [0x7002]
    assert [tag.content_type for tag in content.rt_plus] == ["programme.now"]
    assert (content.di, content.ps) == (1, "A")
    scheduler = rds_of(station, datetime(2026, 1, 1, tzinfo=UTC), 1)
    kinds = {group.group[4:6] for group in scheduler.groups_until(104 * 200)}
    assert {"00", "20", "30", "90", "A0", "B0", "C0", "E0"} <= {kind[0] + "0" for kind in kinds}


@pytest.mark.parametrize(
    ("text", "key", "got"),
    [
        ('[station.rds]\npi = "7002"\n', "rds.pi", "7002"),
        ('[station.rds]\nraw = ["7001000100020003"]\n', "rds.raw", "7001000100020003"),
        ("[station.rds]\ncolour = 1\n", "colour", "colour"),
        ('[station.rds]\necc = "XX"\n', "ecc", "XX"),
        ("[station.rds]\ndi = 16\n", "rds.di", "16"),
        ('[station.rds]\nrt_plus = [{type = "item.title", text = "no"}]\n', "rt_plus", "no"),
        ('rt = "ព័ត៌មាន"\n', "rt", "U+17"),
        ('ps = "NINECHARS"\n', "ps", "NINECHARS"),
        ("[dongle]\nppm = inf\n", "ppm", "inf"),
        ("pty = inf\n", "pty", "inf"),
    ],
)
def test_rds_of_a_scene_that_cannot_be(tmp_path, text, key, got):
    refusal = refused(CAPTURE + RICH + text, tmp_path)
    assert refusal.kind in {"scene.value", "scene.key"}
    assert key in refusal.expected + refusal.got
    assert got in refusal.got


#: contract.md: what holds where a key is left out; everything else is required.
DEFAULTS = {
    Capture: {"seed": 0, "start_utc": datetime(2026, 1, 1, tzinfo=UTC)},
    DongleTable: {
        "noise_dbfs": -60.0, "ppm": 0.0, "ppm_per_min": 0.0, "dc_dbfs": None, "iq_gain_db": 0.0,
        "iq_phase_deg": 0.0, "gain_steps": (), "drops": (), "repeats": (), "stalls": (),
    },
    StationTable: {
        "commune": "", "deviation_hz": None, "audio": (), "tone_hz": None, "tone_level_db": -6.0,
        "audio_gain_db": 0.0, "stereo": False, "pilot_hz": None, "rds_hz": 0.0,
        "rds_phase_deg": 0.0, "mpx_limit_dbr": None, "offset_hz": 0.0, "drift_hz_per_min": 0.0,
        "pi": "7001", "ps": "", "rt": "", "pty": 0, "rds_groups": (), "ct": False, "rds": None,
        "dtmf": (), "multipath": (), "fading_hz": 0.0, "fading_k_db": 10.0, "on_air": (),
        "fault": (),
    },
    FaultTable: {"start_s": 0.0, "end_s": None, "value": None, "audio": None},
    RayTable: {"phase_deg": 0.0},
    Burst: {"level_dbfs": -12.0, "on_s": 0.07, "off_s": 0.07},
    Span: {}, GainStep: {}, OnAir: {},
}  # fmt: skip
REQUIRED = {
    Capture: {"centre_hz", "rate_hz", "seconds"},
    DongleTable: set(),
    StationTable: {"id", "frequency_hz", "level_dbfs", "profile"},
    FaultTable: {"kind"},
    RayTable: {"delay_us", "gain_db"},
    Burst: {"at_s", "digits"},
    Span: {"at_s", "samples"},
    GainStep: {"at_s", "gain_db"},
    OnAir: {"start_s", "end_s"},
}


@pytest.mark.parametrize("table", DEFAULTS)
def test_every_key_has_the_default_of_the_reference_and_none_is_unknown_to_it(table):
    fields = {field.name: field.default for field in dataclasses.fields(table)}
    required = {name for name, default in fields.items() if default is dataclasses.MISSING}
    assert required == REQUIRED[table]
    assert {k: v for k, v in fields.items() if k not in required} == DEFAULTS[table]
    page = Path(__file__).parents[3] / "docs" / "reference" / "simulate.md"
    told = set(re.findall(r"\w+", page.read_text(encoding="utf-8")))
    assert set(fields) <= told


@pytest.mark.parametrize(
    "text",
    [
        "[capture]\ncentre_hz = 98e6\nrate_hz = 2_400_000\nseconds = 1\nodd = 1\n",
        CAPTURE + "[dongle]\nodd = 1\n",
        CAPTURE + "[dongle]\ndrops = [{ at_s = 1, samples = 1, odd = 1 }]\n",
        CAPTURE + "[dongle]\ngain_steps = [{ at_s = 1, gain_db = 1, odd = 1 }]\n",
        CAPTURE + STATION + "odd = 1\n",
        CAPTURE + STATION + "multipath = [{ delay_us = 1, gain_db = -3, odd = 1 }]\n",
        CAPTURE + STATION + "on_air = [{ start_s = 1, end_s = 2, odd = 1 }]\n",
        CAPTURE + STATION + 'dtmf = [{ at_s = 1, digits = "1", odd = 1 }]\n',
        CAPTURE + STATION + fault("hum", odd=1),
        CAPTURE + "[odd]\n",
    ],
)
def test_an_unknown_key_is_an_error_in_every_table(tmp_path, text):
    refusal = refused(text, tmp_path)
    assert (refusal.kind, refusal.got) == ("scene.key", "unknown odd")

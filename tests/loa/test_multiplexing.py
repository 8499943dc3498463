"""`loa multiplex`: one object with what was made and measured, one line for what cannot be."""

import json

import numpy as np
import pytest
import soundfile as sf
from scipy.signal import resample_poly

from dsp.receive.rds.receiver import RdsReceiver
from loa import cli

FIELDS = {
    "schema", "input", "output", "kind", "sha256", "duration_s", "audio_delay_s", "profile",
    "rated_deviation_hz", "pre_emphasis_us", "stereo", "peak_deviation_hz", "carrier_shift_hz",
    "mpx_power_dbr", "mpx_window_s", "pilot_hz", "pilot_frequency_hz", "subcarrier_38k_db",
    "rds_hz", "limited_percent", "mpx_limiter_db", "mended_samples", "u", "invalid", "rds",
}  # fmt: skip


@pytest.fixture
def master(tmp_path):
    rng = np.random.default_rng(2)
    path = tmp_path / "bulletin.wav"
    sf.write(path, rng.standard_normal((48_000 * 3, 2)) * 0.05, 48_000, "PCM_16")
    return path


def run(capsys, *arguments):
    code = cli.run(["multiplex", *map(str, arguments)])
    return code, capsys.readouterr()


def test_one_object_with_everything(tmp_path, master, capsys):
    out = tmp_path / "mpx.flac"
    asked = ("--pi", "7001", "--ps", "TRAVINH", "--rt", "Bản tin", "--pty", "1", "--json")
    code, said = run(capsys, master, "-o", out, *asked)
    assert code == 0
    made = json.loads(said.out)
    assert set(made) == FIELDS
    assert made["schema"] == "loa.multiplex/1"
    rds = {"pi": "7001", "ps": "TRAVINH", "rt": "Bản tin", "title": None, "pty": 1, "ct": False}
    assert made["rds"] == rds
    assert made["pilot_hz"] == pytest.approx(6_750.0, abs=0.1)
    assert made["pilot_frequency_hz"] == pytest.approx(19_000.0, abs=0.001)
    assert made["rds_hz"] == pytest.approx(2_000.0, rel=0.03)
    assert made["subcarrier_38k_db"] < -60.0
    assert made["limited_percent"] == 0.0
    assert set(made["invalid"]) == {"mpx_limiter_db"}
    assert said.err == ""
    assert sf.info(out).samplerate == 192_000


def heard_groups(composite):
    receiver = RdsReceiver()
    heard = receiver.process(resample_poly(composite, 3, 2).astype(np.float32))
    return [group.blocks for group in heard if group.whole]


@pytest.mark.parametrize("rt", ["Đức Mỹ: Bản tin bão", None])
def test_the_title_is_marked_by_rt_plus(tmp_path, capsys, rt):
    silence = tmp_path / "silence.wav"
    sf.write(silence, np.zeros(48_000 * 12), 48_000)
    out = tmp_path / "mpx.wav"
    text = () if rt is None else ("--rt", rt)
    asked = ("--mono", "--pi", "7001", "--title", "Bản tin bão", *text, "--json")
    code, said = run(capsys, silence, "-o", out, *asked)
    assert code == 0
    assert json.loads(said.out)["rds"]["rt"] == (rt or "Bản tin bão")
    groups = heard_groups(sf.read(out, dtype="float32")[0])
    assert any(b >> 11 == 0b00110 and d == 0x4BD7 for _, b, _, d in groups)  # 3A: RT+ is in 11A
    # Tag 1: PROGRAMME.NOW (33), start, length less one; EN 62106 annex P: 3 bits in block 2.
    start = 0 if rt is None else rt.index("Bản")
    tags = {
        ((b & 7) << 3 | c >> 13, c >> 7 & 63, c >> 1 & 63)
        for _, b, c, _ in groups
        if b >> 11 == 0b10110
    }
    assert tags == {(33, start, 10)}


def test_mono_at_50_khz_without_rds(tmp_path, master, capsys):
    asked = ("--mono", "--profile", "50k50us", "--json")
    code, said = run(capsys, master, "-o", tmp_path / "mpx.wav", *asked)
    made = json.loads(said.out)
    assert code == 0
    assert made["rated_deviation_hz"] == 50_000.0
    assert made["pilot_hz"] is made["rds_hz"] is made["rds"] is None
    assert made["invalid"]["pilot_hz"] == "no pilot"
    assert made["invalid"]["rds_hz"] == "no RDS"


def test_a_profile_of_ones_own(tmp_path, master, capsys):
    profile = tmp_path / "own.toml"
    profile.write_text(
        'name = "own"\n[limit.rated_deviation]\nvalue = 60\nunit = "kHz"\nsource = "licence"\n'
        '[limit.pre_emphasis]\nvalue = 75\nunit = "us"\nsource = "licence"\n'
    )
    code, said = run(capsys, master, "-o", tmp_path / "a.wav", "--profile", profile, "--json")
    made = json.loads(said.out)
    assert code == 0
    assert (made["profile"], made["rated_deviation_hz"]) == ("own", 60_000.0)
    assert made["pilot_hz"] == pytest.approx(5_400.0, abs=0.1)


def test_injections_and_iq(tmp_path, master, capsys):
    asked = ("--pilot-khz", "7.5", "--pi", "7001", "--rds-khz", "4", "--mpx-limit-dbr", "3")
    place = ("--rate-hz", "250000", "--offset-hz", "-20000", "--level-dbfs", "-10")
    out = tmp_path / "station.sigmf"
    code, said = run(capsys, master, "-o", out, *asked, *place, "--json")
    made = json.loads(said.out)
    assert code == 0
    assert made["kind"] == "iq"
    assert made["pilot_hz"] == pytest.approx(7_500.0, abs=0.1)
    assert made["mpx_limiter_db"] == 0.0
    meta = json.loads((tmp_path / "station.sigmf-meta").read_text())
    assert meta["global"]["core:sample_rate"] == 250_000
    assert meta["captures"][0]["core:frequency"] == 100e6 + 20_000


def test_a_dc_offset_is_measured_and_said(tmp_path, capsys):
    path = tmp_path / "leaning.wav"
    sf.write(path, np.full((48_000, 1), 0.02), 48_000, "PCM_16")
    code, said = run(capsys, path, "-o", tmp_path / "mpx.wav", "--mono", "--json")
    made = json.loads(said.out)
    assert code == 0
    # 0.02 of 75 kHz for one second of what lasts 6 ms longer.
    assert made["carrier_shift_hz"] == pytest.approx(1_500.0 / made["duration_s"], rel=0.002)
    assert "DC offset" in said.err


def test_no_fm_master_is_said(tmp_path, master, capsys):
    audio, _ = sf.read(master)
    loud = tmp_path / "loud.wav"
    sf.write(loud, audio * 20, 48_000, "FLOAT")
    code, said = run(capsys, loud, "-o", tmp_path / "mpx.wav")
    assert code == 0
    assert "the coder limited the audio" in said.err
    assert "--target fm" in said.err
    assert "peak deviation" in said.out


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("--ps", "TRAVINH"), "usage"),
        (("--rds-khz", "2"), "usage"),
        (("--pi", "XYZ"), "usage"),
        (("--pi", "0000"), "usage"),
        (("--pi", "7001", "--ps", "too long a name"), "rds.text"),
        (("--pty", "40"), "usage"),
        (("--title", "Bản tin"), "usage"),
        (("--pi", "7001", "--rt", "Đức Mỹ", "--title", "Bản tin"), "rds.value"),
        (("--profile", "90k"), "profile.missing"),
        (("--pilot-khz", "60"), "multiplex.settings"),
        (("--mpx-limit-dbr", "-11"), "multiplex.settings"),
    ],
)
def test_what_cannot_be_is_one_line_and_no_file(tmp_path, master, capsys, arguments, kind):
    before = sorted(tmp_path.iterdir())
    code, said = run(capsys, master, "-o", tmp_path / "mpx.wav", *arguments, "--json")
    assert code == 2
    assert json.loads(said.out)["kind"] == kind
    assert said.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_not_there_is_exit_code_4(tmp_path, master, capsys):
    code, said = run(capsys, master, "-o", tmp_path / "no" / "mpx.wav")
    assert code == 4
    assert "mkdir -p" in said.err


CODES = """
[station]
id = "duc-my"
frequency_hz = 96.4e6
pi = "7001"
[[code]]
name = "open-all"
dtmf = "15#"
[[code]]
name = "zone-3-on"
rds = ["7001 6023 0001 00FF"]
repeats = 3
"""


@pytest.fixture
def codes(tmp_path):
    path = tmp_path / "codes.toml"
    path.write_text(CODES)
    return path


def test_a_stations_own_codes_go_around_its_programme(tmp_path, master, codes, capsys):
    names = ("--code-before", "open-all", "--code-before", "zone-3-on", "--code-after", "open-all")
    on_air = ("--station", "duc-my", "--frequency-mhz", "96.4", "--pi", "7001", "--codes", codes)
    code, said = run(capsys, master, "-o", tmp_path / "a.wav", *names, *on_air, "--json")
    made = json.loads(said.out)
    assert code == 0
    # DTMF twice 3 · 0.2 s; 3 + 2 groups; a pause of 0.2 s after each of the three.
    longer_s = 2 * 0.6 + 5 * 104 / 1_187.5 + 3 * 0.2
    assert made["duration_s"] == pytest.approx(3.0 + longer_s + made["audio_delay_s"], abs=0.01)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"--station": "other"}, "codes.other_station"),
        ({"--frequency-mhz": "96.5"}, "codes.other_station"),
        ({"--pi": "7002"}, "codes.other_station"),
        ({"--station": ""}, "codes.station"),
        ({"--code-before": "nothing"}, "codes.unknown"),
        ({"--codes": None}, "codes.none"),
        ({"--codes": "/nowhere.toml"}, "codes.missing"),
        ({"--code-before": "zone-3-on", "--rds-khz": "0"}, "usage"),
    ],
)
def test_nobody_elses_codes_are_sent(tmp_path, master, codes, capsys, changed, kind):
    options = {
        "--station": "duc-my", "--frequency-mhz": "96.4", "--pi": "7001",
        "--codes": codes, "--code-before": "open-all",
    } | changed  # fmt: skip
    asked = [part for key, value in options.items() if value is not None for part in (key, value)]
    code, said = run(capsys, master, "-o", tmp_path / "a.wav", *asked, "--json")
    assert code == 2
    assert json.loads(said.out)["kind"] == kind
    assert not (tmp_path / "a.wav").exists()


RDS = """
ps = "TRAVINH"
rt = "Đức Mỹ: Bản tin bão"
title = "Bản tin bão"
pty = 3
ptyn = "Tin Xã"
ert = "ព័ត៌មាន"
ecc = "F2"
language = "Khmer"
pin = { day = 24, hour = 5, minute = 0 }
ct = true
af_hz = [96.4e6, 101_300_000]
ews = ["1F 0001 00FF"]
inhouse = ["02 1234 5678"]
raw = ["7001 F000 0001 0002"]
[station]
id = "duc-my"
frequency_hz = 96.4e6
pi = "7001"
[[rt_plus]]
type = "stationname.long"
text = "Đức Mỹ"
[[eon]]
pi = "7002"
ps = "CAU KE"
mapped_hz = [[96.4e6, 99.5e6]]
[[tdc]]
channel = 5
data = "4C 6F 61"
[[oda]]
aid = "CD46"
group = "8A"
message = "0123"
groups = ["00 AAAA BBBB"]
"""
ON_AIR = ("--station", "duc-my", "--frequency-mhz", "96.4")


def test_everything_that_rds_has_comes_out_of_a_file(tmp_path, capsys):
    (tmp_path / "rds.toml").write_text(RDS)
    sf.write(tmp_path / "silence.wav", np.zeros(48_000 * 20), 48_000)
    asked = ("--rds", tmp_path / "rds.toml", *ON_AIR, "--ps", "DUC MY", "--mono", "--json")
    code, said = run(capsys, tmp_path / "silence.wav", "-o", tmp_path / "mpx.wav", *asked)
    assert code == 0, said.err
    made = json.loads(said.out)["rds"]
    assert made["pi"] == "7001"  # of the station
    assert made["ps"] == "DUC MY"  # the option goes before the file
    assert made["pty"] == 3
    groups = heard_groups(sf.read(tmp_path / "mpx.wav", dtype="float32")[0])
    kinds = {f"{b >> 12}{'AB'[b >> 11 & 1]}" for _, b, _, _ in groups}
    wanted = {"0A", "1A", "2A", "3A", "5A", "6A", "8A", "9A", "10A", "11A", "12A", "14A", "15A"}
    assert kinds - {"4A"} == wanted  # the time only where a minute begins
    assert {a for a, *_ in groups} == {0x7001}
    at = {b >> 11: (b & 31, c, d) for _, b, c, d in groups}
    assert at[9 << 1] == (0x1F, 0x0001, 0x00FF)
    assert at[6 << 1] == (0x02, 0x1234, 0x5678)
    assert at[8 << 1] == (0x00, 0xAAAA, 0xBBBB)
    told = {d for _, b, _, d in groups if b >> 11 == 3 << 1}
    assert told == {0xCD46, 0x4BD7, 0x6552}
    labels = {c >> 12: c & 0xFFF for _, b, c, _ in groups if b >> 11 == 1 << 1}
    assert labels == {0: 0x0F2, 3: 0x066}  # country, and Khmer


@pytest.mark.parametrize(
    ("written", "kind", "words"),
    [
        ("pty = 32", "rds.value", ("pty", "0 … 31", "32")),
        ("colour = 1", "rds.key", ("colour",)),
        ('ecc = "F22"', "rds.value", ("ecc", "F22")),
        ('language = "Elvish"', "rds.value", ("language", "Elvish", "Vietnamese")),
        ("af_hz = [60e6]", "rds.value", ("af_hz", "8.76e+07", "60000000")),
        ('letters = "runes"', "rds.value", ("letters", "'ascii'")),
        ("ct_offset_h = 7.2", "rds.value", ("ct_offset_h", "7.2")),
        ("pin = { day = 32, hour = 1, minute = 1 }", "rds.value", ("pin.day", "1 … 31")),
        ('ps = "NINE CHARS"', "rds.text", ("ps", "8")),
        ('rt = "x"\ntitle = "y"', "rds.value", ("'x'",)),
        ('ews = ["20 0001 00FF"]', "codes.none", ("[station]",)),
        ('raw = ["7001 F000 0001 0002"]', "codes.none", ("[station]",)),
        ('[[eon]]\npi = "70"', "rds.value", ("eon[0].pi", "'70'")),
        ("[[eon]]\npi = '7002'\nmapped_hz = [[96.4e6]]", "rds.value", ("mapped_hz", "pairs")),
        ("pi = ", "rds.toml", ()),
    ],
)
def test_rds_that_cannot_be_is_named(tmp_path, master, capsys, written, kind, words):
    (tmp_path / "rds.toml").write_text(written)
    asked = ("--rds", tmp_path / "rds.toml", "--pi", "7001", "--json")
    code, said = run(capsys, master, "-o", tmp_path / "mpx.wav", *asked)
    refusal = json.loads(said.out)
    assert (code, refusal["kind"]) == (2, kind)
    assert all(word in refusal["expected"] + refusal["got"] for word in words), refusal
    assert not (tmp_path / "mpx.wav").exists()


OWNED = '[station]\nid = "duc-my"\nfrequency_hz = 96.4e6\npi = "7001"\n'


@pytest.mark.parametrize(
    ("written", "on_air", "kind", "words"),
    [
        ('ews = ["1F 0001 00FF"]\n', ("--station", "x", "--pi", "7001"), "codes.other_station", ()),
        ('ews = ["1F 0001 00FF"]\n', (*ON_AIR, "--pi", "7002"), "codes.other_station", ("7002",)),
        ('tdc = [{channel = 1, data = "00"}]\n', (), "codes.station", ()),
        ('raw = ["7002 F000 0001 0002"]\n', ON_AIR, "rds.value", ("7001",)),
        ('ews = ["20 0001 00FF"]\n', ON_AIR, "rds.value", ("ews[0]", "20 0001 00FF")),
        ('oda = [{aid = "CD46", group = "8B"}]\n', ON_AIR, "rds.value", ("oda[0].group", "8B")),
        ('tdc = [{channel = 32, data = "00"}]\n', ON_AIR, "rds.value", ("channel", "0 … 31")),
        ('tdc = [{channel = 1, data = "0"}]\n', ON_AIR, "rds.value", ("tdc[0].data", "'0'")),
    ],
)
def test_groups_that_may_open_loudspeakers_are_those_of_their_station(
    tmp_path, master, capsys, written, on_air, kind, words
):
    (tmp_path / "rds.toml").write_text(written + OWNED)
    asked = ("--rds", tmp_path / "rds.toml", *on_air, "--json")
    code, said = run(capsys, master, "-o", tmp_path / "mpx.wav", *asked)
    refusal = json.loads(said.out)
    assert (code, refusal["kind"]) == (2, kind), refusal
    assert all(word in refusal["expected"] + refusal["got"] for word in words), refusal
    assert not (tmp_path / "mpx.wav").exists()

"""Control codes: the station's own and nobody else's."""

import dataclasses

import numpy as np
import pytest

from dsp.coder.dtmf import dtmf_burst
from dsp.coder.rds_content import RdsContent
from dsp.coder.rds_scheduler import RdsScheduler, bit_at
from dsp.errors import Refusal
from transmit.control_codes import (
    CodedStation,
    load_control_codes,
    parse_control_codes,
    release_code,
)

GOOD = b"""
[station]
id = "duc-my"
frequency_hz = 96.4e6
pi = "7001"
[[code]]
name = "open-all"
dtmf = "15#"
repeats = 2
[[code]]
name = "zone-3-on"
rds = ["7001 6023 0001 00FF", "7001582370010001"]
repeats = 3
"""
OURS = CodedStation("duc-my", 96.4e6, "7001")


def test_the_station_gets_its_codes():
    codes = parse_control_codes(GOOD)
    assert codes.names == ("open-all", "zone-3-on")
    opening = release_code(codes, OURS, "open-all")
    burst = dtmf_burst("15#", 48_000)
    np.testing.assert_array_equal(opening.audio(48_000), np.concatenate([burst, burst]))
    assert opening.groups() == ()
    zone = release_code(codes, CodedStation("duc-my", 96_400_000.0, "7001"), "zone-3-on")
    assert [g.hex() for g in zone.groups()] == ["70016023000100FF", "7001582370010001"] * 3
    assert zone.audio(48_000).shape == (0,)


def test_the_groups_go_on_the_air():
    zone = release_code(parse_control_codes(GOOD), OURS, "zone-3-on")
    raw = tuple(group.hex() for group in zone.groups())
    scheduler = RdsScheduler(RdsContent(pi=0x7001, ps="DUC MY", rt="x" * 64, raw=raw))
    sent = [group.group for group in scheduler.groups_until(bit_at(10))]
    assert set(raw) <= set(sent)


def test_without_codes_nothing_is_sent():
    with pytest.raises(Refusal, match=r"codes\.none: .*duc-my on 96.4 MHz with PI 7001"):
        release_code(None, OURS, "open-all")


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(OURS, id="cau-ke"),
        dataclasses.replace(OURS, frequency_hz=96.5e6),
        dataclasses.replace(OURS, pi="7002"),
    ],
    ids=["id", "frequency", "PI"],
)
def test_another_station_gets_nothing(other):
    codes = parse_control_codes(GOOD)
    with pytest.raises(Refusal, match=r"codes\.other_station") as refusal:
        release_code(codes, other, "open-all")
    # Nothing of the code itself is told.
    assert "15#" not in str(refusal.value)
    assert "open-all" not in str(refusal.value)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(Refusal, match=r"codes\.unknown: expected one of open-all, zone-3-on"):
        release_code(parse_control_codes(GOOD), OURS, "open")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b'pi = "7001"', b"", "no pi"),
        (b'id = "duc-my"', b"", "no id"),
        (b"frequency_hz = 96.4e6", b"", "no frequency_hz"),
        (b'pi = "7001"', b'pi = "0000"', "pi"),
        (b'pi = "7001"', b'pi = "70011"', "pi"),
        (b"96.4e6", b"96.4", "frequency_hz"),
        (b'pi = "7001"', b'pi = "7002"', "groups of the station's own PI 7002"),
        (b"7001582370010001", b"7001582370020001", "own PI"),
        (b"7001 6023", b"7002 6023", "own PI"),
        (b'dtmf = "15#"', b'dtmf = "15E"', "'E'"),
        (b'dtmf = "15#"', b'dtmf = ""', "one of the two"),
        (b'dtmf = "15#"', b'dtmf = "15#"\nrds = ["70016023000100FF"]', "one of the two"),
        (b'dtmf = "15#"', b'dtmf = "' + b"1" * 21 + b'"', "20 digits"),
        (b"repeats = 2", b"repeats = 11", "repeats"),
        (b"repeats = 2", b"repeats = 0", "repeats"),
        (b"repeats = 2", b"on_s = 0.02", "on_s"),
        (b"repeats = 2", b"off_s = 2.0", "off_s"),
        (b"repeats = 2", b"level_dbfs = 0.0", "level_dbfs"),
        (b"repeats = 2", b"repeat = 2", "unknown repeat"),
        (b"repeats = 2", b'dtmf_to = "99"', "unknown dtmf_to"),
        (b"7001 6023 0001 00FF", b"7001 6023 0001", "16 hexadecimal"),
        (b'name = "zone-3-on"', b'name = "open-all"', "used once"),
        (b'name = "zone-3-on"', b'name = "zone 3\\n"', "name"),
        (b"[station]", b"[stations]", "unknown stations"),
        (b"[[code]]", b"[[cod]]", "unknown cod"),
        (b"[station]", b"[station", "TOML"),
        (b"duc-my", b"\xff", "TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_key(old, new, word):
    with pytest.raises(Refusal, match=r"codes\.") as refusal:
        parse_control_codes(GOOD.replace(old, new))
    assert word in str(refusal.value)


def test_too_many_codes_and_bytes(tmp_path):
    many = GOOD + b"".join(b'[[code]]\nname = "c%d"\ndtmf = "1"\n' % n for n in range(199))
    with pytest.raises(Refusal, match="1 to 200 tables"):
        parse_control_codes(many)
    path = tmp_path / "codes.toml"
    path.write_bytes(b"#" * 100_001)
    with pytest.raises(Refusal, match="100000 bytes"):
        load_control_codes(path)


def test_files(tmp_path):
    path = tmp_path / "codes.toml"
    with pytest.raises(Refusal, match=r"codes\.missing"):
        load_control_codes(path)
    path.write_bytes(GOOD)
    assert load_control_codes(path).station == OURS

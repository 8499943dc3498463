import dataclasses

import pytest

from dsp.errors import Refusal
from transmit.profile import load_profile, parse_profile, profile_names
from transmit.stages import CompressorStage, EqualizerStage

SMALL = b"""
version = 1
name = "small"
description = "one stage"
[target]
loudness_lufs = -16.0
ceiling_dbtp = -1
[[stage]]
kind = "high_pass"
"""


def test_three_profiles_ship_and_load():
    assert profile_names() == ("fm", "ip", "web")
    for name in profile_names():
        assert load_profile(name).name == name


def test_ip_is_what_the_horns_need():
    ip = load_profile("ip")
    assert (ip.target.loudness_lufs, ip.target.ceiling_dbtp) == (-16.0, -2.0)
    assert ip.limits["loudness_range"].value == 6.0
    stages = {type(stage): stage for stage in ip.stages}
    assert len(stages[CompressorStage].corners_hz) >= 3
    presence = [c for c in stages[EqualizerStage].curves if c.kind == "peaking"]
    assert all(curve.gain_db <= 9.0 for curve in presence)


def test_a_profile_of_ones_own(tmp_path):
    path = tmp_path / "small.toml"
    path.write_bytes(SMALL)
    profile = load_profile(path)
    assert profile.target.ceiling_dbtp == -1.0
    assert len(profile.digest) == 64
    assert parse_profile(SMALL + b"#") != profile
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile.name = "other"


@pytest.mark.parametrize(
    ("wrong", "kind", "word"),
    [
        (SMALL + b"corner = 80.0", "profile.key", "corner_hz"),
        (SMALL + b'corner_hz = "80"', "profile.value", "finite number"),
        (SMALL + b"corner_hz = nan", "profile.value", "finite number"),
        (SMALL + b"order = 2.5", "profile.value", "whole number"),
        (SMALL + b'[[stage]]\nkind = "reverb"', "profile.value", "leveller"),
        (SMALL + b"[codec.mp4]\nbit_rate_bps = 1", "profile.key", "m4a"),
        (SMALL.replace(b"version = 1", b"version = 2"), "profile.value", "version"),
        (SMALL.replace(b"version = 1", b""), "profile.key", "no version"),
        (SMALL.replace(b"-16.0", b"16.0"), "profile.value", "loudness_lufs"),
        (SMALL.replace(b"[target]", b"[target]\nchannels = 5"), "profile.value", "mono"),
        (b"\xff\xfe", "profile.toml", "TOML"),
        (b"version = ", "profile.toml", "TOML"),
        (b"", "profile.key", "no version"),
        (b"target = 1\nversion = 1\nname=''\ndescription=''\nstage=[]", "profile.value", "table"),
    ],
)
def test_a_wrong_profile_is_refused_by_name(wrong, kind, word):
    with pytest.raises(Refusal) as caught:
        parse_profile(wrong)
    assert caught.value.kind == kind
    assert word in str(caught.value)


def test_a_missing_profile_is_refused():
    with pytest.raises(Refusal, match="fm, ip, web"):
        load_profile("no-such-profile")

"""The trim that follows from a proof: down over the ceiling, up where the codec made it quieter."""

import dataclasses
from types import SimpleNamespace

import pytest

from loa.bulletin import MasterRequest, master_bulletin
from loa.proof import Proof, trim_change_db
from tests.loa.test_bulletin import EXAMPLE
from transmit.profile import load_profile
from transmit.target import Target

TARGET = Target(-16.0, -2.0)


def proof(loudness, peak, deviation=None):
    return Proof(SimpleNamespace(integrated_lufs=loudness, true_peak_dbtp=peak), deviation)


@pytest.mark.parametrize(
    ("found", "full_loudness", "change_db"),
    [
        (proof(-16.0, -2.0), True, 0.0),
        (proof(-16.0, -1.5), True, -0.53),
        (proof(-16.0, -3.0, deviation=-1.0), True, -1.03),
        (proof(-16.5, -4.0), True, 0.5),
        (proof(-16.5, -2.3), True, 0.27),
        (proof(-16.5, -2.05), True, 0.0),
        (proof(-15.5, -4.0), True, -0.5),
        (proof(-18.0, -4.0), False, 0.0),
        (proof(None, None), True, 0.0),
    ],
)
def test_the_trim_that_follows(found, full_loudness, change_db):
    change = trim_change_db(found, TARGET, full_loudness=full_loudness)
    assert change == pytest.approx(change_db, abs=1e-9)


def test_a_codec_that_lifts_the_peak_is_trimmed_until_it_holds(tmp_path):
    profile = load_profile("ip")
    codecs = {"opus": dataclasses.replace(profile.codecs["opus"], headroom_db=0.0)}
    bare = dataclasses.replace(profile, codecs=codecs)
    report = master_bulletin(MasterRequest(EXAMPLE, (tmp_path / "x.opus",), bare))
    rendition = report.renditions[0]
    assert rendition.encoded.trim_db < 0.0
    assert rendition.holds
    assert rendition.proof.figures.true_peak_dbtp <= -2.0

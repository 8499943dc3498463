"""Our RDS receiver beside gr-rds 3.10 on the same carrier: more groups, sooner, none wrong."""

import pytest

from dsp.receive.rds.receiver import RdsReceiver
from tests.peers.rds_scenes import RATE, gr_rds, multiplex, through_the_air, values

pytestmark = pytest.mark.root

SECONDS = 12


def ours(samples):
    """(whole groups as text, seconds of signal until the first was given)."""
    receiver, groups, first = RdsReceiver(), [], None
    for start in range(0, len(samples), RATE // 100):
        new = [g for g in receiver.process(samples[start : start + RATE // 100]) if g.whole]
        if new and first is None:
            first = (start + RATE // 100) / RATE
        groups += new
    groups += [g for g in receiver.flush() if g.whole]
    return values(g.blocks for g in groups), first


# 57 kHz lies high in the triangle of FM noise: 20 dB of carrier to noise are 7 dB a bit.
@pytest.mark.parametrize("cn_db", [30, 22, 20, 18, 17, 16])
def test_never_fewer_groups_and_none_wrong(cn_db, tmp_path):
    sent, wave = multiplex(SECONDS, cn_db)
    samples = through_the_air(wave, cn_db, cn_db)
    found, _ = ours(samples)
    peer = [g[:16] for g in gr_rds(samples, tmp_path)["groups"]]
    sent = set(values(sent))
    right = [g for g in found if g in sent]
    assert len(right) >= len([g for g in peer if g in sent])
    # A group with an error not found: 0.2 % of those at 16 dB by the odds asked for.
    assert len(found) - len(right) <= 1
    if cn_db <= 18:
        assert len(right) > 1.1 * len(peer)


@pytest.mark.parametrize("cn_db", [30, 20])
def test_the_first_group_sooner(cn_db, tmp_path):
    _, wave = multiplex(5, 100 + cn_db)
    samples = through_the_air(wave, cn_db, cn_db)
    _, first = ours(samples)
    peer = gr_rds(samples, tmp_path, first=True)["first"]
    assert first < 0.35
    assert peer is None or first < peer


def test_locked_again_sooner_after_the_carrier_was_off(tmp_path):
    sent, wave = multiplex(10, 7)
    samples = through_the_air(wave, 30, 7, off_s=(3.0, 6.0))
    found, _ = ours(samples)
    peer = [g[:16] for g in gr_rds(samples, tmp_path)["groups"]]
    sent = set(values(sent))
    assert all(g in sent for g in found)
    # 3 s and 4 s hold 34 and 45 groups; two are cut by the gap, one by each end.
    assert len(found) >= 34 + 45 - 4
    assert len(found) >= len([g for g in peer if g in sent])
    receiver = RdsReceiver()
    after = [g.sample / RATE - 6.0 for g in receiver.process(samples) if g.whole]
    assert 0.0 < min(t for t in after if t > 0) < 1.0

"""In step, through loss, jitter and wrong crystals: the taps of two cards are correlated."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stream.network import (
    BEGUN_S,
    RATE,
    Card,
    Network,
    form_of,
    played,
    programme,
    sent,
    skew_s,
)
from ingest.rtp.player import Player
from ingest.rtp.receiver import RtpReceiver
from transmit.rtp.payloads import CODECS
from transmit.rtp.stream import NORMAL_FEC

SECONDS = 24
KEY = bytes(range(30))


@pytest.fixture(scope="module")
def audio():
    return programme(SECONDS)


def source_of(audio, delay_s):
    return audio, BEGUN_S + np.arange(0, len(audio), 960) / RATE + delay_s


@pytest.mark.parametrize("codec", ["opus", "g722", "pcmu"])
def test_two_cards_200_ppm_apart_speak_in_step(audio, codec):
    packets = sent(audio[: 12 * RATE], codec, key=KEY)
    form = form_of(CODECS[codec], key=KEY)
    first = played(form, Network(seed=1).arrivals(packets), 12, card=Card(100))
    second = played(form, Network(seed=2).arrivals(packets), 12, card=Card(-100, 0.0037))
    skews = [skew_s(first[:2], second[:2], at) for at in range(2, 11)]
    assert max(map(abs, skews)) < 0.2e-3
    assert abs(skews[-1]) < 0.02e-3
    for tap, moments, player, _ in (first, second):
        assert abs(skew_s(source_of(audio, 0.4), (tap, moments), 10)) < 0.02e-3
        assert player.counts.jumps == 0


def test_five_per_cent_of_loss_is_repaired_and_costs_no_step(audio):
    packets = sent(audio, fec=NORMAL_FEC, key=KEY)
    form = form_of(CODECS["opus"], NORMAL_FEC, KEY)
    network = {"loss": 0.05, "burst": 3, "jitter_s": 0.01, "double": 0.01}
    taps = [
        played(
            form,
            Network(seed=seed, **network).arrivals(packets),
            SECONDS,
            delay_s=1.2,
            card=Card(ppm),
        )
        for seed, ppm in ((1, 100), (2, -100))
    ]
    skews = [skew_s(taps[0][:2], taps[1][:2], at) for at in range(3, 22, 3)]
    assert max(map(abs, skews)) < 0.2e-3
    for _, _, player, receiver in taps:
        assert receiver.counts["recovered"] > 20
        # What is not there at the end of the programme is concealed; nothing else is.
        assert player.counts.concealed <= 0.081 * RATE
        assert receiver.counts["srtp.replay"] > 5


def test_without_repair_loss_is_concealed_in_step(audio):
    packets = sent(audio[: 12 * RATE])
    network = Network(loss=0.05, burst=3, jitter_s=0.01, seed=4)
    tap, moments, player, receiver = played(
        form_of(CODECS["opus"]), network.arrivals(packets), 11, card=Card(50)
    )
    assert 0.005 < player.counts.concealed / (11 * RATE) < 0.1
    assert receiver.source.lost > 10
    assert abs(skew_s(source_of(audio, 0.4), (tap, moments), 9)) < 0.1e-3
    assert np.max(np.abs(tap)) <= 1.0


def test_a_step_of_the_wall_clock_is_one_jump(audio):
    """The loudspeaker's clock is set by a second in mid-stream: it goes where the clock says."""
    packets = sent(audio[: 10 * RATE])
    arrivals = Network().arrivals(packets)
    receiver = RtpReceiver(form_of(CODECS["opus"]))
    player = Player(receiver, 0.4)
    for at, control, data in arrivals:
        receiver.control(data) if control else receiver.datagram(data, at)
    out = [player.render(960, BEGUN_S + 0.4 + 0.02 * n) for n in range(100)]
    out += [player.render(960, BEGUN_S + 3.4 + 0.02 * n) for n in range(100)]
    assert player.counts.jumps == 1
    heard = np.concatenate(out)
    moments = BEGUN_S + 0.4 + 0.02 * np.concatenate([np.arange(100), 150 + np.arange(100)])
    assert abs(skew_s(source_of(audio, 0.4), (heard[96_000:], moments[100:]), 3.8)) < 0.1e-3
    # 5 ms of cross-fade: no step larger than the programme's own.
    assert np.max(np.abs(np.diff(heard[95_500:96_500]))) < 2 * np.max(np.abs(np.diff(audio)))


def test_nothing_received_is_silence_and_an_end_is_silence_too(audio):
    form = form_of(CODECS["opus"])
    tap, *_ = played(form, [], 1)
    assert not np.any(tap)
    tap, _, _, receiver = played(form, Network().arrivals(sent(audio[:RATE])), 3)
    assert receiver.ended
    assert not np.any(tap[2 * RATE :])
    assert np.any(tap[:RATE])


def test_who_joins_late_hears_from_there_on(audio):
    packets = sent(audio[: 8 * RATE], key=KEY)
    late = [packet for packet in Network().arrivals(packets) if packet[0] > BEGUN_S + 3]
    tap, moments, player, _ = played(form_of(CODECS["opus"], key=KEY), late, 7)
    assert not np.any(tap[: 3 * RATE])
    assert abs(skew_s(source_of(audio, 0.4), (tap, moments), 5.5)) < 0.1e-3
    assert player.counts.jumps <= 1


def test_who_joins_between_two_reports_is_in_step_with_the_next_one(audio):
    """Arrivals are a guess that is some milliseconds off: too little for a jump of 20 ms."""
    packets = sent(audio[: 8 * RATE], key=KEY)
    late = [(at - 0.012, control, data) for at, control, data in packets if at > BEGUN_S + 2.5]
    tap, moments, player, receiver = played(form_of(CODECS["opus"], key=KEY), late, 7)
    assert receiver.clock.certain
    assert 1e-3 < abs(skew_s(source_of(audio, 0.4), (tap, moments), 3.0, 0.8)) < 20e-3
    assert abs(skew_s(source_of(audio, 0.4), (tap, moments), 4.3)) < 0.02e-3
    assert player.counts.jumps == 1
    seam = tap[round(4.1 * RATE) : round(4.4 * RATE)]
    assert np.max(np.abs(np.diff(seam))) < 2 * np.max(np.abs(np.diff(audio)))


def test_what_arrivals_did_to_the_rate_is_forgotten_with_the_first_report(audio):
    """They grow earlier by and by, which looks like a crystal that is far off, and is none."""
    packets = sent(audio[: 8 * RATE], key=KEY)
    late = [
        (at - 0.012 - 0.004 * min(at - BEGUN_S - 2.5, 1.4), control, data)
        for at, control, data in packets
        if at > BEGUN_S + 2.5
    ]
    form = form_of(CODECS["opus"], key=KEY)
    _, _, player, receiver = played(form, late, 3.9)
    assert not receiver.clock.certain
    assert abs(player.control.crystal_ppm) > 100
    _, _, player, receiver = played(form, late, 4.4)
    assert receiver.clock.certain
    assert abs(player.control.crystal_ppm) < 1

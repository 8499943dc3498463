"""No valid signature, no sound on either path of a relay: real sockets, time given by the test."""

from __future__ import annotations

import base64
import socket
from contextlib import ExitStack
from datetime import timedelta

import numpy as np
import pytest
import soundfile

from bench.stream.network import BEGUN_S, programme, sent
from dsp.align.delay import measure_delay
from dsp.playout import alert_tone
from loa.relay.blocks import BLOCK_S
from loa.relay.loop import Relay
from loa.relay.settings import parse_relay
from loa.relay.status_line import record_of
from loa.sending.description import describe
from tests.loa.device.attacker import Attacker
from tests.loa.device.made import (
    HORN,
    NOW,
    PORTS,
    announced,
    audio_of,
    keyring_text,
    signed,
    stamp,
)
from tests.loa.relay.test_relay import RATE, received
from tests.transmit.bulletin.made import KEY, SECOND, STRANGER
from transmit.bulletin.datagrams import datagrams_of
from transmit.bulletin.key_wrap import DeviceKey
from transmit.rtp.payloads import CODECS

SRTP_KEY = bytes(range(30))
THROUGH_S = 0.6
SESSION = '[[input]]\nsource = "session:"\n'
OUTPUTS = '[[fm]]\nto = "mpx.wav"\npi = "7001"\n[[line]]\nto = "file:line.wav"\n'


class HandClock:
    """Stands until it is moved."""

    def __init__(self):
        self.now_s = 0.0

    def now_utc(self):
        return NOW + timedelta(seconds=self.now_s)

    def monotonic_s(self):
        return self.now_s


class Station:
    """A provisioned relay whose threads are the test."""

    def __init__(self, folder, held, inputs=None):
        self.folder = folder
        inputs = SESSION if inputs is None else inputs
        self.command_port = next(PORTS)
        (folder / "KEYRING.toml").write_text(keyring_text())
        (folder / "relay.key").touch(mode=0o600)
        (folder / "relay.key").write_bytes(base64.b64encode(HORN.to_bytes()))
        text = (
            f'id = "horn-1"\nthrough_ms = {1000 * THROUGH_S}\ncommune = "tri-ton"\n'
            'zones = ["tri-ton.1", "tri-ton.2"]\ndevice_key = "relay.key"\nclock = "trusted"\n'
            'trusted_keys = ["KEYRING.toml"]\nstate = "state"\nstore = "store"\n'
            f'commands = ["127.0.0.1:{self.command_port}"]\n{inputs}{OUTPUTS}'
        )
        self.clock = HandClock()
        self.relay = held.enter_context(Relay(parse_relay(text.encode()), folder, self.clock))
        self.admitted = self.relay._admitted
        self.socket = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sources = []

    def command(self, message):
        """Send a message and let the port take it."""
        for data in datagrams_of(message):
            self.socket.sendto(data, ("127.0.0.1", self.command_port))
            self.admitted.port.listen()

    def run(self, seconds, packets=(), port=0):
        waiting = iter(packets)
        following = next(waiting, None)
        for _ in range(round(seconds / BLOCK_S)):
            while following is not None and following[0] <= BEGUN_S + self.clock.now_s:
                self.socket.sendto(following[2], ("127.0.0.1", port + following[1]))
                following = next(waiting, None)
            self.relay.step(self.clock.now_s)
            self.clock.now_s += BLOCK_S
            source = self.relay.source
            self.sources.append(None if source is None else source.name)

    def heard(self):
        """What a wired horn and an FM horn said."""
        self.relay.finish()
        line, _ = soundfile.read(self.folder / "line.wav", dtype="float32")
        fm, _ = received(self.folder / "mpx.wav")
        return line, fm

    def kinds(self):
        return [one["kind"] for one in self.relay.records if one["event"] == "refused"]


@pytest.fixture
def station(tmp_path, monkeypatch):
    """Make a relay; its threads are not started, the test does their work."""
    monkeypatch.setattr("loa.device.port.CommandPort.start", lambda _: None)
    with ExitStack() as held:
        yield lambda **more: Station(tmp_path, held, **more)


def session(port, **changes):
    sdp = describe(CODECS["opus"], ("127.0.0.1", port), packet_ms=20).describe().encode()
    return announced(**({"sdp": sdp, "srtp_key": SRTP_KEY} | changes)).to_bytes()


def assert_silent(line, fm):
    """Nothing on the wires, and no deviation but pilot and RDS on the air."""
    assert not np.any(line)
    inner = slice(RATE // 2, -RATE // 10)  # a file that begins and ends is no silence
    assert np.max(np.abs(fm[inner])) < 1e-3


def test_a_signed_session_is_relayed_on_both_paths_until_it_expires(station):
    one, port, sound = station(), next(PORTS), programme(5)
    one.command(session(port, expires=stamp(4)))
    one.run(5.0, sent(sound, key=SRTP_KEY, begun_s=BEGUN_S), port)
    assert set(one.sources[25:160]) == {"session:"}
    about = record_of(one.relay, one.clock)
    assert (about["listening"], about["trusted"]) == (False, True)  # its thread is the test
    line, fm = one.heard()
    for heard in (line, fm):
        late = measure_delay(sound, np.ascontiguousarray(heard[: 4 * RATE]), RATE)
        assert late.value == pytest.approx(0.2 + THROUGH_S, abs=0.002)  # buffer_ms, through_ms
    # "Nothing of it may be played any more": what is on its way has gone out by then.
    assert not np.any(np.abs(line[round(4.1 * RATE) :]) > 1e-3)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, {}),
        (bytes(30), {}),
        (SRTP_KEY, None),
        (SRTP_KEY, {"communes": ("cang-long",)}),
        (SRTP_KEY, {"communes": (), "zones": ("tri-ton.2",)}),
        (SRTP_KEY, {"expires": stamp(0)}),
        (SRTP_KEY, {"not_before": stamp(60)}),
        (SRTP_KEY, {"issuer": "province.other"}),
        (SRTP_KEY, {"key": STRANGER}),
        (SRTP_KEY, {"device": DeviceKey.generate()}),
    ],
    ids=[
        "plain packets", "packets of another key", "no session", "another commune",
        "one of its zones", "expired", "early", "without the right", "forged", "another device",
    ],
)  # fmt: skip
def test_what_is_not_believed_is_relayed_on_neither_path(station, key, said):
    one, port = station(), next(PORTS)
    if said is not None:
        one.command(session(port, **said))
    one.run(1.5, sent(programme(1.5), key=key, begun_s=BEGUN_S), port)
    assert set(one.sources) == {None}
    assert_silent(*one.heard())


def test_a_session_of_before_is_not_joined_again(station):
    one, port = station(), next(PORTS)
    old = session(port, id="old", counter=3)
    one.command(old)
    one.command(session(next(PORTS), id="new", counter=4, srtp_key=bytes(30)))
    one.command(old)
    assert [signed.name for signed in one.admitted._sessions[0].live] == []
    one.run(0.1)
    assert one.kinds() == []  # known by its digest and not judged again
    one.admitted.port._door._known._accepted.clear()  # as after a restart
    one.command(old)
    one.run(0.1)
    assert one.kinds() == ["bulletin.replay"]


def test_a_key_that_is_revoked_silences_both_paths(station, tmp_path):
    one, port = station(), next(PORTS)
    one.command(session(port))
    packets = sent(programme(4), key=SRTP_KEY, begun_s=BEGUN_S)
    one.run(2.0, packets, port)
    assert one.sources[-1] == "session:"
    (tmp_path / "KEYRING.toml").write_text(keyring_text(revoked=(KEY, SECOND)))
    one.admitted.port.look_after()
    one.run(2.0, [packet for packet in packets if packet[0] > BEGUN_S + 2.0], port)
    line, fm = one.heard()
    after = round((2.0 + THROUGH_S + 0.1) * RATE)
    assert np.any(line[: 2 * RATE])
    assert not np.any(np.abs(line[after:]) > 1e-3)
    assert np.max(np.abs(fm[after : -RATE // 10])) < 1e-3


def wav(path, seconds, hz):
    tone = 0.2 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(path, tone, RATE, subtype="PCM_16")
    return path


def pitch_hz(sound):
    return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * RATE / len(sound)


def test_an_emergency_breaks_into_a_file_on_both_paths_and_the_file_goes_on(station, tmp_path):
    wav(tmp_path / "programme.wav", 20.0, 440)
    one = station(inputs='[[input]]\nsource = "file:programme.wav"\n')
    flood = audio_of(wav(tmp_path / "flood.wav", 1.0, 1500), tmp_path / "store")
    one.run(1.0)
    one.command(signed(audio=(flood,), not_before=stamp(0)).to_bytes())
    one.run(0.1)
    one.admitted.voice._shelf.close()  # returns when it has decoded
    one.run(7.9)
    for heard in one.heard():
        # The alert a `through_ms` after the command; the words at 5 s of everybody's clock, in step
        # with loudspeakers; then the programme again.
        alert = alert_tone.alert()[: RATE // 2]
        match = np.abs(np.correlate(heard[RATE : 3 * RATE], alert, "valid"))
        assert 1.0 + np.argmax(match) / RATE == pytest.approx(1.0 + THROUGH_S, abs=0.25)
        pitches = {
            at_s: pitch_hz(heard[round(at_s * RATE) : round((at_s + 0.4) * RATE)])
            for at_s in (1.1, 5.3, 6.3)
        }
        assert pitches == pytest.approx({1.1: 440, 5.3: 1500, 6.3: 440}, abs=6)
    events = [(record["event"], record.get("outcome")) for record in one.relay.records]
    assert events == [("accepted", None), ("began", None), ("ended", "played")]
    assert one.relay.records[0]["zone"] == "tri-ton.1, tri-ton.2"


def test_a_live_emergency_goes_before_a_programme_that_comes_first(station, tmp_path):
    wav(tmp_path / "programme.wav", 20.0, 440)
    one, port = station(inputs=f'[[input]]\nsource = "file:programme.wav"\n{SESSION}'), next(PORTS)
    one.command(session(port, priority="emergency"))
    one.run(1.0)
    packets = sent(programme(2), key=SRTP_KEY, begun_s=BEGUN_S + 1.0)
    one.run(7.0, packets, port)
    turns = [name for at, name in enumerate(one.sources) if one.sources[at - 1 : at] != [name]]
    assert turns == ["file:programme.wav", "session:", "file:programme.wav"]
    assert one.sources[round(1.5 / BLOCK_S)] == "session:"


def test_of_a_thousand_attempts_none_is_relayed(station):
    """Every kind of message that the port takes; the door itself has ten thousand of its own."""
    one, attacker = station(), Attacker(20261130)
    for row in attacker.rows:
        one.command(row)
    one.run(0.02)
    one.relay.records.clear()
    for number in range(1_000):
        for data in attacker.datagrams():
            one.socket.sendto(data, ("127.0.0.1", one.command_port))
            one.admitted.port.listen()
        if number % 100 == 99:
            one.run(0.02)
    let_in = {"accepted", "joined"}
    assert [record for record in one.relay.records if record["event"] in let_in] == []
    counts = one.admitted.port._door.counts
    assert min(counts[name] for name in ("bulletin.signature", "session.key", "repeated")) > 10

"""A provisioned loudspeaker on real sockets whose clock and thread is the test."""

from __future__ import annotations

import socket
from datetime import timedelta

import numpy as np
import pytest
import soundfile

from bench.stream.network import BEGUN_S, RATE
from loa.sending.description import describe
from loa.speaker.outputs import BLOCK_S, NullOutput
from loa.speaker.program import open_speaker
from loa.speaker.settings import load_settings
from tests.loa.device.made import (
    NOW,
    PORTS,
    announced,
    provision,
)
from transmit.bulletin.datagrams import datagrams_of
from transmit.rtp.payloads import CODECS

SRTP_KEY = bytes(range(30))


class HandClock:
    """Stands until it is moved."""

    def __init__(self):
        self.passed_s = 0.0

    def now_utc(self):
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic_s(self):
        return 1_000.0 + self.passed_s


class Kept(NullOutput):
    """An output that remembers."""

    def __init__(self):
        self.blocks = []

    def write(self, samples):
        self.blocks.append(samples.copy())


class Horn:
    """A provisioned loudspeaker whose thread is the test."""

    def __init__(self, folder, held, **changes):
        self.command_port = next(PORTS)
        address = f'["127.0.0.1:{self.command_port}"]'
        path = provision(folder, **({"commands": address, "prints": "false"} | changes))
        self.clock = HandClock()
        self.settings = load_settings(path)
        self.kept = Kept()
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr("loa.speaker.program.open_output", lambda *_: self.kept)
            self.speaker = open_speaker(self.settings, folder, self.clock, held)
        admitted = self.speaker._admitted
        self.port, self.shelf = admitted.port, admitted.voice._shelf
        self.records = []
        self.socket = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def command(self, message):
        """Send a message and let the port take it."""
        for data in datagrams_of(message):
            self.socket.sendto(data, ("127.0.0.1", self.command_port))
            self.port.listen()

    def play(self, seconds, packets=(), port=0):
        waiting = iter(packets)
        following = next(waiting, None)
        for _ in range(round(seconds / BLOCK_S)):
            moment = BEGUN_S + self.clock.passed_s
            while following is not None and following[0] <= moment:
                self.socket.sendto(following[2], ("127.0.0.1", port + following[1]))
                following = next(waiting, None)
            self.records += self.speaker.block(moment)
            self.clock.passed_s += BLOCK_S

    def heard(self):
        return np.concatenate(self.kept.blocks)

    def events(self):
        return [(one["event"], one.get("name"), one.get("outcome")) for one in self.records]

    def kinds(self):
        return [one["kind"] for one in self.records if one["event"] == "refused"]


def wav(path, seconds, hz):
    tone = 0.2 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(path, tone, RATE, subtype="PCM_16")
    return path


def ready(horn, audio):
    """Wait until the shelf's own thread has decoded it."""
    horn.shelf.close()
    assert horn.shelf.length(audio.sha256) is not None


def pitch_hz(sound):
    return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * RATE / len(sound)


def live_session(port, key=SRTP_KEY, **changes):
    sdp = describe(CODECS["opus"], ("127.0.0.1", port), packet_ms=20).describe().encode()
    return announced(sdp=sdp, srtp_key=key, **changes).to_bytes()


def is_heard(one, before_s, after_s):
    return bool(np.any(one.heard()[round(before_s * RATE) : round(after_s * RATE)]))

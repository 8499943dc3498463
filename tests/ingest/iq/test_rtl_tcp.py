"""rtl_tcp: the protocol byte by byte, mutated, and a client against servers that misbehave."""

import itertools
import random
import socket
import struct
import threading

import numpy as np
import pytest

from dsp.errors import Refusal
from ingest.clock import SystemClock
from ingest.iq.open_source import SourceOptions, open_source
from ingest.iq.rtl_tcp import RtlTcpSource
from ingest.iq.rtl_tcp_protocol import RtlTcpError, RtlTcpProtocol, TunerSettings

GREETING = b"RTL0" + struct.pack(">II", 5, 29)
SETTINGS = TunerSettings(2_400_000, 99e6, gain_db=28.0, ppm=-3, bias_tee=True)


def noise(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, n, np.uint8).tobytes()


def test_byte_by_byte():
    protocol, data = RtlTcpProtocol(), noise(1_001)
    got = b"".join(protocol.receive(bytes([byte])) for byte in GREETING + data)
    assert (protocol.greeting.tuner, protocol.greeting.gains) == (5, 29)
    assert got == data[:1_000]


@pytest.mark.parametrize("sent", [b"HTTP/1.1 400 Bad Request", b"RTL1", b"R\x00", b"\x80" * 100])
def test_another_greeting_is_told_at_the_first_wrong_byte(sent):
    with pytest.raises(RtlTcpError):
        RtlTcpProtocol().receive(sent)


def test_absurd_gains_are_refused():
    with pytest.raises(RtlTcpError, match="gains"):
        RtlTcpProtocol().receive(b"RTL0" + struct.pack(">II", 5, 10**9))


def test_commands_are_five_bytes_each():
    sent = SETTINGS.commands()
    commands = list(struct.iter_unpack(">BI", sent))
    assert dict(commands) == {
        1: 99_000_000,
        2: 2_400_000,
        3: 1,
        4: 280,
        5: 0xFFFFFFFD,
        14: 1,
    }
    assert dict(struct.iter_unpack(">BI", TunerSettings(1_024_000, None).commands())) == {
        2: 1_024_000,
        3: 0,
    }


def fuzz(cases, seed):
    """Broken greetings and any cuts: whole samples or an error, and nothing kept but a byte."""
    rng = random.Random(seed)
    refused = 0
    for _ in range(cases):
        data = bytearray(GREETING + rng.randbytes(rng.randint(0, 60)))
        for _ in range(rng.randint(0, 2)):
            data[rng.randrange(16) % len(data)] = rng.randrange(256)
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        protocol, got, at = RtlTcpProtocol(), b"", 0
        try:
            while at < len(data):
                step = rng.randint(1, 20)
                got += protocol.receive(bytes(data[at : at + step]))
                at += step
        except RtlTcpError:
            refused += 1
        else:
            assert got == bytes(data[12:])[: max(0, len(data) - 12) // 2 * 2]
    return refused


def test_mutations():
    assert 0 < fuzz(3_000, seed=1) < 3_000


@pytest.mark.long
def test_a_hundred_thousand_mutations():
    assert 0 < fuzz(100_000, seed=2) < 100_000


class Server:
    """Serves one connection after another, each by its own script; the last one is repeated."""

    def __init__(self, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.scripts = list(scripts)
        self.done = threading.Event()
        self.received = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        for script in self.scripts:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                script(self, connection)

    def close(self):
        self.done.set()
        self.listener.close()
        self.thread.join(10)


@pytest.fixture
def serve():
    servers, sources = [], []

    def start(*scripts, **keywords):
        servers.append(Server(*scripts))
        sources.append(
            RtlTcpSource("127.0.0.1", servers[-1].port, SETTINGS, SystemClock(), **keywords)
        )
        return servers[-1], sources[-1]

    yield start
    for source in sources:
        source.close()
    for server in servers:
        server.close()


def play(*parts):
    """A script that greets, sends `parts` and hangs up."""

    def script(server, connection):
        server.received += connection.recv(100)
        for part in (GREETING, *parts):
            connection.sendall(part)

    return script


def hold(*parts):
    """A script that greets, sends `parts` and then waits for the end of the test."""

    def script(server, connection):
        play(*parts)(server, connection)
        server.done.wait(30)

    return script


def collect(source, count):
    """Return the first `count` bytes of a source, with the blocks they came in."""
    blocks, got = [], b""
    for block in source.blocks():
        blocks.append(block)
        got += block.samples.tobytes()
        if len(got) >= count:
            break
    return blocks, got


def test_settings_go_out_and_samples_come_in(serve):
    data = noise(300_000)
    server, source = serve(hold(data))
    blocks, got = collect(source, 262_144)
    assert data.startswith(got)
    assert server.received == SETTINGS.commands()
    assert blocks[0].index == 0
    assert blocks[0].time_utc.tzinfo is not None
    assert all(b.index == a.end_index for a, b in itertools.pairwise(blocks))


def test_a_server_that_closes_is_called_again_and_the_hole_is_marked(serve):
    first, second = noise(100_001, 1), noise(200_000, 2)
    _, source = serve(play(first), hold(second))
    blocks, got = collect(source, 260_000)
    assert got.startswith(first[:100_000])
    assert got[100_000:] == second[: len(got) - 100_000]
    holes = [block for block in blocks if block.missing_samples]
    assert len(holes) == 1
    # The first wait of the back-off is half a second of samples.
    assert holes[0].missing_samples > 0.4 * 2_400_000
    assert holes[0].index == 50_000 + holes[0].missing_samples
    assert "reconnected" in {note["kind"] for note in source.notes()}


def test_garbage_for_a_greeting_is_an_error(serve):
    _, source = serve(lambda _, connection: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n"))
    with pytest.raises(Refusal) as caught:
        list(source.blocks())
    assert (caught.value.kind, caught.value.exit_code) == ("rtl_tcp.protocol", 4)


def test_a_server_that_goes_for_good_is_an_error_when_patience_ends(serve):
    server, source = serve(play(noise(100_000)), patience_s=0.0)
    server.listener.close()
    with pytest.raises(Refusal) as caught:
        list(source.blocks())
    assert (caught.value.kind, caught.value.exit_code) == ("rtl_tcp.unreachable", 4)


def test_nobody_there():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(Refusal) as caught:
        open_source(f"tcp://127.0.0.1:{port}", SourceOptions(centre_hz=99e6))
    assert (caught.value.kind, caught.value.exit_code) == ("rtl_tcp.unreachable", 4)


def test_close_ends_a_source_that_waits(serve):
    _, source = serve(hold())
    ended = []
    worker = threading.Thread(target=lambda: ended.append(list(source.blocks())))
    worker.start()
    source.close()
    worker.join(10)
    assert ended == [[]]

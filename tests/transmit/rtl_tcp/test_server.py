"""The rtl_tcp server over loopback: what clients get, and clients that do it harm.

No clock: a pacer of the test lets time pass at once, or when an event says so.
"""

import itertools
import socket
import struct
import threading

import pytest

from dsp.errors import Refusal
from transmit.rtl_tcp.client_queue import ClientQueue
from transmit.rtl_tcp.protocol import encode_command, greeting
from transmit.rtl_tcp.server import MOST_CLIENTS, RtlTcpServer

BLOCK = bytes(range(256)) * 64  # 16 kB
PATIENCE_S = 20.0  # until a hanging test fails


class Instant:
    """Time passes as soon as it is asked for; `at` hears the moments that were waited for."""

    def __init__(self):
        self.ticks = itertools.count()
        self.waited = []

    def wait_until(self, elapsed_s):
        self.waited.append(elapsed_s)
        return True

    def monotonic_s(self):
        return next(self.ticks) * 1e-4


class Gated(Instant):
    """Waits for the test at every block after the first `free`."""

    def __init__(self, free):
        super().__init__()
        self.free = free
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def wait_until(self, elapsed_s):
        super().wait_until(elapsed_s)
        if len(self.waited) > self.free:
            self.reached.set()
            assert self.go_on.wait(PATIENCE_S)
        return True


def band(blocks, block=BLOCK, period_s=0.1):
    return [(block, n * period_s) for n in range(blocks)]


def connect(server):
    return socket.create_connection(server.address, timeout=PATIENCE_S)


def read_all(client):
    parts = []
    while data := client.recv(1 << 16):
        parts.append(data)
    return b"".join(parts)


class Playing:
    """Plays in a thread of its own; leaving waits for the end."""

    def __init__(self, server, blocks):
        self.thread = threading.Thread(target=server.play, args=(blocks,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


def test_a_client_gets_the_greeting_and_every_sample_and_is_hung_up_on():
    pacer = Instant()
    with RtlTcpServer("127.0.0.1", 0, pacer) as server:
        with Playing(server, band(20)), connect(server) as client:
            assert read_all(client) == greeting() + BLOCK * 20
        assert pacer.waited == pytest.approx([n * 0.1 for n in range(20)])
        assert server.counts.samples_played == 20 * len(BLOCK) // 2
        assert server.counts.samples_sent == 20 * len(BLOCK) // 2
        assert server.counts.samples_dropped == 0


def test_several_clients_and_one_that_comes_late():
    pacer = Gated(free=3)
    with RtlTcpServer("127.0.0.1", 0, pacer) as server:
        with Playing(server, band(6)), connect(server) as first:
            assert pacer.reached.wait(PATIENCE_S)
            with connect(server) as second:
                assert second.recv(12, socket.MSG_WAITALL) == greeting()
                pacer.go_on.set()
                assert read_all(second) == BLOCK * 3
            assert read_all(first) == greeting() + BLOCK * 6
        assert server.counts.clients == 2


def test_commands_are_taken_without_an_answer_and_rubbish_is_counted():
    pacer = Gated(free=1)
    with RtlTcpServer("127.0.0.1", 0, pacer) as server:
        with Playing(server, band(3)), connect(server) as client:
            client.sendall(encode_command(0x01, 98_000_000) + encode_command(0x02, 2_400_000))
            client.sendall(b"\xee" * 50)
            client.sendall(encode_command(0x05, -30)[:3])
            assert pacer.reached.wait(PATIENCE_S)
            client.sendall(encode_command(0x05, -30)[3:])
            client.shutdown(socket.SHUT_WR)
            read_all(client)  # until the server has read to the end and hung up
            pacer.go_on.set()
        assert server.counts.commands == 13
        assert server.counts.unknown_commands == 10
        assert server.counts.last_commands == {
            "frequency_hz": 98_000_000,
            "sample_rate_hz": 2_400_000,
            "correction_ppm": -30,
        }


def test_a_client_that_never_reads_loses_samples_and_nobody_else_does():
    said = []
    block = bytes(1 << 18)
    blocks = 200  # 52 MB: more than the sockets' buffers hold
    settings = {"queue_bytes": 1 << 20, "linger_s": 3e-4, "log": said.append}
    with RtlTcpServer("127.0.0.1", 0, Instant(), **settings) as server:
        with connect(server) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            with Playing(server, band(blocks, block)):
                pass
            counts = server.counts
            assert counts.samples_played == blocks * len(block) // 2
            assert counts.samples_dropped > 0
            assert counts.samples_dropped + counts.samples_sent == counts.samples_played
        assert sum("loses samples" in line for line in said) == 1


def test_memory_for_a_client_is_bounded():
    queue = ClientQueue(1_000)
    assert all(queue.put(bytes(100)) for _ in range(10))
    assert not queue.put(bytes(2))
    assert (queue.waiting_bytes, queue.dropped_bytes) == (1_000, 2)
    queue.sent(30)
    assert len(queue.head()) == 70
    assert not queue.put(bytes(32))
    assert queue.put(bytes(30))
    queue.sent(70)
    assert (queue.waiting_bytes, queue.sent_bytes) == (930, 100)
    queue.clear()
    assert queue.head() is None
    assert queue.dropped_bytes == 2 + 32 + 930


def test_clients_that_vanish_leave_the_others_alone():
    pacer = Gated(free=2)
    with RtlTcpServer("127.0.0.1", 0, pacer) as server:
        with Playing(server, band(40)), connect(server) as steady:
            for _ in range(8):
                rude = connect(server)
                rude.recv(12)
                # No lingering: the socket is reset in the server's face.
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                rude.close()
            assert pacer.reached.wait(PATIENCE_S)
            pacer.go_on.set()
            assert read_all(steady) == greeting() + BLOCK * 40
        assert server.counts.clients >= 2


def test_there_is_an_end_to_the_number_of_clients():
    pacer = Gated(free=0)
    with RtlTcpServer("127.0.0.1", 0, pacer) as server, Playing(server, band(1)):
        clients = [connect(server) for _ in range(MOST_CLIENTS)]
        for client in clients:
            assert client.recv(12, socket.MSG_WAITALL) == greeting()
        with connect(server) as one_more:
            assert one_more.recv(12) == b""
        pacer.go_on.set()
        for client in clients:
            assert read_all(client) == BLOCK
            client.close()
        assert server.counts.refused_clients == 1


def test_it_can_be_stopped_while_nobody_has_come():
    with RtlTcpServer("127.0.0.1", 0, Instant()) as server, Playing(server, band(5)):
        server.stop()
    assert server.counts.samples_played == 0


def test_it_can_be_stopped_in_the_middle():
    class Ending(Instant):
        def wait_until(self, elapsed_s):
            super().wait_until(elapsed_s)
            return len(self.waited) < 3

    server = RtlTcpServer("127.0.0.1", 0, Ending())
    with server, Playing(server, band(50)), connect(server) as client:
        assert read_all(client) == greeting() + BLOCK * 2


def test_an_address_that_cannot_be_had_is_a_refusal():
    with RtlTcpServer("127.0.0.1", 0, Instant()) as server:
        for host, port in (server.address, ("no such host.invalid", 1234), ("127.0.0.1", 99_999)):
            with pytest.raises(Refusal) as caught:
                RtlTcpServer(host, port, Instant())
            assert caught.value.kind == "network.listen"
            assert caught.value.exit_code == 4

"""The gate lets through what is worth work, as it came, and counts who waits."""

import asyncio
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import termios

import pytest

from loa.service.addresses import Clients, PerAddress
from loa.service.gate import Gate, Rules
from tests.service.live import child_of, wait_for

GET = b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_BODY = b"PUT /v1/jobs/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nRIFF"
TIMEOUT_S = 60.0


def unacknowledged(connection):
    """Return how many bytes the other side's kernel has not got yet."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]


@contextlib.contextmanager
def gate_with(receive_s=600.0, most=100, proxies=()):
    """A gate that a test turns by hand; yields it, a function that connects, and the API's end."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        opened.enter_context(ours)
        opened.enter_context(theirs)
        gate = Gate(listener, theirs, Rules(receive_s, most, proxies))

        def connect(sent=b""):
            client = opened.enter_context(
                socket.create_connection(listener.getsockname(), TIMEOUT_S)
            )
            client.sendall(sent)
            wait_for(lambda: not unacknowledged(client))  # what was sent is there
            return client

        yield gate, connect, ours


def passed(api):
    """Return what a connection that was passed on holds, and the connection; None for none."""
    if not select.select([api], [], [], 0)[0]:
        return None
    _, descriptors, _, _ = socket.recv_fds(api, 1, 1)
    connection = socket.socket(fileno=descriptors[0])
    return connection, connection.recv(100_000)


def turned(gate, until):
    while not (found := until()):
        assert gate.turn()
    return found


def test_a_request_comes_out_whole_and_its_connection_works():
    with gate_with() as (gate, connect, api):
        client = connect(GET[:10])
        assert gate.turn()
        assert passed(api) is None
        client.sendall(GET[10:])
        connection, held = turned(gate, lambda: passed(api))
        assert held == GET
        connection.sendall(b"answer")
        assert client.recv(10) == b"answer"
        connection.close()
        assert client.recv(10) == b""


@pytest.mark.parametrize(
    ("sent", "answer"),
    [(b"", b""), (GET[:-1], b""), (HALF_A_BODY, b"HTTP/1.1 408 Request Timeout\r\n")],
)
def test_who_is_late_is_sent_away(sent, answer):
    with gate_with(receive_s=0.0) as (gate, connect, api):
        client = connect(sent)
        assert gate.turn()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100_000).startswith(answer)
        assert passed(api) is None


def test_one_too_many_of_an_address_is_told_so_and_room_is_made_again():
    with gate_with(most=2) as (gate, connect, api):
        first, second, third = connect(), connect(), connect(GET)
        assert gate.turn()
        assert third.recv(100_000).startswith(b"HTTP/1.1 429 ")
        first.close()
        assert gate.turn()
        second.sendall(GET)
        turned(gate, lambda: passed(api))[0].close()
        connect(GET)
        connect(GET)
        for _ in range(2):
            turned(gate, lambda: passed(api))[0].close()


def test_connections_of_a_proxy_are_not_counted():
    with gate_with(most=1, proxies=("127.0.0.0/8",)) as (gate, connect, api):
        clients = [connect(GET) for _ in range(5)]
        for _ in clients:
            turned(gate, lambda: passed(api))[0].close()


def test_who_hangs_up_is_forgotten_and_the_gate_ends_with_the_api():
    with gate_with(most=1) as (gate, connect, api):
        client = connect(HALF_A_BODY)
        assert gate.turn()
        client.close()
        assert gate.turn()
        connect(GET)
        turned(gate, lambda: passed(api))[0].close()
        api.close()
        assert not gate.turn()


def test_a_gate_that_is_killed_is_replaced(service):
    def gate():
        return child_of(service.process.pid, "gate")

    killed = wait_for(gate)
    with service.client() as talking:
        assert talking.get("/healthz").status_code == 200
        os.kill(killed, signal.SIGKILL)
        assert talking.get("/healthz").status_code == 200  # who is in stays in
    wait_for(lambda: gate() not in {None, killed})
    with service.client() as fresh:
        assert fresh.get("/healthz").status_code == 200


def test_clients_are_told_apart():
    client = Clients(("10.0.0.0/8", "2001:db8:1::/48")).client
    assert client("192.0.2.7") == client("::ffff:192.0.2.7") == "192.0.2.7"
    assert client("2001:db8::1") == client("2001:db8::2:1") != client("2001:db8:0:1::1")
    assert client("fe80::1%eth0") == "fe80::/64"
    assert client("10.1.2.3") is client("2001:db8:1:7::1") is client("unix") is None


def test_so_many_requests_of_one_address_are_answered_at_once():
    async def act():
        go_on = asyncio.Event()

        async def app(_scope, _receive, send):
            await go_on.wait()
            await send({"type": "http.response.start", "status": 200})

        counted = PerAddress(app, 1, ("10.0.0.1/32",))
        statuses = []

        async def ask(address):
            async def send(message):
                await asyncio.sleep(0)
                statuses.append((address, message.get("status")))

            await counted({"type": "http", "client": (address, 1)}, None, send)

        waiting = [asyncio.create_task(ask("192.0.2.1")), asyncio.create_task(ask("10.0.0.1"))]
        waiting += [asyncio.create_task(ask("10.0.0.1"))]
        await asyncio.sleep(0)
        await ask("192.0.2.1")
        assert statuses[0] == ("192.0.2.1", 429)
        statuses.clear()
        go_on.set()
        await asyncio.gather(*waiting)
        await ask("192.0.2.1")
        return statuses

    found = asyncio.run(act())
    assert sorted(found) == [("10.0.0.1", 200)] * 2 + [("192.0.2.1", 200)] * 2

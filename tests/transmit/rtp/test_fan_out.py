"""Fan-out: everyone gets every datagram, by one call or by many."""

from __future__ import annotations

import socket

import pytest

from transmit.rtp.fan_out import FanOut


@pytest.fixture
def listeners():
    opened = []
    for _ in range(20):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        opened.append(listener)
    yield opened
    for listener in opened:
        listener.close()


@pytest.mark.parametrize("by_one_call", [True, False])
def test_everyone_hears_everything(listeners, by_one_call):
    with FanOut([listener.getsockname() for listener in listeners]) as fan:
        if not by_one_call:
            fan._sendmmsg = None
        for number in range(30):
            fan.send(b"packet %d" % number)
        assert (fan.sent, fan.failed) == (600, 0)
    for listener in listeners:
        assert [listener.recv(100) for _ in range(30)] == [b"packet %d" % n for n in range(30)]


def test_the_packets_are_marked():
    with FanOut([("127.0.0.1", 9)], dscp=34, ttl=3) as fan:
        assert fan.socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 34 << 2
        assert fan.socket.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 3


def test_a_listener_that_is_gone_does_not_stop_the_others(listeners):
    addresses = [listener.getsockname() for listener in listeners]
    listeners[3].close()
    with FanOut(addresses) as fan:
        for number in range(20):
            fan.send(b"%d" % number)
        assert fan.sent + fan.failed >= 20 * 19
    assert [listeners[19].recv(10) for _ in range(20)] == [b"%d" % n for n in range(20)]


def test_version_six():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as listener:
        listener.bind(("::1", 0))
        listener.settimeout(20)
        with FanOut([("::1", listener.getsockname()[1])]) as fan:
            fan.send(b"six")
        assert listener.recv(10) == b"six"


@pytest.mark.parametrize("addresses", [[], [("127.0.0.1", 5), ("::1", 5)]])
def test_one_family_at_a_time(addresses):
    with pytest.raises(ValueError, match="family"):
        FanOut(addresses)


def test_an_address_of_nowhere_is_an_error():
    with FanOut([("255.255.255.255", 9)]) as fan, pytest.raises(OSError, match="EACCES"):
        fan.send(b"broadcast is not asked for")

"""Where a caller's word leads: the allow-list, and every private range in every dress."""

import pytest

from dsp.errors import Refusal
from loa.service.destinations import checked_addresses, destination, redirected
from loa.service.settings import Outgoing

RULES = Outgoing(hosts=("media.example", "*.vinh-long.gov.vn"), ports=(443, 8443))


def kind_of(call, *arguments):
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.kind


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example/a.wav",
        "https://MEDIA.example./a.wav?b=c",
        "https://a.vinh-long.gov.vn:8443/",
        "https://a.b.vinh-long.gov.vn",
    ],
)
def test_listed_hosts_are_allowed(url):
    place = destination(url, RULES)
    assert destination(place.url, RULES) == place


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://media.example/", "url.forbidden"),
        ("https://media.example:22/", "url.forbidden"),
        ("https://other.example/", "url.forbidden"),
        ("https://vinh-long.gov.vn/", "url.forbidden"),
        ("https://xvinh-long.gov.vn/", "url.forbidden"),
        ("https://media.example.evil.org/", "url.forbidden"),
        ("https://127.0.0.1/", "url.forbidden"),
        ("https://[::1]/", "url.forbidden"),
        ("https://2130706433/", "url.forbidden"),
        ("https://0x7f.1/", "url.forbidden"),
        ("https://localhost/", "url.forbidden"),
        ("https://media.example@evil.org/", "url.invalid"),
        ("https://evil.org\\@media.example/", "url.invalid"),
        ("https://user:secret@media.example/", "url.invalid"),
        ("https://media.example:99999/", "url.invalid"),
        ("https://[media.example/", "url.invalid"),
        ("https:///a", "url.invalid"),
        ("file:///etc/passwd", "url.invalid"),
        ("gopher://media.example/", "url.invalid"),
        ("https://media.example/ a", "url.invalid"),
        ("https://media.example/\r\nHost: evil", "url.invalid"),
        ("https://mediа.example/", "url.invalid"),  # a Cyrillic letter
        ("https://media.example/" + "a" * 1000, "url.invalid"),
        ("", "url.invalid"),
    ],
)
def test_others_are_not(url, kind):
    assert kind_of(destination, url, RULES) == kind


def test_nothing_is_allowed_unless_listed():
    assert kind_of(destination, "https://media.example/", Outgoing()) == "url.forbidden"


PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - refused, not bound to
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_beside_public_ones_too(address):
    place = destination("https://media.example/", RULES)
    for found in ([address], ["93.184.215.14", address]):
        assert kind_of(checked_addresses, place, RULES, lambda *_, f=found: f) == "url.forbidden"


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:1.1.1.1"])
def test_public_addresses_are_not(address):
    place = destination("https://media.example/", RULES)
    assert checked_addresses(place, RULES, lambda *_: [address]) == [address]


def test_a_listed_network_may_be_reached():
    rules = Outgoing(hosts=("media.example",), networks=("10.20.0.0/16",))
    place = destination("https://media.example/", rules)
    assert checked_addresses(place, rules, lambda *_: ["10.20.3.4"]) == ["10.20.3.4"]
    assert kind_of(checked_addresses, place, rules, lambda *_: ["10.21.3.4"]) == "url.forbidden"


def test_a_name_without_an_address_is_unreachable():
    def unknown(*_):
        raise OSError("no such name")

    place = destination("https://media.example/", RULES)
    assert kind_of(checked_addresses, place, RULES, unknown) == "url.unreachable"
    assert kind_of(checked_addresses, place, RULES, lambda *_: []) == "url.unreachable"


def test_a_redirection_is_checked_like_a_url():
    place = destination("https://media.example/a/b", RULES)
    assert redirected(place, "../c.wav", RULES).url == "https://media.example/c.wav"
    for location in ("http://media.example/", "https://evil.org/", "//evil.org/", "file:///x"):
        assert kind_of(redirected, place, location, RULES).startswith("url."), location


def test_networks_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"10\.20"):
        Outgoing(networks=("10.20",))

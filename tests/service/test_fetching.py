"""Uploads by URL from a real server on loopback: whole, bounded, and nowhere else by any trick."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dsp.errors import Refusal
from loa.service.fetching import fetch
from loa.service.outgoing import Visitor
from tests.service.peer import HOST, Peer, loopback, says

RECORDING = b"RIFF" + bytes(range(256)) * 900


@pytest.fixture
def peer():
    running = Peer()
    running.answers["/a.wav"] = says(200, RECORDING)
    yield running
    running.stop()


def fetched(peer, path, folder, *, resolve=loopback, most_bytes=1 << 20, **changes):
    part = fetch(peer.url(path), Visitor(peer.rules(**changes), resolve), folder, most_bytes)
    content = part.path.read_bytes()
    part.close()
    return content


def kind_of(*arguments, **options):
    with pytest.raises(Refusal) as caught:
        fetched(*arguments, **options)
    return caught.value.kind


def test_a_recording_comes_whole(peer, tmp_path):
    assert fetched(peer, "/a.wav", tmp_path) == RECORDING
    path, headers, body = peer.heard[0]
    assert (path, body) == ("/a.wav", b"")
    assert headers["Host"] == f"{HOST}:{peer.port}"
    assert "Authorization" not in headers
    assert list(tmp_path.iterdir()) == []


def test_a_body_without_a_length_ends_with_the_connection(peer, tmp_path):
    def answer(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + RECORDING)

    peer.answers["/a.wav"] = answer
    assert fetched(peer, "/a.wav", tmp_path) == RECORDING


def test_redirections_are_followed_within_the_rules(peer, tmp_path):
    peer.answers["/moved"] = says(302, Location="/a.wav")
    assert fetched(peer, "/moved", tmp_path) == RECORDING
    peer.answers["/loop"] = says(307, Location="/loop")
    assert kind_of(peer, "/loop", tmp_path) == "url.unreachable"
    assert len(peer.heard) == 2 + 4


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1/",
        "http://evil.example/",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_redirection_out_of_the_rules_is_refused(peer, tmp_path, location):
    peer.answers["/moved"] = says(302, Location=location)
    kind = kind_of(peer, "/moved", tmp_path)
    assert kind in {"url.forbidden", "url.invalid", "url.unreachable"}
    assert {path for path, _, _ in peer.heard} == {"/moved"}


class Turncoat:
    """A name server that says one thing first and another one later."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, *_):
        self.asked += 1
        return self.answers.pop(0)


def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to(peer, tmp_path):
    turncoat = Turncoat(["127.0.0.1"], ["169.254.169.254"])
    assert fetched(peer, "/a.wav", tmp_path, resolve=turncoat) == RECORDING
    assert turncoat.asked == 1


def test_a_name_that_turns_between_redirections_is_refused(peer, tmp_path):
    peer.answers["/moved"] = says(302, Location="/a.wav")
    turncoat = Turncoat(["127.0.0.1"], ["10.0.0.1"])
    assert kind_of(peer, "/moved", tmp_path, resolve=turncoat) == "url.forbidden"
    assert [path for path, _, _ in peer.heard] == ["/moved"]


def test_this_machine_is_not_reached_unless_listed(peer, tmp_path):
    assert kind_of(peer, "/a.wav", tmp_path, networks=()) == "url.forbidden"
    assert peer.heard == []


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.stopping.is_set():
        handler.wfile.write(bytes(65_536))


def dripping(handler):
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b".")


def silent(handler):
    handler.server.stopping.wait(60.0)


def test_limits_hold_against_servers_that_mean_ill(peer, tmp_path):
    peer.answers |= {
        "/told": says(200, b"x" * 2000),
        "/endless": endless,
        "/lie": says(200, b"short", Content_Length="900"),
        "/zip": says(200, b"x", Content_Encoding="gzip"),
        "/none": says(404),
        "/empty": says(204),
        "/garbage": lambda handler: handler.wfile.write(b"\x00\xff" * 500 + b"\r\n\r\n"),
        "/headers": lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000),
        "/cut": lambda _: None,
    }
    expected = {
        "/told": "request.too_large",
        "/endless": "request.too_large",
        "/lie": "url.unreachable",
        "/zip": "url.answer",
        "/none": "url.answer",
        "/empty": "url.answer",
        "/garbage": "url.unreachable",
        "/headers": "url.unreachable",
        "/cut": "url.unreachable",
    }
    found = {path: kind_of(peer, path, tmp_path, most_bytes=1000) for path in expected}
    assert found == expected
    assert list(tmp_path.iterdir()) == []


def test_time_is_limited_in_pauses_and_in_all(peer, tmp_path):
    peer.answers |= {"/silent": silent, "/dripping": dripping}
    assert kind_of(peer, "/silent", tmp_path, connect_s=0.3) == "url.unreachable"
    assert kind_of(peer, "/dripping", tmp_path, total_s=0.5) == "url.unreachable"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for `media.example`; returns the paths of it and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def test_tls_is_checked_by_the_name_though_the_address_is_connected_to(peer, tmp_path, certificate):
    cert, key = certificate
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert, key)
    peer.socket = serving.wrap_socket(peer.socket, server_side=True, do_handshake_on_connect=False)
    trust = ssl.create_default_context(cafile=str(cert))
    folder = tmp_path / "parts"
    folder.mkdir()

    def take(host, trust):
        rules = peer.rules(hosts=(HOST, "other.example"))
        url = f"https://{host}:{peer.port}/a.wav"
        part = fetch(url, Visitor(rules, loopback, trust), folder, 1 << 20)
        part.close()
        return part.size_bytes

    assert take(HOST, trust) == len(RECORDING)
    for host, context in (("other.example", trust), (HOST, None)):
        with pytest.raises(Refusal) as caught:
            take(host, context)
        assert caught.value.kind == "url.unreachable"

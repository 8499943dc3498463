"""RTP that others sent (SIPp, Asterisk): captures decode to what other programs heard in them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile

from dsp.packet.errors import RemoteFormatError
from dsp.packet.rtp import parse
from dsp.packet.sdp import parse_session
from ingest.rtp.receiver import RtpReceiver, StreamFormat
from tests.shared_data.conftest import DATA

CAPTURES = DATA / "rtp"
_ETHERNET, _RAW, _COOKED = 1, 101, 113


def datagrams(path):
    """Return [(moment in s, UDP payload)] of a pcap or pcapng file."""
    data = path.read_bytes()
    read = _pcapng if data[:4] == b"\x0a\x0d\x0d\x0a" else _pcap
    return [(at, udp) for at, link, frame in read(data) if (udp := _udp(link, frame)) is not None]


def _pcap(data):
    order = "<" if data[:4] in {b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"} else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    at = 24
    while at < len(data):
        seconds, fraction, length, _ = struct.unpack(order + "IIII", data[at : at + 16])
        yield seconds + fraction / 1e6, link, data[at + 16 : at + 16 + length]
        at += 16 + length


def _pcapng(data):
    at, links = 0, []
    while at < len(data):
        kind, length = struct.unpack("<II", data[at : at + 8])
        body = data[at + 8 : at + length - 4]
        if kind == 1:
            links.append(struct.unpack("<H", body[:2])[0])
        elif kind == 6:
            interface, high, low, captured = struct.unpack("<IIII", body[:16])
            yield (high << 32 | low) / 1e6, links[interface], body[20 : 20 + captured]
        at += length


def _udp(link, frame):
    head = {_ETHERNET: 14, _RAW: 0, _COOKED: 16}[link]
    packet = frame[head:]
    if not packet or packet[0] >> 4 != 4 or packet[9] != 17:
        return None
    start = 4 * (packet[0] & 15)
    return packet[start + 8 : start + struct.unpack(">H", packet[start + 4 : start + 6])[0]]


def heard(path, form, ssrc=None):
    """Return (samples, mask, receiver) of everything that the capture's stream says."""
    receiver = RtpReceiver(form, buffer_s=120.0)
    for at, data in datagrams(path):
        try:
            packet = parse(data)
        except RemoteFormatError:
            continue
        if packet.payload_type == form.payload_type and ssrc in {None, packet.ssrc}:
            receiver.datagram(data, at)
    samples, there = receiver.read(0, receiver.end)
    return samples, there, receiver


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("g711a.pcap", StreamFormat(8, "PCMA", 8_000)),
        ("ulaw-2013785496.pcap", StreamFormat(0, "PCMU", 8_000)),
    ],
)
def test_g711_is_what_another_decoder_made_of_it(name, form):
    samples, there, receiver = heard(CAPTURES / name, form)
    wanted, _ = soundfile.read((CAPTURES / name).with_suffix(".ref.flac"), dtype="float32")
    # The reference has the payloads one behind the other, from the first packet on; ours leaves
    # holes where events took the place of audio, and the first packet is on probation.
    got = samples[there]
    assert receiver.counts["media"] > 200
    np.testing.assert_allclose(got, wanted[-len(got) :], atol=1.1 / 32_768)


@pytest.mark.parametrize(
    ("name", "payload_type"),
    [("opus-2013785496.pcap", 96), ("16_bit_48khz_60_fec_rtp.pcapng", 107)],
)
def test_opus_is_what_libopus_made_of_it(name, payload_type):
    samples, there, receiver = heard(CAPTURES / name, StreamFormat(payload_type, "opus", 48_000, 2))
    reference = (CAPTURES / name).with_name(name.rsplit(".", 1)[0] + ".ref.flac")
    wanted, _ = soundfile.read(reference, dtype="float32")
    wanted = wanted if wanted.ndim == 1 else wanted.mean(axis=1)
    assert receiver.counts["media"] > 600
    assert receiver.counts["rtp.payload"] == 0
    # The longest run without a hole: what stood in for holes is each decoder's own affair.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    begin, end = max(zip(edges[::2], edges[1::2], strict=True), key=lambda run: run[1] - run[0])
    got = samples[begin : min(end, begin + 10 * 48_000)]
    assert len(got) > 48_000
    size = 1 << (len(got) + len(wanted)).bit_length()
    score = np.fft.irfft(np.fft.rfft(wanted, size) * np.conj(np.fft.rfft(got, size)), size)
    place = int(score.argmax())
    there_too = wanted[place : place + len(got)]
    best = float(score.max()) / np.sqrt(np.dot(got, got) * np.dot(there_too, there_too))
    assert best > 0.99


ANYWHERE = "0.0.0.0"  # noqa: S104 - what browsers write before they know
SESSIONS = {
    "dante-aes67": ("L24", 48_000, 2, 5004, "239.65.125.63", 1.0),
    "hacky": ("opus", 48_000, 2, 1, ANYWHERE, 0.125),
    "invalid": ("PCMU", 8_000, 1, 1, ANYWHERE, None),
    "jssip": ("opus", 48_000, 2, 60_017, "193.84.77.194", None),
    "mediaclk-ptp-v2-w-rate": ("L24", 44_100, 2, 5004, "233.252.0.1", None),
    "mediaclk-rtp": ("L24", 48_000, 2, 5004, "233.252.0.1", None),
    "ssrc": ("opus", 48_000, 2, 9, ANYWHERE, None),
    "ts-refclk-sess": ("PCMU", 8_000, 1, 49_170, "233.252.0.1", None),
}
# No audio to be played: port 0 is a stream that is refused or set up by RTSP, or it is all video.
REFUSED = {
    "alac": "sdp.media",
    "onvif": "sdp.media",
    "sctp-dtls-26": "sdp.no_audio",
    "st2110-20": "sdp.no_audio",
    "tcp-passive": "sdp.no_audio",
}


def test_every_description_of_others_is_known_here():
    assert {path.stem for path in (DATA / "sdp").glob("*.sdp")} == SESSIONS.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", SESSIONS)
def test_descriptions_of_others(name):
    session = parse_session((DATA / "sdp" / f"{name}.sdp").read_bytes())
    fields = (session.encoding, session.clock_hz, session.channels, session.port)
    assert (*fields, session.address, session.packet_ms) == SESSIONS[name]


@pytest.mark.parametrize("name", REFUSED)
def test_descriptions_without_audio(name):
    with pytest.raises(RemoteFormatError) as caught:
        parse_session((DATA / "sdp" / f"{name}.sdp").read_bytes())
    assert caught.value.kind == REFUSED[name]

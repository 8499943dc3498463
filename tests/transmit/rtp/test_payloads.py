"""Payloads: what a decoder gives at a timestamp is what went in there, for every codec."""

from __future__ import annotations

import itertools

import av
import numpy as np
import pytest

from transmit.rtp.payloads import CODECS, PayloadEncoder

RATE = 48_000


def programme(seconds=1.0, seed=1):
    """Noise in 300-3000 Hz: its correlation has one sharp peak."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequency < 300) | (frequency > 3000)] = 0
    wave = np.fft.irfft(spectrum, count)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def decoded(codec, payloads):
    """Decode with FFmpeg; return (float samples at the codec's rate, position of the first)."""
    scale = codec.rate_hz // codec.clock_hz if codec.rate_hz >= codec.clock_hz else 1
    first = payloads[0].ticks * scale
    if codec.coder is None:
        data = b"".join(p.data for p in payloads)
        return np.frombuffer(data, ">i2") / 32768.0, first
    name = {"libopus": "opus"}.get(codec.coder, codec.coder)
    context = av.CodecContext.create(name, "r")
    context.sample_rate = codec.rate_hz
    context.layout = "mono"
    pieces = []
    for payload in payloads:
        for frame in context.decode(av.Packet(payload.data)):
            samples = frame.to_ndarray()[0]
            if samples.dtype == np.int16:
                samples = samples / 32768.0
            pieces.append(samples)
    return np.concatenate(pieces), first


@pytest.mark.parametrize("name", sorted(CODECS))
def test_the_sample_at_a_timestamp_is_the_one_that_went_in(name):
    codec = CODECS[name]
    audio = programme()
    encoder = PayloadEncoder(codec)
    payloads = encoder.encode(audio) + encoder.finish()
    heard, first = decoded(codec, payloads)
    times = (np.arange(len(heard)) + first) / codec.rate_hz
    # FFmpeg's RTP decoders drop nothing: what is heard at `times` should be audio at `times`.
    wanted = np.interp(times, np.arange(len(audio)) / RATE, audio, left=0, right=0)
    middle = slice(len(heard) // 5, -len(heard) // 5)
    step_s = 1 / codec.rate_hz
    scores = {
        lag: float(np.dot(heard[middle], np.roll(wanted, lag)[middle])) for lag in range(-40, 41)
    }
    best = max(scores, key=scores.get)
    assert abs(best) * step_s <= 63e-6  # a sample of 16 kHz
    power = np.dot(wanted[middle], wanted[middle])
    assert scores[best] > 0.95 * power


@pytest.mark.parametrize("name", sorted(CODECS))
def test_timestamps_go_on_without_a_gap(name):
    codec = CODECS[name]
    encoder = PayloadEncoder(codec)
    audio = programme(0.5)
    payloads = encoder.encode(audio[:7000]) + encoder.encode(audio[7000:]) + encoder.finish()
    for before, after in itertools.pairwise(payloads):
        assert after.ticks == before.ticks + before.duration
    assert payloads[-1].ticks + payloads[-1].duration >= len(audio) * codec.clock_hz / RATE


@pytest.mark.parametrize("name", ["opus", "pcmu", "g722", "l16"])
def test_however_cut_the_same_payloads(name):
    audio = programme(0.5)
    whole = PayloadEncoder(CODECS[name])
    cut = PayloadEncoder(CODECS[name])
    expected = whole.encode(audio) + whole.finish()
    got = []
    for at in range(0, len(audio), 777):
        got += cut.encode(audio[at : at + 777])
    assert got + cut.finish() == expected


@pytest.mark.parametrize(
    ("packet_ms", "names"), [(1.0, "l16 pcma g722"), (10.0, "l16 pcma g722"), (60.0, "pcma g722")]
)
def test_lengths_of_packets(packet_ms, names):
    for name in names.split():
        encoder = PayloadEncoder(CODECS[name], packet_ms)
        payloads = encoder.encode(programme(0.3))
        assert {p.duration for p in payloads} == {int(packet_ms * CODECS[name].clock_hz / 1000)}


def test_what_is_not_finite_or_too_loud_is_held():
    encoder = PayloadEncoder(CODECS["l16"])
    (payload,) = encoder.encode(np.array([np.nan, np.inf, -np.inf, 2.0] * 120, np.float32))
    assert np.frombuffer(payload.data, ">i2")[:4].tolist() == [0, 32767, -32767, 32767]


@pytest.mark.parametrize(
    ("name", "packet_ms"), [("opus", 30.0), ("pcmu", 0.5), ("l16", 20.0), ("pcma", 61.0)]
)
def test_packets_a_codec_does_not_have(name, packet_ms):
    with pytest.raises(ValueError, match="packet_ms"):
        PayloadEncoder(CODECS[name], packet_ms)

"""`loa stream`: GStreamer, which we did not write, hears every codec, plain and by SRTP."""

from __future__ import annotations

import base64
import functools
import random
import subprocess
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import soxr

from dsp.packet.srtp import suite_of
from loa.sending import streaming
from loa.sending.streaming import StreamRequest, run_stream
from tests.loa.test_stream import DEADLINE_S, RATE, Swift, even_port, is_open, noise, wait_until
from transmit.rtp.payloads import CODECS
from transmit.rtp.stream import RtpStream

pytestmark = pytest.mark.root

SSRC_SEED = 3
# Caps and decoder of GStreamer, type of the samples that come out, their rate and channels.
DECODERS = {
    "opus": ("OPUS", "rtpopusdepay ! opusdec plc=false", "<i2", 48_000, 2),
    "g722": ("G722", "rtpg722depay ! avdec_g722", "<i2", 16_000, 1),
    "pcmu": ("PCMU", "rtppcmudepay ! mulawdec", "<i2", 8_000, 1),
    "pcma": ("PCMA", "rtppcmadepay ! alawdec", "<i2", 8_000, 1),
    "l16": ("L16", "rtpL16depay", ">i2", 48_000, 1),
}
CIPHERS = {
    "AES_CM_128_HMAC_SHA1_80": "aes-128-icm,srtp-auth=hmac-sha1-80",
    "AEAD_AES_128_GCM": "aes-128-gcm,srtp-auth=null",
    "AEAD_AES_256_GCM": "aes-256-gcm,srtp-auth=null",
}


def pipeline(name, key, port, packets, heard):
    """Return the words of a receiver that ends by itself after so many packets."""
    codec, (encoding, decoder, *_) = CODECS[name], DECODERS[name]
    caps = f"media=audio,encoding-name={encoding},payload={codec.payload_type}"
    caps += f",clock-rate={codec.clock_hz},channels={codec.sdp_channels}"
    source = f"udpsrc address=127.0.0.1 port={port} num-buffers={packets} buffer-size=4000000"
    if key is None:
        source += f" caps=application/x-rtp,{caps}"
    else:
        # gst-launch cannot answer srtpdec's question for a key: it is told which SSRC will come.
        ssrc = RtpStream(codec, random_bits=random.Random(SSRC_SEED).getrandbits).ssrc
        cipher = CIPHERS[suite_of(key).name]
        control = cipher.replace("srtp-", "srtcp-")
        source += f" caps=application/x-srtp,{caps},ssrc=(uint){ssrc}"
        source += f",srtp-key=(buffer){key.hex()},srtp-cipher={cipher},srtcp-cipher={control}"
        source += " ! srtpdec"
    words = f"{source} ! rtpjitterbuffer ! {decoder} ! filesink sync=false location={heard}"
    return ["gst-launch-1.0", "-q", *words.split()]


@pytest.fixture
def bulletin(tmp_path):
    path = tmp_path / "bulletin.wav"
    soundfile.write(path, noise(), RATE)
    return path


@pytest.mark.parametrize("key_bytes", [None, 30, 28, 44])
@pytest.mark.parametrize("name", sorted(CODECS))
def test_gstreamer_hears_it(name, key_bytes, tmp_path, monkeypatch, bulletin):
    key, port, heard = None, even_port(), tmp_path / "heard.raw"
    if key_bytes is not None:
        key, key_file = bytes(range(key_bytes)), tmp_path / "key"
        key_file.touch(mode=0o600)
        key_file.write_text(base64.b64encode(key).decode())
        seeded = functools.partial(RtpStream, random_bits=random.Random(SSRC_SEED).getrandbits)
        monkeypatch.setattr(streaming, "RtpStream", seeded)
    request = StreamRequest(
        bulletin,
        (f"127.0.0.1:{port}",),
        name,
        srtp_key_file=None if key is None else key_file,
    )
    packets = int(900 / CODECS[name].usual_ms)
    with subprocess.Popen(
        pipeline(name, key, port, packets, heard), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(lambda: is_open(port), process)
            assert run_stream(request, as_json=False, clock=Swift()) == 0
            _, errors = process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    *_, kind, rate_hz, channels = DECODERS[name]
    got = np.fromfile(heard, kind).reshape(-1, channels).mean(axis=1) / 32_768
    assert len(got) == pytest.approx(0.9 * rate_hz, abs=1)
    wanted = soxr.resample(noise(), RATE, rate_hz)
    # Where it is most alike, and by how much: 0.99 is an error 17 dB down, G.711 and Opus do 37.
    score = np.fft.irfft(np.fft.rfft(got, 2 * RATE) * np.conj(np.fft.rfft(wanted, 2 * RATE)))
    late = int(np.argmax(score))
    late -= len(score) if late > len(score) // 2 else 0
    assert abs(Fraction(late, rate_hz)) < 0.01
    there = wanted[max(0, -late) : len(got) - late]
    alike = score.max() / np.sqrt(np.dot(got, got) * np.dot(there, there))
    assert alike > 0.97
    assert 20 * np.log10(np.std(got) / np.std(there)) == pytest.approx(0.0, abs=0.3)

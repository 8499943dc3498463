"""What the encoder tests hear with: FFmpeg through PyAV, trimmed by what the container says."""

import av
import numpy as np
import soxr

RAW = {".g722": "g722", ".ulaw": "mulaw", ".alaw": "alaw"}


def decoded(path):
    """Return float32 frames (n, channels) and their rate."""
    suffix = path.suffix
    options = {"sample_rate": "8000"} if suffix in (".ulaw", ".alaw") else {}
    with av.open(str(path), format=RAW.get(suffix), options=options) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=stream.rate)
        pieces = [
            piece.to_ndarray().reshape(-1, stream.layout.nb_channels)
            for frame in [*container.decode(stream), None]
            for piece in resampler.resample(frame)
        ]
        rate_hz = stream.rate
        # FFmpeg trims an MP4 in front by its edit list, but leaves the end to its caller.
        length = stream.duration if suffix == ".m4a" else None
    return np.concatenate(pieces)[:length], rate_hz


def programme(frames, channels, rate_hz):
    """Noise in the band of speech with syllables: sharp in time, kind to every codec."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((frames + 4_000, channels))
    spectrum = np.fft.rfft(noise, axis=0)
    bins = np.fft.rfftfreq(len(noise), 1 / rate_hz)
    spectrum[(bins < 300) | (bins > 2_500)] = 0
    shaped = np.fft.irfft(spectrum, len(noise), axis=0)[:frames]
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * np.arange(frames) / rate_hz)
    return np.ascontiguousarray(shaped * syllables[:, None] * 0.3, np.float32)


def to_rate(samples, from_hz, to_hz):
    return samples if from_hz == to_hz else soxr.resample(samples, from_hz, to_hz)


def lag_samples(wanted, heard):
    """By how many samples `heard` is late, by cross-correlation."""
    size = 1 << (len(wanted) + len(heard)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    lag = int(np.argmax(np.fft.irfft(product)))
    return lag if lag < size // 2 else lag - size

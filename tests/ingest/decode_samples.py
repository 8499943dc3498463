"""Small audio files of every format that is taken, made on the spot."""

from fractions import Fraction

import av
import numpy as np
import soundfile

RATE_HZ = 8_000


def tone(frames=600, channels=1, rate_hz=RATE_HZ):
    """Half-scale sines, another pitch in every channel: (frames, channels) float32."""
    time_s = np.arange(frames)[:, None] / rate_hz
    return (0.5 * np.sin(2 * np.pi * (300 + 110 * np.arange(channels)) * time_s)).astype(np.float32)


def as_int16(samples):
    return np.round(samples * 32767).astype(np.int16)


def with_sndfile(path, samples, rate_hz=RATE_HZ, subtype="PCM_16", kind=None):
    """Write through libsndfile; `samples` float or int16."""
    with soundfile.SoundFile(
        path, "w", rate_hz, samples.shape[1], subtype=subtype, format=kind
    ) as file:
        file.write(samples)
    return path


def with_ffmpeg(path, samples, rate_hz, codec, *, muxer, bit_rate_bps=None):
    """Write through FFmpeg; `samples` mono or stereo float32."""
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", format=muxer) as out:
        stream = out.add_stream(codec, rate=rate_hz)
        stream.layout = layout
        if bit_rate_bps:
            stream.bit_rate = bit_rate_bps
        into = av.AudioResampler(
            format=stream.codec_context.format.name, layout=layout, rate=rate_hz
        )
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T), format="fltp", layout=layout
        )
        frame.rate, frame.pts = rate_hz, 0
        # The encoder's own frame size is known only once it is open.
        fifo = av.AudioFifo()
        for ready in into.resample(frame):
            fifo.write(ready)
        stream.codec_context.open(strict=False)
        size = stream.codec_context.frame_size or 320
        position = 0
        while piece := fifo.read(size) or fifo.read(size, partial=True):
            # Without times the muxer writes no edit list, and the priming would stay in.
            piece.pts, piece.time_base = position, Fraction(1, rate_hz)
            position += piece.samples
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path


def make_all(folder):
    """Return {name: path}: one small file (0.2 to 3 kB) of every format."""
    short, opus = tone(), tone(2_000, rate_hz=48_000)
    aac, mp3 = tone(3_000, rate_hz=16_000), tone(3_000, rate_hz=16_000)
    return {
        "wav": with_sndfile(folder / "t.wav", as_int16(short)),
        "wav24": with_sndfile(folder / "t24.wav", short, subtype="PCM_24"),
        "rf64": with_sndfile(folder / "t.rf64", as_int16(short), kind="RF64"),
        "w64": with_sndfile(folder / "t.w64", as_int16(short)),
        "aiff": with_sndfile(folder / "t.aiff", as_int16(short)),
        "flac": with_sndfile(folder / "t.flac", as_int16(short)),
        "vorbis": with_sndfile(folder / "t.ogg", short, subtype="VORBIS"),
        "opus": with_ffmpeg(
            folder / "t.opus", opus, 48_000, "libopus", muxer="ogg", bit_rate_bps=24_000
        ),
        "mp3": with_ffmpeg(
            folder / "t.mp3", mp3, 16_000, "libmp3lame", muxer="mp3", bit_rate_bps=32_000
        ),
        "aac": with_ffmpeg(folder / "t.aac", aac, 16_000, "aac", muxer="adts", bit_rate_bps=24_000),
        "m4a": with_ffmpeg(folder / "t.m4a", aac, 16_000, "aac", muxer="ipod", bit_rate_bps=24_000),
        "g722": with_ffmpeg(
            folder / "t.g722", tone(1_600, rate_hz=16_000), 16_000, "g722", muxer="g722"
        ),
        "ulaw": with_ffmpeg(folder / "t.ulaw", short, 8_000, "pcm_mulaw", muxer="mulaw"),
        "alaw": with_ffmpeg(folder / "t.alaw", short, 8_000, "pcm_alaw", muxer="alaw"),
    }


def read_all(decoder, path):
    """Decode a file to one array; return it with the format."""
    with decoder.open(path) as audio:
        blocks = [block.copy() for block in audio.blocks()]
        return np.concatenate(blocks), audio.format

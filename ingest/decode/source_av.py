"""Ogg, ADTS, MP4 and G.722 through FFmpeg, one thread, the demuxer forced.

The bytes come from our descriptor through FFmpeg's custom I/O, so that no protocol of FFmpeg is
ever involved. Sample rate and channels are those of the first decoded frame: HE-AAC tells half the
rate in its header. Encoder delay is trimmed where the container says it (Ogg pre-skip and end
granule, MP4 edit list); ADTS has no place to say it, so the encoder's priming (mostly 1024 samples)
stays in.
"""

from __future__ import annotations

import io
import itertools
import os
from typing import TYPE_CHECKING, Any

import av

from ingest.decode import refusals
from ingest.decode.audio_format import AudioFormat
from ingest.decode.completeness import require_complete

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEMUXERS = {"ogg": "ogg", "adts": "aac", "mp4": "mov", "g722": "g722", "mp3": "mp3"}
_CODECS = {
    "ogg": {"opus", "vorbis", "flac"},
    "adts": {"aac"},
    "mp4": {"aac", "alac", "mp3", "mp3float", "opus", "flac", "pcm_s16le", "pcm_s16be"},
    "g722": {"g722"},
    "mp3": {"mp3", "mp3float", "mp2", "mp2float", "mp1", "mp1float"},
}
_READ_BYTES = 1 << 18
av.logging.set_level(None)


class AvSource:
    """One file in FFmpeg."""

    def __init__(self, descriptor: int, container: str) -> None:
        self._container_name = container
        self._least_s = 0.0
        self._most_frames: int | None = None
        self._left = memoryview(b"")
        self._read = 0
        self._promise = require_complete(descriptor, container)
        os.lseek(descriptor, 0, os.SEEK_SET)
        # FFmpeg reads large pieces itself; closed in close(), the descriptor is not ours.
        self._file = io.FileIO(descriptor, closefd=False)
        try:
            self._open(os.fstat(descriptor).st_size)
        except BaseException:
            self._file.close()
            raise

    def read_into(self, view: memoryview) -> int:
        """Fill `view` with frames; 0 at the end. Raises Refusal on damage or a missing end."""
        wanted = len(view) // self.format.frame_bytes
        if self._most_frames is not None:
            wanted = min(wanted, self._most_frames - self._read)
        filled, room = 0, wanted * self.format.frame_bytes
        while filled < room:
            if not self._left:
                self._left = self._next_packed()
                if not self._left:
                    break
            part = min(room - filled, len(self._left))
            view[filled : filled + part] = self._left[:part]
            self._left = self._left[part:]
            filled += part
        frames = filled // self.format.frame_bytes
        self._read += frames
        if frames == 0:
            self._require_promised()
        return frames

    def close(self) -> None:
        """Close FFmpeg's side; the descriptor stays open."""
        self._container.close()
        self._file.close()

    def _open(self, size_bytes: int) -> None:
        name = self._container_name
        try:
            self._container: Any = av.open(
                self._file,
                format=_DEMUXERS[name],
                buffer_size=_READ_BYTES,
                metadata_errors="ignore",
            )
        except (av.FFmpegError, ValueError) as error:
            raise refusals.damaged(f"a {name} header", _words(error)) from None
        streams = self._container.streams.audio
        if not streams or streams[0].codec_context is None:
            raise refusals.not_audio(f"{name} without sound")
        stream = streams[0]
        if stream.codec_context.name not in _CODECS[name]:
            raise refusals.unsupported(f"{name} with coding {stream.codec_context.name}")
        stream.codec_context.thread_count = 1
        self._frames = self._decoded(stream)
        first = next(self._frames, None)
        if first is None:
            raise refusals.empty("a header and no samples")
        self._frames = itertools.chain([first], self._frames)
        self.format = self._describe(stream, first, size_bytes)
        wide = "s16" if self.format.sample_format == "int16" else "flt"
        self._repack = None
        if first.format.name not in {wide, *([f"{wide}p"] if self.format.channels == 1 else [])}:
            self._repack = av.AudioResampler(format=wide, layout=first.layout, rate=first.rate)

    def _describe(self, stream: Any, first: Any, size_bytes: int) -> AudioFormat:
        duration_s = None
        if self._promise is not None:  # counted; FFmpeg would guess from the first bit rate
            duration_s = self._promise.samples / self._promise.rate_hz
            self._least_s = self._promise.least / self._promise.rate_hz
        elif stream.duration is not None and stream.duration > 0:
            duration_s = float(stream.duration * stream.time_base)
        if self._container_name == "mp4":
            # Two frames of tolerance: edit lists are rounded to the movie's time scale.
            self._least_s = (duration_s or 0.0) - 2048 / first.rate
            # What fills up the last frame lies behind the end of the edit; FFmpeg hands it out.
            self._most_frames = round(duration_s * first.rate) if duration_s else None
        codec = stream.codec_context.name
        return AudioFormat(
            container=self._container_name,
            codec=codec.removesuffix("float"),
            sample_rate_hz=first.rate,
            channels=first.layout.nb_channels,
            sample_format="int16" if first.format.name in {"s16", "s16p"} else "float32",
            bit_rate_bps=round(size_bytes * 8 / duration_s) if duration_s else None,
            duration_hint_s=duration_s,
        )

    def _decoded(self, stream: Any) -> Iterator[Any]:
        """Yield decoded frames of unchanging rate and channel count."""
        form, samples, rate_hz = None, 0, 0
        try:
            for packet in self._container.demux(stream):
                for frame in packet.decode():
                    own = (frame.rate, frame.layout.nb_channels)
                    if own != form:
                        if form is not None:
                            raise refusals.damaged(
                                "one sample rate and channel count",
                                f"a change of either after {samples / rate_hz:.3f} s",
                            )
                        form, rate_hz = own, frame.rate
                    samples += frame.samples
                    if frame.samples:
                        yield frame
        except av.error.MemoryError:
            raise MemoryError from None
        except (av.FFmpegError, ValueError) as error:
            where = f"{samples / rate_hz:.3f} s" if rate_hz else "the start"
            raise refusals.damaged("samples", f"{_words(error)} after {where}") from None

    def _next_packed(self) -> memoryview:
        """Return the next interleaved bytes, empty at the end."""
        for frame in self._frames:
            frames = [frame] if self._repack is None else self._repack.resample(frame)
            if frames:
                packed = frames[0]
                return memoryview(packed.planes[0])[: packed.samples * self.format.frame_bytes]
        return memoryview(b"")

    def _require_promised(self) -> None:
        """Refuse an MP4 or a chain of frames that gave fewer samples than it holds."""
        got_s = self._read / self.format.sample_rate_hz
        if got_s < self._least_s:
            raise refusals.truncated(f"{self._least_s:.3f} s", f"{got_s:.3f} s of it")


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".").lower()

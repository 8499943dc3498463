"""Decoding of untrusted audio files, in a process that can do nothing else.

    with Decoder() as decoder, decoder.open(Path("bulletin.mp3")) as audio:
        for block in audio.blocks():            # (n, channels) int16 or float32
            ...

A `Decoder` owns one child process (see `decode_child.py`), started without waiting and used for
many files. This side opens the path, passes the descriptor on, and hands out blocks as they come.
What the child says is checked, not believed: slots, frame counts and texts out of range end the
child. Whatever goes wrong in there, crash, hang, hunger, becomes one Refusal for that file, and the
next file gets a fresh child.

What happens to a broken file (kinds are in `refusals.py`): a file that ends early is refused with
what there is of it, also when its samples so far were good, since half a bulletin must not go on
the air; damage inside a file is refused where the format can show it (checksums, lost
synchronisation, sample counts). A changed bit that leaves a valid file is a valid file. NaN and
infinity in float files pass through for the meter and the chain to mend and report.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.errors import Refusal
from ingest import refusals
from ingest.audio_format import AudioFormat, DecodeLimits
from ingest.decode_process import ChildProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

__all__ = ["AudioFormat", "DecodeLimits", "DecodedAudio", "Decoder"]

CHILD = "ingest.decode_child"


class Decoder:
    """One resident decoding process, used for many files one after another.

    Belongs to the thread that made it: the kernel ends the child with that thread.
    """

    def __init__(self, limits: DecodeLimits | None = None, *, child: str = CHILD) -> None:
        """Start the child, the module `child`, without waiting for it."""
        self.limits = limits or DecodeLimits()
        self._child_module = child
        self._audio: DecodedAudio | None = None
        self._served = 0
        self._process: ChildProcess | None = self._start()

    def open(self, path: Path) -> DecodedAudio:
        """Begin decoding `path`; whatever was open before is closed.

        Raises
        ------
        Refusal
            If the file cannot be opened, is no audio we take, or breaks a limit by its header.
        """
        if self._audio is not None:
            self._audio.close()
        descriptor = _open_regular(path)
        try:
            process = self._ready_process()
            self._served += 1
            process.request(descriptor, path.suffix.lower())
        finally:
            os.close(descriptor)
        self._audio = DecodedAudio(process, self.limits)
        return self._audio

    @property
    def isolation(self) -> tuple[str, ...]:
        """Names of the barriers around the child that this kernel granted, for `loa doctor`."""
        return self._ready_process().isolation

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _start(self) -> ChildProcess:
        self._served = 0
        return ChildProcess(self._child_module, self.limits)

    def _ready_process(self) -> ChildProcess:
        """Return a live child that has said it is ready; replace a dead or well-used one."""
        process = self._process
        if process is not None and (not process.fit or self._served >= self.limits.files_per_child):
            process.kill()
            process = None
        if process is None:
            process = self._process = self._start()
        process.wait_ready()
        return process

    def __enter__(self) -> Self:
        """Return this decoder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()


class DecodedAudio:
    """One file on its way out of the decoder: its format, then its blocks, once."""

    def __init__(self, process: ChildProcess, limits: DecodeLimits) -> None:
        self._process = process
        self._limits = limits
        self._running = True
        self.frames_read = 0
        try:
            self.format = _checked_format(self._next_message("format"), process)
            _require_within(self.format, limits)
        except BaseException:
            self.close()
            raise

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield arrays (n, channels), int16 or float32 as `format` says, C-contiguous.

        An array lives in memory shared with the child and is valid until the next one is asked for.

        Raises
        ------
        Refusal
            In mid-stream, as soon as the file turns out broken or beyond the limits.
        """
        slots = self._process.slots
        held: set[int] = set()
        while self._running:
            message = self._next_message("block")
            if message["is"] == "end":
                break
            slot, frames = self._checked_block(message, held)
            held.add(slot)
            yield _as_array(slots[slot], frames, self.format)
            held.discard(slot)
            if self._running:
                self._process.free(slot)
        if self.frames_read == 0:
            raise refusals.empty("a file with a header and no samples")

    def close(self) -> None:
        """Stop decoding; the child is kept for the next file."""
        if self._running:
            self._running = False
            self._process.stop()

    def _next_message(self, wanted: str) -> dict[str, Any]:
        """Return the next message of kind `wanted` or "end"; raise what the child refused."""
        try:
            message = self._process.next_message(self.frames_read / self._rate_hz())
        except Refusal:
            self._running = False
            raise
        if message["is"] == "refusal":
            self._running = False
            raise _checked_refusal(message)
        if message["is"] == "end":
            self._running = False
        elif message["is"] != wanted:
            self._running = False
            raise self._process.condemn("an answer out of turn from the decoder")
        return message

    def _rate_hz(self) -> int:
        return self.format.sample_rate_hz if self.frames_read else 1

    def _checked_block(self, message: dict[str, Any], held: set[int]) -> tuple[int, int]:
        """Return slot and frame count after checking both, and the limits on the decoded size."""
        slot, frames = message.get("slot"), message.get("frames")
        slots = self._process.slots
        room = len(slots[0]) // self.format.frame_bytes
        if (
            not (isinstance(slot, int) and 0 <= slot < len(slots))
            or slot in held
            or not (isinstance(frames, int) and 0 < frames <= room)
        ):
            self._running = False
            raise self._process.condemn("an impossible block from the decoder")
        self.frames_read += frames
        self._require_size()
        return slot, frames

    def _require_size(self) -> None:
        limits, rate_hz = self._limits, self.format.sample_rate_hz
        if self.frames_read > limits.max_duration_s * rate_hz:
            self.close()
            raise _too_long(limits, f"more than {self.frames_read / rate_hz:.0f} s after decoding")
        if self.frames_read * self.format.frame_bytes > limits.max_bytes:
            self.close()
            raise refusals.too_costly(
                f"at most {limits.max_bytes} bytes of samples", "more than that after decoding"
            )

    def __enter__(self) -> Self:
        """Return this audio."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop decoding."""
        self.close()


def _open_regular(path: Path) -> int:
    """Open a regular file for reading; a pipe or a device is refused without being waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        raise Refusal(
            "file.not_found",
            expected="an audio file",
            got=f"no file at {path}",
            advice="checking the spelling of the path",
        ) from None
    except PermissionError:
        raise Refusal(
            "file.permission",
            expected="a file that may be read",
            got=f"{path}, which this user may not read",
            advice="chmod +r on the file, or running as its owner",
            exit_code=4,
        ) from None
    except (OSError, ValueError) as error:
        raise Refusal(
            "file.unreadable",
            expected="a file that can be opened",
            got=f"{path}: {error}",
            advice="checking the path and the disk",
            exit_code=4,
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refusal(
            "file.not_a_file",
            expected="a regular file",
            got=f"{path}, a folder, pipe or device",
            advice="giving the path of one audio file",
        )
    return descriptor


def _require_within(found: AudioFormat, limits: DecodeLimits) -> None:
    """Refuse by the header what would be refused after decoding."""
    low, high = limits.min_sample_rate_hz, limits.max_sample_rate_hz
    if not low <= found.sample_rate_hz <= high:
        raise Refusal(
            "audio.sample_rate",
            expected=f"{low} to {high} Hz",
            got=f"{found.sample_rate_hz} Hz",
            advice="exporting at 48000 Hz",
        )
    if found.channels > limits.max_channels:
        raise Refusal(
            "audio.too_many_channels",
            expected=f"1 to {limits.max_channels} channels",
            got=f"{found.channels} channels",
            advice="mixing down to stereo or 5.1 first",
        )
    if found.duration_hint_s is not None and found.duration_hint_s > limits.max_duration_s:
        raise _too_long(limits, f"{found.duration_hint_s:.0f} s by its header")


def _too_long(limits: DecodeLimits, got: str) -> Refusal:
    return Refusal(
        "audio.too_long",
        expected=f"at most {limits.max_duration_s:.0f} s of audio",
        got=got,
        advice="cutting the programme into parts",
    )


def _as_array(slot: memoryview, frames: int, found: AudioFormat) -> NDArray[Any]:
    samples = np.frombuffer(slot, dtype=found.sample_format, count=frames * found.channels)
    return samples.reshape(frames, found.channels)


def _checked_format(message: dict[str, Any], process: ChildProcess) -> AudioFormat:
    """Rebuild the format field by field: the child's word is input like any other."""
    with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
        sample_format = message["sample_format"]
        bit_rate, duration = message["bit_rate_bps"], message["duration_hint_s"]
        channels = int(message["channels"])
        if sample_format in {"int16", "float32"} and 0 < channels <= 1024:
            return AudioFormat(
                container=_plain(message["container"], 20),
                codec=_plain(message["codec"], 20),
                sample_rate_hz=int(message["sample_rate_hz"]),
                channels=channels,
                sample_format=sample_format,
                bit_rate_bps=None if bit_rate is None else int(bit_rate),
                duration_hint_s=None if duration is None else float(duration),
            )
    raise process.condemn("an impossible format from the decoder")


def _checked_refusal(message: dict[str, Any]) -> Refusal:
    kind = message.get("kind")
    if kind not in refusals.KINDS:
        return refusals.decoder_crashed("an unknown answer from the decoder")
    expected, got, advice = (_plain(message.get(k), 600) for k in ("expected", "got", "advice"))
    return Refusal(kind, expected=expected, got=got, advice=advice)


def _plain(text: object, longest: int) -> str:
    """Return `text` as one printable line: no terminal codes out of a hostile file's tags."""
    return "".join(c if c.isprintable() else "?" for c in str(text)[:longest])

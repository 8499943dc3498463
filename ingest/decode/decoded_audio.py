"""One file on its way out of a decoding child: its format, then its blocks, checked on arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.errors import Refusal
from ingest.decode import refusals
from ingest.decode.child_answers import checked_format, checked_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from ingest.decode.audio_format import AudioFormat, DecodeLimits
    from ingest.decode.process import ChildProcess


class PassedOnError(Exception):
    """The child does not have the library that the file needs."""


class DecodedAudio:
    """One file on its way out of the decoder: its format, then its blocks, once."""

    def __init__(self, process: ChildProcess, limits: DecodeLimits) -> None:
        self._process = process
        self._limits = limits
        self._running = True
        self.frames_read = 0
        try:
            self.format = checked_format(self._next_message("format"), process)
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
            raise checked_refusal(message)
        if message["is"] == "elsewhere" and wanted == "format":
            self._running = False
            raise PassedOnError
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

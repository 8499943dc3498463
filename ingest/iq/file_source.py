"""A recording as a source of blocks: bytes, an encoding, a rate, perhaps a frequency and a time."""

from __future__ import annotations

import sys
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ingest.iq import refusals
from ingest.iq.block import FULL_SCALE, IqBlock
from ingest.iq.byte_stream import ByteStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.iq.encoding import Encoding

BLOCKS_PER_S = 4
_BAD_SHARE = 0.5


class FileSource:
    """A recording; `IqSource` says what its fields mean."""

    def __init__(
        self,
        stream: ByteStream,
        encoding: Encoding,
        *,
        rate_hz: int,
        centre_hz: float | None,
        start_utc: datetime,
        time_basis: Literal["recorded", "assumed"],
    ) -> None:
        self.rate_hz = rate_hz
        self.centre_hz = centre_hz
        self.sample_format = encoding.sample_format
        self.full_scale = FULL_SCALE[self.sample_format]
        self.time_basis: Literal["recorded", "assumed", "received", "simulated"] = time_basis
        self._start_utc = start_utc
        self._stream = stream
        self._encoding = encoding
        self._holes: deque[tuple[int, int]] = deque()
        self._notes: list[dict[str, Any]] = []
        self._closed = False

    def add_holes(self, holes: Sequence[tuple[int, int]]) -> None:
        """Tell where samples are missing: (place in the file, how many), in order."""
        self._holes.extend(holes)

    def blocks(self) -> Iterator[IqBlock]:
        """Yield the recording in blocks of a quarter of a second.

        Raises
        ------
        Refusal
            iq.empty, or iq.mislabelled if the first block is mostly no samples at all.
        """
        try:
            yield from self._read_blocks()
        finally:
            self._stream.close()

    def _read_blocks(self) -> Iterator[IqBlock]:
        size = self._encoding.sample_bytes
        per_block = max(1, self.rate_hz // BLOCKS_PER_S)
        index, missing, given, read = 0, 0, 0, 0
        while not self._closed:
            lost = self._lost_at(read)
            index, missing = index + lost, missing + lost
            raw = self._stream.read(min(per_block, self._before_hole(read)) * size)
            whole = len(raw) // size
            if whole * size != len(raw):
                self._note("truncated", f"{len(raw) - whole * size} bytes after the last sample")
            if not whole:
                break
            covered = 0
            for place, samples in self._encoding.pieces(memoryview(raw)[: whole * size]):
                missing += place - covered
                block = IqBlock(
                    samples, index + place, self._time_of(index + place), missing_samples=missing
                )
                covered, missing = place + block.count, 0
                given += block.count
                yield block
            missing += whole - covered
            if whole != given and read == 0:
                self._require_mostly_good(whole, given)
            if whole != covered or missing:
                self._note("not_finite", f"samples up to {index + whole} are not all numbers")
            index += whole
            read += whole
        self._finish(given, read)

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._stream.close()

    def notes(self) -> list[dict[str, Any]]:
        """Return what was noticed so far."""
        return list(self._notes)

    def _lost_at(self, read: int) -> int:
        """Return how many samples are missing at that place of the file, and note them."""
        lost = 0
        while self._holes and self._holes[0][0] <= read:
            lost += self._holes.popleft()[1]
        if lost:
            self._note("gap", f"{lost} samples missing before sample {read} of the file")
        return lost

    def _before_hole(self, read: int) -> int:
        """Samples from there to the next hole."""
        return self._holes[0][0] - read if self._holes else sys.maxsize

    def _finish(self, given: int, index: int) -> None:
        if self._stream.fault:
            self._note("truncated", self._stream.fault)
        if not given and not self._closed:
            got = f"{index} samples, none of them a number" if index else "a file without any"
            raise refusals.empty(got)

    def _require_mostly_good(self, whole: int, given: int) -> None:
        if given < (1 - _BAD_SHARE) * whole:
            raise refusals.mislabelled(
                f"{self._encoding.name} samples within full scale",
                f"{whole - given} of the first {whole} that are no numbers or absurd",
            )

    def _time_of(self, index: int) -> datetime:
        return self._start_utc + timedelta(seconds=index / self.rate_hz)

    def _note(self, kind: str, detail: str) -> None:
        if len(self._notes) < 1_000:
            self._notes.append({"kind": kind, "detail": detail})

"""What is lost between a dongle and its computer: dropped and repeated buffers, and stalls.

Nothing here says so to the receiver. A drop is samples that are not there, so that the next block
comes too soon by its count and right by its time; a repeat is a buffer delivered again in place of
the next one, with the right count; a stall is a while in which nothing comes, and then everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ingest.scene.scene import DongleTable


class Delivery(NamedTuple):
    """Samples without a hole: where they belong, and when they come (in seconds of the capture)."""

    samples: npt.NDArray[Any]
    place: int
    due_s: float


class Usb:
    """Passes a capture on, with everything that goes wrong on the way.

    Parameters
    ----------
    table
        Drops, repeats and stalls.
    rate_hz
        Of the capture.
    width
        Array elements per complex sample: 2 for uint8, 1 for complex64.
    """

    def __init__(self, table: DongleTable, rate_hz: int, width: int) -> None:
        self._rate_hz = rate_hz
        self._width = width
        self._drops = [_span(event.at_s, event.samples, rate_hz) for event in table.drops]
        self._repeats = [_span(event.at_s, event.samples, rate_hz) for event in table.repeats]
        self._stalls = [
            (event.at_s, event.at_s + event.samples / rate_hz) for event in table.stalls
        ]
        self._memory_samples = max([end - start for start, end in self._repeats], default=0)
        self._memory: npt.NDArray[Any] | None = None

    def pass_on(self, samples: npt.NDArray[Any], index: int) -> Iterator[Delivery]:
        """Yield what arrives of `samples`, the first of which is number `index`."""
        count = len(samples) // self._width
        if self._memory_samples:
            samples = self._repeated(samples, index)
        place = index
        for start, end in self._drops:
            if end <= index or start >= index + count:
                continue
            if start > place:
                yield self._delivery(samples, index, place, start)
            place = max(place, end)
        if place < index + count:
            yield self._delivery(samples, index, place, index + count)

    def _delivery(self, samples: npt.NDArray[Any], index: int, start: int, end: int) -> Delivery:
        width = self._width
        due_s = end / self._rate_hz
        for stall_s, until_s in self._stalls:
            if stall_s <= due_s < until_s:
                due_s = until_s
        return Delivery(samples[width * (start - index) : width * (end - index)], start, due_s)

    def _repeated(self, samples: npt.NDArray[Any], index: int) -> npt.NDArray[Any]:
        """Return `samples` with repeated buffers in the place of new ones."""
        width = self._width
        held = self._memory if self._memory is not None else samples[:0]
        whole = np.concatenate([held, samples])
        first, end_index = index - len(held) // width, index + len(samples) // width
        result = samples.copy()
        for start, end in self._repeats:
            begin, stop = max(start, index), min(end, end_index)
            if begin < stop:
                source = begin - (end - start) - first
                piece = whole[width * source : width * (source + stop - begin)]
                result[width * (begin - index) : width * (stop - index)] = piece
        self._memory = whole[max(0, len(whole) - width * self._memory_samples) :]
        return result


def _span(at_s: float, samples: int, rate_hz: int) -> tuple[int, int]:
    start = round(at_s * rate_hz)
    return start, start + samples

"""Blocks of a programme on their way through a filter: no frame more, none less, none late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dsp.contract import AudioBlock, Frames


def aligned(blocks: Iterable[Frames], block: AudioBlock, channels: int) -> Iterator[Frames]:
    """Run `blocks` through `block` and take its delay out: as many frames out as in, in place."""
    skip = block.delay_samples
    for frames in blocks:
        out = block.process(frames)
        if skip:
            dropped = min(skip, len(out))
            skip -= dropped
            out = out[dropped:]
        if len(out):
            yield out
    tail = block.process(np.zeros((block.delay_samples, channels), np.float32))
    if len(tail[skip:]):
        yield tail[skip:]


def faded(blocks: Iterable[Frames], total_frames: int, fade_frames: int) -> Iterator[Frames]:
    """Fade the first and the last `fade_frames` of a programme (half of it at most), in place."""
    length = min(fade_frames, total_frames // 2)
    ramp = np.sin(0.5 * np.pi * np.arange(length) / max(1, length)).astype(np.float32) ** 2
    at = 0
    for frames in blocks:
        head = ramp[at : at + len(frames)]
        frames[: len(head)] *= head[:, None]
        # The ramp counted from the end of the programme: sample total - 1 is the first of it.
        left = total_frames - at
        first = max(0, left - length)
        if first < len(frames):
            steps = left - 1 - np.arange(first, len(frames))
            frames[first:] *= ramp[steps][:, None]
        at += len(frames)
        yield frames

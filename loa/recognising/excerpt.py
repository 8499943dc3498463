"""A stretch of an audio file, at 8 kHz, for those who look at the sound itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingest.decode.decoder import Decoder
from ingest.reference.sound import heard_rate_hz, mono

RATE_HZ = 8_000


def excerpt(
    decoder: Decoder, path: Path, from_s: float, length_s: float
) -> npt.NDArray[np.float32]:
    """Return a stretch of a file, shorter where the file ends.

    Raises
    ------
    Refusal
        Of the decoder.
    """
    import soxr

    with decoder.open(path) as audio:
        rate_hz = heard_rate_hz(audio.format)
        first, last = round(from_s * rate_hz), round((from_s + length_s) * rate_hz)
        kept, at = [], 0
        for block in mono(audio.blocks(), audio.format):
            kept.append(block[max(0, first - at) : max(0, last - at)])
            at += len(block)
            if at >= last:
                break
    samples = np.concatenate(kept)
    return np.ascontiguousarray(soxr.resample(samples, rate_hz, RATE_HZ), np.float32)

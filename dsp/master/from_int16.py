"""int16 frames to float32 frames of other channels in one pass: most sources come as int16."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsp import kernel_types as types
from dsp.kernel import kernel

INT16_STEP = 2.0**-15
_SAMPLES = types.Array(types.int16, 1, "C", readonly=True)
_MATRIX = types.Array(types.float32, 2, "C")


@kernel(types.void(_SAMPLES, _MATRIX, _MATRIX))
def mix_int16(samples: Any, matrix: Any, out: Any) -> None:
    """Write interleaved `samples` times `matrix` (channels in, channels out) to `out` (n, …).

    `matrix` includes the scale: INT16_STEP for samples that are to end within ±1.
    """
    channels, width = matrix.shape
    target = out.reshape(out.size)
    if channels == 1 and width == 1:
        step = matrix[0, 0]
        for i in range(target.shape[0]):
            target[i] = np.float32(samples[i]) * step
        return
    if channels == 2 and width == 1 and matrix[0, 0] == matrix[1, 0]:
        step = matrix[0, 0]
        for i in range(target.shape[0]):
            target[i] = np.float32(np.int32(samples[2 * i]) + np.int32(samples[2 * i + 1])) * step
        return
    for i in range(out.shape[0]):
        for k in range(width):
            total = np.float32(0.0)
            for c in range(channels):
                total += np.float32(samples[i * channels + c]) * matrix[c, k]
            target[i * width + k] = total

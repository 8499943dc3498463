"""Forms of IQ samples on disk, and how complex64 or a dongle's uint8 becomes each of them.

| form | sample | full scale 1.0 is |
|---|---|---|
| cu8 | uint8, as RTL-SDR delivers: x stands for (x - 127.5) / 127.5 | 127.5 around 127.5 |
| cs8 | int8, as HackRF delivers | 127.5 around 0 |
| cs16 | int16, little-endian | 32767 |
| cf32 | float32, little-endian | 1.0 |

Numbers beyond a form's range are clipped; NaN becomes the lowest code and is our own bug.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

IqForm = Literal["cu8", "cs8", "cs16", "cf32"]

_U8_SCALE = np.float32(127.5)


def encode_iq(samples: npt.NDArray[Any], form: IqForm) -> npt.NDArray[Any]:
    """Return `samples`, complex64 (n,) or uint8 (2n,), as numbers (2n,) of `form`.

    uint8 is passed through as cu8; anything finer than eight bits is what its source lost.
    """
    if samples.dtype == np.uint8:
        if form == "cu8":
            return samples
        numbers = (samples.astype(np.float32) - _U8_SCALE) / _U8_SCALE
    else:
        numbers = np.ascontiguousarray(samples, np.complex64).view(np.float32)
    if form == "cf32":
        return np.ascontiguousarray(numbers, "<f4")
    scale, middle, low, high, kind = {
        "cu8": (127.5, 127.5, 0, 255, "u1"),
        "cs8": (127.5, 0.0, -128, 127, "i1"),
        "cs16": (32767.0, 0.0, -32768, 32767, "<i2"),
    }[form]
    codes = np.floor(numbers * np.float32(scale) + np.float32(middle + 0.5))
    return np.asarray(np.clip(codes, low, high).astype(kind))

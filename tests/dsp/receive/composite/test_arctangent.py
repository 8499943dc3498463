"""The polynomial arctangent keeps the error it states, all the way round."""

import numpy as np
from numba import types

from dsp.kernel import kernel, ready
from dsp.receive.composite.arctangent import ANGLE_ERROR_RAD, angle

SIGNAL = types.Array(types.float32, 1, "C")


@kernel(types.void(SIGNAL, SIGNAL, SIGNAL))
def angles(y, x, out):
    for i in range(out.shape[0]):
        out[i] = angle(y[i], x[i])


def angles_of(y, x):
    ready(angles)
    y, x = np.float32(y), np.float32(x)
    out = np.empty(len(y), np.float32)
    angles(y, x, out)
    return out


def test_the_error_is_within_what_is_stated_at_every_size():
    turn = np.linspace(-np.pi, np.pi, 200_001)
    for size in (1e-15, 1.0, 1e15):
        y, x = np.float32(size * np.sin(turn)), np.float32(size * np.cos(turn))
        exact = np.arctan2(y.astype(np.float64), x.astype(np.float64))
        error = np.angle(np.exp(1j * (angles_of(y, x) - exact)))
        assert np.abs(error).max() < ANGLE_ERROR_RAD


def test_the_corners():
    y = [0.0, 0.0, 0.0, 1.0, -1.0]
    x = [0.0, 1.0, -1.0, 0.0, 0.0]
    expected = np.array([0.0, 0.0, np.pi, np.pi / 2, -np.pi / 2])
    np.testing.assert_allclose(angles_of(y, x), expected, rtol=0, atol=ANGLE_ERROR_RAD)

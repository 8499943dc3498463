"""Discrete Fourier transforms of two, three, four, five and eight points, in registers.

Each takes real parts a0 … and imaginary parts b0 … of vectors of sixteen blocks (`dsp.lanes`), and
returns the frequencies in the same order: all real parts, then all imaginary ones.
"""

from __future__ import annotations

import numpy as np

from dsp.kernel import inlined
from dsp.lanes import splat

_R8 = np.float32(np.sqrt(0.5))
_HALF = np.float32(0.5)
_S3 = np.float32(np.sqrt(0.75))
_C51, _C52 = np.float32(np.cos(0.4 * np.pi)), np.float32(np.cos(0.8 * np.pi))
_S51, _S52 = np.float32(np.sin(0.4 * np.pi)), np.float32(np.sin(0.8 * np.pi))


@inlined
def dft2(a0, a1, b0, b1):
    """Transform two points."""
    return a0 + a1, a0 - a1, b0 + b1, b0 - b1


@inlined
def dft3(a0, a1, a2, b0, b1, b2):
    """Transform three points."""
    half, s = splat(_HALF), splat(_S3)
    p, q, d, e = a1 + a2, b1 + b2, (a1 - a2) * s, (b1 - b2) * s
    u, v = a0 - p * half, b0 - q * half
    return a0 + p, u + e, u - e, b0 + q, v - d, v + d


@inlined
def dft4(a0, a1, a2, a3, b0, b1, b2, b3):  # noqa: PLR0913, PLR0917 - registers are not array elements
    """Transform four points."""
    p0, p1, p2, p3 = a0 + a2, a0 - a2, a1 + a3, a1 - a3
    q0, q1, q2, q3 = b0 + b2, b0 - b2, b1 + b3, b1 - b3
    return p0 + p2, p1 + q3, p0 - p2, p1 - q3, q0 + q2, q1 - p3, q0 - q2, q1 + p3


@inlined
def dft5(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4):  # noqa: PLR0913, PLR0917 - registers are not array elements
    """Transform five points."""
    c1, c2, s1, s2 = splat(_C51), splat(_C52), splat(_S51), splat(_S52)
    p1, m1, p2, m2 = a1 + a4, a1 - a4, a2 + a3, a2 - a3
    q1, n1, q2, n2 = b1 + b4, b1 - b4, b2 + b3, b2 - b3
    u1, v1 = a0 + p1 * c1 + p2 * c2, b0 + q1 * c1 + q2 * c2
    u2, v2 = a0 + p1 * c2 + p2 * c1, b0 + q1 * c2 + q2 * c1
    w1, x1 = n1 * s1 + n2 * s2, m1 * s1 + m2 * s2
    w2, x2 = n1 * s2 - n2 * s1, m1 * s2 - m2 * s1
    re = (a0 + p1 + p2, u1 + w1, u2 + w2, u2 - w2, u1 - w1)
    im = (b0 + q1 + q2, v1 - x1, v2 - x2, v2 + x2, v1 + x1)
    return re + im


@inlined
def dft8(a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7):  # noqa: PLR0913, PLR0917 - registers are not array elements
    """Transform eight points."""
    r8 = splat(_R8)
    s0, d0, s1, d1 = a0 + a4, a0 - a4, a1 + a5, a1 - a5
    s2, d2, s3, d3 = a2 + a6, a2 - a6, a3 + a7, a3 - a7
    t0, e0, t1, e1 = b0 + b4, b0 - b4, b1 + b5, b1 - b5
    t2, e2, t3, e3 = b2 + b6, b2 - b6, b3 + b7, b3 - b7
    y0, y2, y4, y6, z0, z2, z4, z6 = dft4(s0, s1, s2, s3, t0, t1, t2, t3)
    # The odd frequencies: the differences, turned by eighths of a circle.
    g1, h1 = (d1 + e1) * r8, (e1 - d1) * r8
    g3, h3 = (e3 - d3) * r8, (d3 + e3) * r8
    u0, v0, u1, v1 = d0 + e2, e0 - d2, d0 - e2, e0 + d2
    u2, v2, u3, v3 = g1 + g3, h1 - h3, g1 - g3, h1 + h3
    re = (y0, u0 + u2, y2, u1 + v3, y4, u0 - u2, y6, u1 - v3)
    im = (z0, v0 + v2, z2, v1 - u3, z4, v0 - v2, z6, v1 + u3)
    return re + im

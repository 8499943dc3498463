"""RDS written out slowly: check-words, bits, the shaped wave, and a syndrome by long division.

An encoder of the tests' own. It shares nothing with `dsp.coder` and nothing with the receiver but
the numbers of the standard (IEC 62106), which stand here once more.
"""

import numpy as np

OFFSETS = {"A": 0x0FC, "B": 0x198, "C": 0x168, "C'": 0x350, "D": 0x1B4}
BIT_RATE = 1187.5


def checkword(data, offset):
    """Ten bits: the remainder of data · x^10 by g(x), plus the offset word."""
    value = data << 10
    for bit in range(25, 9, -1):
        if value >> bit & 1:
            value ^= 0x5B9 << (bit - 10)
    return value ^ OFFSETS[offset]


def group_words(blocks):
    """Four 26-bit words of a group of four 16-bit values; version B groups get C'."""
    third = "C'" if blocks[1] >> 11 & 1 else "C"
    return [b << 10 | checkword(b, o) for b, o in zip(blocks, ("A", "B", third, "D"), strict=True)]


def group_bits(blocks):
    """104 source bits of a group, first bit first."""
    return np.array(
        [w >> i & 1 for w in group_words(blocks) for i in range(25, -1, -1)], dtype=np.uint8
    )


def bits_of(groups):
    """Source bits of a list of groups."""
    return np.concatenate([group_bits(g) for g in groups])


def groups_of_text(pi=0x7001, ps="TRAVINH ", pty=1, count=40):
    """Ordinary 0A groups with a counter of PS segments."""
    codes = ps.encode()
    groups = []
    for i in range(count):
        k = i % 4
        groups.append((pi, pty << 5 | 0x08 | k, 0xE0CD, codes[2 * k] << 8 | codes[2 * k + 1]))
    return groups


def random_groups(seed, count, pi=0x7001):
    """Groups of one PI with random contents: every bit of three blocks is news."""
    rng = np.random.default_rng(seed)
    return [(pi, *(int(v) for v in rng.integers(0, 1 << 16, 3))) for _ in range(count)]


def symbols_of(bits, state=0):
    """Differentially encoded symbols ±1."""
    return 1.0 - 2.0 * np.bitwise_xor.accumulate(np.concatenate([[state], bits]))[1:]


def pulse(x):
    """The wave of one bit at x bits from its middle, mean power 1 when repeated."""
    h = lambda u: 2.0 * np.sinc(4.0 * u + 0.5) + 2.0 * np.sinc(4.0 * u - 0.5)  # noqa: E731
    return (h(x + 0.25) - h(x - 0.25)) / 2.0


_STEPS = 512
_REACH = 6
_TABLE = pulse(np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS)


def envelope(bits, samples, rate_hz=288_000, *, ppm=0.0, start_bits=0.0):
    """The shaped baseband of `bits` at `samples` times, root mean square 1; zero after the end."""
    d = symbols_of(bits)
    t = np.arange(samples) * (BIT_RATE * (1.0 + ppm * 1e-6) / rate_hz) + start_bits
    first = np.floor(t).astype(np.int64)
    out = np.zeros(samples)
    padded = np.concatenate([np.zeros(16), d, np.zeros(16)])
    for shift in range(-5, 6):
        k = first + shift
        x = (t - k - 0.5) * _STEPS + _REACH * _STEPS
        i = x.astype(np.int64)
        f = x - i
        wave = _TABLE[i] * (1 - f) + _TABLE[i + 1] * f
        out += (
            np.where((k >= -16) & (k < len(d) + 16), padded[np.clip(k + 16, 0, len(padded) - 1)], 0)
            * wave
        )
    return out


def composite(
    bits,
    seconds,
    rate_hz=288_000,
    *,
    level_hz=1_500.0,
    pilot_hz=6_750.0,
    phase_deg=0.0,
    pilot_phase_deg=0.0,
    ppm=0.0,
    start_bits=0.0,
):
    """Multiplex (1.0 = 100 kHz) of RDS with root mean square envelope `level_hz`, and pilot.

    RDS is cos(3 θ + phase) where the pilot is cos(θ); both run `ppm` fast.
    """
    n = round(seconds * rate_hz)
    theta = 2 * np.pi * 19_000 * (1 + ppm * 1e-6) / rate_hz * np.arange(n) + np.deg2rad(
        pilot_phase_deg
    )
    wave = envelope(bits, n, rate_hz, ppm=ppm, start_bits=start_bits)
    out = level_hz * wave * np.cos(3 * theta + np.deg2rad(phase_deg)) + pilot_hz * np.cos(theta)
    return (out / 100_000.0).astype(np.float32)

"""A slow RDS decoder of error-free bits, written apart from the coder and from the receiver.

Syndromes come from the parity matrix of the standard (IEC 62106 annex B), not from polynomials.
"""

from dsp.rds.characters import CHARACTERS

# The 26 rows of the parity matrix, first received bit first.
PARITY = [
    *(1 << i for i in range(9, -1, -1)),
    *(0x2DC, 0x16E, 0x0B7, 0x287, 0x39F, 0x313, 0x355, 0x376),
    *(0x1BB, 0x201, 0x3DC, 0x1EE, 0x0F7, 0x2A7, 0x38F, 0x31B),
]
NAMES = {0x3D8: "A", 0x3D4: "B", 0x25C: "C", 0x3CC: "C'", 0x258: "D"}


def block_name(bits):
    """Name of the block that these 26 bits are, None if they are none."""
    syndrome = 0
    for bit, row in zip(bits, PARITY, strict=True):
        if bit:
            syndrome ^= row
    return NAMES.get(syndrome)


def number(bits):
    return int("".join(str(int(bit)) for bit in bits), 2)


def naive_groups(bits):
    """Groups (a, b, c, d) of a stream that starts at a group and has no errors."""
    groups = []
    for start in range(0, len(bits) - 103, 104):
        blocks = [bits[start + i : start + i + 26] for i in range(0, 104, 26)]
        names = [block_name(block) for block in blocks]
        words = tuple(number(block[:16]) for block in blocks)
        third = "C'" if words[1] & 0x0800 else "C"
        assert names == ["A", "B", third, "D"], (start, names)
        groups.append(words)
    return groups


def letters(data):
    return "".join(CHARACTERS[byte] or "�" for byte in data)


def pair(word):
    return bytes([word >> 8, word & 0xFF])


def naive_ps(groups):
    """Programme service name out of groups 0A and 0B; None before all four parts are there."""
    parts = {}
    for _, b, _, d in groups:
        if b >> 12 == 0:
            parts[b & 3] = letters(pair(d))
    return "".join(parts[i] for i in range(4)) if len(parts) == 4 else None


def naive_radiotexts(groups):
    """Every whole RadioText in the order of completion, one for each turn of the A/B flag."""
    texts, parts, flag = [], {}, None
    for _, b, c, d in groups:
        if b >> 12 != 2:
            continue
        if (b >> 4 & 1) != flag:
            flag, parts = b >> 4 & 1, {}
            done = False
        parts[b & 15] = pair(d) if b & 0x0800 else pair(c) + pair(d)
        joined = b"".join(parts.get(i, b"\0" * 4) for i in range(max(parts) + 1))
        size = 2 if b & 0x0800 else 4
        whole = len(parts) == 16 or (
            b"\r" in joined and set(range(joined.index(b"\r") // size + 1)) <= parts.keys()
        )
        if whole and not done:
            texts.append(letters(joined.split(b"\r")[0]))
            done = True
    return texts

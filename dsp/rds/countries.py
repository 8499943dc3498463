"""Country codes: first digit of the PI with the extended country code (ECC), IEC 62106 annex D.

Only the neighbourhood of the project: whose signals reach a commune in the Mekong delta in normal
and in abnormal propagation. ISO 3166 names.
"""

from __future__ import annotations

from typing import Final

#: (first digit of the PI, ECC) to ISO 3166-1 alpha-2.
COUNTRIES: Final[dict[tuple[int, int], str]] = {
    **dict.fromkeys(((digit, 0xF0) for digit in range(1, 9)), "AU"),
    (0x9, 0xF0): "SA",
    (0xA, 0xF0): "AF",
    (0xB, 0xF0): "MM",
    (0xC, 0xF0): "CN",
    (0xD, 0xF0): "KP",
    (0xE, 0xF0): "BH",
    (0xF, 0xF0): "MY",
    (0x3, 0xF1): "BD",
    (0xB, 0xF1): "BN",
    (0xC, 0xF1): "LK",
    (0xD, 0xF1): "TW",
    (0xE, 0xF1): "KR",
    (0xF, 0xF1): "HK",
    (0x3, 0xF2): "KH",
    (0x5, 0xF2): "IN",
    (0x6, 0xF2): "MO",
    (0x7, 0xF2): "VN",
    (0x8, 0xF2): "PH",
    (0x9, 0xF2): "JP",
    (0xA, 0xF2): "SG",
    (0xB, 0xF2): "MV",
    (0xC, 0xF2): "ID",
    (0xE, 0xF2): "NP",
    (0x1, 0xF3): "LA",
    (0x2, 0xF3): "TH",
}

ECC_VIETNAM: Final = 0xF2
PI_DIGIT_VIETNAM: Final = 0x7

"""Codes of alternative frequencies (AF), IEC 62106 clause 3.2.1.6.1, table 10 to 12.

The VHF table is 87.6 to 107.9 MHz in steps of 100 kHz. There is no code for 54 to 68 MHz: a
commune transmitter there can name no alternative and sends `AF_NONE` with `AF_FILLER`.
"""

from __future__ import annotations

from typing import Final

AF_STEP_HZ: Final = 100_000
#: Code 0; codes 1 to 204 stand for AF_BASE_HZ + code * AF_STEP_HZ.
AF_BASE_HZ: Final = 87_500_000
AF_FIRST_CODE: Final = 1
AF_LAST_CODE: Final = 204
#: Frequency in Hz to code.
AF_CODES: Final[dict[int, int]] = {
    AF_BASE_HZ + code * AF_STEP_HZ: code for code in range(AF_FIRST_CODE, AF_LAST_CODE + 1)
}

AF_FILLER: Final = 205
#: 224 + n: n frequencies follow, 0 to 25.
AF_NONE: Final = 224
AF_MOST: Final = 25
#: A low or medium frequency follows.
AF_LF_MF_FOLLOWS: Final = 250

"""The tones of DTMF (Rec. ITU-T Q.23): one of a row and one of a column for each of 16 keys."""

from __future__ import annotations

from typing import Final

DTMF_ROWS_HZ: Final = (697, 770, 852, 941)
DTMF_COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
#: Keys in rows, as they stand on a keypad.
DTMF_KEYS: Final = ("123A", "456B", "789C", "*0#D")
#: Key to (row tone, column tone) in Hz.
DTMF_TONES: Final[dict[str, tuple[int, int]]] = {
    key: (row_hz, column_hz)
    for keys, row_hz in zip(DTMF_KEYS, DTMF_ROWS_HZ, strict=True)
    for key, column_hz in zip(keys, DTMF_COLUMNS_HZ, strict=True)
}

"""Rates and spectrum shaping of the RDS data signal (IEC 62106 clause 4, EN 50067 clause 1).

The bit clock is the 57 kHz subcarrier divided by 48. Each differentially encoded bit is an impulse
pair, +1 at a quarter and -1 at three quarters of its time (reversed for a 0), through
cos(pi f td / 4) up to 2 / td, at the transmitter and again at the receiver.

Level convention of this project: the RDS level in Hz is the highest peak that the shaped waveform
can reach. `PEAK_FORM_FACTOR` is that peak over sqrt(2) times the RMS of the modulated subcarrier,
after the transmit filter and over all bit sequences; a single bit alone has 1.359, and all-equal
bits give a pure 58.1875 and 55.8125 kHz pair with 1.414.
"""

from __future__ import annotations

from typing import Final

#: The bit rate is SUBCARRIER_CYCLES_PER_BIT-th of 57 kHz: 2375 / 2 Hz exactly.
SUBCARRIER_CYCLES_PER_BIT: Final = 48
BIT_RATE_NUMERATOR: Final = 2375
BIT_RATE_DENOMINATOR: Final = 2
#: The shaping filter ends at 2 / td.
SHAPING_EDGE_HZ: Final = 2375.0
PEAK_FORM_FACTOR: Final = 1.44295

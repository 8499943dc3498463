"""The numbers of FM broadcasting that the coder and the receiver share, and nothing else.

Rec. ITU-R BS.450-4 (pilot-tone system), IEC 62106 (RDS at 57 kHz). Every carrier of the multiplex
is a whole multiple of 19 kHz, and every rate here is a whole number of hertz: phases can be counted
in integers and never drift.
"""

from __future__ import annotations

AUDIO_RATE_HZ = 48_000
COMPOSITE_RATE_HZ = 192_000  # coder side and multiplex files
RECEIVE_RATE_HZ = 288_000  # what the channelizer gives for every station
FULL_SCALE_HZ = 100_000.0  # deviation of a composite sample of 1.0

AUDIO_EDGE_HZ = 15_000.0
PILOT_HZ = 19_000.0
SUBCARRIER_HZ = 38_000.0
RDS_HZ = 57_000.0
RDS_BIT_RATE = 1_187.5  # 57 kHz / 48
COMPOSITE_EDGE_HZ = 60_000.0  # above the highest RDS side band (59.4 kHz)

PILOT_SHARE = 0.09  # of the rated deviation: 6.75 kHz of 75 (BS.450-4: 8 … 10 %)

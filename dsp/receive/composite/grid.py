"""The grid in time and frequency on which the composite of a station is measured.

One real FFT of 7776 samples every 25 ms (hop 7200 at 288 kHz) serves every linear filter of the
receiver at once (overlap-save): 576 samples overlap, 444 of the past and 132 of the future. The
length is chosen so that

- 40 hops make a second and two hops a 50 ms slot of Rec. ITU-R SM.1268;
- pilot, stereo subcarrier and RDS fall exactly on bins 513, 1026 and 1539 (1000/27 Hz apart);
- the audio, a sixth of the rate, is 1296 points with 1200 of them new, past 74 and future 22.

Hops are computed a second at a time (`BATCH`), counted from the first sample of the stream: no
figure depends on how the stream was cut. What must follow the programme faster (the pilot's phase)
looks at ten hops, a quarter of it.
"""

from __future__ import annotations

from dsp.fm.constants import AUDIO_RATE_HZ, PILOT_HZ, RECEIVE_RATE_HZ

RATE_HZ = RECEIVE_RATE_HZ
HOP = 7_200
BACK, AHEAD = 444, 132
SEGMENT = BACK + HOP + AHEAD
BINS = SEGMENT // 2 + 1
HOPS_PER_S = RATE_HZ // HOP
HOPS = HOPS_PER_S
BATCH = HOPS * HOP
QUARTERS = 4
QUARTER_HOPS = HOPS // QUARTERS

DECIMATION = RATE_HZ // AUDIO_RATE_HZ
AUDIO_HOP = HOP // DECIMATION
AUDIO_BACK = BACK // DECIMATION
AUDIO_SEGMENT = SEGMENT // DECIMATION
AUDIO_BATCH = HOPS * AUDIO_HOP

BIN_HZ = RATE_HZ / SEGMENT
PILOT_BIN = round(PILOT_HZ / BIN_HZ)
SUBCARRIER_BIN = 2 * PILOT_BIN
RDS_BIN = 3 * PILOT_BIN


def bin_of(frequency_hz: float) -> int:
    """Return the bin nearest to a frequency."""
    return round(frequency_hz / BIN_HZ)

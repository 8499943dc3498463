"""MPX power as received (Rec. ITU-R BS.412-9 §2.5.1): 60 s, uniform window, any position.

    P = 10 lg { (2 / T) · integral of (deviation / 19 kHz)² dt } dBr

of the complete composite without the carrier offset. The window is the trailing 60 s, or what has
been received without a gap; its length stands beside the figure. Noise adds its own power, which is
known (`dsp.receive.meters.noise_floor`) and taken off second by second.
"""

from __future__ import annotations

import math
from collections import deque

from dsp.master.mpx_power import WINDOW_S, mean_square_hz2, mpx_power_dbr
from dsp.receive.meters.figure import Figure

# The measuring filter is flat within 0.003 dB at worst, and 0.0004 dB over a multiplex; this floor
# is deliberate, and wider than three times what is seen of speech.
_FILTER_DB = 4e-4
# The noise that was taken off is known to this share of itself, and to that one in a second.
_NOISE_SHARE = 0.005
_NOISE_SHARE_OF_SECOND = 0.01
# The ends of a stretch hide up to 128 samples (`ingest.receiver.demodulation`) of one second.
_HIDDEN_DB = 2.4e-3
SILENT_DBR = -60.0


class MpxPowerMeter:
    """Keeps the mean squares of the last 60 seconds."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[float, float]] = deque(maxlen=WINDOW_S)

    @property
    def window_s(self) -> int:
        """Length of the window so far."""
        return len(self._seconds)

    def add(self, square_hz2: float, noise_hz2: float) -> Figure:
        """Take a second's mean square deviation and the noise in it; return the MPX power."""
        self._seconds.append((square_hz2, noise_hz2))
        total = sum(square for square, _ in self._seconds) / len(self._seconds)
        noise = sum(noise for _, noise in self._seconds) / len(self._seconds)
        clean = max(total - noise, mean_square_hz2(SILENT_DBR))
        noise_db = 10.0 / math.log(10.0) * noise * self._noise_share() / clean
        # Both have a sign that does not change: they are added as they are.
        fixed_db = _FILTER_DB + _HIDDEN_DB / len(self._seconds)
        u_db = math.hypot(2.0 * noise_db, fixed_db)
        return Figure(mpx_power_dbr(clean), u_db)

    def _noise_share(self) -> float:
        return math.hypot(_NOISE_SHARE, _NOISE_SHARE_OF_SECOND / math.sqrt(len(self._seconds)))

    def reset(self) -> None:
        """Begin a new window: after a gap nothing before it counts."""
        self._seconds.clear()

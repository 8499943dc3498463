"""Who is on a station's frequency when: the station, a stranger, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.scene.windows import CARRIER_RAMP_S, weight

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.scene.faults import Fault
    from ingest.scene.scene import Station

OWN = "own"
OFF = "off"
MIXED = "mixed"
_FOREVER_S = 1e9


class Air:
    """The carriers of one frequency over time.

    Attributes
    ----------
    strangers
        Faults that bring another carrier, in order of time.
    """

    def __init__(self, station: Station, seconds: float) -> None:
        # What holds at the first and the last sample was so before and stays so: no ramp there.
        spans = [_beyond_the_ends(span, seconds) for span in station.on_air]
        self._own = spans or [(-_FOREVER_S, _FOREVER_S)]
        for fault in station.faults:
            if fault.kind in ("off_air", "intruder"):
                lost = _beyond_the_ends((fault.start_s, fault.end_s), seconds)
                self._own = [part for span in self._own for part in _without(span, lost)]
        strangers = [f for f in station.faults if f.kind in ("intruder", "capture")]
        self.strangers = sorted(strangers, key=lambda fault: fault.start_s)

    def own_level(self, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the station's own level at each of `seconds`: 0 off, 1 on."""
        level = np.zeros(len(seconds))
        for start_s, end_s in self._own:
            if start_s < seconds[-1] and end_s > seconds[0]:
                np.maximum(level, weight(seconds, start_s, end_s, CARRIER_RAMP_S), out=level)
        return level

    def own_throughout(self, start_s: float, end_s: float) -> bool:
        """Whether the own carrier alone is there from start to end."""
        return self.holder(start_s, end_s) == OWN

    def holder(self, start_s: float, end_s: float) -> str | Fault:
        """Return who has the frequency from start to end: OWN, OFF, MIXED or a stranger's fault."""
        for fault in self.strangers:
            if fault.start_s <= start_s and end_s <= fault.end_s:
                return fault
            if fault.covers(start_s, end_s):
                return MIXED
        if any(start <= start_s and end_s <= end for start, end in self._own):
            return OWN
        touched = any(start < end_s and start_s < end for start, end in self._own)
        return MIXED if touched else OFF


def _beyond_the_ends(span: tuple[float, float], seconds: float) -> tuple[float, float]:
    start_s, end_s = span
    return (
        -_FOREVER_S if start_s <= 0.0 else start_s,
        _FOREVER_S if end_s >= seconds else end_s,
    )


def _without(span: tuple[float, float], lost: tuple[float, float]) -> list[tuple[float, float]]:
    parts = [(span[0], min(span[1], lost[0])), (max(span[0], lost[1]), span[1])]
    return [part for part in parts if part[0] < part[1]]

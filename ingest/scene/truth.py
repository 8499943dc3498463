"""TRUTH.json: what there is to be heard of every station in every second, without noise.

Second k is samples k · rate … (k + 1) · rate of the capture by the dongle's own clock, before the
dongle loses any. Figures come from the multiplex of whoever has the frequency
(`composite_figures.py`), scaled as the dongle's clock scales everything; reflections and fading are
the receiver's business. Where the frequency changes hands within a second, or nobody has it, there
are no figures. The window of MPX power begins anew then.
"""

from __future__ import annotations

import json
import math
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsp.fm.constants import COMPOSITE_RATE_HZ, FULL_SCALE_HZ, RDS_BIT_RATE
from dsp.rds.code import GROUP_BITS
from ingest.scene import composite_figures
from ingest.scene.air import MIXED, OFF, OWN, Air
from ingest.scene.composite_figures import MARGIN
from ingest.scene.composite_sound import LEAD, MOMENTARY, TAIL, Sound, momentary_lufs

if TYPE_CHECKING:
    from typing import TextIO

    from dsp.coder.rds_scheduler import RdsScheduler
    from dsp.contract import Samples
    from dsp.modulate.time_base import TimeBase
    from ingest.scene.faults import Fault
    from ingest.scene.scene import Scene, Station

SCHEMA = "loa.truth/1"
FIGURES = (
    "peak_deviation_hz",
    "mpx_power_dbr",
    "pilot_hz",
    "rds_hz",
    "rds_phase_deg",
    "offset_hz",
    "loudness_momentary_lufs",
    "occupied_bandwidth_hz",
)
_WINDOW_S = 60
_SMALLEST_SHARE_HZ = 1_000.0
# A dongle's clock that is off moves a fault that ends with a second a little into the next.
_TOUCH_S = 0.005
_DIGITS = {"mpx_power_dbr": 4, "loudness_momentary_lufs": 3, "rds_phase_deg": 3}


class Holders(Protocol):
    """What the truth asks about whoever has a frequency: OWN or the fault of a stranger."""

    def mean_offset_hz(self, holder: str | Fault, second: int) -> float:
        """Return the mean offset of its carrier in a second, as received."""

    def sound(self, holder: str | Fault) -> Sound:
        """Return how its sound is in its multiplex, with all of the rated deviation its share."""

    def name(self, fault: Fault | None) -> str:
        """Return the name of what is heard during `fault`, or of the station's own programme."""


class StationTruth:
    """Writes the truth of one station while its multiplex goes by.

    Parameters
    ----------
    station, air
        What was ordered, and who is on the frequency when.
    clock
        The dongle's.
    holders
        What to know about whoever that is.
    scheduler, delay_samples
        The station's RDS, and how long its coder had run at composite sample 0.
    """

    def __init__(
        self,
        station: Station,
        air: Air,
        clock: TimeBase,
        holders: Holders,
        *,
        scheduler: RdsScheduler | None,
        delay_samples: int,
    ) -> None:
        self._station = station
        self._air = air
        self._clock = clock
        self._holders = holders
        self._scheduler = scheduler
        self._delay_samples = delay_samples
        self._held = np.zeros(MARGIN, np.float32)
        self._first = -MARGIN
        self._holder: str | Fault = OFF
        self._powers: deque[float] = deque(maxlen=_WINDOW_S)
        self.records: list[dict[str, Any]] = []

    def take(self, composite: Samples) -> None:
        """Take the next multiplex on the air."""
        self._held = np.concatenate([self._held, composite])
        while True:
            second = len(self.records)
            begin, end = self._edge(second), self._edge(second + 1)
            if end + TAIL > self._first + len(self._held):
                break
            place = begin - self._first
            piece = self._held[place - MARGIN : place + end - begin + TAIL]
            self.records.append(self._second(second, piece, begin, end))
            self._held = self._held[end - MARGIN - self._first :]
            self._first = end - MARGIN

    def finish(self, seconds: int) -> list[dict[str, Any]]:
        """Return the records of the first `seconds` seconds."""
        return [_rounded(record) for record in self.records[:seconds]]

    def _edge(self, second: int) -> int:
        """Return the composite sample at which a second begins."""
        return round(self._clock.true_s(float(second)) * COMPOSITE_RATE_HZ)

    def _second(self, second: int, piece: Samples, begin: int, end: int) -> dict[str, Any]:
        start_s, end_s = (self._clock.true_s(second + k) for k in (0.0, 1.0))
        holder = self._air.holder(start_s, end_s)
        faults = self._faults(start_s, end_s)
        figures: dict[str, Any] = dict.fromkeys(FIGURES)
        if holder != self._holder:
            self._powers.clear()
        self._holder = holder
        if holder not in (MIXED, OFF):
            figures |= self._figures(second, holder, piece, (begin, end))
        return {
            "second": second,
            **figures,
            "mpx_window_s": len(self._powers),
            "programme": self._programme(0.5 * (start_s + end_s)),
            "fault": faults[0] if faults else None,
            "faults": faults,
            "groups": self._groups(end_s),
        }

    def _figures(
        self, second: int, holder: str | Fault, piece: Samples, edges: tuple[int, int]
    ) -> dict[str, Any]:
        """Return what can be told of a second whose multiplex is `piece`, MARGIN before it on."""
        begin, end = edges
        # The carrier is where the mean of the second is, as a counter would have it.
        mean = np.float32(np.mean(piece[MARGIN : MARGIN + end - begin], dtype=np.float64))
        around = piece[: 2 * MARGIN + end - begin] - mean
        inside = around[MARGIN:-MARGIN]
        dense = composite_figures.twice_as_dense(around)
        scale = 1.0 / (1.0 + self._clock.error(second + 0.5))
        self._powers.append(composite_figures.power_hz2(inside) * scale**2)
        leaning_hz = float(mean) * FULL_SCALE_HZ * scale
        coder_index = begin + self._delay_samples
        carriers = composite_figures.carriers(inside, coder_index)
        rds = holder == OWN and self._scheduler is not None
        pilot_hz = None if carriers.pilot_hz is None else carriers.pilot_hz * scale
        rds_hz = carriers.rds_hz * scale if rds and carriers.rds_hz else None
        sound = self._holders.sound(holder)
        share_hz = max(sound.share_hz - (pilot_hz or 0.0) - (rds_hz or 0.0), _SMALLEST_SHARE_HZ)
        stereo = sound.stereo and pilot_hz is not None  # without a pilot nobody hears two sides
        sound = Sound(share_hz / scale, sound.pre_emphasis_us, stereo)
        last = piece[-(LEAD + MOMENTARY + TAIL) :]
        last_index = coder_index - MARGIN + len(piece) - len(last)
        return {
            "peak_deviation_hz": self._peak_hz(second, holder, around, dense) * scale,
            "mpx_power_dbr": composite_figures.power_dbr(float(np.mean(self._powers))),
            "pilot_hz": pilot_hz,
            "rds_hz": rds_hz,
            "rds_phase_deg": carriers.rds_phase_deg if rds else None,
            "offset_hz": self._holders.mean_offset_hz(holder, second) + leaning_hz,
            "loudness_momentary_lufs": momentary_lufs(last, last_index, carriers.pilot_rad, sound),
            "occupied_bandwidth_hz": composite_figures.occupied_bandwidth_hz(dense),
        }

    def _peak_hz(self, second: int, holder: str | Fault, piece: Samples, dense: Samples) -> float:
        """Return the peak, without the 0.3 ms in which an interpolator sees another carrier."""
        edges = [self._clock.true_s(second + k) for k in (-1.0, 0.0, 1.0, 2.0)]
        before = second == 0 or self._air.holder(edges[0], edges[1]) == holder
        after = self._air.holder(edges[2], edges[3]) == holder
        begin, end = (0 if before else MARGIN), (0 if after else MARGIN)
        piece = piece[begin : len(piece) - end]
        return composite_figures.peak_hz(piece, dense[2 * begin : len(dense) - 2 * end])

    def _faults(self, start_s: float, end_s: float) -> list[str]:
        """Return the kinds that touch a second; a stranger goes before the silence around it."""
        inside = (start_s + _TOUCH_S, end_s - _TOUCH_S)
        touching = [f.kind for f in self._station.faults if f.covers(*inside)]
        return sorted(dict.fromkeys(touching), key=lambda kind: kind != "intruder")

    def _programme(self, moment_s: float) -> str | None:
        """Return what is heard at a moment, None for nothing but noise."""
        holder = self._air.holder(moment_s, moment_s)
        if isinstance(holder, str):
            if holder != OWN:
                return None
            replaced = {"no_audio": "silence", "hiss": "hiss"}
            for fault in self._station.faults:
                if fault.start_s <= moment_s < fault.end_s:
                    if fault.kind == "wrong_programme":
                        return self._holders.name(fault)
                    if fault.kind in replaced:
                        return replaced[fault.kind]
            return self._holders.name(None)
        return self._holders.name(holder)

    def _groups(self, end_s: float) -> list[str]:
        """Return the groups whose last bit has been sent since the second before."""
        if self._scheduler is None:
            return []
        delay_s = self._delay_samples / COMPOSITE_RATE_HZ
        begun = math.floor((end_s + delay_s) * RDS_BIT_RATE) - GROUP_BITS
        sent = self._scheduler.groups_until(begun + 1) if begun >= 0 else []
        groups = []
        for group in sent:
            start_s = group.bit_index / RDS_BIT_RATE - delay_s
            if self._air.own_throughout(max(0.0, start_s), start_s + GROUP_BITS / RDS_BIT_RATE):
                groups.append(group.group)
        return groups


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    """Return `record` with figures of as many digits as mean something."""
    for key in FIGURES:
        if record[key] is not None:
            record[key] = round(float(record[key]), _DIGITS.get(key, 2))
    return record


def truth_table(scene: Scene, records: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the whole of TRUTH.json."""
    return {"schema": SCHEMA, "scene_sha256": scene.digest, "stations": records}


def write_truth(table: dict[str, Any], file: TextIO) -> None:
    """Write TRUTH.json, a line per second of a station."""
    head = {key: value for key, value in table.items() if key != "stations"}
    file.write(json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1] + ', "stations": {')
    for count, (name, records) in enumerate(table["stations"].items()):
        lines = ",\n".join(json.dumps(r, ensure_ascii=False, allow_nan=False) for r in records)
        file.write(f"{',' if count else ''}\n{json.dumps(name, ensure_ascii=False)}: [\n{lines}\n]")
    file.write("\n}}\n")

"""From a studio to the multiplex of a transmitter: the coder, RDS, and what goes wrong in them.

Composite sample c belongs to c / 192 000 s of true time: the delay of the coder is taken out by
throwing away its first samples, so that sound that enters at second 3 is on the air at second 3.
Pilot and RDS have then been running for that delay; `RdsTimes` keeps count of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.coder.multiplex import Multiplex, MultiplexSettings
from dsp.coder.rds_scheduler import RdsScheduler, bit_at
from dsp.fm.constants import (
    AUDIO_RATE_HZ,
    COMPOSITE_RATE_HZ,
    FULL_SCALE_HZ,
    PILOT_HZ,
)
from ingest.scene.rds import rds_content
from ingest.scene.windows import stretch_weight

if TYPE_CHECKING:
    from datetime import datetime

    from dsp.contract import Samples
    from ingest.scene.faults import Fault
    from ingest.scene.programme import Programme
    from ingest.scene.scene import Station
    from ingest.scene.studio import Studio

STEP_FRAMES = 2_400  # 50 ms: long enough for few calls, short enough for the cache
RATIO = COMPOSITE_RATE_HZ // AUDIO_RATE_HZ
STEP_SAMPLES = STEP_FRAMES * RATIO
_MOST_RATED_HZ = 95_000.0  # of the coder; beyond that its output is scaled up
_PILOT_PERIOD = 192  # samples after which 19 kHz repeats at 192 kHz


def rds_of(station: Station, start_utc: datetime, seed: int) -> RdsScheduler | None:
    """Return the RDS of a station with its faults planned, None where it has none."""
    content = rds_content(station.table)
    return None if content is None else RdsScheduler(content, start_utc, seed=seed)


def plan_rds_faults(scheduler: RdsScheduler, station: Station, delay_s: float) -> None:
    """Tell `scheduler` of the station's RDS faults; `delay_s` is how long it runs before zero."""
    for fault in station.faults:
        changed: dict[str, Any]
        healthy: dict[str, Any]
        if fault.kind == "bad_pi" and fault.value >= 1.0:
            changed, healthy = {"pi": int(fault.value)}, {"pi": int(station.table.pi, 16)}
        elif fault.kind == "bad_pi":
            changed, healthy = {"bit_error_rate": fault.value}, {"bit_error_rate": 0.0}
        elif fault.kind == "no_code" and station.table.rds_groups:
            changed, healthy = {"raw": ()}, {"raw": station.table.rds_groups}
        else:
            continue
        scheduler.set(bit_at(fault.start_s + delay_s), **changed)
        scheduler.set(bit_at(fault.end_s + delay_s), **healthy)


class Exciter:
    """Makes the multiplex of a station or of a stranger, step by step.

    Parameters
    ----------
    settings
        Of the coder. A deviation beyond the coder's range is reached by scaling.
    source
        Gives the audio frames.
    scheduler
        Gives RDS bits, None for none.
    faults
        Those that act on the multiplex: over_deviation, no_pilot, splatter.
    """

    def __init__(
        self,
        settings: MultiplexSettings,
        source: Studio | Programme,
        scheduler: RdsScheduler | None = None,
        faults: tuple[Fault, ...] = (),
        *,
        gain: float = 1.0,
    ) -> None:
        self._source = source
        self._coder = Multiplex(settings, scheduler)
        self._faults = [f for f in faults if f.kind in ("over_deviation", "no_pilot", "splatter")]
        self._settings = settings
        self._gain = gain
        self._done = 0
        self.delay_samples = self._coder.delay_samples
        self._early = self.delay_samples  # samples still to be thrown away
        self._ready = np.empty(0, np.float32)
        turns = np.arange(_PILOT_PERIOD) * PILOT_HZ / COMPOSITE_RATE_HZ
        self._pilot = np.sin(2.0 * math.pi * turns).astype(np.float32)

    def step(self) -> Samples:
        """Return the next 50 ms of multiplex, float32 (9600,)."""
        while len(self._ready) < STEP_SAMPLES:
            self._code()
        composite, self._ready = self._ready[:STEP_SAMPLES].copy(), self._ready[STEP_SAMPLES:]
        for fault in sorted(self._faults, key=lambda f: f.kind != "no_pilot"):
            self._spoil(composite, fault)
        if self._gain != 1.0:
            composite *= np.float32(self._gain)
        self._done += STEP_SAMPLES
        return composite

    def _code(self) -> None:
        """Send 50 ms more into the coder: what comes out is late by its delay."""
        frames = self._source.frames(STEP_FRAMES)
        composite = self._coder.process(np.ascontiguousarray(frames))
        early = min(self._early, len(composite))
        self._early -= early
        self._ready = np.concatenate([self._ready, composite[early:]])

    def _spoil(self, composite: Samples, fault: Fault) -> None:
        """Apply `fault` in place."""
        first, span = self._done, (fault.start_s, fault.end_s)
        share = stretch_weight(first, len(composite), COMPOSITE_RATE_HZ, span)
        if isinstance(share, float) and not share:
            return
        rated = self._settings.rated_deviation_hz / FULL_SCALE_HZ
        if fault.kind == "no_pilot":
            missing_hz = fault.value / self._gain - self._settings.pilot_peak_hz
            index = (first + self.delay_samples + np.arange(len(composite))) % _PILOT_PERIOD
            composite += np.float32(missing_hz / FULL_SCALE_HZ) * share * self._pilot[index]
        elif fault.kind == "splatter":
            driven = np.clip(composite * np.float32(10.0 ** (fault.value / 20.0)), -rated, rated)
            composite += share * (driven - composite)
        else:
            deviation_hz = rated * FULL_SCALE_HZ * self._gain
            composite *= np.asarray(1.0 + share * (fault.value / deviation_hz - 1.0), np.float32)

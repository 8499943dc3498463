"""A station of the scene: its own transmitter, the strangers on its frequency, and the truth.

All carriers of a frequency advance together, 50 ms of multiplex at a time, and whole steps are
counted from the start of the scene: how the capture is cut does not matter to them.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from dsp.coder.multiplex import MultiplexSettings
from dsp.fm.constants import COMPOSITE_RATE_HZ
from dsp.modulate.propagation import Ray, fading_gain
from dsp.modulate.time_base import TimeBase
from ingest.scene.air import Air
from ingest.scene.carrier import Carrier
from ingest.scene.composite_sound import Sound
from ingest.scene.exciter import STEP_SAMPLES, Exciter, plan_rds_faults, rds_of
from ingest.scene.programme import Files
from ingest.scene.studio import Studio, stranger_of
from ingest.scene.truth import StationTruth
from ingest.scene.windows import CARRIER_RAMP_S, weight

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.contract import Iq, Samples
    from dsp.modulate.band import Band
    from ingest.scene.faults import Fault
    from ingest.scene.scene import Scene, Station

_MOST_CODER_HZ = 95_000.0
_FADING_S = 0.0005
_STRANGER_PPM = (3.0, 12.0)


def coder_settings(station: Station) -> tuple[MultiplexSettings, float]:
    """Return the settings of a station's coder, and the gain that its multiplex needs after it."""
    gain = max(1.0, station.deviation_hz / _MOST_CODER_HZ)
    table = station.table
    settings = MultiplexSettings(
        rated_deviation_hz=station.deviation_hz / gain,
        pre_emphasis_us=station.pre_emphasis_us,
        stereo=table.stereo,
        pilot_hz=station.pilot_hz / gain,
        rds_hz=table.rds_hz / gain,
        rds_phase_deg=table.rds_phase_deg,
        mpx_limit_dbr=table.mpx_limit_dbr,
    )
    return settings, gain


class _Stranger:
    """A foreign station on the frequency for a while: stereo, no RDS, its own carrier error.

    `first_sample` is where its first sample lies in the capture.
    """

    def __init__(self, fault: Fault, exciter: Exciter, carrier: Carrier, first_sample: int) -> None:
        self.fault = fault
        self._exciter = exciter
        self.carrier = carrier
        self.first_sample = first_sample

    def step(self) -> Samples:
        """Advance by 50 ms; return the multiplex."""
        composite = self._exciter.step()
        self.carrier.feed(composite)
        return composite

    def samples(self, begin: int, count: int) -> Iq:
        """Return its part of `count` samples of the capture from `begin` on, complex64 (count,)."""
        late = min(max(0, self.first_sample - begin), count)
        iq = np.zeros(count, np.complex64)
        iq[late:] = self.carrier.take(count - late)
        return iq

    def lacks(self, end: int) -> bool:
        """Whether more has to be made before the capture can go on to `end`."""
        return self.first_sample + self.carrier.taken + self.carrier.available < end


class Transmitter:
    """Adds everything on one station's frequency to the band.

    Parameters
    ----------
    scene, station
        What was ordered.
    seed
        Of everything random about this station.
    with_truth
        Whether to keep the truth.
    """

    def __init__(self, scene: Scene, station: Station, seed: int, *, with_truth: bool) -> None:
        self.station = station
        self._capture = scene.capture
        self._place_hz = station.table.frequency_hz - scene.capture.centre_hz
        self._clock = TimeBase(scene.dongle.ppm, scene.dongle.ppm_per_min)
        self._seed = seed
        self._air = Air(station, scene.capture.seconds)
        self._studio = Studio(station, seed)
        self._sounds = {
            fault: stranger_of(fault, seed + 1_000 + index)
            for index, fault in enumerate(self._air.strangers)
        }
        self._stranger = MultiplexSettings(
            rated_deviation_hz=min(station.rated_hz, _MOST_CODER_HZ),
            pre_emphasis_us=station.pre_emphasis_us,
            stereo=True,
        )
        settings, gain = coder_settings(station)
        scheduler, told = (rds_of(station, scene.capture.start_utc, seed) for _ in range(2))
        self._exciter = Exciter(settings, self._studio, scheduler, station.faults, gain=gain)
        delay_samples = self._exciter.delay_samples
        for each in (scheduler, told):
            if each is not None:
                plan_rds_faults(each, station, delay_samples / COMPOSITE_RATE_HZ)
        rays = tuple(Ray(r.delay_us, r.gain_db, r.phase_deg) for r in station.table.multipath)
        self._own = Carrier(
            self._capture.rate_hz, self._place_hz, self._clock, self._own_offset_hz, rays
        )
        self._steps = 0
        self._begin = 0  # of the next stretch of the capture
        self._waiting = deque(self._air.strangers)
        self._strangers: list[_Stranger] = []
        self.truth = (
            StationTruth(
                station,
                self._air,
                self._clock,
                self,
                scheduler=told,
                delay_samples=delay_samples,
            )
            if with_truth
            else None
        )

    def check(self) -> None:
        """Open every audio file once; raise Refusal for one that is no audio."""
        self._studio.check()
        for sound in self._sounds.values():
            if isinstance(sound, Files):
                sound.check()

    def close(self) -> None:
        """End the decoders."""
        self._studio.close()
        for sound in self._sounds.values():
            sound.close()

    def add_to(self, band: Band, count: int) -> None:
        """Add the next `count` samples of this frequency to `band`."""
        end = self._begin + count
        while self._own.available < count or any(s.lacks(end) for s in self._strangers):
            self._step()
        knots = band.knots()
        edges = [self._clock.true_s(k / self._capture.rate_hz) for k in (knots[0], knots[-1])]
        # Within 50 ms the clock's drift bends time by less than 1e-12 s.
        seconds = np.linspace(edges[0], edges[1], len(knots))
        level = 10.0 ** (self.station.table.level_dbfs / 20.0) * self._fading(seconds)
        iq = self._own.take(count)
        own = self._air.own_level(seconds)
        if own.any():
            band.add(iq, (level * own).astype(np.complex64))
        for stranger in self._strangers:
            fault = stranger.fault
            share = weight(seconds, fault.start_s, fault.end_s, CARRIER_RAMP_S)
            share *= 10.0 ** (fault.value / 20.0)
            band.add(stranger.samples(self._begin, count), (level * share).astype(np.complex64))
        for stranger in [s for s in self._strangers if s.fault.end_s <= seconds[0]]:
            self._strangers.remove(stranger)
            self._sounds[stranger.fault].close()
        self._begin = end

    def finish(self, seconds: int) -> list[dict[str, Any]]:
        """Return the truth of the first `seconds` seconds, after everything has been added."""
        assert self.truth is not None
        while len(self.truth.records) < seconds:
            self._step()
        return self.truth.finish(seconds)

    def _step(self) -> None:
        """Advance every carrier of the frequency by 50 ms of multiplex."""
        first = self._steps * STEP_SAMPLES
        until_s = (first + STEP_SAMPLES) / COMPOSITE_RATE_HZ
        while self._waiting and self._waiting[0].start_s < until_s:
            self._strangers.append(self._start(self._waiting.popleft(), first))
        own = self._exciter.step()
        self._own.feed(own)
        foreign = [(stranger.fault, stranger.step()) for stranger in self._strangers]
        self._steps += 1
        if self.truth is not None:
            heard = own.copy()
            for fault, composite in foreign:
                _replace(heard, composite, first, fault)
            self.truth.take(heard)

    def _start(self, fault: Fault, first: int) -> _Stranger:
        """Switch a stranger on; its composite begins with sample `first` of the scene."""
        shown_s = self._clock.shown_s(first / COMPOSITE_RATE_HZ)
        clock = TimeBase(self._clock.error(shown_s) * 1e6, self._clock.ppm_per_min)
        carrier = Carrier(
            self._capture.rate_hz,
            self._place_hz,
            clock,
            lambda seconds: self._seen_hz(self._stranger_error_hz(fault), shown_s + seconds),
        )
        exciter = Exciter(self._stranger, self._sounds[fault])
        return _Stranger(fault, exciter, carrier, round(shown_s * self._capture.rate_hz))

    def _fading(self, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128] | float:
        table = self.station.table
        if not table.fading_hz:
            return 1.0
        # Every half millisecond, and linear between: 0.3 % off at the highest Doppler shift.
        first, last = math.floor(seconds[0] / _FADING_S), math.ceil(seconds[-1] / _FADING_S)
        moments = np.arange(first, last + 1) * _FADING_S
        gain = fading_gain(
            moments, doppler_hz=table.fading_hz, k_db=table.fading_k_db, seed=self._seed
        )
        faded: npt.NDArray[np.complex128] = np.interp(seconds, moments, gain)
        return faded

    def _seen_hz(self, error_hz: float, shown_s: float) -> float:
        """Return the offset at which a carrier off by `error_hz` is received."""
        frequency_hz = self.station.table.frequency_hz
        seen = self._clock.apparent_offset_hz(
            frequency_hz + error_hz, self._capture.centre_hz, shown_s
        )
        return seen - self._place_hz

    def _own_offset_hz(self, shown_s: float) -> float:
        table, true_s = self.station.table, self._clock.true_s(shown_s)
        error_hz = table.offset_hz + table.drift_hz_per_min * true_s / 60.0
        for fault in self.station.faults:
            if fault.kind == "drift" and fault.start_s <= true_s < fault.end_s:
                run = (true_s - fault.start_s) / (fault.end_s - fault.start_s)
                error_hz += fault.value * run
        return self._seen_hz(error_hz, shown_s)

    def _stranger_error_hz(self, fault: Fault) -> float:
        """Return a stranger's own error: 3 to 12 ppm to either side, by the seed."""
        rng = np.random.default_rng((self._seed, round(fault.start_s * 1e3)))
        ppm = rng.uniform(*_STRANGER_PPM) * rng.choice((-1.0, 1.0))
        return float(ppm * 1e-6 * self.station.table.frequency_hz)

    def mean_offset_hz(self, holder: str | Fault, second: int) -> float:
        """Return the mean offset in a second: of 100 equal parts of it, each at its middle."""
        moments = [second + (part + 0.5) / 100.0 for part in range(100)]
        if isinstance(holder, str):
            return math.fsum(self._own_offset_hz(moment) for moment in moments) / 100.0
        error_hz = self._stranger_error_hz(holder)
        return math.fsum(self._seen_hz(error_hz, moment) for moment in moments) / 100.0

    def sound(self, holder: str | Fault) -> Sound:
        """Return how the sound of a holder is in its multiplex; see `Holders`."""
        station = self.station
        stereo = station.table.stereo if isinstance(holder, str) else True
        return Sound(station.rated_hz, station.pre_emphasis_us, stereo)

    def name(self, fault: Fault | None) -> str:
        """Return the name of a fault's programme, or of the station's own."""
        if fault is None:
            return self._studio.programme.name
        return self._sounds[fault].name if fault in self._sounds else self._studio.name_of(fault)


def _replace(heard: Samples, other: Samples, first: int, fault: Fault) -> None:
    """Put a stranger's multiplex where it has the frequency."""
    begin, end = (
        min(max(round(edge_s * COMPOSITE_RATE_HZ) - first, 0), len(heard))
        for edge_s in (fault.start_s, fault.end_s)
    )
    heard[begin:end] = other[begin:end]

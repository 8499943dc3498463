"""A station received in brief: records and sound of a second, without any IQ.

Bypassed: coder, modulator, propagation, dongle, channelizer, demodulator, meters and RDS decoder.
Kept: everything behind them, from the fingerprint to the verdict. The sound is the programme at the
receiver's level with noise behind a discriminator; figures of the own carrier are drawn from runs
of real receptions (`own_seconds`), so that a figure's errors hang together as they do there.
Strangers' carriers are not made here: how two carriers mix is for the whole way to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bench.impair.fm_noise import FmNoise
from bench.watch.own_seconds import own_seconds
from bench.watch.programmes import RATE_HZ, Programmes, Sound
from bench.watch.reception import Reception
from bench.watch.trial import SECONDS, Trial

START = datetime(2026, 5, 16, 22, 0, tzinfo=UTC)
GROUP = "700124088D30E0E0"
_NOISE_S = 30
_OFF = {"cn_db": None, "level_dbfs": None, "findings": ["off_air"]}
_IDLE = {"cn_db": 6.9, "level_dbfs": -46.6, "findings": ["hiss"]}
_NOTHING: dict[str, Any] = {
    "offset_hz": None,
    "peak_deviation_hz": None,
    "loudness_momentary_lufs": None,
    "pilot_hz": None,
    "rds_hz": None,
    "groups": [],
}


@dataclass
class Second:
    """What is on the channel in a second.

    `carrier`: "own", "off", "turns" (came or went within the second), "weak". `bare`: no programme
    for the whole second. `hiss`: noise in its place. `lost`: samples are missing. `programme`:
    number of what is played; each has a reception of its own, since voices move the readings.
    """

    carrier: str = "own"
    bare: bool = False
    hiss: bool = False
    fade_db: float = 0.0
    offset_hz: float = 0.0
    rds: bool = True
    pilot: bool = True
    other_carrier: bool = False
    lost: bool = False
    programme: int = 0


class BriefStation:
    """Records and noise of one station; all by `rng`."""

    def __init__(
        self, rng: np.random.Generator, *, rds: bool, stereo: bool, level_dbfs: float, hz: float
    ) -> None:
        self._rng = rng
        self.rds, self.stereo = rds, stereo
        self._level_dbfs, self._offset_hz = level_dbfs, hz
        self._runs = [r for r in own_seconds() if (r.rds, r.stereo) == (rds, stereo)]
        self._programme = -1
        self._plays(0)
        self._snr_db = float(rng.uniform(22.0, 45.0))
        self._noise = noise_loop(int(rng.integers(4)))

    def _plays(self, programme: int) -> None:
        """Draw the reception that a programme's figures come from, where it is another one."""
        if programme != self._programme:
            self._programme = programme
            self._run = self._runs[self._rng.integers(len(self._runs))]
            self._place = int(self._rng.integers(len(self._run.rows)))

    def sound(self, programme: Sound, *, muted: bool = False) -> Sound:
        """Return a second (n,) as heard: with noise, which is loud without a carrier."""
        at = int(self._rng.integers(len(self._noise) - len(programme)))
        noise = self._noise[at : at + len(programme)]
        gain = 0.3 if muted else 0.1 * 10.0 ** (-self._snr_db / 20.0)
        return np.asarray(programme + np.float32(gain) * noise, np.float32)

    def record(self, second: int, on: Second) -> dict[str, Any]:
        """Return the record of a second."""
        made = {
            "time": (START + timedelta(seconds=second)).isoformat(),
            "second": second,
            "station": "own",
            "missing_samples": 0,
            "u": {"offset_hz": None},
            **_NOTHING,
        }
        if on.lost:
            return {**made, "cn_db": None, "level_dbfs": None, "findings": [], "missing_samples": 9}
        if on.carrier == "off":
            return {**made, **(_OFF if self._rng.random() < 0.5 else _IDLE)}
        level = self._level_dbfs + on.fade_db + float(self._rng.normal(0.0, 2e-3))
        if on.carrier in ("turns", "weak"):
            low = float(self._rng.uniform(5.0, 11.5))
            two = ["co_channel"] if on.carrier == "turns" and self._rng.random() < 0.5 else []
            return {**made, "cn_db": low, "level_dbfs": level - 3.0, "findings": two}
        return {**made, "level_dbfs": level, **self._own(on)}

    def _own(self, on: Second) -> dict[str, Any]:
        """Return the figures of a good second."""
        self._plays(on.programme)
        error_hz, u_hz, cn_db, peak_hz, loudness = self._run.rows[self._place]
        self._place = (self._place + 1) % len(self._run.rows)
        rng, findings = self._rng, ["co_channel"] if on.other_carrier else []
        if on.bare:
            error_hz, u_hz, peak_hz, loudness = float(rng.normal(0.0, 1e-3)), 0.1, 8_300.0, None
            findings.append("hiss")
        elif on.hiss:
            error_hz, u_hz, peak_hz, loudness = float(rng.normal(0.0, 0.1)), 1.1, 74e3, -16.0
            findings.append("hiss")
        return {
            "cn_db": cn_db + min(on.fade_db, 0.0),
            "offset_hz": self._offset_hz + on.offset_hz + error_hz,
            "u": {"offset_hz": u_hz},
            "peak_deviation_hz": peak_hz,
            "loudness_momentary_lufs": loudness,
            "pilot_hz": 6_750.0 + float(rng.normal(0.0, 2.0)) if self.stereo and on.pilot else None,
            "rds_hz": 2_000.0 + float(rng.normal(0.0, 10.0)) if self.rds and on.rds else None,
            "groups": [GROUP] * int(rng.integers(10, 13)) if self.rds and on.rds else [],
            "findings": findings,
        }


_LOOPS: dict[int, Sound] = {}


def noise_loop(number: int) -> Sound:
    """Return half a minute of noise behind a discriminator and de-emphasis, rms 1."""
    if number not in _LOOPS:
        rng = np.random.default_rng([77, number])
        # Noise is measured beside a programme: a tone, which is taken off again.
        tone = np.sin(np.arange(_NOISE_S * RATE_HZ) * 0.05).astype(np.float32)
        heard = FmNoise(snr_db=0.0, click_share=0.1)(tone, rng) - tone
        _LOOPS[number] = np.asarray(heard / np.sqrt(np.mean(heard**2)), np.float32)
    return _LOOPS[number]


def brief(trial: Trial, programmes: Programmes) -> Reception:
    """Return what a receiver would give of a trial in which no stranger has a carrier."""
    rng = np.random.default_rng([trial.seed, 5])
    station = BriefStation(
        rng,
        rds=trial.rds,
        stereo=trial.stereo,
        level_dbfs=trial.level_dbfs,
        hz=trial.offset_hz,
    )
    own = programmes.excerpt(trial.own, trial.own_from_s, SECONDS)
    other = programmes.excerpt(trial.other, trial.other_from_s, SECONDS)
    on_air, heard = np.ones(len(own), np.bool_), own.copy()
    hissing = np.zeros(len(own), np.bool_)
    for fault in trial.faults:
        span = slice(round(fault.start_s * RATE_HZ), round(fault.end_s * RATE_HZ))
        count = len(heard[span])
        if fault.kind == "off_air":
            on_air[span] = False
        elif fault.kind == "no_audio":
            heard[span] = 0.0
        elif fault.kind == "hiss":
            heard[span], hissing[span] = 0.13 * noise_loop(0)[:count], True
        elif fault.kind == "wrong_programme":
            heard[span] = other[:count]
        else:
            raise ValueError(f"fault: expected one without a stranger's carrier, got {fault.kind}")
    records, sounds = [], []
    for second in range(SECONDS):
        part = slice(second * RATE_HZ, (second + 1) * RATE_HZ)
        share = float(on_air[part].mean())
        bare = bool(np.max(np.abs(heard[part])) < 1e-3)
        carrier = "own" if share == 1.0 else "off" if share == 0.0 else "turns"
        records.append(
            station.record(second, Second(carrier, bare=bare, hiss=bool(hissing[part].all())))
        )
        # The receiver's audio is 1.6 dB louder than the programme: its share of the deviation.
        sounds.append(station.sound(heard[part] * on_air[part], muted=share < 1.0))
    return Reception(records, np.concatenate(sounds))

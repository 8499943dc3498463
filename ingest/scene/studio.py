"""A station's sound on its way to the coder: programme, what is wrong with it, and codes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsp.fm.constants import AUDIO_RATE_HZ
from ingest.scene.programme import Files, Programme, Silence, Tone, hiss, tune
from ingest.scene.windows import stretch_weight

if TYPE_CHECKING:
    import numpy.typing as npt

    from dsp.contract import Frames
    from ingest.scene.faults import Fault
    from ingest.scene.scene import Station

_HUM = ((50.0, 1.0), (100.0, 0.5), (150.0, 0.25))
_REPLACING = ("no_audio", "hiss", "wrong_programme")


def programme_of(station: Station) -> Programme:
    """Return what the station sends when nothing is wrong."""
    if station.audio:
        return Files(station.audio)
    if station.table.tone_hz is not None:
        return Tone(station.table.tone_hz, station.table.tone_level_db)
    return Silence()


def stranger_of(fault: Fault, seed: int) -> Programme:
    """Return what a fault's other programme sends: its file, or a tune."""
    return Files((Path(fault.audio),)) if fault.audio else tune(seed)


class Studio:
    """Gives the frames that enter a station's coder.

    Parameters
    ----------
    station
        Programme, faults and codes.
    seed
        Of hiss and tunes.

    Attributes
    ----------
    programme
        The station's own.
    """

    def __init__(self, station: Station, seed: int) -> None:
        self.programme = programme_of(station)
        self._faults = [f for f in station.faults if f.kind in (*_REPLACING, "hum", "one_channel")]
        self._others = {
            fault: _replacement(fault, seed + index) for index, fault in enumerate(self._faults)
        }
        self._bursts = _bursts(station)
        self._gain = np.float32(10.0 ** (station.table.audio_gain_db / 20.0))
        self._done = 0

    def check(self) -> None:
        """Open every file once; raise Refusal for one that is no audio."""
        for source in (self.programme, *self._others.values()):
            if isinstance(source, Files):
                source.check()

    def frames(self, count: int) -> Frames:
        """Return the next `count` frames of 48 kHz, float32 (count, 2), newly made."""
        frames = self.programme.frames(count) * self._gain
        # Replacing the programme first: hum and a lost channel then act on what is heard.
        for fault in sorted(self._faults, key=lambda f: f.kind not in _REPLACING):
            span = (fault.start_s, fault.end_s)
            share = stretch_weight(self._done, count, AUDIO_RATE_HZ, span)
            if not isinstance(share, float) or share:
                self._spoil(frames, fault, np.asarray(share, np.float32))
        for start, burst in self._bursts:
            _add(frames, burst, start - self._done)
        self._done += count
        return frames

    def name_of(self, fault: Fault) -> str:
        """Return the name of what is heard instead during `fault`."""
        return self._others[fault].name

    def close(self) -> None:
        """End the decoders."""
        for source in (self.programme, *self._others.values()):
            source.close()

    def _spoil(self, frames: Frames, fault: Fault, share: npt.NDArray[np.float32]) -> None:
        column = np.reshape(share, (-1, 1))
        if fault.kind == "hum":
            frames += column * self._hum(fault, len(frames))
        elif fault.kind == "one_channel":
            frames[:, int(fault.value)] *= 1.0 - share
        else:
            frames += column * (self._others[fault].frames(len(frames)) - frames)

    def _hum(self, fault: Fault, count: int) -> npt.NDArray[np.float32]:
        seconds = (self._done + np.arange(count)) / AUDIO_RATE_HZ
        wave = sum(size * np.sin(2.0 * math.pi * hertz * seconds) for hertz, size in _HUM)
        rms = math.sqrt(sum(size**2 for _, size in _HUM) / 2.0)
        level = 10.0 ** (fault.value / 20.0) / rms
        return np.asarray(level * wave, np.float32)[:, None]


def _replacement(fault: Fault, seed: int) -> Programme:
    if fault.kind == "hiss":
        return hiss(fault.value, seed)
    return stranger_of(fault, seed) if fault.kind == "wrong_programme" else Silence()


def _bursts(station: Station) -> list[tuple[int, npt.NDArray[np.float32]]]:
    """Return start and samples of every DTMF burst that no fault holds back."""
    if not station.table.dtmf:
        return []
    from dsp.coder.dtmf import dtmf_burst

    silenced = [f for f in station.faults if f.kind == "no_code"]
    return [
        (
            round(burst.at_s * AUDIO_RATE_HZ),
            dtmf_burst(
                burst.digits,
                AUDIO_RATE_HZ,
                level_dbfs=burst.level_dbfs,
                on_s=burst.on_s,
                off_s=burst.off_s,
            ),
        )
        for burst in station.table.dtmf
        if not any(fault.covers(burst.at_s, burst.at_s + 1e-9) for fault in silenced)
    ]


def _add(frames: Frames, burst: npt.NDArray[np.float32], start: int) -> None:
    """Add what of `burst`, beginning at frame `start`, lies within `frames`."""
    begin, end = max(0, start), min(len(frames), start + len(burst))
    if begin < end:
        frames[begin:end] += burst[begin - start : end - start, None]

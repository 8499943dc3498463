"""What a receiver gives of a trial: a record of every second, and the sound.

`receive` goes the whole way: 8-bit IQ at 300 kS/s is rendered, and received as any station is. What
was received once can be kept and judged again (`kept`): rendering and receiving cost 1.6 s of a
trial's 1.9, and are no part of what `ingest.watch` decides.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from bench.watch.programmes import RATE_HZ, Programmes, Sound
from bench.watch.trial import FREQUENCY_HZ, KINDS, Trial
from ingest.fm_profile import load_fm_profile
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import Slot, Station, StationList
from ingest.scene.render import SceneSource
from ingest.scene.scene import load_scene
from ingest.watch.schedule import Schedule
from ingest.watch.verdict import Verdict
from ingest.watch.watched_station import References, WatchedStation

KEPT_KEYS = (
    "time", "second", "station", "cn_db", "level_dbfs", "offset_hz", "peak_deviation_hz",
    "loudness_momentary_lufs", "pilot_hz", "rds_hz", "groups", "findings", "missing_samples",
)  # fmt: skip
_ROOMS = ("dsp", "ingest/receiver", "ingest/scene")


@dataclass(frozen=True)
class Reception:
    """Records in order, and the audio from the first second on, mono float32 (n,) at 48 kHz."""

    records: Sequence[dict[str, Any]]
    audio: Sound


class _Keeper:
    """The sink of a station that keeps the audio."""

    wants_audio = True
    wants_composite = False

    def __init__(self) -> None:
        self.pieces: list[Sound] = []

    def audio(self, index: int, frames: npt.NDArray[np.float32]) -> None:
        assert index == sum(map(len, self.pieces))  # no gap in a trial
        self.pieces.append(frames.mean(axis=1, dtype=np.float32))

    def composite(self, index: int, samples: npt.NDArray[np.float32]) -> None:
        """Not wanted."""


def receive(trial: Trial, programmes: Programmes) -> Reception:
    """Render and receive a trial."""
    station = station_of(trial)
    stations = StationList((station,), {station.profile: load_fm_profile(station.profile, None)})
    keeper = _Keeper()
    with tempfile.TemporaryDirectory() as folder:
        source = SceneSource(load_scene(trial.write_scene(programmes, Path(folder))))
        try:
            receiver = BandReceiver(
                source, float(FREQUENCY_HZ), stations, carriers=[], sinks={"own": keeper}
            )
            records: list[dict[str, Any]] = []
            for block in source.blocks():
                records += receiver.process(block)
            records += receiver.finish()
        finally:
            source.close()
    return Reception([kept_part(r) for r in records], np.concatenate(keeper.pieces))


def kept(trial: Trial, programmes: Programmes) -> Reception:
    """Return what was received of a trial before, or receive it now and keep it."""
    name = hashlib.sha256((_digest() + repr(trial)).encode()).hexdigest()[:32]
    path = kept_folder() / f"{name}.json"
    sound = path.with_suffix(".wav")
    if not path.exists():
        reception = receive(trial, programmes)
        sf.write(sound, reception.audio, RATE_HZ, subtype="PCM_16")
        path.write_text(json.dumps({"trial": asdict(trial), "records": reception.records}))
    audio, _ = sf.read(sound, dtype="float32")
    return Reception(json.loads(path.read_text())["records"], np.asarray(audio, np.float32))


def judge(
    reception: Reception, trial: Trial, references: References, *, to_the_end: bool = True
) -> list[Verdict]:
    """Return the verdicts of the watch, one a second; else up to the first right one."""
    right = KINDS[trial.kind].findings
    ear = WatchedStation(station_of(trial), schedule_of(trial), references)
    verdicts = []
    for place, record in enumerate(reception.records):
        first = place * RATE_HZ
        ear.audio(first, reception.audio[first : first + RATE_HZ, None])
        verdicts.append(ear.judge(record))
        found = verdicts[-1].finding in right and verdicts[-1].second + 1 > trial.start_s
        if found and not to_the_end:
            break
    return verdicts


def station_of(trial: Trial) -> Station:
    """Return the station as STATIONS.toml would have it."""
    return Station(id="own", frequency_hz=FREQUENCY_HZ, pi="7001" if trial.rds else None)


def schedule_of(trial: Trial) -> Schedule:
    """Return the schedule: the reception begins at 22:00, in a slot or in none."""
    if trial.reference_due is None:
        return Schedule((Slot("05:00", "05:30", reference=trial.own),))
    return Schedule((Slot("21:50", "23:30", reference=trial.reference_due),))


def kept_part(record: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a record that the watch looks at."""
    part = {key: record[key] for key in KEPT_KEYS}
    return {**part, "u": {"offset_hz": record["u"].get("offset_hz")}}


def kept_folder() -> Path:
    """Return where receptions are kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "loa" / "bench-watch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_DIGEST: list[str] = []


def _digest() -> str:
    """Return what the sources of scene and receiver amount to: others receive anew."""
    if not _DIGEST:
        root = Path(__file__).resolve().parents[2]
        paths = [p for room in _ROOMS for p in _sources(root / room)]
        whole = hashlib.sha256(b"".join(path.read_bytes() for path in paths))
        _DIGEST.append(whole.hexdigest())
    return _DIGEST[0]


def _sources(path: Path) -> list[Path]:
    # Recognition and alignment take no part in a reception.
    skipped = ("recognise", "align")
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [p for p in found if not set(skipped) & set(p.parts)]

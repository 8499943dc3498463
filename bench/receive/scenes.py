"""The receiver's figures against the truth files of rendered scenes, eight bits and all.

    python -m bench.receive.scenes [--seconds 12] [--minutes 4]

Three stations (programme in stereo, the same in mono, a tone), graded C/N in 200 kHz; the hardest
scene has a neighbour 20 dB stronger at 400 kHz, whose eight bits leave the wanted station C/N 39 dB
with no other noise at all. The scene's coder and truth share no code with the meters.

With `--minutes N` that hardest scene runs for a minute with each of N programmes instead, and what
is compared is what is known at the end of the minute: the held peak, MPX power over 60 s, and the
means of the rest.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from bench.material import write_programme
from dsp.fm.constants import AUDIO_RATE_HZ
from dsp.fm.profiles import PROFILES
from dsp.receive.front.channelizer import Channelizer
from dsp.receive.second_record import SecondRecord
from dsp.receive.station_meters import StationMeters
from ingest.receiver.demodulation import Demodulation
from ingest.scene.render import SceneSource
from ingest.scene.scene import load_scene

RATE_HZ = 2_400_000
CENTRE_HZ = 98_000_000.0
FIGURES = (
    "peak_deviation_hz",
    "peak_hold_hz",
    "mpx_power_dbr",
    "pilot_hz",
    "rds_hz",
    "rds_phase_deg",
    "offset_hz",
    "occupied_bandwidth_hz",
    "loudness_momentary_lufs",
    "cn_db",
)
_FADE_IN = 960
_AT_THE_END = ("peak_hold_hz", "mpx_power_dbr")
_LEVEL_DBFS = -21.5
_PLACES_HZ = {"stereo": -900_000.0, "mono": -200_000.0, "tone": 300_000.0}
_STATION = """
[[station]]
id = "{id}"
frequency_hz = {frequency_hz}
level_dbfs = {level_dbfs}
profile = "75k50us"
offset_hz = 1234
{sound}
"""
_SOUNDS = {
    "stereo": 'audio = "{audio}"\nstereo = true\nrds_hz = 2000\nrds_phase_deg = 90',
    "mono": 'audio = "{audio}"\nstereo = false\nrds_hz = 1500',
    "tone": "tone_hz = 1000\ntone_level_db = -3\nstereo = true\nrds_hz = 3000",
    "loud": 'audio = "{audio}"\nstereo = true',
}
Errors = dict[str, list[tuple[float, float]]]


def write_scene(
    folder: Path,
    cn_db: float | None,
    seconds: float,
    *,
    number: int = 0,
    speech: Path | None = None,
) -> tuple[Path, float]:
    """Write a scene; return its path and the true C/N. None: the strong neighbour, no noise.

    Programmes of another `number` begin elsewhere, are louder or softer, and have other noise;
    `speech` is a folder of recordings to take them from, in place of our own bulletin.
    """
    audio = str(folder / "programme.wav")
    frames = _programme(folder, seconds + 2.0, number, speech)
    # The recordings have DC, and the coder passes it: on the air it *is* an offset of the carrier.
    bins = np.fft.rfft(frames, axis=0)
    bins[np.fft.rfftfreq(len(frames), 1.0 / AUDIO_RATE_HZ) < 30.0] = 0.0
    # A cut makes a click at the very beginning, where the receiver hides a third of a millisecond.
    frames_in = np.fft.irfft(bins, len(frames), axis=0)
    frames_in[:_FADE_IN] *= np.linspace(0.0, 1.0, _FADE_IN)[:, None]
    # As loud as a station is, and a little more or less.
    gain = 1.5 * 10.0 ** (0.05 * (number % 7) - 0.05)
    soundfile.write(audio, gain * frames_in, AUDIO_RATE_HZ, "FLOAT")
    quantised = 2.0 / 12.0 / 127.5**2
    level = 10.0 ** (_LEVEL_DBFS / 10.0)
    wanted = level * 10.0 ** (-(cn_db or 60.0) / 10.0) * RATE_HZ / 200_000.0
    added = max(wanted - quantised, 1e-9)
    lines = [
        f"[capture]\ncentre_hz = {CENTRE_HZ}\nrate_hz = {RATE_HZ}\nseconds = {seconds}",
        f"seed = {number + 1}",
        f"[dongle]\nnoise_dbfs = {10.0 * math.log10(added):.3f}",
    ]
    for name, place_hz in _PLACES_HZ.items():
        if cn_db is None and name != "stereo":
            continue
        lines.append(_station(name, place_hz, _LEVEL_DBFS, audio))
    if cn_db is None:
        place_hz = _PLACES_HZ["stereo"] + 400_000.0
        lines.append(_station("loud", place_hz, _LEVEL_DBFS + 20.0, audio))
    path = folder / "scene.toml"
    path.write_text("\n".join(lines))
    return path, 10.0 * math.log10(level * RATE_HZ / 200_000.0 / (added + quantised))


def _programme(
    folder: Path, seconds: float, number: int, speech: Path | None
) -> npt.NDArray[np.floating]:
    """Return (n, 2) frames at 48 kHz."""
    count = round(seconds * AUDIO_RATE_HZ)
    if speech is None:
        path = write_programme(folder / "raw.wav", seconds=60.0, channels=2)
        frames, _ = soundfile.read(path)
        return np.asarray(np.roll(frames, -7 * number * AUDIO_RATE_HZ, axis=0)[:count])
    files = sorted([*speech.rglob("*.wav"), *speech.rglob("*.flac")])
    pieces: list[npt.NDArray[np.float64]] = []
    while sum(map(len, pieces)) < count:
        file = files[(17 * number + len(pieces)) % len(files)]
        own, rate_hz = soundfile.read(file, always_2d=True)
        # Of a recording with one side, the difference of the sides is a little of it.
        own = own if own.shape[1] == 2 else np.concatenate([own, 0.8 * own], axis=1)
        own = soxr.resample(own, rate_hz, AUDIO_RATE_HZ)
        pieces.append(own * 0.09 / max(float(own.std()), 1e-3))
    return np.concatenate(pieces)[:count]


def _station(name: str, place_hz: float, level_dbfs: float, audio: str) -> str:
    sound = _SOUNDS[name].format(audio=audio)
    return _STATION.format(
        id=name, frequency_hz=CENTRE_HZ + place_hz, level_dbfs=level_dbfs, sound=sound
    )


def receive(path: Path) -> tuple[dict[str, list[SecondRecord]], dict[str, Any]]:
    """Render and receive a scene; return the records by station, and the truth."""
    source = SceneSource(load_scene(path), with_truth=True)
    wanted = [s.id for s in source.scene.stations if s.id != "loud"]
    found = listen(wanted, (block.samples for block in source.blocks()))
    return found, source.truth()["stations"]


def listen(wanted: list[str], blocks: Iterable[Any]) -> dict[str, list[SecondRecord]]:
    """Receive the stations `wanted` from uint8 `blocks` of a capture."""
    channels = Channelizer(RATE_HZ, [_PLACES_HZ[name] for name in wanted])
    demodulations = [Demodulation() for _ in wanted]
    meters = [StationMeters(PROFILES["75k50us"]) for _ in wanted]
    found: dict[str, list[SecondRecord]] = {name: [] for name in wanted}

    def give(rows: Any) -> None:
        for name, iq, demodulation, meter in zip(wanted, rows, demodulations, meters, strict=True):
            piece = demodulation.process(iq)
            found[name] += meter.process(piece.composite, piece.iq)

    for samples in blocks:
        give(channels.process(samples))
    give(channels.flush())
    for name, demodulation, meter in zip(wanted, demodulations, meters, strict=True):
        piece = demodulation.end()
        found[name] += meter.process(piece.composite, piece.iq) + meter.flush()
    return found


def collect(
    found: dict[str, list[SecondRecord]], truth: dict[str, Any], cn_db: float, errors: Errors
) -> int:
    """Add pairs of error and uncertainty to `errors`; return how many seconds were compared."""
    for key, error, u in collect_rows(found, truth, cn_db):
        errors[key].append((error, u))
    return sum(record.second > 0 for records in found.values() for record in records)


def collect_rows(
    found: dict[str, list[SecondRecord]], truth: dict[str, Any], cn_db: float
) -> Iterator[tuple[str, float, float]]:
    """Yield figure, error and uncertainty of all seconds but the first."""
    for name, records in found.items():
        held = 0.0
        for record, sent in zip(records, truth[name], strict=False):
            held = max(held, sent["peak_deviation_hz"])
            if record.figures["peak_hold_hz"].invalid is not None:
                held = 0.0  # the meter begins anew as well
            if record.second == 0:
                continue
            expected = sent | {"cn_db": cn_db, "peak_hold_hz": held}
            for key in FIGURES:
                figure, wanted = record.figures[key], expected[key]
                if wanted is None or figure.invalid is not None or figure.value is None:
                    continue
                error = figure.value - wanted
                if key == "rds_phase_deg":
                    error = (error + 90.0) % 180.0 - 90.0
                yield key, error, figure.u or 0.0


def rows(*, seconds: float, say: Callable[[str], None] = print) -> None:
    """Measure every scene and print a table."""
    for cn_db in (None, 40.0, 30.0, 20.0, 15.0):
        errors: Errors = defaultdict(list)
        with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
            path, true_db = write_scene(Path(folder), cn_db, seconds)
            found, truth = receive(path)
        total = collect(found, truth, true_db, errors)
        say(f"C/N {true_db:.1f} dB, 8 bit{', neighbour +20 dB' if cn_db is None else ''}")
        for key in FIGURES:
            pairs = np.array(errors[key]).reshape(-1, 2)
            if not len(pairs):
                say(f"  {key:26}never valid")
                continue
            size = np.abs(pairs[:, 0])
            say(
                f"  {key:26}|e| median {np.median(size):9.3g}  95 % {np.percentile(size, 95):9.3g}"
                f"  largest {size.max():9.3g}  u {np.median(pairs[:, 1]):9.3g}"
                f"  covered {100 * np.mean(size <= pairs[:, 1]):3.0f} %"
                f"  valid {len(pairs)} of {total}  bias {pairs[:, 0].mean():+.3g}"
            )


def minute(number: int) -> dict[str, tuple[float, float]]:
    """Error and uncertainty of every figure at the end of a minute of the hardest scene."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path, true_db = write_scene(Path(folder), None, 61.0, number=number)
        found, truth = receive(path)
    pairs: Errors = defaultdict(list)
    collect(found, truth, true_db, pairs)
    errors = {key: (pairs[key][-1][0], pairs[key][-1][1]) for key in _AT_THE_END}
    for key in set(FIGURES) - {*_AT_THE_END, "peak_deviation_hz"}:
        mean = np.array(pairs[key]).mean(axis=0)
        errors[key] = (float(mean[0]), float(mean[1]))
    return errors


def minute_rows(count: int, say: Callable[[str], None] = print) -> None:
    """Print what is known after a minute, for `count` programmes."""
    found = [minute(number) for number in range(count)]
    say(f"after 60 s, 8 bit, neighbour +20 dB, {count} programmes")
    for key in FIGURES:
        if key not in found[0]:
            continue
        pairs = np.array([errors[key] for errors in found])
        size = np.abs(pairs[:, 0])
        say(
            f"  {key:26}|e| median {np.median(size):9.3g}  largest {size.max():9.3g}"
            f"  u {np.median(pairs[:, 1]):9.3g}  covered {np.sum(size <= pairs[:, 1])} of {count}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--minutes", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.minutes:
        minute_rows(chosen.minutes)
    else:
        rows(seconds=chosen.seconds)

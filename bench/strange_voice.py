"""How soon, and how surely, is a strange voice found? Rendered stations, received and judged.

    python -m bench.strange_voice [--trials 100] [--seed 1]

Every trial is a station of its own: voice, own and stranger's carrier errors, level, C/N, moment,
RDS or none, all seeded. It is rendered as 8-bit IQ at 300 kS/s with a fault of the scene (the
truth), received as any station, recognised and judged. Sound: `bench.align_material`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from bench.align_material import RATE_HZ, real_voices, spoken_voices
from ingest.fm_profile import load_fm_profile
from ingest.receiver.band_receiver import BandReceiver
from ingest.receiver.stations import Slot, Station, StationList
from ingest.scene.render import SceneSource
from ingest.scene.scene import load_scene
from ingest.watch.schedule import Schedule
from ingest.watch.verdict import Verdict
from ingest.watch.watched_station import References, WatchedStation

CAPTURE_HZ = 300_000
FREQUENCY_HZ = 60_400_000
SECONDS = 28.0
INTRUSION_S = 5.0
LONG: set[str] = set()  # voices that last a whole trial: the references
# kind: the states that are right, and within how many seconds of its start
KINDS: dict[str, tuple[tuple[str, ...], float]] = {
    "intruder": (("intruder", "capture"), 5.0),
    "capture": (("capture", "intruder"), 5.0),
    "wrong_programme": (("wrong_programme",), 10.0),
    "no_audio": (("no_audio",), 3.0),
    "hiss": (("hiss", "no_audio"), 5.0),
    "off_air": (("off_air",), 5.0),
    "none": ((), 0.0),
}
_SCENE = """
[capture]
centre_hz = {centre_hz}
rate_hz = {rate_hz}
seconds = {seconds}
seed = {seed}
start_utc = 2026-05-16T22:00:00Z
[dongle]
noise_dbfs = {noise_dbfs}
[[station]]
id = "own"
frequency_hz = {frequency_hz}
level_dbfs = {level_dbfs}
profile = "75k50us"
audio = "{audio}"
stereo = {stereo}
offset_hz = {offset_hz}
{rds}
"""
_FAULT = """
[[station.fault]]
kind = "{kind}"
start_s = {start_s}
end_s = {end_s}
{extra}
"""


@dataclass(frozen=True)
class Trial:
    """One station and its fault."""

    kind: str
    voice: str
    rds: bool
    start_s: float
    end_s: float
    scene: str


def make_trial(kind: str, voices: list[str], folder: Path, rng: np.random.Generator) -> Trial:
    """Write the scene of a trial to `folder`."""
    own = rng.choice([v for v in voices if v in LONG])
    stranger = rng.choice([v for v in voices if v != own])
    long = kind in ("wrong_programme", "no_audio", "hiss", "off_air")
    start_s = float(np.round(rng.uniform(12.0, 16.0), 3))
    end_s = start_s + (12.0 if long else INTRUSION_S)
    level_dbfs = float(rng.uniform(-25.0, -12.0))
    cn_db = float(rng.uniform(22.0, 45.0))
    rds = bool(rng.random() < 0.6)
    text = _SCENE.format(
        centre_hz=FREQUENCY_HZ,
        rate_hz=CAPTURE_HZ,
        seconds=SECONDS,
        seed=int(rng.integers(1 << 30)),
        noise_dbfs=round(level_dbfs - cn_db + 10.0 * np.log10(CAPTURE_HZ / 200e3), 2),
        frequency_hz=FREQUENCY_HZ,
        level_dbfs=round(level_dbfs, 2),
        audio=folder / f"{own}.wav",
        stereo=str(bool(rng.random() < 0.5)).lower(),
        offset_hz=round(float(rng.normal(0.0, 300.0)), 1),
        rds='rds_hz = 2000\npi = "7001"\nps = "OWN"' if rds else "",
    )
    extra = f'audio = "{folder / f"{stranger}.wav"}"'
    if kind == "intruder":
        idle_s = float(rng.uniform(2.5, 4.0))
        text += _FAULT.format(kind="off_air", start_s=start_s - idle_s, end_s=end_s, extra="")
        extra += f"\nvalue = {rng.uniform(-6.0, 6.0):.1f}"
    if kind == "capture":
        extra += f"\nvalue = {rng.uniform(6.0, 20.0):.1f}"
    if kind in ("no_audio", "hiss", "off_air"):
        extra = ""
    if kind != "none":
        text += _FAULT.format(kind=kind, start_s=start_s, end_s=end_s, extra=extra)
    return Trial(kind, str(own), rds, start_s, end_s, text)


def judge_trial(trial: Trial, references: References, folder: Path) -> list[Verdict]:
    """Render, receive and judge a trial; return the verdicts, one a second."""
    path = folder / "scene.toml"
    path.write_text(trial.scene)
    station = Station(id="own", frequency_hz=FREQUENCY_HZ, pi="7001" if trial.rds else None)
    stations = StationList((station,), {station.profile: load_fm_profile(station.profile, None)})
    # 05:00 in Vietnam is 22:00 UTC; the slot began before the reception does.
    schedule = Schedule((Slot("21:50", "23:30", reference=trial.voice),))
    source = SceneSource(load_scene(path))
    try:
        ear = WatchedStation(station, schedule, references)
        receiver = BandReceiver(
            source, float(FREQUENCY_HZ), stations, carriers=[], sinks={"own": ear}
        )
        records: list[dict[str, Any]] = []
        for block in source.blocks():
            records += receiver.process(block)
        records += receiver.finish()
        return [ear.judge(record) for record in records]
    finally:
        source.close()


def found_after_s(trial: Trial, verdicts: list[Verdict]) -> float | None:
    """Return how long after the fault's start its alarm was there, None if it never was.

    A second's verdict is there when the second has ended.
    """
    right, _ = KINDS[trial.kind]
    for verdict in verdicts:
        if verdict.state in right and verdict.second + 1 > trial.start_s:
            return verdict.second + 1 - trial.start_s
    return None


def false_alarms(trial: Trial, verdicts: list[Verdict]) -> list[Verdict]:
    """Return the alarms that nothing in the scene is the reason of.

    What is still said up to 4 s after the fault's end is its echo; an idle channel in a slot is
    `off_air` by right.
    """
    lead_s = 4.0 if trial.kind == "intruder" else 0.0
    return [
        v
        for v in verdicts
        if v.raised
        and (
            trial.kind == "none" or not trial.start_s - lead_s <= v.second + 1 <= trial.end_s + 4.0
        )
    ]


def write_material(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Write every voice as a file for the scenes; return them by a name fit for a file."""
    voices = {}
    for name, sound in (spoken_voices() | real_voices()).items():
        key = name.replace(", ", "-").replace(" ", "-")
        voices[key] = np.ascontiguousarray(sound[: 48 * RATE_HZ])
        sf.write(folder / f"{key}.wav", voices[key], RATE_HZ, subtype="PCM_16")
    return voices


def campaign(trials: int, seed: int, kinds: list[str]) -> list[str]:
    """Run `trials` of every kind; return the table's lines."""
    lines = [
        "| fault | trials | found in time | asked | median s | slowest s | false alarms |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voices = write_material(folder)
        LONG.update(v for v, sound in voices.items() if len(sound) >= 29 * RATE_HZ)
        references = References.of({v: voices[v] for v in LONG}, RATE_HZ)
        for kind in kinds:
            rng = np.random.default_rng([seed, list(KINDS).index(kind)])
            after: list[float | None] = []
            false = 0
            for number in range(trials):
                trial = make_trial(kind, list(voices), folder, rng)
                verdicts = judge_trial(trial, references, folder)
                after.append(found_after_s(trial, verdicts))
                wrong = false_alarms(trial, verdicts)
                false += len(wrong)
                missed = kind != "none" and (after[-1] is None or after[-1] > KINDS[kind][1])
                if wrong or missed:
                    told(number, trial, after[-1], verdicts, wrong)
            lines.append(row(kind, after, false))
    return lines


def told(
    number: int,
    trial: Trial,
    after_s: float | None,
    verdicts: list[Verdict],
    wrong: list[Verdict],
) -> None:
    """Print a trial that went wrong to stderr."""
    said = [(v.second, v.finding) for v in verdicts if v.state != "ok"]
    print(
        f"{trial.kind} {number} {trial.voice} rds {trial.rds} at {trial.start_s} found {after_s}",
        [(v.second, v.finding, v.detail) for v in wrong],
        said[:16],
        file=sys.stderr,
    )


def row(kind: str, after: list[float | None], false: int) -> str:
    """Return the table's line of a kind."""
    if kind == "none":
        return f"| none | {len(after)} | – | – | – | – | {false} |"
    within_s = KINDS[kind][1]
    found = [value for value in after if value is not None]
    share = sum(value <= within_s for value in found) / len(after)
    middle = f"{np.median(found):.1f} | {max(found):.1f}" if found else "– | –"
    return (
        f"| {kind} | {len(after)} | {100 * share:.1f} % | 95 % in {within_s:.0f} s | {middle} "
        f"| {false} |"
    )


def main() -> None:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    arguments = parser.parse_args()
    print("\n".join(campaign(arguments.trials, arguments.seed, arguments.kinds)))


if __name__ == "__main__":
    main()

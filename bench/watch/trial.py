"""One trial of the watch: a station, and what goes wrong with it at a moment nobody knows.

Everything is seeded: voice, place in the programme, own and stranger's carrier errors, level, C/N,
RDS or none, stereo or none, moment. `scene` writes it as a scene for the simulated band.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile as sf

from bench.watch.programmes import RATE_HZ, Programmes

CAPTURE_HZ = 300_000
FREQUENCY_HZ = 60_400_000
SECONDS = 28
INTRUSION_S = 5.0
LEAD_S = (12.0, 16.0)
Rng = np.random.Generator


@dataclass(frozen=True)
class Kind:
    """What is right to find, within how many seconds of its beginning, and what is required."""

    findings: frozenset[str]
    within_s: float
    words: str


_STRANGER = frozenset({"stranger_on_idle_channel", "captured"})
KINDS: dict[str, Kind] = {
    "capture": Kind(_STRANGER, 5.0, "receiver captured in mid-bulletin, 5 s"),
    "intruder": Kind(_STRANGER, 5.0, "own carrier off, another in the channel, 5 s"),
    "wrong_programme": Kind(frozenset({"wrong_programme"}), 10.0, "right carrier, wrong programme"),
    "out_of_slot": Kind(frozenset({"out_of_slot"}), 10.0, "programme outside its slot"),
    "cut_short": Kind(frozenset({"cut_short", "wrong_programme"}), 10.0, "bulletin cut short"),
    "silence": Kind(frozenset({"silence"}), 3.0, "silence while the reference speaks"),
    "silence_otherwise": Kind(frozenset({"silence"}), 10.0, "silence, nothing known of the slot"),
    "hiss": Kind(frozenset({"hiss", "silence"}), 5.0, "hiss in place of the programme"),
    "off_air": Kind(frozenset({"off_air"}), 5.0, "own carrier off in a slot"),
    "none": Kind(frozenset(), 0.0, "nothing wrong"),
}


@dataclass(frozen=True)
class Fault:
    """A fault of the scene; `other` tells that it is the other programme that is heard."""

    kind: str
    start_s: float
    end_s: float
    value: float | None = None
    other: bool = False


@dataclass(frozen=True)
class Trial:
    """A station of its own, and its faults; `start_s` is when what is to be found begins."""

    kind: str
    number: int
    own: str
    own_from_s: float
    other: str
    other_from_s: float
    rds: bool
    stereo: bool
    level_dbfs: float
    cn_db: float
    offset_hz: float
    seed: int
    start_s: float
    end_s: float
    faults: tuple[Fault, ...] = field(default=())

    @property
    def reference_due(self) -> str | None:
        """Reference of the slot: "" for anything, None where no slot is on."""
        if self.kind == "out_of_slot":
            return None
        return "" if self.kind == "silence_otherwise" else self.own

    def write_scene(self, programmes: Programmes, folder: Path) -> Path:
        """Write the scene and its sounds to `folder`; return its path."""
        own = programmes.excerpt(self.own, self.own_from_s, SECONDS + 1)
        sf.write(folder / "own.wav", own, RATE_HZ, subtype="PCM_16")
        if any(fault.other for fault in self.faults):
            other = programmes.excerpt(self.other, self.other_from_s, SECONDS + 1)
            sf.write(folder / "other.wav", other, RATE_HZ, subtype="PCM_16")
        path = folder / "scene.toml"
        path.write_text(self._scene(folder))
        return path

    def _scene(self, folder: Path) -> str:
        noise_dbfs = self.level_dbfs - self.cn_db + 10.0 * np.log10(CAPTURE_HZ / 200e3)
        lines = [
            "[capture]",
            f"centre_hz = {FREQUENCY_HZ}",
            f"rate_hz = {CAPTURE_HZ}",
            f"seconds = {SECONDS}.0",
            f"seed = {self.seed}",
            "start_utc = 2026-05-16T22:00:00Z",
            "[dongle]",
            f"noise_dbfs = {noise_dbfs:.3f}",
            "[[station]]",
            'id = "own"',
            f"frequency_hz = {FREQUENCY_HZ}",
            f"level_dbfs = {self.level_dbfs:.3f}",
            'profile = "75k50us"',
            f'audio = "{folder / "own.wav"}"',
            f"stereo = {str(self.stereo).lower()}",
            f"offset_hz = {self.offset_hz:.2f}",
        ]
        if self.rds:
            lines += ["rds_hz = 2000", 'pi = "7001"', 'ps = "OWN"']
        for fault in self.faults:
            lines += [
                "[[station.fault]]",
                f'kind = "{fault.kind}"',
                f"start_s = {fault.start_s}",
                f"end_s = {fault.end_s}",
            ]
            if fault.value is not None:
                lines.append(f"value = {fault.value}")
            if fault.other:
                lines.append(f'audio = "{folder / "other.wav"}"')
        return "\n".join(lines) + "\n"


def make_trial(kind: str, number: int, programmes: Programmes, seed: int) -> Trial:
    """Return trial `number` of a kind; the same for the same seed, whatever else was made."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    own = str(rng.choice(programmes.names))
    length_s = len(programmes.sounds[own]) / RATE_HZ
    others = [name for name in programmes.sounds if name != own]
    if rng.random() < 0.5:  # the same voice with another text is the hardest
        same = [name for name in others if programmes.voices[name] == programmes.voices[own]]
        others = same or others
    other = str(rng.choice(others))
    start_s = float(np.round(rng.uniform(*LEAD_S), 3))
    end_s, faults = _FAULTS[kind](rng, start_s)
    return Trial(
        kind=kind,
        number=number,
        own=own,
        # To its end the reference has 8 s more than the trial lasts: nothing ends by itself.
        own_from_s=float(np.round(rng.uniform(0.0, max(length_s - SECONDS - 8.0, 0.0)), 3)),
        other=other,
        other_from_s=float(np.round(rng.uniform(0.0, 20.0), 3)),
        rds=bool(rng.random() < 0.6),
        stereo=bool(rng.random() < 0.5),
        level_dbfs=float(rng.uniform(-25.0, -12.0)),
        cn_db=float(rng.uniform(22.0, 45.0)),
        offset_hz=float(rng.normal(0.0, 300.0)),
        seed=int(rng.integers(1 << 30)),
        start_s=start_s,
        end_s=end_s,
        faults=faults,
    )


Faults = tuple[float, tuple[Fault, ...]]


def _capture(rng: Rng, start_s: float) -> Faults:
    end_s = start_s + INTRUSION_S
    value = float(np.round(rng.uniform(6.0, 20.0), 1))
    return end_s, (Fault("capture", start_s, end_s, value, other=True),)


def _intruder(rng: Rng, start_s: float) -> Faults:
    end_s, idle_s = start_s + INTRUSION_S, float(np.round(rng.uniform(2.5, 4.0), 3))
    value = float(np.round(rng.uniform(-6.0, 6.0), 1))
    off = Fault("off_air", round(start_s - idle_s, 3), end_s)
    return end_s, (off, Fault("intruder", start_s, end_s, value, other=True))


def _wrong_programme(_rng: Rng, start_s: float) -> Faults:
    return SECONDS, (Fault("wrong_programme", start_s, SECONDS, other=True),)


def _out_of_slot(rng: Rng, start_s: float) -> Faults:
    # The transmitter comes up, with a reference or with something else.
    faults = [Fault("off_air", 0.0, start_s)]
    if rng.random() < 0.5:
        faults.append(Fault("wrong_programme", start_s, SECONDS, other=True))
    return SECONDS, tuple(faults)


def _cut_short(rng: Rng, start_s: float) -> Faults:
    how = str(rng.choice(["off_air", "no_audio", "wrong_programme"]))
    return SECONDS, (Fault(how, start_s, SECONDS, other=how == "wrong_programme"),)


def _silence_otherwise(_rng: Rng, start_s: float) -> Faults:
    # What is heard before is no reference: nothing tells that it should go on.
    end_s = start_s + 11.5
    before = Fault("wrong_programme", 0.0, start_s, other=True)
    return end_s, (before, Fault("no_audio", start_s, end_s))


def _one(kind: str, seconds: float) -> Callable[[Rng, float], Faults]:
    def faults(_rng: Rng, start_s: float) -> Faults:
        return start_s + seconds, (Fault(kind, start_s, start_s + seconds),)

    return faults


_FAULTS: dict[str, Callable[[Rng, float], Faults]] = {
    "capture": _capture,
    "intruder": _intruder,
    "wrong_programme": _wrong_programme,
    "out_of_slot": _out_of_slot,
    "cut_short": _cut_short,
    "silence": _one("no_audio", 6.0),
    "silence_otherwise": _silence_otherwise,
    "hiss": _one("hiss", 8.0),
    "off_air": _one("off_air", 8.0),
    "none": lambda _rng, _start_s: (0.0, ()),
}

"""How much better a horn is understood with our `ip` master than with ffmpeg-normalize.

Each speech file is mastered by both (the same mono file; ffmpeg-normalize -t -16 -tp -2
--dual-mono, two passes, its own choice of linear or dynamic), brought to the same measured
loudness, played through the horn model into babble and into street noise, and compared by STOI with
the clean original. The noise has one absolute level for both: the one at which ffmpeg-normalize's
version has 0 or -5 dB (power of the speech in its active frames over power of the noise, at the
listener, full band).

    python -m bench.audio.intelligibility [PAGE.md]

prints the table of the real speech in the shared material (LOA_SHARED_DATA, else `shared/data`
beside the repository), and writes it to PAGE.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pystoi
import soundfile
import soxr

from bench.audio.listening_place import Mono, active_power, babble, street, through_horn
from bench.row import row
from dsp.measure.programme import ProgrammeMeter
from transmit.chain import build_chain
from transmit.mastering import master
from transmit.profile import Profile, load_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsp.measure.figures import ProgrammeFigures

RATE_HZ = 24_000
SNRS_DB = (0, -5)
NOISES = ("babble", "street")
MIN_SPEECH_S = 0.5
REQUIRED_MEAN = 0.03
REQUIRED_WORST = -0.02
_MAX_LAG_S = 0.1
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
_PAGE_HEAD = """# Understood through a horn: `ip` against ffmpeg-normalize

Written by `python -m bench.audio.intelligibility docs/campaigns/intelligibility.md`. Each cell:
STOI of `ip`, and by how much it beats ffmpeg-normalize at the same LUFS, in a noise of the same
absolute level (the SNR named is that of ffmpeg-normalize's version).

"""
_FOLDERS = ("vi", "km", "other", "en_prompts")


@dataclass(frozen=True)
class Row:
    """STOI of one file in one noise: ours, the peer's, both at `loudness_lufs`."""

    file: str
    noise: str
    snr_db: int
    loudness_lufs: float
    ours: float
    peer: float

    @property
    def gain(self) -> float:
        """By how much ours is better."""
        return self.ours - self.peer


def shared_speech() -> Path:
    """Folder of real speech; it may not exist."""
    return Path(os.environ.get("LOA_SHARED_DATA", _BESIDE)) / "speech"


def speech_files(folder: Path) -> list[Path]:
    """Speech files under `folder` that soundfile reads, in a fixed order."""
    return [
        path
        for name in _FOLDERS
        for path in sorted((folder / name).glob("*"))
        if path.suffix in (".wav", ".flac")
    ]


def read_mono(path: Path, sample_rate_hz: int) -> Mono:
    """Return the mean of the channels at `sample_rate_hz`."""
    frames, rate_hz = soundfile.read(path, always_2d=True)
    sound: Mono = frames.mean(axis=1)
    if rate_hz != sample_rate_hz:
        sound = soxr.resample(sound, rate_hz, sample_rate_hz)
    return sound


def measure(sound: Mono, sample_rate_hz: int) -> ProgrammeFigures:
    """Return all figures of a mono programme, counted as dual mono."""
    meter = ProgrammeMeter(sample_rate_hz, 1)
    meter.process(np.ascontiguousarray(sound[:, None], dtype=np.float32))
    return meter.result()


def our_master(sound: Mono, sample_rate_hz: int, profile: Profile) -> Mono:
    """Master `sound` with `profile`; at the profile's rate."""
    rate_hz = profile.target.sample_rate_hz
    chain = build_chain(profile, rate_hz, 1, measure(sound, sample_rate_hz))
    frames = np.ascontiguousarray(sound[:, None], dtype=np.float32)
    with master(lambda: [frames], sample_rate_hz, 1, chain, profile.target) as programme:
        return np.concatenate(list(programme.blocks())).astype(np.float64)[:, 0]


def peer_master(sound: Mono, sample_rate_hz: int) -> Mono:
    """Master `sound` with ffmpeg-normalize; at 48 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.wav", Path(folder) / "after.wav"
        soundfile.write(before, sound, sample_rate_hz, subtype="PCM_16")
        command = [str(Path(sys.executable).parent / "ffmpeg-normalize"), str(before)]
        command += ["-o", str(after), "-t", "-16", "-tp", "-2", "--dual-mono", "-ar", "48000"]
        subprocess.run([*command, "-f"], check=True, capture_output=True)
        heard: Mono = soundfile.read(after, always_2d=True)[0][:, 0]
        return heard


def aligned(sound: Mono, reference: Mono, sample_rate_hz: int) -> Mono:
    """Shift `sound` by up to 100 ms to where it agrees best with `reference`; same length."""
    most = int(_MAX_LAG_S * sample_rate_hz)
    size = 1 << (len(reference) + len(sound)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(reference, size))
    match = np.abs(np.fft.irfft(spectrum, size))
    lag = max(range(-most, most + 1), key=lambda shift: match[shift])
    shifted = np.concatenate((np.zeros(max(0, -lag)), sound[max(0, lag) :]))
    return np.concatenate((shifted, np.zeros(len(reference))))[: len(reference)]


def intelligibility(clean: Mono, heard: Mono) -> float | None:
    """STOI of `heard` against `clean`; None where there is too little speech for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, heard, RATE_HZ))
        except RuntimeWarning:
            return None


def compare_file(path: Path, voices: list[Mono], seed: int, profile: Profile) -> list[Row]:
    """Return one row per noise and SNR; none for a file with less than 0.5 s of speech."""
    rate_hz = soundfile.info(path).samplerate
    original = read_mono(path, rate_hz)
    figures = measure(original, rate_hz)
    activity = figures.speech_activity_percent or 0.0
    if activity / 100 * figures.duration_s < MIN_SPEECH_S:
        return []
    return list(_listen(path, our_and_peer(original, rate_hz, profile), voices, seed))


def our_and_peer(original: Mono, rate_hz: int, profile: Profile) -> tuple[Mono, Mono, Mono, float]:
    """Return the clean original, our master, the peer's at our loudness, and that loudness."""
    clean = soxr.resample(original, rate_hz, RATE_HZ)
    ours = our_master(original, rate_hz, profile)
    ours = soxr.resample(ours, profile.target.sample_rate_hz, RATE_HZ)
    peer = soxr.resample(peer_master(original, rate_hz), 48_000, RATE_HZ)
    our_lufs, peer_lufs = (measure(s, RATE_HZ).integrated_lufs for s in (ours, peer))
    if our_lufs is None or peer_lufs is None:
        raise RuntimeError("loudness: expected a figure for both masters, got none")
    peer = peer * 10 ** ((our_lufs - peer_lufs) / 20)
    return clean, aligned(ours, clean, RATE_HZ), aligned(peer, clean, RATE_HZ), our_lufs


def _listen(
    path: Path, masters: tuple[Mono, Mono, Mono, float], voices: list[Mono], seed: int
) -> Iterator[Row]:
    clean, ours, peer, loudness_lufs = masters
    ours, peer = through_horn(ours, RATE_HZ), through_horn(peer, RATE_HZ)
    speech_power = active_power(peer, RATE_HZ)
    noises = {
        "babble": babble(voices, len(clean), RATE_HZ, seed),
        "street": street(len(clean), RATE_HZ, seed),
    }
    for name, noise in noises.items():
        for snr_db in SNRS_DB:
            heard = noise * np.sqrt(speech_power * 10 ** (-snr_db / 10))
            scores = [intelligibility(clean, version + heard) for version in (ours, peer)]
            if scores[0] is not None and scores[1] is not None:
                yield Row(path.name, name, snr_db, loudness_lufs, scores[0], scores[1])


def compare(folder: Path, paths: list[Path] | None = None, profile: str = "ip") -> list[Row]:
    """Compare all speech files under `folder` (or only `paths`); rows file by file."""
    everything = speech_files(folder)
    voices = {path: read_mono(path, RATE_HZ) for path in everything}
    rows = []
    for seed, path in enumerate(everything):
        if paths is None or path in paths:
            others = [voice for other, voice in voices.items() if other != path]
            rows += compare_file(path, others, seed, load_profile(profile))
    return rows


def verdict(rows: list[Row]) -> tuple[float, float, bool]:
    """Return the mean gain, the worst file's gain (mean over its noises), and whether both hold."""
    mean = float(np.mean([row.gain for row in rows]))
    worst = min(file_means(rows).values())
    return mean, worst, mean >= REQUIRED_MEAN and worst >= REQUIRED_WORST


def file_means(rows: list[Row]) -> dict[str, float]:
    """Mean gain of each file over its noises."""
    names = dict.fromkeys(row.file for row in rows)
    return {name: float(np.mean([r.gain for r in rows if r.file == name])) for name in names}


def rows() -> Iterator[dict[str, Any]]:
    """Give the rows of `loa bench audio`; none where the shared material is missing."""
    found = compare(shared_speech())
    if not found:
        return
    mean, worst, _ = verdict(found)
    ours, peer = (float(np.mean([getattr(r, who) for r in found])) for who in ("ours", "peer"))
    figures = {
        "STOI through a horn in noise, mean over files": (mean, REQUIRED_MEAN, ours, peer),
        "STOI through a horn in noise, worst file": (worst, REQUIRED_WORST, None, None),
    }
    for work, (gain, required, value, peer_value) in figures.items():
        yield row(
            work,
            gain if value is None else value,
            "STOI over the peer's" if value is None else "STOI",
            f"≥ {required:+.2f} over the peer",
            ok=gain >= required,
            peer="ffmpeg-normalize, same LUFS",
            peer_value=peer_value,
            ratio=None if value is None or not peer_value else value / peer_value,
            runs=1,
        )


def table_lines(found: list[Row]) -> list[str]:
    """Table in Markdown: ours and the gain per noise, the mean gain per file, and the verdict."""
    columns = [(noise, snr_db) for noise in NOISES for snr_db in SNRS_DB]
    heads = [f"{noise} {snr_db} dB" for noise, snr_db in columns]
    lines = ["| file | " + " | ".join(heads) + " | mean |", "|---" + "|--:" * 5 + "|"]
    for name, gain in file_means(found).items():
        cells = {(r.noise, r.snr_db): r for r in found if r.file == name}
        texts = [f"{cells[c].ours:.3f} {cells[c].gain:+.3f}" if c in cells else "" for c in columns]
        lines.append(f"| {name} | " + " | ".join(texts) + f" | {gain:+.3f} |")
    means = [np.mean([r.gain for r in found if (r.noise, r.snr_db) == c]) for c in columns]
    mean, worst, holds = verdict(found)
    lines.append("| mean | " + " | ".join(f"{m:+.3f}" for m in means) + f" | {mean:+.3f} |")
    said = "holds" if holds else "does NOT hold"
    of_mean = f"Mean {mean:+.4f} (required {REQUIRED_MEAN:+})"
    of_worst = f"worst file {worst:+.4f} (required {REQUIRED_WORST:+})"
    lines += ["", f"{of_mean}, {of_worst}: {said}."]
    return lines


def main(arguments: list[str]) -> int:
    """Print the table and, where a page is named, write it; 1 if a requirement does not hold."""
    found = compare(shared_speech())
    if not found:
        print("no shared speech: nothing to compare")
        return 0
    text = "\n".join(table_lines(found)) + "\n"
    print(text)
    for page in arguments:
        Path(page).write_text(_PAGE_HEAD + text, encoding="utf-8")
    return 0 if verdict(found)[2] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

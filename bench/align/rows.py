"""Delay: errors, drift, jumps and refusals, on voices that no limit of `dsp.align` was chosen with.

    python -m bench.align.rows [--quick]

Voices are those of the held-out half of `bench.match` and human prompts, none of which the limits
of `dsp.align` have seen. Every path is our own chain and a codec, exact to the sample; pieces of
ten seconds are set beside the whole of another path, so that both sides differ: the original and
an IP tap, the original and FM, FM and an IP tap. `docs/campaigns/align.md` has the older trials.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.align.paths import RATE_HZ, coded, slower, with_noise
from bench.impair.fm_noise import FmNoise
from bench.match.corpus import QUICK, SEED, Corpus
from bench.proportion import Proportion
from bench.row import row
from dsp.align.delay import read_delay
from dsp.align.delay_tracker import DelayTracker
from dsp.receive.meters.figure import Figure

Mono = npt.NDArray[np.float32]

REQUIRED_MS = {20.0: 1.0, 6.0: 5.0}
PIECE_S = 10.0
_VOICE_S = 75.0
ORIGINAL = "original"
OFF_AIR = "fm, off air"  # the `fm` master with the noise of FM at 20 dB
PAIRS = (
    (ORIGINAL, "ip, Opus 16k"),
    (ORIGINAL, "ip, MP3 32k"),
    (ORIGINAL, "ip, G.711"),
    (ORIGINAL, "fm, WAV"),
    (ORIGINAL, OFF_AIR),
    (OFF_AIR, "ip, Opus 16k"),
    (OFF_AIR, "ip, G.711"),
    ("ip, Opus 32k", OFF_AIR),
)
_JUMP_WITHIN_S = 1e-3
_BETWEEN_S = 20.0  # records on either side of a jump are at most so far apart, and the clock drifts
_JUMPS_S = (-0.3, -0.05, 0.05, 0.4)
_PPM = (-150.0, -40.0, 0.0, 60.0, 120.0)


@dataclass(frozen=True)
class Timed:
    """One piece timed: its error and uncertainty in ms, None where there was no delay."""

    voice: str
    pair: tuple[str, str]
    snr_db: float
    error_ms: float | None
    u_ms: float | None


@dataclass(frozen=True)
class Followed:
    """One path followed for a minute: the jump told, the drift told, records that were false."""

    voice: str
    ppm: float
    jump_s: float
    jumps_s: tuple[float, ...]
    drift: Figure
    errors_ms: tuple[float, ...]
    refused: int


def voices(most: int) -> dict[str, Mono]:
    """Return up to `most` held-out voices that speak for long enough, float32 (n,) at 48 kHz."""
    found: dict[str, Mono] = {}
    corpus = Corpus(QUICK)
    for bulletin in corpus.strangers:
        if bulletin.half == "held out" and bulletin.kind != "music" and bulletin.voice not in found:
            sound = corpus.sound(bulletin)
            if len(sound) >= (PIECE_S + 30.0) * RATE_HZ:
                found[bulletin.voice] = sound[: round(_VOICE_S * RATE_HZ)]
        if len(found) == most:
            break
    return found


def paths_of(sound: Mono, seed: int) -> dict[str, Mono]:
    """Return a voice after every path, all in place."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        paths = coded(sound, Path(folder))
    noisy = FmNoise(20.0)(paths["fm, WAV"], np.random.default_rng([SEED, 31, seed]))
    return {ORIGINAL: sound, OFF_AIR: noisy, **paths}


def time_pieces(voice: str, paths: dict[str, Mono], count: int, seed: int) -> Iterator[Timed]:
    """Yield `count` pieces at each signal-to-noise ratio, pairs in turn."""
    rng = np.random.default_rng([SEED, 32, seed])
    for snr_db in REQUIRED_MS:
        for number in range(count):
            reference, heard = PAIRS[(number + seed) % len(PAIRS)]
            whole = paths[heard]
            start = int(rng.integers(0, len(whole) - round(PIECE_S * RATE_HZ)))
            piece = with_noise(whole[start : start + round(PIECE_S * RATE_HZ)], snr_db, rng)
            delay = read_delay(paths[reference], piece, RATE_HZ).delay
            error_ms = u_ms = None
            if delay.value is not None and delay.u is not None and delay.invalid is None:
                error_ms, u_ms = 1e3 * (delay.value + start / RATE_HZ), 1e3 * delay.u
            yield Timed(voice, (reference, heard), snr_db, error_ms, u_ms)


def wrong_content(paths: dict[str, Mono], count: int, seed: int) -> Proportion:
    """Return how often a piece got a delay though the reference has it no more."""
    rng = np.random.default_rng([SEED, 33, seed])
    told = 0
    length = round(PIECE_S * RATE_HZ)
    for number in range(count):
        reference, heard = PAIRS[(number + seed) % len(PAIRS)]
        whole = paths[heard]
        start = int(rng.integers(0, len(whole) - length))
        piece = with_noise(whole[start : start + length], 20.0, rng)
        rest = np.concatenate([paths[reference][:start], paths[reference][start + length :]])
        told += read_delay(rest, piece, RATE_HZ).delay.invalid is None
    return Proportion(told, count)


def follow(voice: str, paths: dict[str, Mono], seed: int) -> Followed:
    """Follow a path whose clock differs and which jumps after half of it; ten-second windows."""
    ppm, jump_s = _PPM[seed % len(_PPM)], _JUMPS_S[seed % len(_JUMPS_S)]
    reference, heard = PAIRS[seed % len(PAIRS)]
    late = np.concatenate([np.zeros(round(1.5 * RATE_HZ), np.float32), slower(paths[heard], ppm)])
    cut, moved = len(late) // 2, round(abs(jump_s) * RATE_HZ)
    if jump_s < 0.0:
        late = np.concatenate([late[:cut], late[cut + moved :]])
    else:
        late = np.concatenate([late[:cut], np.zeros(moved, np.float32), late[cut:]])
    late = with_noise(late, 20.0, np.random.default_rng([SEED, 34, seed]))
    tracker = DelayTracker(RATE_HZ, reach_s=4.0)
    records = tracker.process(paths[reference], late)
    records += tracker.process(np.zeros(9 * RATE_HZ, np.float32), np.zeros(0, np.float32))
    jumps, errors, refused, drift = [], [], 0, Figure.missing("no delay")
    for record in records:
        if record.delay.invalid is not None or record.delay.value is None:
            refused += 1
            continue
        if record.jump_s is not None:
            jumps.append(record.jump_s)
        drift = record.drift_ppm
        after = record.heard_s * RATE_HZ > cut
        # The clock's part grows with what was played, the jump comes once.
        played_s = record.heard_s - 1.5 - (jump_s if after else 0.0)
        true_s = 1.5 + (jump_s if after else 0.0) + 1e-6 * ppm * played_s
        errors.append(1e3 * (record.delay.value - true_s))
    return Followed(voice, ppm, jump_s, tuple(jumps), drift, tuple(errors), refused)


def rows(*, runs: int, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the rows of section 2: errors by noise, refusals, jumps and drift."""
    del runs  # every piece is another one
    timed, followed, wrong = [], [], []
    for seed, (voice, sound) in enumerate(voices(2 if quick else 12).items()):
        paths = paths_of(sound, seed)
        timed += list(time_pieces(voice, paths, 4 if quick else 16, seed))
        wrong.append(wrong_content(paths, 4 if quick else 24, seed))
        followed.append(follow(voice, paths, seed))
    for snr_db, most_ms in REQUIRED_MS.items():
        yield error_row([one for one in timed if one.snr_db == snr_db], snr_db, most_ms)
    told = Proportion(sum(one.hits for one in wrong), sum(one.trials for one in wrong))
    what = f"delays told of wrong content, same voice, 10 s, 20 dB: {told}"
    yield row(what, float(told.hits), "pieces", "0", ok=told.hits == 0, runs=1)
    yield from course_rows(followed)


def error_row(own: Sequence[Timed], snr_db: float, most_ms: float) -> dict[str, Any]:
    """Return the row of the largest error at a signal-to-noise ratio."""
    found = [(abs(t.error_ms), t.u_ms) for t in own if t.error_ms is not None and t.u_ms]
    errors = np.array([error for error, _ in found])
    covered = Proportion(sum(error <= u for error, u in found), len(found))
    worst = float(errors.max()) if len(errors) else float("nan")
    median = float(np.median(errors)) if len(errors) else float("nan")
    return row(
        f"delay of 10 s through two paths, {snr_db:g} dB, largest error of {len(found)} of "
        f"{len(own)} answered (median {median:.2f} ms, u covers {covered})",
        worst,
        "ms",
        f"≤ {most_ms:g}",
        ok=bool(worst <= most_ms),
        runs=1,
    )


def told_as_it_was(one: Followed) -> bool:
    """Tell whether its jump was told, and no other; what the clock drifted meanwhile is in it."""
    within_s = _JUMP_WITHIN_S + 1e-6 * abs(one.ppm) * _BETWEEN_S
    return len(one.jumps_s) == 1 and abs(one.jumps_s[0] - one.jump_s) <= within_s


def course_rows(followed: Sequence[Followed]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the jumps and drifts of paths followed for a minute."""
    right = [f for f in followed if told_as_it_was(f)]
    yield row(
        "jumps of 50 to 400 ms told as they were, and no other",
        float(len(right)),
        f"of {len(followed)} paths",
        "all",
        ok=len(right) == len(followed),
        runs=1,
    )
    off = [abs((f.drift.value or 0.0) - f.ppm) for f in followed if f.drift.invalid is None]
    covered = sum(
        abs((f.drift.value or 0.0) - f.ppm) <= (f.drift.u or 0.0)
        for f in followed
        if f.drift.invalid is None
    )
    yield row(
        f"drift up to 150 ppm, 30 s after a jump, largest error (u covers {covered} of {len(off)})",
        max(off, default=float("nan")),
        "ppm",
        None,
        ok=None,
        runs=1,
    )
    errors = [abs(error) for f in followed for error in f.errors_ms]
    yield row(
        f"delay while it drifts and jumps, largest error of {len(errors)} records "
        f"({sum(f.refused for f in followed)} refused)",
        max(errors, default=float("nan")),
        "ms",
        "≤ 1",
        ok=max(errors, default=9.0) <= 1.0,
        runs=1,
    )


if __name__ == "__main__":
    for line in rows(runs=1, quick="--quick" in sys.argv):
        print(line)

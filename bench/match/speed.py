"""Speed and size: ingest, query against ten thousand bulletins, a live station, load, add, remove.

CPU seconds of one core, pinned; ours and the peers on the same sound in the same run. The index is
the corpus and made bulletins of five minutes (`bench.match.filler`). A programme that is in no
index costs most, because nothing that is heard settles the question: the live station is judged by
that one.
"""

from __future__ import annotations

import functools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile as sf

from bench.impair.fm_noise import FmNoise
from bench.match.corpus import Corpus
from bench.match.filler_cache import SECONDS
from bench.match.ours import Loa
from bench.match.system import RATE_HZ
from bench.peers import audfprint_match, chromaprint_match
from bench.process_timing import time_command
from bench.row import row
from dsp.recognise.fingerprint import fingerprint
from ingest.reference.store import Source, open_store

Sound = npt.NDArray[np.float32]

REQUIRED_INGEST = 2_000.0
REQUIRED_QUERY = 300.0
REQUIRED_MB = 400.0
REQUIRED_LOAD_S = 60.0
REQUIRED_STATION_PERCENT = 1.0
_PROGRAMME_S = 300.0


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(work: Callable[[], Any]) -> float:
    """CPU seconds of one run, of this process alone."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def median_cpu_s(work: Callable[[], Any], runs: int) -> float:
    """Median of `runs` after one that does not count."""
    return statistics.median([cpu_s(work) for _ in range(runs + 1)][1:])


def programme(corpus: Corpus, *, known: bool) -> Sound:
    """Return five minutes of speech, all of it in the index or none."""
    chosen = corpus.indexed if known else corpus.strangers
    parts: list[Sound] = []
    for bulletin in chosen:
        if bulletin.kind != "music":
            parts.append(corpus.sound(bulletin))
        if sum(map(len, parts)) >= _PROGRAMME_S * RATE_HZ:
            break
    return np.concatenate(parts)[: round(_PROGRAMME_S * RATE_HZ)]


def rows(system: Loa, corpus: Corpus, *, runs: int) -> Iterator[dict[str, Any]]:
    """Time everything; `system` is filled up."""
    sound = programme(corpus, known=True)
    with one_core():
        yield from _ingest(sound, runs)
        yield from _queries(system, corpus, runs)
        yield from _index(system, runs)


def _rate(
    what: str, seconds: float, took_s: float, needed: float, runs: int, **peer: Any
) -> dict[str, Any]:
    value = seconds / took_s
    return row(
        what,
        value,
        "× real time per CPU second",
        f"≥ {needed:g}",
        ok=value >= needed,
        runs=runs,
        **peer,
    )


def _ingest(sound: Sound, runs: int) -> Iterator[dict[str, Any]]:
    seconds = len(sound) / RATE_HZ
    ours_s = median_cpu_s(lambda: fingerprint(sound, RATE_HZ), runs)
    peers: list[tuple[str, float]] = []
    if chromaprint_match.installed():
        with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
            path = Path(folder) / "programme.wav"
            sf.write(path, sound, RATE_HZ, subtype="PCM_16")
            # It prints everything and then ends with an error where the file ends.
            command = ["sh", "-c", f"fpcalc -raw -length 0 {path} || true"]
            times = [time_command(command, pinned=True).cpu_s for _ in range(runs + 1)][1:]
        peers.append(("fpcalc, whole command", seconds / statistics.median(times)))
    if audfprint_match.installed():
        audfprint = audfprint_match.Audfprint()
        took_s = median_cpu_s(lambda: audfprint.hashes_of(sound, 1), 1)
        peers.append(("audfprint, in process", seconds / took_s))
    for name, value in peers or [("", 0.0)]:
        peer = (
            {"peer": name, "peer_value": value, "ratio": seconds / ours_s / value} if name else {}
        )
        yield _rate(
            "ingest, 5 min mono 48 kHz in memory", seconds, ours_s, REQUIRED_INGEST, runs, **peer
        )


def _queries(system: Loa, corpus: Corpus, runs: int) -> Iterator[dict[str, Any]]:
    count = len(system.index)
    for what, known in (("of the index", True), ("of no index", False)):
        clean = programme(corpus, known=known)
        for way, sound in (
            ("clean", clean),
            ("FM 15 dB", FmNoise()(clean, np.random.default_rng(5))),
        ):
            seconds = len(sound) / RATE_HZ
            took_s = median_cpu_s(functools.partial(system.listen, sound), runs)
            yield _rate(
                f"query against {count} bulletins, programme {what}, {way}",
                seconds,
                took_s,
                REQUIRED_QUERY,
                runs,
            )
    share = 100.0 * took_s / seconds
    yield row(
        f"live station against {count} bulletins, programme of no index, FM 15 dB",
        share,
        "% of a core",
        f"≤ {REQUIRED_STATION_PERCENT:g}",
        ok=share <= REQUIRED_STATION_PERCENT,
        runs=runs,
    )


def _index(system: Loa, runs: int) -> Iterator[dict[str, Any]]:
    count = len(system.index)
    size_mb = system.index.memory_bytes / 1e6
    yield row(
        f"index of {count} bulletins, arrays in memory",
        size_mb,
        "MB",
        f"≤ {REQUIRED_MB:g}",
        ok=size_mb <= REQUIRED_MB,
        runs=1,
    )
    yield load_row(system, runs=runs)
    yield from _changes(system, runs)


def load_row(system: Loa, *, runs: int) -> dict[str, Any]:
    """Write the index to a folder and time how long it takes to read and check it again."""
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        path = Path(folder) / "index"
        with open_store(path, create=True, write=True) as store:
            for segment, alive in system.index.segments:
                store.index.restore(segment, set(np.flatnonzero(~alive).tolist()))
            store.sources = {name: Source(name, "", SECONDS) for name in store.index.ids}
            store.save()
        times = []
        for _ in range(runs):
            began_s = time.perf_counter()
            with open_store(path) as store:
                times.append(time.perf_counter() - began_s)
    return row(
        f"load and check an index of {len(store.index)} bulletins from disk",
        statistics.median(times),
        "s",
        f"≤ {REQUIRED_LOAD_S:g}",
        ok=statistics.median(times) <= REQUIRED_LOAD_S,
        runs=runs,
    )


def _changes(system: Loa, runs: int) -> Iterator[dict[str, Any]]:
    prints = fingerprint(
        np.random.default_rng(1).normal(0.0, 0.1, round(SECONDS * RATE_HZ)).astype(np.float32),
        RATE_HZ,
    )
    added, removed = [], []
    for number in range(runs):
        name = f"one more {number}"
        added.append(cpu_s(functools.partial(system.index.add, name, prints)))
        removed.append(cpu_s(functools.partial(system.index.remove, name)))
    for what, times in (("add", added), ("remove", removed)):
        yield row(
            f"{what} one bulletin of 5 min, prints ready, in memory",
            1_000.0 * statistics.median(times),
            "ms",
            None,
            ok=None,
            runs=runs,
        )

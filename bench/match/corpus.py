"""The bulletins of the bench: synthetic voices, real prompts, real speech, music; seeded.

    corpus = Corpus(QUICK)
    corpus.prepare(progress)                    # synthesis, in parallel, kept in the cache folder
    for bulletin in corpus.indexed: corpus.sound(bulletin)        # mono float32 at 48 kHz
    for bulletin in corpus.strangers: …         # same voices, other texts; never indexed

Real speech is taken where it lies: prompts of Debian's Asterisk packages (CC-BY-SA 3.0, five human
voices: `apt-get install asterisk-core-sounds-{en,es,fr,it,ru}-g722`), and the shared material
(LOA_SHARED_DATA, else `shared/data` beside the repository). What is missing is left out and named
in `missing`. The prompts of one human voice are dealt out once: no prompt is in two bulletins.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr

from bench.impair.codecs import decode_g722
from bench.match import voices as voices_module
from bench.match.halves import Half, half_of
from bench.match.music import tune
from bench.match.sound_cache import kept_sound, path_of
from bench.match.texts import announcement, english_announcement
from bench.match.voices import RATE_HZ, VOICES, Voice, at_house_rate, read_aloud

Sound = npt.NDArray[np.float32]

SEED = 20_261_124
PROMPTS = Path("/usr/share/asterisk/sounds")
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
_PROMPT_S = 1.0  # shorter ones are single words
_NOT_THE_VOICE = "tt-monkeys.g722"  # one recording in every language
_EDITED = ("conf-adminmenu-", "conf-usermenu")  # the sentences of conf-adminmenu, read again
_BULLETIN_S = 90.0
_PAUSE = np.zeros(RATE_HZ // 4, np.float32)


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    name: str
    bulletins_per_voice: int
    strangers_per_voice: int
    syllables: int
    tunes: int
    prompt_bulletins: int
    tune_s: float = 60.0


QUICK = Size("quick", 2, 2, 200, 3, 2)
FULL = Size("full", 6, 4, 200, 8, 4)


@dataclass(frozen=True)
class Bulletin:
    """One programme of the corpus."""

    name: str
    voice: str
    kind: str  # speech synthesised, real, music
    text: str
    half: Half
    recipe: str  # what `make` depends on
    make: Callable[[], tuple[Sound, int]]


class Corpus:
    """Bulletins to be indexed and strangers of the same voices."""

    def __init__(self, size: Size, voices: Iterable[Voice] = VOICES) -> None:
        wanted = tuple(voices)
        self.size = size
        self.voices = voices_module.available(wanted)
        self.missing = [voice.name for voice in wanted if voice not in self.voices]
        self.indexed: list[Bulletin] = []
        self.strangers: list[Bulletin] = []
        self._lengths_s: dict[str, float] = {}
        for voice in self.voices:
            for number in range(size.bulletins_per_voice):
                self.indexed.append(read_bulletin(voice, number, size.syllables))
            for number in range(size.strangers_per_voice):
                self.strangers.append(read_bulletin(voice, 100_000 + number, size.syllables))
        self._add_prompts(size.prompt_bulletins)
        self._add_shared()
        for seed in range(2 * size.tunes):
            place = self.indexed if seed < size.tunes else self.strangers
            place.append(
                Bulletin(
                    f"tune-{seed}",
                    "music",
                    "music",
                    "",
                    "held out",
                    f"tune {seed} {size.tune_s} s",
                    functools.partial(_tune, seed, size.tune_s),
                )
            )

    def sound(self, bulletin: Bulletin) -> Sound:
        """Return the bulletin, mono float32 (n,) at 48 kHz, -20 dBFS rms."""
        return at_house_rate(*self._kept(bulletin))

    def length_s(self, bulletin: Bulletin) -> float:
        """Return how long a bulletin is, in seconds."""
        if bulletin.name not in self._lengths_s:
            self._lengths_s[bulletin.name] = len(self.sound(bulletin)) / RATE_HZ
        return self._lengths_s[bulletin.name]

    def prepare(self, step: Callable[[str, float], None]) -> None:
        """Make whatever is not kept yet, two at a time; `step` hears how far it has come."""
        wanted = [b for b in self.indexed + self.strangers if not path_of(_recipe(b)).exists()]
        with ThreadPoolExecutor(2) as pool:
            for done, _ in enumerate(pool.map(self._kept, wanted), start=1):
                step("corpus", done / len(wanted))

    def _kept(self, bulletin: Bulletin) -> tuple[Sound, int]:
        return kept_sound(_recipe(bulletin), bulletin.make)

    def _add_prompts(self, most: int) -> None:
        folders = sorted(path for path in PROMPTS.glob("*_*_*_*") if path.is_dir())
        if not folders:
            self.missing.append("asterisk prompts")
        for folder in folders:
            dealt = deal(sorted(folder.rglob("*.g722")), 2 * most)
            for number, paths in enumerate(dealt):
                place = self.indexed if number % 2 == 0 else self.strangers
                name = f"{folder.name}-{number}"
                place.append(
                    Bulletin(
                        name,
                        folder.name,
                        "real",
                        "",
                        half_of(folder.name),
                        f"prompts {[str(path) for path in paths]}",
                        functools.partial(joined, paths),
                    )
                )

    def _add_shared(self) -> None:
        speech = Path(os.environ.get("LOA_SHARED_DATA", _BESIDE)) / "speech"
        known: dict[str, list[Path]] = {}
        unknown: dict[str, list[Path]] = {}
        for path in sorted(speech.glob("km/*.wav")):
            # Clip n of every Khmer speaker is the same text: even ones are known, odd ones never.
            place = unknown if int(path.stem.rsplit("-", 1)[1]) % 2 else known
            place.setdefault(path.name.split("-p", 1)[0], []).append(path)
        for name in ("vi/south_nu_giong_nam.wav", "other/ina_musanmix.wav", "other/jfk.flac"):
            if (speech / name).exists():
                known[name] = [speech / name]
        short = [p for p in sorted(speech.glob("vi/*.wav")) if "south" not in p.name]
        if short:
            known["vi/short clips"] = short
        if not known:
            self.missing.append("shared real speech")
        self.indexed += [_clips_bulletin(*group) for group in known.items()]
        self.strangers += [_clips_bulletin(*group) for group in unknown.items()]


def _recipe(bulletin: Bulletin) -> str:
    return f"{SEED} {bulletin.recipe}"


def read_bulletin(voice: Voice, number: int, syllables: int) -> Bulletin:
    """Bulletin `number` of a voice: the same text from the same number, always."""
    rng = np.random.default_rng([SEED, number, *voice.name.encode()])
    write = announcement if voice.language == "vi" else english_announcement
    text = write(rng, syllables=syllables, half=voice.half)
    return Bulletin(
        f"{voice.name}-{number}",
        voice.name,
        "synthetic",
        text,
        voice.half,
        f"{voice.program} {voice.arguments} {text}",
        functools.partial(read_aloud, text, voice),
    )


def _clips_bulletin(name: str, paths: list[Path]) -> Bulletin:
    """Recordings of one group as a programme; all of them are held out."""
    return Bulletin(
        f"real {name} {paths[0].stem[-3:]}",
        name,
        "real",
        "",
        "held out",
        f"clips {[f'{path.name} {path.stat().st_size}' for path in paths]}",
        functools.partial(_clips, paths),
    )


def deal(paths: list[Path], most: int) -> list[list[Path]]:
    """Deal prompts out to at most `most` bulletins of 90 s, each prompt once, in a seeded order."""
    order = np.random.default_rng(SEED).permutation(len(paths))
    hands: list[list[Path]] = []
    room_s = 0.0
    for index in order:
        length_s = paths[index].stat().st_size / 8_000  # 64 kbit/s
        if length_s < _PROMPT_S or paths[index].name == _NOT_THE_VOICE:
            continue
        if room_s <= 0.0:
            if len(hands) == most:
                break
            hands.append([])
            room_s = _BULLETIN_S
        hands[-1].append(paths[index])
        room_s -= length_s
    # What is left out here leaves the other hands as they are.
    hands = [[p for p in hand if not p.stem.startswith(_EDITED)] for hand in hands]
    return [hand for hand in hands if len(hand) > 3]


def _tune(seed: int, seconds: float) -> tuple[Sound, int]:
    return tune(seed, seconds), RATE_HZ


def joined(paths: list[Path]) -> tuple[Sound, int]:
    """Prompts one after another, at 16 kHz."""
    pause = np.zeros(4_000, np.float32)
    parts = [part for path in paths for part in (decode_g722(path.read_bytes()), pause)]
    return np.concatenate(parts), 16_000


def _clips(paths: list[Path]) -> tuple[Sound, int]:
    """Clips one after another at 48 kHz, each at the same level."""
    parts: list[Sound] = []
    for path in paths:
        frames, rate_hz = sf.read(path, dtype="float32", always_2d=True)
        mono = frames.mean(axis=1)
        raised = soxr.resample(mono, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else mono
        parts += [at_house_rate(raised, RATE_HZ), _PAUSE]
    return np.concatenate(parts), RATE_HZ

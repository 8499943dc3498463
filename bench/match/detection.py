"""Detection: clips of indexed bulletins, over the real FM path and a codec, or impaired.

Ours is tried on every clip by its cached prints; the peers, who need the sound, on the first few of
every bulletin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.impair.fm_noise import FmNoise
from bench.match.air import over_the_air
from bench.match.clips import (
    LENGTHS_S,
    Clip,
    StrangerPrints,
    aired_clips,
    cuts_of,
    impaired_clips,
)
from bench.match.corpus import SEED, Bulletin, Corpus
from bench.match.halves import Half
from bench.match.ours import Loa
from bench.match.system import RATE_HZ, System
from bench.match.trials import Excerpt, Trial, excerpts, try_clip, try_loa, try_system


def on_the_air(
    corpus: Corpus,
    bulletin: Bulletin,
    count: int,
    ours: Loa,
    peers: Sequence[System] = (),
    for_peers: int = 0,
) -> Iterator[Trial]:
    """Yield the trials of `count` clips of each length, the peers' of the first `for_peers`."""
    for seconds in LENGTHS_S:
        clips = aired_clips(corpus, bulletin, seconds, count)
        for clip in clips:
            yield try_clip(ours, clip)
        if not peers or not clips:
            continue
        received = over_the_air(corpus, bulletin)
        for clip, cut in list(zip(clips, cuts_of(corpus, bulletin, seconds, count), strict=True))[
            :for_peers
        ]:
            labels = clip.bulletin, clip.voice, clip.way, clip.start_s, clip.seconds
            for peer in peers:
                yield try_system(peer, Excerpt(*labels, cut.sound(received)))


def impaired(corpus: Corpus, half: Half, name: str, count: int, ours: Loa) -> Iterator[Trial]:
    """Yield the trials of `count` clips of each length under one impairment."""
    for seconds in LENGTHS_S:
        for clip in impaired_clips(corpus, half, name, seconds, count):
            yield try_clip(ours, clip)


def unknown(prints: StrangerPrints, ours: Loa, peers: Sequence[System] = ()) -> Iterator[Trial]:
    """Yield the trials of a stranger cut into clips; its sound is made again for the peers."""
    stranger = prints.stranger
    for seconds, clips in prints.clips.items():
        for number, clip in enumerate(clips):
            labels = "", stranger.voice, stranger.way, number * seconds, seconds
            yield try_clip(ours, Clip(*labels, clip))
    if not peers:
        return
    sound = stranger.sound()
    for seconds in LENGTHS_S:
        length = round(seconds * RATE_HZ)
        for first in range(0, len(sound) - length + 1, length):
            labels = "", stranger.voice, stranger.way, first / RATE_HZ, seconds
            for peer in peers:
                yield try_system(peer, Excerpt(*labels, sound[first : first + length]))


def music(
    corpus: Corpus, tune: Bulletin, count: int, ours: Loa, peers: Sequence[System]
) -> Iterator[Trial]:
    """Yield the trials of `count` excerpts of each length from a tune, with FM noise."""
    rng = np.random.default_rng([SEED, 18, *tune.name.encode()])
    labels = (tune.name, tune.voice, "music, FM 15 dB")
    sound = corpus.sound(tune)
    for excerpt in excerpts(sound, labels, FmNoise(), lengths_s=LENGTHS_S, count=count, rng=rng):
        yield try_loa(ours, excerpt)
        for peer in peers:
            yield try_system(peer, excerpt)

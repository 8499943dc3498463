"""Several references lie on what is heard: which of them may be named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.recognise.grid import FRAMES_PER_SECOND, STEP
from ingest.reference.track import HOLDS, Track

_WITHIN = 0.85  # share of a reference's seconds that another has too: it lies within it
_AHEAD = 4.5  # evidence by which a reference must be ahead in seconds that it has alone
_LOOK_BACK_S = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """The reference that may be named, if any, and the others that fit as well, sorted."""

    track: Track | None
    others: tuple[str, ...]


def stand(holding: list[Track], tracks: list[Track], ahead: int) -> Standing:
    """Say which of the tracks that hold may be named, knowing the seconds below `ahead`.

    `tracks` are all that were followed of late: one that has just ended or been lost may be what
    was heard all along.
    """
    seconds = range(max(0, ahead - _LOOK_BACK_S), ahead)
    held = {id(t): {s for s in seconds if t.holds(s)} for t in [*tracks, *holding]}
    rivals = {id(t): t for h in holding for t in tracks if held[id(t)] & held[id(h)]}
    rivals.update({id(h): h for h in holding})
    if len(rivals) == 1:
        return Standing(holding[0], ())
    all_rivals = list(rivals.values())
    named = _ahead_of_all(holding, all_rivals, held) or _within_all(holding, all_rivals)
    names = {t.reference for t in holding if t is not named}
    return Standing(named, tuple(sorted(names)))


def _ahead_of_all(
    holding: list[Track], rivals: list[Track], held: dict[int, set[int]]
) -> Track | None:
    """Return the one that holds, and held where no other did."""
    for track in holding:
        if all(
            _lead(track, other, held[id(track)] - held[id(other)]) >= _AHEAD
            and _lead(other, track, held[id(other)] - held[id(track)]) < _AHEAD
            for other in rivals
            if other is not track
        ):
            return track
    return None


def _lead(track: Track, other: Track, seconds: set[int]) -> float:
    """How much more evidence a track has than another over some seconds."""
    return track.evidence_of(seconds) - other.evidence_of(s for s in seconds if other.covers(s))


def _within_all(holding: list[Track], rivals: list[Track]) -> Track | None:
    """Return the shortest one that holds if it lies within all others, copies included."""
    shortest = min(holding, key=lambda track: (len(track.words), track.reference))
    others = [track for track in rivals if track is not shortest]
    return shortest if all(_lies_within(shortest, other) for other in others) else None


def _lies_within(part: Track, whole: Track) -> bool:
    """Tell whether the words of one reference are also in the other, where their lines say."""
    shift = (whole.line.offset_frames - part.line.offset_frames) / STEP
    places = np.arange(len(part.words)) + round(shift)
    inside = (places >= 0) & (places < len(whole.words))
    if np.count_nonzero(inside) < _WITHIN * len(part.words):
        return False
    different = part.words[inside] ^ whole.words[places[inside]]
    errors = np.unpackbits(different.view(np.uint8)).reshape(len(different), -1).mean(axis=1)
    blocks = max(1, len(errors) * STEP // FRAMES_PER_SECOND)
    agree = [1.0 - 2.0 * float(b.mean()) >= HOLDS for b in np.array_split(errors, blocks)]
    return sum(agree) >= _WITHIN * len(agree)

"""Where could this be? Heard words are looked up, and what is found is compared on the spot.

A heard word has some sure signs and a few that may be wrong; it is looked up as it is and with its
least sure signs turned, the likeliest error first. Whatever stands under such a key is compared
with the heard words around it, a few at first, so that the many that are not it cost little.

Most of what stands under a key is something else, and every look into the words of ten thousand
bulletins is a miss of the cache. So beside each posting lie the surest signs of the words half a
second and a second before it (`signs_before`): one look along the row of postings drops nine of
ten. Over a real FM path at 15 dB and a codec 97 % of the true ones pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.kernel import inlined, kernel, ready
from dsp.kernel_types import Array, boolean, float32, int8, int32, int64, uint32, void
from dsp.recognise.fingerprint import Prints
from dsp.recognise.grid import STEP, WORD_BITS
from dsp.recognise.reference_prints import SPEAKS
from dsp.recognise.segment import Segment

_U_IN = Array(uint32, 1, "C", readonly=True)
_U = Array(uint32, 1, "C")
_V_IN = Array(int8, 2, "C", readonly=True)
_F_IN = Array(float32, 1, "C", readonly=True)
_I_IN = Array(int32, 1, "C", readonly=True)
_L_IN = Array(int64, 1, "C", readonly=True)
_B_IN = Array(boolean, 1, "C", readonly=True)
_L2 = Array(int64, 2, "C")

WEAKEST = 6  # signs that may be turned
# Of the 64 sets of turned signs, those tried, by the number of signs turned and their weakness.
_SETS = sorted(
    range(1 << WEAKEST), key=lambda s: sum(1.0 + 0.6 * b for b in range(6) if s >> b & 1)
)
_COMPARED = np.array(
    [0, 8, -8, 16, -16, 24, -24, 32, -32, 4, -4, 12, -12, 20, -20, 28, -28], np.int32
)
BEFORE = (8, 16)  # steps before an anchor whose words' upper halves lie beside its posting
_HALF = WORD_BITS // 2
_UPPER = np.uint32(0xFFFF0000)
_FIRST = 3  # of the steps above; from there on a candidate may be dropped
_MOST_ERRORS_PERCENT = 36
_FINAL_ERRORS_PERCENT = 33  # of all of them
_MOST_ERRORS_BEFORE_PERCENT = 34
_LEAST_SIGNS_BEFORE = 10  # with fewer sure ones nothing is dropped
_ANY_ERRORS = 100 * WORD_BITS


@inlined
def count_bits(word):
    """Count the bits of a uint32."""
    x = word - ((word >> np.uint32(1)) & np.uint32(0x55555555))
    x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
    x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    # numba multiplies in 64 bits: what is above the byte of the sum is cut off.
    return np.int64(((x * np.uint32(0x01010101)) >> np.uint32(24)) & np.uint32(0xFF))


@inlined
def pick_weakest(values, f, key_bits, weak):
    """Write the places of the least sure of the first `key_bits` signs of word f, weakest first."""
    taken = np.int64(0)
    for w in range(WEAKEST):
        least, where = np.int64(1000), np.int64(0)
        for b in range(key_bits):
            margin = abs(np.int64(values[f, b]))
            if margin < least and (taken >> b) & 1 == 0:
                least, where = margin, np.int64(b)
        taken |= np.int64(1) << where
        weak[w] = where


@inlined
def turn_signs(word, turned, weak):
    """Turn the signs of `word` that are in the set `turned`."""
    for w in range(WEAKEST):
        if (turned >> w) & 1:
            word ^= np.uint32(1) << np.uint32(WORD_BITS - 1 - weak[w])
    return word


@kernel(void(_U_IN, _U_IN, _U))
def signs_before(words: Any, postings: Any, before: Any) -> None:
    """Write the upper halves of the words BEFORE each of `postings` to `before`, both (p,).

    Where a reference has just begun, they are those of the reference before it: such an anchor is
    found only by chance or at the beginning of a stream. The next ones are not far.
    """
    for n in range(postings.shape[0]):
        near = words[max(np.int64(postings[n]) - BEFORE[0], 0)]
        far = words[max(np.int64(postings[n]) - BEFORE[1], 0)]
        before[n] = (near & _UPPER) | (far >> np.uint32(_HALF))


@inlined
def halves_before(words, activity, f):
    """Return the same two halves for word f of a stream; no signs where nothing was heard."""
    both = np.uint32(0)
    g = f - STEP * BEFORE[0]
    if g >= 0 and activity[g] >= SPEAKS:
        both |= words[g] & _UPPER
    g = f - STEP * BEFORE[1]
    if g >= 0 and activity[g] >= SPEAKS:
        both |= words[g] >> np.uint32(_HALF)
    return both


@inlined
def most_errors_before(certain):
    """Return how many hundredths of errors the signs before may have; too few may have any."""
    count = count_bits(certain)
    if count < _LEAST_SIGNS_BEFORE:
        return np.int64(_ANY_ERRORS)
    return np.int64(count * _MOST_ERRORS_BEFORE_PERCENT)


@inlined
def compare_around(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    words, low, high, place, heard, sure, activity, f, steps, tally
):
    """Count errors and signs at `steps` around a candidate; tell whether it may be the same.

    Only steps within words low to high (not included) count. `tally` (2,) receives both counts.
    """
    errors, signs = np.int64(0), np.int64(0)
    for s in range(steps.shape[0]):
        p, g = place + steps[s], f + STEP * steps[s]
        if low <= p < high and 0 <= g < heard.shape[0] and activity[g] >= SPEAKS:
            errors += count_bits((words[p] ^ heard[g]) & sure[g])
            signs += count_bits(sure[g])
        if s >= _FIRST and errors * 100 > signs * _MOST_ERRORS_PERCENT:
            break
    tally[0], tally[1] = errors, signs
    return errors * 100 <= signs * _FINAL_ERRORS_PERCENT


@inlined
def find_reference(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    words, starts, alive, place, heard, sure, activity, f, steps, tally
):
    """Return the reference that word f may be in, at `place`, or -1; `tally` as `compare_around`.

    Most end at the first look, which costs no search for where a reference begins and ends.
    """
    everywhere = words.shape[0]
    if not compare_around(words, 0, everywhere, place, heard, sure, activity, f, steps, tally):
        return np.int64(-1)
    reference = np.int64(np.searchsorted(starts, place, side="right") - 1)
    low, high = starts[reference], starts[reference + 1]
    if alive[reference] and compare_around(
        words, low, high, place, heard, sure, activity, f, steps, tally
    ):
        return reference
    return np.int64(-1)


@kernel(
    int64(
        *(_U_IN, _U_IN, _U_IN, _L_IN, _B_IN),
        *(_U_IN, _U_IN, _V_IN, _F_IN, _U_IN, _L_IN, _I_IN, _I_IN, _L2),
    )
)
def find_candidates(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    table, postings, before, starts, alive,
    heard, sure, values, activity, words, frames, sets, steps, found,
):  # fmt: skip
    """Write candidates (reference, step in it, heard word, errors, signs) to `found`; count them.

    The first key bits are those of `table`; `heard` and `sure` (n,), `values` (n, 32) and
    `activity` (n,) are words of the stream, and `frames` says which of them are looked up. `sets`
    are sets of turned signs, `steps` the distances in steps at which a candidate is compared, the
    first being 0. `before` (p,) is that of `signs_before`. Search ends when `found` (m, 5) is full.
    """
    key_bits, count = 0, 0
    while (1 << (key_bits + 1)) < table.shape[0]:
        key_bits += 1
    weak, tally = np.empty(WEAKEST, np.int64), np.empty(2, np.int64)
    for f in frames:
        if activity[f] < SPEAKS:
            continue
        pick_weakest(values, f, key_bits, weak)
        earlier = halves_before(heard, activity, f)
        certain = halves_before(sure, activity, f)
        most = most_errors_before(certain)
        for turned in sets:
            key = np.int64(turn_signs(heard[f], turned, weak) >> np.uint32(WORD_BITS - key_bits))
            for at in range(table[key], table[key + 1]):
                if 100 * count_bits((before[at] ^ earlier) & certain) > most:
                    continue
                place = np.int64(postings[at])
                reference = find_reference(
                    words, starts, alive, place, heard, sure, activity, f, steps, tally
                )
                if reference >= 0:
                    found[count, 0], found[count, 1] = reference, place - starts[reference]
                    found[count, 2], found[count, 3], found[count, 4] = f, tally[0], tally[1]
                    count += 1
                    if count == found.shape[0]:
                        return count
    return count


def before_postings(segment: Segment) -> npt.NDArray[np.uint32]:
    """Return the signs that lie beside the postings of a segment (`signs_before`)."""
    ready(signs_before)
    before = np.empty(len(segment.postings), np.uint32)
    signs_before(segment.words, segment.postings, before)
    return before


def look_up(
    segment: Segment,
    before: npt.NDArray[np.uint32],
    alive: npt.NDArray[np.bool_],
    prints: Prints,
    frames: npt.NDArray[np.int64],
    *,
    probes: int = 12,
    most: int = 2048,
) -> npt.NDArray[np.int64]:
    """Return candidates (m, 5): reference, step in it, index of the heard word, errors, bits.

    `before` is that of `before_postings`. `frames` are indices into the words of `prints`; `probes`
    keys are tried for each.
    """
    ready(find_candidates)
    found = np.empty((most, 5), np.int64)
    count = find_candidates(
        segment.table,
        segment.postings,
        before,
        segment.starts,
        alive,
        prints.words,
        prints.sure,
        prints.values,
        prints.activity,
        segment.words,
        frames,
        np.array(_SETS[:probes], np.int32),
        _COMPARED,
        found,
    )
    return found[:count]

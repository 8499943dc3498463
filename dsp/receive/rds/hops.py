"""From the RDS baseband to soft symbols: all the hops of a piece in one call (`symbols.py`).

A call from Python costs as much as the arithmetic of a hop; so matched filter, estimates, symbols
and the figures of the carrier are done here, hop after hop.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import types

from dsp.kernel import inlined, kernel
from dsp.receive.rds import symbols as symbols_of
from dsp.receive.rds.baseband import DECIMATION
from dsp.receive.rds.pilot import HOPS_KEPT as PILOTS_KEPT
from dsp.receive.rds.pilot import SUMS_PER_HOP
from dsp.receive.rds.shape import BASEBAND_RATE_HZ, HALF_TAPS, SAMPLES_PER_BIT

HOP: Final = symbols_of.HOP
REACH: Final = symbols_of.REACH
#: Hops that an estimate takes in, and how many the first one wants.
KEPT: Final = 4
FIRST: Final = 2
#: Baseband samples to either side of a hop: half a filter, and the reach of the interpolation.
MARGIN: Final = HALF_TAPS + REACH
#: Symbols that a hop can have.
MOST: Final = symbols_of.HOP_BITS + 4

# What one hop says about the carrier; sums, so that hops can be joined. POWER and NOISE are of the
# envelope (1.0 = 100 kHz) and of one of its two components; CARRIER is the phase in the middle of
# the hop and PILOT that of the pilot, in radians, LEVEL the pilot's amplitude; OFFSET_HZ is of
# 57 kHz.
SAMPLE, SYMBOLS, POWER, NOISE, COHERENCE, OFFSET_HZ, CARRIER, PILOT, LEVEL = range(9)
FIGURES: Final = 9

_PILOT_HOP: Final = HOP * DECIMATION
_C64 = types.Array(types.complex64, 1, "C")
_C128 = types.Array(types.complex128, 1, "C")
_F32 = types.Array(types.float32, 1, "C")
_F64 = types.Array(types.float64, 1, "C")
_F64_2 = types.Array(types.float64, 2, "C")

_match_filter = symbols_of.match_filter
_sum_energy = symbols_of.sum_energy
_estimate_stretch = symbols_of.estimate_stretch
_take_symbols = symbols_of.take_symbols
_STATE_NEXT = symbols_of.NEXT
_STATE_POWER, _STATE_NOISE = symbols_of.HOP_POWER, symbols_of.HOP_NOISE
_STATE_ANGLE = symbols_of.ANGLE
_ESTIMATE_TURN, _ESTIMATE_COHERENCE = symbols_of.TURN, symbols_of.COHERENCE


@inlined
def _note(
    hop: Any, count: Any, estimate: Any, state: Any, pilots: Any, window: Any, row: Any
) -> None:
    """Write the figures of hop number `hop`."""
    slot = hop % PILOTS_KEPT * SUMS_PER_HOP
    pilot = 0.0 + 0.0j
    for i in range(SUMS_PER_HOP):
        pilot += pilots[slot + i] * window[i]
    turn = estimate[_ESTIMATE_TURN]
    row[SAMPLE] = hop * _PILOT_HOP
    row[SYMBOLS] = count
    row[POWER] = state[_STATE_POWER]
    row[NOISE] = state[_STATE_NOISE]
    row[COHERENCE] = estimate[_ESTIMATE_COHERENCE]
    row[OFFSET_HZ] = turn * BASEBAND_RATE_HZ / (2.0 * math.pi)
    row[CARRIER] = state[_STATE_ANGLE] - 0.5 * turn * HOP
    row[PILOT] = math.atan2(pilot.imag, pilot.real)
    row[LEVEL] = abs(pilot)


@inlined
def _match_hop(pairs: Any, taps: Any, waves: Any, matched: Any, sums: Any) -> None:
    """Run the matched filter over one more hop; buffer and sums move on by a hop."""
    ends = matched.shape[0]
    for n in range(ends - HOP):
        matched[n] = matched[n + HOP]
    fresh = matched[ends - HOP - 2 * REACH :]
    _match_filter(pairs, taps, fresh.view(np.float32))
    for h in range(KEPT - 1):
        sums[h] = sums[h + 1]
    _sum_energy(fresh[REACH : REACH + HOP], waves, sums[KEPT - 1])


@kernel(
    types.UniTuple(types.int64, 2)(
        _F32, types.int64, types.int64, _F32, _F32, _C64, _F64_2, _F64, _F64, _C64, _C128, _F64,
        _F64, _F32, _F64_2,
    )
)  # fmt: skip
def receive_hops(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    pairs: Any, count: Any, before: Any, taps: Any, waves: Any, matched: Any, sums: Any,
    estimate: Any, state: Any, symbols: Any, pilots: Any, window: Any,
    times: Any, levels: Any, figures: Any,
) -> Any:  # fmt: skip
    """Receive `count` hops of baseband `pairs` (re, im); return the number of symbols and of hops.

    Hop i begins MARGIN samples after sample i · HOP of `pairs`; `before` hops came before. Carried:
    `matched` (KEPT · HOP + 2 REACH,), `sums` (KEPT, 5), `state` (6,). `pilots` is the ring of sums
    of `correlate_pilot`, `window` (48,) goes over those of a hop. Scratch: `estimate` (6,),
    `symbols` (MOST,). `times` and `levels` get the symbols, `figures` (hops, 9) the carrier.
    Rate of the loop: 21 Hz.
    """
    got = given = 0
    for i in range(count):
        piece = pairs[2 * i * HOP : 2 * ((i + 1) * HOP + 2 * MARGIN)]
        _match_hop(piece, taps, waves, matched, sums)
        hops = before + i + 1
        state[_STATE_NEXT] -= HOP
        if hops < FIRST:
            continue
        oldest = hops - KEPT  # number of the hop at the front of the buffer
        # The first hop of all waits for the second.
        for hop in range(0 if hops == FIRST else hops - 1, hops):
            _estimate_stretch(matched, sums, max(-oldest, 0), KEPT, estimate)
            start = float((hop - oldest) * HOP)
            own = times[got : got + MOST]
            found = _take_symbols(
                matched, start, start + HOP, estimate, state, own, symbols, levels[got:]
            )
            _note(hop, found, estimate, state, pilots, window, figures[given])
            # A symbol is given with the end of its bit, half a bit after its middle.
            for n in range(found):
                own[n] = (own[n] + (oldest * HOP + 0.5 * SAMPLES_PER_BIT)) * DECIMATION
            got += found
            given += 1
    return got, given

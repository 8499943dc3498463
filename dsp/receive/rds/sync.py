"""Finds the blocks in a stream of soft RDS symbols, keeps hold of them, and gives groups.

Every one of the 104 possible beginnings of a group keeps an account: the sum of the logarithms
(base 2) of the likelihoods, against random bits, of what would be its blocks; never below zero.
Whatever the noise, such an account reaches 34 about once in 1000 hours of random bits (2^-34 for
each of its 17 million entries an hour), and on a clean signal with the first whole group. The
groups since the account was last empty are then taken from memory: nothing before the lock is lost.

The lock moves when another account gets ahead (a slipped bit), and ends when its account is empty
or nothing was received for five seconds. Noise leaves the accounts as they are: it speaks neither
for nor against.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import types

from dsp.contract import BlockContractError
from dsp.fm.constants import RDS_BIT_RATE, RECEIVE_RATE_HZ
from dsp.kernel import inlined, kernel, ready
from dsp.rds.code import BLOCK_BITS, CHECK_BITS, GROUP_BITS
from dsp.receive.rds.blocks import (
    F64,
    I64,
    NO_PATTERN,
    OFFSETS,
    RING,
    error_words,
    fit_of,
    odds_wrong,
    pattern_table,
    remainder_tables,
    weigh_block,
)
from dsp.receive.rds.group import LOST, RdsGroup

#: Logarithms, base 2.
LOCK_AT: Final = 34.0
_HIGHEST: Final = 48.0
#: Added to every likelihood before it is normed again: no block counts more than -6 against.
_DOUBT: Final = 1.0 / 64.0
#: Odds from which a block counts as received, as it came and corrected.
LEAST_ODDS: Final = 20.0
LEAST_ODDS_CORRECTED: Final = 60.0
#: Chance of a bit wrong by itself, that is of half a turn of the carrier at this bit.
_SLIP: Final = 2.0**-11
_PATIENCE: Final = 57 * GROUP_BITS  # symbols, 5 s

# Integer state.
_COUNT, _LOCK, _EMITTED, _HEARD, _BITS, _SIGN = range(6)
# Row of a group in the output: four values, four corrections, offset of the third block.
_ROW: Final = 9
_MOST_AT_ONCE: Final = 8 * GROUP_BITS
_C_PRIME: Final = 3
# The tables in one array: remainders of the upper and the lower half, patterns, error words.
_HALF_TABLE: Final = 1 << (BLOCK_BITS // 2)
_PATTERNS: Final = 2 * _HALF_TABLE
_ERRORS: Final = _PATTERNS + (1 << CHECK_BITS)
_WORD: Final = (1 << BLOCK_BITS) - 1

_I64_2 = types.Array(types.int64, 2, "C")
_SYMBOLS = types.Array(types.float32, 1, "C", readonly=True)
_TIMES = types.Array(types.float64, 1, "C", readonly=True)


@inlined
def _syndrome(word: Any, tables: Any) -> Any:
    """Return the remainder of a 26-bit word."""
    return tables[word >> 13] ^ tables[_HALF_TABLE + (word & (_HALF_TABLE - 1))]


@inlined
def _take_block(end: Any, offset: Any, slip: Any, chances: Any, words: Any, tables: Any) -> Any:
    """Judge the block that ends with symbol `end`; return (odds, pattern, data)."""
    word = words[end & (RING - 1)]
    pattern = tables[_PATTERNS + (_syndrome(word, tables) ^ OFFSETS[offset])]
    if pattern < 0:
        return 0.0, NO_PATTERN, 0
    right, rest = weigh_block(end, chances, slip)
    odds = 1024.0 * fit_of(pattern, end, right, chances, slip) / rest
    return odds, pattern, (word ^ tables[_ERRORS + pattern]) >> 10


@inlined
def _write_group(start: Any, slip: Any, chances: Any, words: Any, tables: Any, row: Any) -> Any:
    """Judge the four blocks of the group from symbol `start` on; return how many were received."""
    received = 0
    version = -1
    row[8] = -1
    for place in range(4):
        end = start + BLOCK_BITS * (place + 1) - 1
        offset = place if place < 3 else 4
        odds, pattern, data = _take_block(end, offset, slip, chances, words, tables)
        if place == 2:
            other = _take_block(end, _C_PRIME, slip, chances, words, tables)
            if version == 1 or (version == -1 and other[0] > odds):
                odds, pattern, data = other
                offset = _C_PRIME
        least = LEAST_ODDS if pattern == 0 else LEAST_ODDS_CORRECTED
        row[place] = -1
        row[4 + place] = LOST
        if odds >= least and end >= BLOCK_BITS - 1:
            received += 1
            row[place] = data
            flips = tables[_ERRORS + pattern]
            row[4 + place] = 0 if pattern == 0 else (1 if flips & (flips - 1) == 0 else 2)
            if place == 1:
                version = (data >> 11) & 1
            if place == 2:
                row[8] = 1 if offset == _C_PRIME else 0
    return received


@inlined
def _keep_accounts(
    now: Any, slip: Any, chances: Any, words: Any, tables: Any, accounts: Any, begun: Any
) -> None:
    """Enter what ends with symbol `now` into the four accounts that it can belong to."""
    syndrome = _syndrome(words[now & (RING - 1)], tables)
    right, rest = weigh_block(now, chances, slip)
    for place in range(4):
        offset = place if place < 3 else 4
        fit = fit_of(tables[_PATTERNS + (syndrome ^ OFFSETS[offset])], now, right, chances, slip)
        if place == 2:
            other = tables[_PATTERNS + (syndrome ^ OFFSETS[_C_PRIME])]
            fit = 0.5 * (fit + fit_of(other, now, right, chances, slip))
        likelihood = (1024.0 * fit + rest + _DOUBT) / (1.0 + _DOUBT)
        start = now + 1 - BLOCK_BITS * (place + 1)
        phase = start % GROUP_BITS
        before = accounts[phase]
        if before == 0.0:
            if likelihood <= 1.0:
                continue
            begun[phase] = start
        accounts[phase] = min(max(before + math.log2(likelihood), 0.0), _HIGHEST)


@inlined
def _take_symbol(
    now: Any, level: Any, time: Any, state: Any, chances: Any, words: Any, clock: Any
) -> None:
    """Enter symbol number `now` into the rings."""
    at = now & (RING - 1)
    chances[at] = odds_wrong(level)
    clock[at] = time
    sign = 1 if level < 0.0 else 0
    state[_BITS] = ((state[_BITS] << 1) | (sign ^ state[_SIGN])) & _WORD
    state[_SIGN] = sign
    words[at] = state[_BITS]


@inlined
def _ahead(now: Any, lock: Any, accounts: Any) -> Any:
    """Return the account just changed that must take over from `lock`, or -1."""
    for place in range(4):
        phase = (now + 1 - BLOCK_BITS * (place + 1)) % GROUP_BITS
        if accounts[phase] < LOCK_AT or phase == lock:
            continue
        if lock < 0 or accounts[phase] > accounts[lock]:
            return phase
    return -1


@kernel(
    types.int64(_SYMBOLS, _TIMES, types.float64, I64, F64, I64, F64, I64, F64, I64, _I64_2, F64)
)
def find_groups(  # noqa: PLR0913, PLR0917 - a kernel is handed all its memory
    levels: Any,
    times: Any,
    slip: Any,
    state: Any,
    chances: Any,
    words: Any,
    clock: Any,
    tables: Any,
    accounts: Any,
    begun: Any,
    rows: Any,
    ends: Any,
) -> Any:
    """Take symbols `levels` (n,) with `times`; write groups to `rows` (m, 9) and `ends` (m,).

    Carried: `state` (6,), the rings `chances`, `words` and `clock` (RING,), `accounts` and `begun`
    (104,). `tables` are remainders, patterns and error words. `rows` must hold what a ring
    and `levels` hold. Returns the number of groups. Rate of the loop: 1187.5 Hz.
    """
    found = 0
    for n in range(levels.shape[0]):
        now = state[_COUNT]
        state[_COUNT] = now + 1
        _take_symbol(now, levels[n], times[n], state, chances, words, clock)
        _keep_accounts(now, slip, chances, words, tables, accounts, begun)
        phase = _ahead(now, state[_LOCK], accounts)
        if phase >= 0:
            state[_LOCK], state[_HEARD] = phase, now
            # From the group in which the account began, as far as memory goes.
            start = max(begun[phase], now - RING + 2 * GROUP_BITS)
            start -= (start - phase) % GROUP_BITS
            state[_EMITTED] = max(state[_EMITTED], start - 1)
        lock = state[_LOCK]
        if lock < 0:
            continue
        # The next end of a group after the last one given; a slipped group may overlap that.
        start = state[_EMITTED] + 2 - GROUP_BITS
        start += (lock - start) % GROUP_BITS
        while start + GROUP_BITS - 1 <= now:
            if _write_group(start, slip, chances, words, tables, rows[found]) > 0:
                state[_HEARD] = now
            state[_EMITTED] = start + GROUP_BITS - 1
            ends[found] = clock[state[_EMITTED] & (RING - 1)]
            found += 1
            start += GROUP_BITS
        if accounts[lock] == 0.0 or now - state[_HEARD] > _PATIENCE:
            state[_LOCK] = -1
            accounts[lock] = 0.0
    return found


class RdsSync:
    """Soft symbols in, groups out; symbols may come in pieces of any size.

    Parameters
    ----------
    slip
        Chance that one bit is wrong by itself.
    """

    def __init__(self, slip: float = _SLIP) -> None:
        ready(find_groups)
        self._slip = slip
        self._tables = np.concatenate([remainder_tables(), pattern_table(), error_words()])
        self._rows = np.empty(((RING + _MOST_AT_ONCE) // GROUP_BITS + 2, _ROW), dtype=np.int64)
        self._ends = np.empty(len(self._rows))
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._state = np.array([0, -1, -1, 0, 0, 0], dtype=np.int64)
        self._chances = np.ones(RING)  # before the first symbol nothing is known
        self._words = np.zeros(RING, dtype=np.int64)
        self._clock = np.zeros(RING)
        self._accounts = np.zeros(GROUP_BITS)
        self._begun = np.zeros(GROUP_BITS, dtype=np.int64)

    @property
    def locked(self) -> bool:
        """Whether the beginnings of the blocks are known."""
        return bool(self._state[_LOCK] >= 0)

    def process(
        self, symbols: npt.NDArray[np.float32], times: npt.NDArray[np.float64]
    ) -> list[RdsGroup]:
        """Take the next symbols and return the groups that they complete.

        `symbols` (n,) are log-likelihoods: positive for one phase of the carrier, negative for the
        other, 0 for no idea. `times` (n,) are the samples at the ends of their bits.

        Raises
        ------
        BlockContractError
            Where they are not float32 and float64 of one length and finite; nothing has changed.
        """
        if symbols.dtype != np.float32 or times.dtype != np.float64:
            raise BlockContractError("dtype", "float32, float64", f"{symbols.dtype} {times.dtype}")
        if symbols.ndim != 1 or symbols.shape != times.shape:
            raise BlockContractError("shape", "(n,) twice", f"{symbols.shape} {times.shape}")
        if not np.isfinite(symbols.sum(dtype=np.float64)):
            raise BlockContractError("symbols", "finite numbers", "NaN or infinity")
        groups: list[RdsGroup] = []
        # As many symbols at a time as there are rows for.
        for start in range(0, len(symbols), _MOST_AT_ONCE):
            piece = slice(start, start + _MOST_AT_ONCE)
            groups += self._process(
                np.ascontiguousarray(symbols[piece]), np.ascontiguousarray(times[piece])
            )
        return groups

    def _process(
        self, symbols: npt.NDArray[np.float32], times: npt.NDArray[np.float64]
    ) -> list[RdsGroup]:
        found = find_groups(
            symbols,
            times,
            self._slip,
            self._state,
            self._chances,
            self._words,
            self._clock,
            self._tables,
            self._accounts,
            self._begun,
            self._rows,
            self._ends,
        )
        return [_group(self._rows[i].tolist(), float(self._ends[i])) for i in range(found)]


def _group(row: list[int], end: float) -> RdsGroup:
    a, b, c, d = (None if value < 0 else value for value in row[:4])
    return RdsGroup(
        (a, b, c, d),
        (row[4], row[5], row[6], row[7]),
        None if row[8] < 0 else bool(row[8]),
        round(end),
    )


def symbols_of_bits(
    bits: npt.ArrayLike, error_rate: float = 0.02
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return symbols and times for source `bits` that were decided elsewhere.

    Each is as likely wrong as `error_rate` says. Times count bits, in samples of 288 kHz.
    """
    level = math.log((1.0 - error_rate) / error_rate)
    phases = np.bitwise_xor.accumulate(np.asarray(bits, dtype=np.uint8) & 1)
    symbols = (level * (1.0 - 2.0 * phases)).astype(np.float32)
    ends = np.arange(1, len(symbols) + 1, dtype=np.float64) * (RECEIVE_RATE_HZ / RDS_BIT_RATE)
    return symbols, ends

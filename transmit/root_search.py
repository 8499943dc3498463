"""The highest argument at which a rising function is not above zero, in few evaluations.

Regula falsi with the Illinois rule (M. Dowell, P. Jarratt, BIT 11, 1971): the straight line between
both ends of the bracket says where to look next; an end that stays counts half. Three looks that
did not halve the bracket are followed by one in its middle, so that steps and plateaus cost no more
than a bisection does.
"""

from __future__ import annotations

from collections.abc import Callable

_CLOSE_SHARE = 0.4  # of the tolerance: how near to an end it is still worth looking
_PATIENCE = 3
_STRIDE, _SHORTEST_STRIDE, _STRIDES = 1.5, 0.05, 8


def highest_not_above(
    rising: Callable[[float], float],
    bracket: tuple[float, float],
    tolerance: float,
    guess: float | None = None,
) -> float:
    """Return an x with rising(x) <= 0 at most `tolerance` below where `rising` passes zero.

    Parameters
    ----------
    rising
        Does not fall; steps are allowed, and any finite values.
    bracket
        Where to look. Its upper end is returned if the function is not above zero there; its lower
        end is taken to be good and not looked at.
    tolerance
        Of x; above 0.
    guess
        Where to look first; above it the search strides up by 1.5 times what is missing, which is
        meant for functions that rise about as fast as x. Where a function is not quite rising, this
        finds the first passage above the guess.
    """
    low, high = bracket
    under: float | None = None  # the function at `low`, once it is known
    if guess is not None and low < guess < high:
        value = rising(guess)
        if value > 0.0:
            return _narrowed(rising, (low, under), (guess, value), tolerance)
        low, under, top = _walk_up(rising, (guess, value), high)
        if top is not None:
            return _narrowed(rising, (low, under), top, tolerance)
    over = rising(high)
    if over <= 0.0:
        return high
    return _narrowed(rising, (low, under), (high, over), tolerance)


def _walk_up(
    rising: Callable[[float], float], low: tuple[float, float], high: float
) -> tuple[float, float, tuple[float, float] | None]:
    """Go up from `low` (x, value) towards `high` until the function is above zero.

    Returns the last x at which it was not, its value, and (x, value) above it if there was one.
    """
    x, value = low
    for _ in range(_STRIDES):
        ahead = x + max(_STRIDE * -value, _SHORTEST_STRIDE)
        if ahead >= high:
            break
        there = rising(ahead)
        if there > 0.0:
            return x, value, (ahead, there)
        x, value = ahead, there
    return x, value, None


def _narrowed(
    rising: Callable[[float], float],
    lower: tuple[float, float | None],
    upper: tuple[float, float],
    tolerance: float,
) -> float:
    """Narrow a bracket of (x, value) down to `tolerance` and return its lower end."""
    (low, under), (high, over) = lower, upper
    kept, width, patience = 0, high - low, _PATIENCE
    while high - low > tolerance:
        middle = 0.5 * (low + high)
        x = middle
        if under is not None and patience > 0:
            x = low - under * (high - low) / (over - under)
        edge = min(_CLOSE_SHARE * tolerance, 0.5 * (high - low))
        x = min(max(x, low + edge), high - edge)
        value = rising(x)
        if value <= 0.0:
            low, under = x, value
            over *= 0.5 if kept > 0 else 1.0
            kept = 1
        else:
            high, over = x, value
            under = 0.5 * under if under is not None and kept < 0 else under
            kept = -1
        patience -= 1
        if high - low <= 0.5 * width or x == middle:
            width, patience = high - low, _PATIENCE
    return low

"""What to play where nothing came: the last period of the voice again, ever softer.

As in ITU-T G.711 Appendix I: the pitch is where the recent past is most like itself, 2.5 to 16 ms
back; that period is repeated, fading to silence over `FADE_S`, and both seams are cross-faded over
a quarter of a period at most. Longer holes are silence; hiss is never made.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dsp.contract import Samples

FADE_S = 0.08
HISTORY_S = 0.04
_SHORTEST_S, _LONGEST_S = 0.0025, 0.016
_SEAM_S = 0.004
_LIKE = 0.3  # below this the past is no voice: its last 10 ms are repeated backwards and forwards


def conceal(history: Samples, count: int, rate_hz: int) -> Samples:
    """Return `count` samples that go on from `history`.

    Parameters
    ----------
    history
        float32, shape (n,): what was played last; `HISTORY_S` of it are used.
    count
        How many samples are missing.

    Returns
    -------
    float32, shape (count,): begins where `history` ends, silent after `FADE_S`.
    """
    out = np.zeros(count, np.float32)
    recent = history[-round(HISTORY_S * rate_hz) :]
    longest = round(_LONGEST_S * rate_hz)
    audible = min(count, round(FADE_S * rate_hz))
    if audible == 0 or len(recent) < 2 * longest or not np.any(recent):
        return out
    period = _period(recent, rate_hz)
    seam = min(period // 4, round(_SEAM_S * rate_hz))
    cycle = recent[-period:].copy()
    # The cycle's end leans to what came before its beginning, so that repeating it has no edge.
    lean = np.linspace(0.0, 1.0, seam, endpoint=False, dtype=np.float32)
    cycle[-seam:] = cycle[-seam:] * (1 - lean) + recent[-period - seam : -period] * lean
    # The first repeat begins where the history ends: its own last samples are already out.
    repeated = np.resize(cycle, audible)
    fade = np.linspace(1.0, 0.0, round(FADE_S * rate_hz), dtype=np.float32)[:audible]
    out[:audible] = repeated * fade
    return out


def rejoin(concealed: Samples, arrived: Samples) -> Samples:
    """Return `arrived` with its beginning cross-faded from `concealed`, which goes on under it."""
    count = min(len(concealed), len(arrived))
    joined = arrived.copy()
    weight = np.linspace(0.0, 1.0, count, endpoint=False, dtype=np.float32)
    joined[:count] = arrived[:count] * weight + concealed[:count] * (1 - weight)
    return joined


def _period(recent: Samples, rate_hz: int) -> int:
    """Return the lag in samples at which the recent past is most like itself.

    Looked for at 8 kHz first, where speech has its pitch, then around that place at the full rate.
    """
    shortest, longest = round(_SHORTEST_S * rate_hz), round(_LONGEST_S * rate_hz)
    coarse = max(1, rate_hz // 8_000)
    # The mean of neighbours is filter enough for a search.
    whole = recent[len(recent) % coarse :].reshape(-1, coarse).mean(axis=1)
    lags = np.arange(shortest // coarse, longest // coarse + 1)
    best, likeness = _most_alike(whole, lags, longest // coarse)
    if likeness < _LIKE:
        return round(0.01 * rate_hz)
    near = np.arange(max(shortest, best * coarse - coarse), best * coarse + coarse + 1)
    return _most_alike(recent, near[near <= longest], longest)[0]


def _most_alike(recent: Samples, lags: npt.NDArray[np.int64], window: int) -> tuple[int, float]:
    """Return the lag at which the last `window` samples are most like the past, and how much."""
    now = recent[-window:]
    past = np.lib.stride_tricks.sliding_window_view(recent, window)
    lags = lags[lags <= len(recent) - window]
    earlier = past[len(recent) - window - lags]
    energy = np.einsum("lt,lt->l", earlier, earlier) * np.dot(now, now)
    likeness = earlier @ now / np.sqrt(np.maximum(energy, 1e-12))
    best = int(np.argmax(likeness))
    return int(lags[best]), float(likeness[best])

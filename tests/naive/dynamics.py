"""Slow twins of the dynamics blocks: one gain per millisecond, decided as their rules say.

A gain decided from period k is reached at the end of period k + 1; between two gains it moves in a
straight line. Everything in float64, one period after the other.
"""

import numpy as np

from dsp.master.crossover import band_sections
from tests.naive.biquads import run_sections


def share(time_s, period_s):
    return 1.0 - np.exp(-period_s / time_s) if time_s > 0 else 1.0


def decibels(power):
    return 10.0 * np.log10(power + 1e-20)


def periods(frames, rate_hz):
    """Length of a period, and the mean power of every complete one over all channels."""
    size = max(1, round(rate_hz / 1000))
    whole = len(frames) // size * size
    squares = np.asarray(frames[:whole], np.float64) ** 2
    return size, squares.reshape(-1, size * frames.shape[1]).mean(axis=1)


def under_gains(frames, size, gains_db):
    """Frames under straight lines from 1 through the gains, each one period late."""
    gains = np.concatenate(([1.0, 1.0], 10.0 ** (np.asarray(gains_db) / 20.0)))
    out = np.zeros(np.shape(frames))
    for n in range(len(frames)):
        k, place = divmod(n, size)
        gain = gains[k] + (gains[k + 1] - gains[k]) * (place + 1) / size
        out[n] = frames[n] * gain
    return out


def levelled(frames, rate_hz, s):
    size, powers = periods(frames, rate_hz)
    period_s = size / rate_hz
    gate = 10.0 ** (s.gate_dbfs / 10.0)
    fast, power, gain_db, started, gains_db = 0.0, 0.0, 0.0, False, []
    for p in powers:
        fast += share(0.02, period_s) * (p - fast)
        if fast > gate and p > gate / 4.0:
            power = power if started else fast
            started = True
            power += share(s.window_s, period_s) * (p - power)
            wanted = np.clip(s.target_dbfs - decibels(power), -s.max_cut_db, s.max_boost_db)
            error = wanted - gain_db
            near = min(1.0, (error / s.fast_error_db) ** 2)
            slow = share(s.slow_s, period_s)
            gain_db += error * (slow + near * (share(s.fast_s, period_s) - slow))
        gains_db.append(gain_db)
    return under_gains(frames, size, gains_db)


def expanded(frames, rate_hz, s):
    size, powers = periods(frames, rate_hz)
    period_s = size / rate_hz
    hold = round(s.hold_s / period_s) + round(s.lookahead_s / period_s)
    power, held, gain_db, gains_db = 0.0, 0, 0.0, []
    for p in powers:
        power += share(s.window_s, period_s) * (p - power)
        under_db = s.threshold_dbfs - decibels(power)
        wanted = 0.0
        if under_db <= 0.0:
            held = hold
        elif held > 0:
            held -= 1
        else:
            wanted = -min(s.range_db, (s.ratio - 1.0) * under_db)
        time_s = s.attack_s if wanted > gain_db else s.release_s
        gain_db += share(time_s, period_s) * (wanted - gain_db)
        gains_db.append(gain_db)
    late = np.zeros((round(s.lookahead_s * rate_hz), frames.shape[1]))
    return under_gains(np.concatenate((late, frames))[: len(frames)], size, gains_db)


def static_gain_db(over_db, s):
    slope = 1.0 - 1.0 / s.ratio
    if over_db <= -s.knee_db / 2:
        return 0.0
    if over_db < s.knee_db / 2:
        return -slope * (over_db + s.knee_db / 2) ** 2 / (2 * s.knee_db)
    return max(-s.max_reduction_db, -slope * over_db)


def compressed(frames, rate_hz, s):
    bands = [run_sections(frames, rows) for rows in band_sections(rate_hz, s.corners_hz)]
    size = periods(frames, rate_hz)[0]
    period_s = size / rate_hz
    powers = np.array([periods(band, rate_hz)[1] for band in bands]).T
    smooth, now, mean, held = np.zeros(len(bands)), np.zeros(len(bands)), np.zeros(len(bands)), 0
    gains_db = []
    for p in powers:
        smooth += share(s.window_s, period_s) * (p - smooth)
        speaks = smooth.sum() > 10.0 ** (s.gate_dbfs / 10.0)
        held = 1 + round(s.hold_s / period_s) if speaks else max(0, held - 1)
        for b in range(len(bands)):
            goal = mean[b]
            if held > 0:
                goal = static_gain_db(decibels(smooth[b]) - s.thresholds_dbfs[b], s)
                mean[b] += share(s.mean_s, period_s) * (now[b] - mean[b])
            time_s = s.attack_s if goal < now[b] else s.release_s
            now[b] += share(time_s, period_s) * (goal - now[b])
        gains_db.append(now.copy())
    gains = np.array(gains_db).T
    return sum(under_gains(band, size, g) for band, g in zip(bands, gains, strict=True))

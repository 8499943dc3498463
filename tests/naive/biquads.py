"""Slow twins of the filters: the difference equations written out."""

import numpy as np


def run_sections(frames, sections):
    """Direct form I, float64, section after section."""
    done = np.array(frames, dtype=np.float64)
    for b0, b1, b2, a1, a2 in sections:
        past = done
        done = np.zeros_like(past)
        for n in range(len(past)):
            done[n] = b0 * past[n]
            if n > 0:
                done[n] += b1 * past[n - 1] - a1 * done[n - 1]
            if n > 1:
                done[n] += b2 * past[n - 2] - a2 * done[n - 2]
    return done

"""Loudness of a programme that nobody has heard to its end: which gain next.

A file is measured first and mastered to the hundredth of a LU; what is live must be right on the
way. Every 100 ms the rider is told the K-weighted energy ahead of its gain and behind the limiter,
and decides on 400 ms blocks that pass the gates of Rec. ITU-R BS.1770. It knows how loud the
programme usually is (`usual`, over some seconds), what the limiter takes off, and how loud all that
went out was. The next gain is the one with which the programme *so far and the coming seconds
together* have the target loudness: what began 2 LU too loud goes on a little too soft, so that the
integrated loudness comes out right, and two chains that treat one programme differently come out
equal. In a pause nothing moves; after `PROGRAMME_GAP_S` of nothing a new programme begins.
"""

from __future__ import annotations

import math
from collections import deque

from dsp.measure.loudness import ABSOLUTE_GATE_LUFS, INTEGRATED_GATE_LU, energy_of

CELL_S = 0.1
BLOCK_CELLS = 4
PROGRAMME_GAP_S = 10.0
# Seconds of speech: how long a level is remembered as usual, how far ahead a past error is worked
# off, and how much past counts. With less the words of a sentence would be levelled against each
# other; with more a programme of 20 s ends before its beginning is made good.
USUAL_S = 4.0
AHEAD_S = 4.0
PAST_S = 60.0
FOLLOWING_AHEAD_S = 1.0
_TRUSTED_S = 1.5  # the start gain counts like so much speech already heard
_MOST_CORRECTION_DB = 3.0  # what a past error may cost at a time
_SLEW_DB_PER_S = 4.0
_RELATIVE_GATE = 10.0 ** (INTEGRATED_GATE_LU / 10.0)
_SOFTER_DB_PER_S = 0.2  # a programme wholly under the gate is come to meet at this rate


class LoudnessRider:
    """Finds the gain, 100 ms after 100 ms.

    Parameters
    ----------
    target_lufs
        What the programme is to have behind the limiter.
    start_gain_db
        Of a programme nothing is known of: usual energy is the target less this.
    most_gain_db
        The gain stays within ± this.

    Attributes
    ----------
    gain_db
        The gain now.
    wanted_energy
        What the coming seconds are to have.
    """

    def __init__(
        self, target_lufs: float, start_gain_db: float = 0.0, most_gain_db: float = 20.0
    ) -> None:
        if not -50.0 <= target_lufs <= -5.0:
            raise ValueError(f"target_lufs: expected -50 … -5, got {target_lufs}")
        if abs(start_gain_db) > most_gain_db:
            raise ValueError(f"start_gain_db: expected within ±{most_gain_db}, got {start_gain_db}")
        self._target = energy_of(target_lufs)
        self._start_db = start_gain_db
        self._most_db = most_gain_db
        self._leader: LoudnessRider | None = None
        self._out = self._out_s = self._quiet_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.gain_db = self._start_db
        self._usual = self._target * 10.0 ** (-self._start_db / 10.0)
        self._heard_s = _TRUSTED_S
        self._loss = 1.0  # energy that the limiter leaves
        self.wanted_energy = self._target
        self._cells: deque[tuple[float, float]] = deque(maxlen=BLOCK_CELLS)
        self._begin_programme()

    def follow(self, leader: LoudnessRider) -> None:
        """Be as loud as another rider of the same programme, which is advanced first.

        Raises
        ------
        ValueError
            Another target, or a rider that follows somebody itself.
        """
        if leader is self or leader._leader is not None:
            raise ValueError("leader: expected a rider that follows nobody, got one that does")
        if leader._target != self._target:
            raise ValueError("leader: expected the same target, got another")
        self._leader = leader

    @property
    def programme_lufs_energy(self) -> tuple[float, float]:
        """Mean energy of the gated blocks of this programme behind the limiter, and their seconds.

        Older blocks count for less: a leaky integrated loudness.
        """
        return (self._out / self._out_s if self._out_s else 0.0), self._out_s

    def advance(self, before: float, after: float) -> float:
        """Take the energies of the last 100 ms; return the gain in dB for the end of the next.

        Parameters
        ----------
        before
            K-weighted, channel-weighted mean square ahead of the gain, full scale 1.0.
        after
            The same behind the limiter.
        """
        self._cells.append((before, after))
        came = sum(b for b, _ in self._cells) / BLOCK_CELLS
        went = sum(a for _, a in self._cells) / BLOCK_CELLS
        gain = 10.0 ** (self.gain_db / 10.0)
        if came * gain <= energy_of(ABSOLUTE_GATE_LUFS):
            self._quiet_s += CELL_S
            if self._quiet_s >= PROGRAMME_GAP_S:
                self._begin_programme()
        elif came <= self._usual * _RELATIVE_GATE:
            self._quiet_s = 0.0
            self._usual *= 10.0 ** (-0.1 * _SOFTER_DB_PER_S * CELL_S)
        else:
            self._quiet_s = 0.0
            self._hear(came, went, gain)
            self._move()
        return self.gain_db

    def _begin_programme(self) -> None:
        self._out = self._out_s = 0.0
        self._quiet_s = 0.0

    def _hear(self, came: float, went: float, gain: float) -> None:
        self._heard_s = min(self._heard_s + CELL_S, USUAL_S)
        share = CELL_S / self._heard_s
        self._usual += share * (came - self._usual)
        self._loss += share * (min(1.0, went / (came * gain)) - self._loss)
        keep = 1.0 - CELL_S / PAST_S
        self._out = self._out * keep + went * CELL_S
        self._out_s = self._out_s * keep + CELL_S

    def _move(self) -> None:
        """Go towards the gain with which past and coming seconds together are right."""
        most = 10.0 ** (0.1 * _MOST_CORRECTION_DB)
        self.wanted_energy = min(max(self._due(), self._target / most), self._target * most)
        aim_db = 10.0 * math.log10(self.wanted_energy / max(self._usual * self._loss, 1e-12))
        step_db = _SLEW_DB_PER_S * CELL_S
        moved_db = self.gain_db + min(max(aim_db - self.gain_db, -step_db), step_db)
        self.gain_db = min(max(moved_db, -self._most_db), self._most_db)

    def _due(self) -> float:
        """Return the energy that the coming seconds need for the programme to be right."""
        led, led_s = (0.0, 0.0) if self._leader is None else self._leader.programme_lufs_energy
        if self._leader is None or led_s == 0.0:
            ahead_s = min(AHEAD_S, 1.0 + self._out_s)
            return (self._target * (self._out_s + ahead_s) - self._out) / ahead_s
        ahead_s = min(FOLLOWING_AHEAD_S, 1.0 + self._out_s)
        return self._leader.wanted_energy + (led * self._out_s - self._out) / ahead_s

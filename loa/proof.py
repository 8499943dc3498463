"""What a finished file really plays: decoded again in the sandbox and measured.

The level into the encoder follows from it: down where the codec lifted a peak over the ceiling, up
where its band limit made the programme quieter than asked and the peaks leave room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dsp.master.deviation_peak import DeviationPeak
from dsp.measure.programme import ProgrammeMeter

if TYPE_CHECKING:
    from pathlib import Path

    from dsp.measure.figures import ProgrammeFigures
    from ingest.decode.decoder import Decoder
    from transmit.target import Target

LOUDNESS_TOLERANCE_LU = 0.1
_RESERVE_DB = 0.03
_LEAST_CHANGE_DB = 0.05
# EBU Tech 3341 judges loudness after at least one gating block; shorter clips have none.
_INT16_SCALE = np.float32(1 / 32768)


@dataclass(frozen=True)
class Proof:
    """Figures of a rendition after decoding; `deviation_peak_db` only for an `fm` target."""

    figures: ProgrammeFigures
    deviation_peak_db: float | None

    def peak_over_db(self, target: Target) -> float | None:
        """How far the highest peak lies over the ceiling (negative: below it); None in silence."""
        peaks = (self.figures.true_peak_dbtp, self.deviation_peak_db)
        known = [peak for peak in peaks if peak is not None]
        return max(known) - target.ceiling_dbtp if known else None


def prove(decoder: Decoder, path: Path, target: Target) -> Proof:
    """Decode `path` and measure what a loudspeaker or an exciter will get from it."""
    with decoder.open(path) as audio:
        rate_hz, channels = audio.format.sample_rate_hz, audio.format.channels
        meter = ProgrammeMeter(rate_hz, channels)
        deviation = None
        if target.fm is not None:
            deviation = DeviationPeak(rate_hz, channels, tau_us=target.fm.pre_emphasis_us)
        for block in audio.blocks():
            meter.process(block)
            if deviation is not None:
                flat = block if block.dtype == np.float32 else block * _INT16_SCALE
                deviation.process(flat)
    return Proof(meter.result(), deviation.result() if deviation is not None else None)


def trim_change_db(proof: Proof, target: Target, *, full_loudness: bool) -> float:
    """Return by how much the level into the encoder must still change; 0 where the proof holds.

    `full_loudness` says that the master reached its loudness, so that a quieter rendition is the
    codec's doing.
    """
    over_db = proof.peak_over_db(target)
    if over_db is None:
        return 0.0
    if over_db > 0:
        return -(over_db + _RESERVE_DB)
    loudness = proof.figures.integrated_lufs
    if loudness is None or not full_loudness:
        return 0.0
    wanted_db = target.loudness_lufs - loudness
    if abs(wanted_db) <= LOUDNESS_TOLERANCE_LU:
        return 0.0
    change_db = min(wanted_db, -over_db - _RESERVE_DB)
    return change_db if abs(change_db) >= _LEAST_CHANGE_DB else 0.0

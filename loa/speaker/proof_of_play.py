"""Proof of play: the fingerprint of what really went out, second by second.

The words of `dsp.recognise` over the samples after volume, as the tap has them: whoever has the
bulletin can tell from the status alone whether it was heard, how late and how complete. 400 bytes a
second. Frame t lies at t · 20 ms of the tap; a word comes when the sound has passed it by 1.1 s.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.recognise.fingerprint import Fingerprinter
from ingest.rtp.player import OUTPUT_RATE_HZ


class ProofOfPlay:
    """Takes every block, gives words every second."""

    def __init__(self) -> None:
        self._printer = Fingerprinter(OUTPUT_RATE_HZ)
        self._blocks: list[Samples] = []

    def add(self, samples: Samples) -> None:
        """Take a block as it was played."""
        self._blocks.append(samples)

    def fields(self) -> dict[str, Any]:
        """Return the words since the last call; none in the first second."""
        if not self._blocks:
            return {}
        prints = self._printer.process(np.concatenate(self._blocks))
        self._blocks.clear()
        return {
            "prints": {
                "first": prints.first,
                "words": base64.b64encode(prints.words.astype("<u4").tobytes()).decode(),
                "sure": base64.b64encode(prints.sure.astype("<u4").tobytes()).decode(),
            }
        }

"""Before the first block: everything is done once, on twins, so that nothing is loaded later.

Programs are loaded when they are first needed, from a disk, and a machine that is busy takes a
second for it. In the middle of a programme that is a second in which no horn is fed; here nobody
waits.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from loa.relay.blocks import RATE_HZ
from loa.relay.own_ear import HEARD_S, Ear
from loa.relay.paths import OutputPath
from transmit.live.live_master import LiveMaster

_BLOCK = 960


def rehearse(masters: Iterable[LiveMaster], paths: Iterable[OutputPath]) -> None:
    """Master, code, send to nobody, hear and measure a second of noise."""
    noise = np.random.default_rng(1).standard_normal(round(HEARD_S * RATE_HZ)) * 0.05
    sound = noise.astype(np.float32)
    second = sound[:RATE_HZ]
    for master in masters:
        twin = LiveMaster(master.profile)
        for start in range(0, RATE_HZ, _BLOCK):
            twin.process(second[start : start + _BLOCK, None])
    for path in paths:
        path.rehearse(second)
    ear = Ear(0)
    ear.hear(second)
    ear.late((sound, sound))
    assert ear.loudness_lufs is not None

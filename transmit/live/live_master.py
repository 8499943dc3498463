"""A profile's chain as a block in real time: what comes in at any level leaves at the target's.

    leveller (any level → −26 dBFS) ─ chain of the profile ─┬──────────── gain ─ limiter ─┬─
                                                            └─ energy ─ rider ─ energy ───┘

`transmit.mastering` measures a whole programme first; here nobody has heard its end. So the trim to
the nominal speech level becomes a leveller of wide range, thresholds over the noise are set for
`SNR_DB`, and the gain to the target loudness rides (`dsp.master.loudness_rider`), in straight lines
of 100 ms counted from the start of the stream. The limiters are those of files, with their
promises: no peak over the ceiling, for `fm` after pre-emphasis.

The delay is fixed: the look-ahead of the chain and the limiter, some 20 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dsp.contract import AudioBlock, Frames, output_for, require_frames
from dsp.master.fm_limiter import FmLimiter
from dsp.master.leveller import Leveller, LevellerSettings
from dsp.master.limiter import TruePeakLimiter
from dsp.master.loudness_rider import LoudnessRider
from dsp.measure.loudness import lufs
from transmit.chain import build_chain
from transmit.live.cell_energy import CELL_FRAMES, RATE_HZ, CellEnergy
from transmit.profile import Profile
from transmit.stages import NOMINAL_DBOV
from transmit.target import Target

SNR_DB = 40.0  # of a line that nobody has measured: decent, not a studio
RELEASE_S = (0.06, 0.5)
_LIMITER_RESERVE_DB = 0.07  # as of files (loa.bulletin)
# What is under this is no programme and is not raised: the noise of an open line.
_GATE_DBFS = -55.0
_MOST_BOOST_DB, _MOST_CUT_DB = 24.0, 20.0
# Slow: the breath before a first word is no soft speaker. With the 0.4 s and 0.5 s of files it was
# raised by 18 dB, and the ten seconds after it had to be 4 LU soft to make up for that.
_WINDOW_S, _FAST_S = 1.0, 3.0
# Gain to the target's loudness behind each chain that ships, the middle of 14 voices (Vietnamese
# and Khmer; they spread by 1.5 dB): where the rider begins, not where it ends.
_START_GAIN_DB = {"ip": 13.0, "fm": 9.5, "web": 8.7}
_START_GAIN_OF_OTHERS_DB = 10.0


@dataclass(frozen=True)
class _Assumed:
    """A line as the chain takes it before anybody has measured it."""

    active_speech_level_dbov: float | None = NOMINAL_DBOV
    noise_floor_dbfs: float | None = NOMINAL_DBOV - SNR_DB
    faults: tuple[object, ...] = ()


class LiveMaster:
    """Masters a stream at 48 kHz for one profile; an audio block (`dsp.contract`).

    Parameters
    ----------
    profile
        Its chain, target and the headroom of its codecs.
    channels
        Of the stream.

    Attributes
    ----------
    rider
        Its gain, and how loud the programme is so far.
    """

    def __init__(self, profile: Profile, channels: int = 1) -> None:
        self.profile = profile
        self.channels = channels
        settings = LevellerSettings(
            target_dbfs=NOMINAL_DBOV,
            gate_dbfs=_GATE_DBFS,
            max_boost_db=_MOST_BOOST_DB,
            max_cut_db=_MOST_CUT_DB,
            window_s=_WINDOW_S,
            fast_s=_FAST_S,
        )
        self._chain: tuple[AudioBlock, ...] = (
            Leveller(RATE_HZ, channels, settings),
            build_chain(profile, RATE_HZ, channels, _Assumed()),  # type: ignore[arg-type]
        )
        self._limiter = _limiter(profile, channels)
        self._meters = (CellEnergy(channels), CellEnergy(channels))
        self.rider = LoudnessRider(
            profile.target.loudness_lufs,
            _START_GAIN_DB.get(profile.name, _START_GAIN_OF_OTHERS_DB),
        )
        self.delay_samples = self._limiter.delay_samples + sum(
            block.delay_samples for block in self._chain
        )
        self._begin()

    def _begin(self) -> None:
        self._position = 0  # within the cell of 100 ms
        self._from_db = self._to_db = self.rider.gain_db

    @property
    def loudness_lufs(self) -> float | None:
        """Loudness of the programme so far behind the limiter; None before there is any."""
        energy, seconds = self.rider.programme_lufs_energy
        return lufs(energy) if seconds > 0.0 else None

    def process(self, frames: Frames, out: Frames | None = None) -> Frames:
        """Master (n, channels) → (n, channels), late by `delay_samples`.

        Allocates the output and pieces of up to 100 ms. Refuses as every block does, before any
        stage has moved.
        """
        require_frames(frames, self.channels)
        out = output_for(frames, out)
        start = 0
        while start < len(frames):
            stop = min(len(frames), start + CELL_FRAMES - self._position)
            self._piece(frames[start:stop], out[start:stop])
            start = stop
        return out

    def reset(self) -> None:
        """Forget the stream."""
        for block in (*self._chain, self._limiter):
            block.reset()
        for meter in self._meters:
            meter.reset()
        self.rider.reset()
        self._begin()

    def _piece(self, frames: Frames, out: Frames) -> None:
        """Master a piece that does not reach over the end of a cell."""
        for block in self._chain:
            frames = block.process(frames)
        before = self._meters[0].take(frames)
        places = (self._position + np.arange(len(frames))) / CELL_FRAMES
        gain_db = self._from_db + (self._to_db - self._from_db) * places
        raised = frames * np.float32(10.0) ** (gain_db / 20.0).astype(np.float32)[:, None]
        self._limiter.process(raised, out)
        after = self._meters[1].take(out)
        self._position += len(frames)
        if before is not None and after is not None:
            self._position = 0
            self._from_db = self._to_db
            self._to_db = self.rider.advance(before, after)


def keep_equal(masters: Iterable[LiveMaster]) -> None:
    """Let masters of one programme come out equally loud: each follows the first of its target.

    They are then to process every block in this order.
    """
    leaders: dict[float, LiveMaster] = {}
    for master in masters:
        leader = leaders.setdefault(master.profile.target.loudness_lufs, master)
        if leader is not master:
            master.rider.follow(leader.rider)


def inner_target(profile: Profile) -> Target:
    """Return the target with what codecs and the limiter itself may add kept under the ceiling."""
    headroom_db = max((codec.headroom_db for codec in profile.codecs.values()), default=0.0)
    target = profile.target
    return replace(target, ceiling_dbtp=target.ceiling_dbtp - headroom_db - _LIMITER_RESERVE_DB)


def _limiter(profile: Profile, channels: int) -> AudioBlock:
    target = inner_target(profile)
    if target.fm is None:
        return TruePeakLimiter(
            RATE_HZ, channels, ceiling_dbtp=target.ceiling_dbtp, release_s=RELEASE_S
        )
    return FmLimiter(
        RATE_HZ,
        channels,
        ceiling_dbtp=target.ceiling_dbtp,
        tau_us=target.fm.pre_emphasis_us,
        release_s=RELEASE_S,
    )

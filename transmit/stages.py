"""The stages a profile may name: their settings, and how each becomes a block.

Settings are relative to the speech: a chain first brings the active speech level (ITU-T P.56) of
the programme to NOMINAL_DBOV, so a threshold of "6 dB over the speech" means the same for a whisper
and a shout, and a file mastered again meets the thresholds where it met them before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from dsp.master.compressor import Compressor, CompressorSettings
from dsp.master.de_esser import DeEsser, DeEsserSettings
from dsp.master.equalizer import Curve, Equalizer
from dsp.master.expander import Expander, ExpanderSettings
from dsp.master.high_pass import HighPass
from dsp.master.hum_notch import HumNotch
from dsp.master.leveller import Leveller, LevellerSettings

if TYPE_CHECKING:
    from dsp.contract import AudioBlock

NOMINAL_DBOV = -26.0
_MOST_TRIM_DB = 60.0
_NO_FLOOR_SNR_DB = 80.0


class Fault(Protocol):
    """A fault found by the measurement."""

    @property
    def kind(self) -> str:
        """Name of the fault, such as "hum"."""


class Figures(Protocol):
    """What a chain must know of the programme (`dsp.measure.programme` measures it)."""

    @property
    def active_speech_level_dbov(self) -> float | None:
        """ITU-T P.56 level; None or -inf where no speech was found."""

    @property
    def noise_floor_dbfs(self) -> float | None:
        """Power in the pauses; None or -inf where there is none."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults found."""


@dataclass(frozen=True)
class Source:
    """The programme as the stages see it: rate, channels, and levels after the trim."""

    sample_rate_hz: int
    channels: int
    trim_db: float
    snr_db: float
    hums: bool

    @property
    def floor_dbfs(self) -> float:
        """Noise in the pauses after the trim."""
        return NOMINAL_DBOV - self.snr_db


def _known(level: float | None) -> float | None:
    return level if level is not None and math.isfinite(level) else None


def describe_source(sample_rate_hz: int, channels: int, before: Figures) -> Source:
    """Return what the stages need; without speech there is no trim, without a floor a low one."""
    speech_dbov = _known(before.active_speech_level_dbov)
    floor_dbfs = _known(before.noise_floor_dbfs)
    if speech_dbov is None:
        return Source(sample_rate_hz, channels, 0.0, _NO_FLOOR_SNR_DB, hums=False)
    trim_db = max(-_MOST_TRIM_DB, min(_MOST_TRIM_DB, NOMINAL_DBOV - speech_dbov))
    snr_db = _NO_FLOOR_SNR_DB if floor_dbfs is None else speech_dbov - floor_dbfs
    return Source(
        sample_rate_hz,
        channels,
        trim_db,
        max(0.0, min(_NO_FLOOR_SNR_DB, snr_db)),
        hums=any(fault.kind == "hum" for fault in before.faults),
    )


@dataclass(frozen=True)
class HighPassStage:
    """DC and rumble; carries the trim to the nominal speech level and so comes first."""

    kind: ClassVar[str] = "high_pass"
    corner_hz: float = 80.0
    order: int = 2

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block."""
        return HighPass(
            source.sample_rate_hz, source.channels, self.corner_hz, self.order, source.trim_db
        )


@dataclass(frozen=True)
class HumNotchStage:
    """Mains hum; built only where the measurement found hum."""

    kind: ClassVar[str] = "hum_notch"
    fundamental_hz: float = 50.0
    harmonics: int = 6
    width_hz: float = 4.0

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block, or None for a programme that does not hum."""
        if not source.hums:
            return None
        return HumNotch(
            source.sample_rate_hz,
            source.channels,
            self.fundamental_hz,
            self.harmonics,
            self.width_hz,
        )


@dataclass(frozen=True)
class ExpanderStage:
    """Pauses down. The threshold lies `share_of_snr` of the way from the noise to the speech.

    The depth is at most `range_db` and at most `depth_of_snr` of the distance between the two: in a
    noisy recording the listener hears the noise under the words too, and pumping it in the gaps
    between them costs more than it gives.
    """

    kind: ClassVar[str] = "expander"
    share_of_snr: float = 0.3
    max_over_floor_db: float = 20.0
    ratio: float = 2.5
    range_db: float = 12.0
    depth_of_snr: float = 0.4
    window_s: float = 0.004
    attack_s: float = 0.003
    hold_s: float = 0.04
    release_s: float = 0.03
    lookahead_s: float = 0.015

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block."""
        over_floor_db = min(self.max_over_floor_db, self.share_of_snr * source.snr_db)
        settings = ExpanderSettings(
            threshold_dbfs=source.floor_dbfs + over_floor_db,
            ratio=self.ratio,
            range_db=min(self.range_db, self.depth_of_snr * source.snr_db),
            window_s=self.window_s,
            attack_s=self.attack_s,
            hold_s=self.hold_s,
            release_s=self.release_s,
            lookahead_s=self.lookahead_s,
        )
        return Expander(source.sample_rate_hz, source.channels, settings)


@dataclass(frozen=True)
class LevellerStage:
    """Speakers to one level. The gate lies above the noise, and `gate_db` under the speech."""

    kind: ClassVar[str] = "leveller"
    gate_db: float = -32.0
    share_of_snr: float = 0.5
    max_boost_db: float = 20.0
    max_cut_db: float = 20.0
    window_s: float = 0.4
    slow_s: float = 4.0
    fast_s: float = 0.5
    fast_error_db: float = 6.0

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block."""
        over_floor_db = min(12.0, self.share_of_snr * source.snr_db)
        gate_dbfs = max(NOMINAL_DBOV + self.gate_db, source.floor_dbfs + over_floor_db)
        settings = LevellerSettings(
            target_dbfs=NOMINAL_DBOV,
            gate_dbfs=min(gate_dbfs, NOMINAL_DBOV - 3.0),
            max_boost_db=self.max_boost_db,
            max_cut_db=self.max_cut_db,
            window_s=self.window_s,
            slow_s=self.slow_s,
            fast_s=self.fast_s,
            fast_error_db=self.fast_error_db,
        )
        return Leveller(source.sample_rate_hz, source.channels, settings)


@dataclass(frozen=True)
class EqualizerStage:
    """Presence, tilt, band limits."""

    kind: ClassVar[str] = "equalizer"
    curves: tuple[Curve, ...] = ()

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block."""
        return Equalizer(source.sample_rate_hz, source.channels, self.curves)


@dataclass(frozen=True)
class CompressorStage:
    """Bands evened out. Thresholds and gate in dB over the nominal speech level."""

    kind: ClassVar[str] = "compressor"
    corners_hz: tuple[float, ...] = (500.0, 1200.0, 2800.0)
    thresholds_db: tuple[float, ...] = (-6.0, -8.0, -10.0, -12.0)
    gate_db: float = -14.0
    ratio: float = 3.0
    knee_db: float = 6.0
    max_reduction_db: float = 18.0
    window_s: float = 0.005
    attack_s: float = 0.004
    release_s: float = 0.10
    mean_s: float = 2.0
    hold_s: float = 0.05

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block."""
        settings = CompressorSettings(
            corners_hz=self.corners_hz,
            thresholds_dbfs=tuple(NOMINAL_DBOV + level for level in self.thresholds_db),
            gate_dbfs=NOMINAL_DBOV + self.gate_db,
            ratio=self.ratio,
            knee_db=self.knee_db,
            max_reduction_db=self.max_reduction_db,
            window_s=self.window_s,
            attack_s=self.attack_s,
            release_s=self.release_s,
            mean_s=self.mean_s,
            hold_s=self.hold_s,
        )
        return Compressor(source.sample_rate_hz, source.channels, settings)


@dataclass(frozen=True)
class DeEsserStage:
    """Sibilants down where they outweigh the voice."""

    kind: ClassVar[str] = "de_esser"
    corner_hz: float = 5000.0
    threshold_db: float = -6.0
    floor_db: float = -30.0
    ratio: float = 3.0
    max_reduction_db: float = 10.0

    def build(self, source: Source) -> AudioBlock | None:
        """Return the block, or None where the rate has no room for a second band."""
        if self.corner_hz >= 0.45 * source.sample_rate_hz:
            return None
        settings = DeEsserSettings(
            corner_hz=self.corner_hz,
            threshold_db=self.threshold_db,
            floor_dbfs=NOMINAL_DBOV + self.floor_db,
            ratio=self.ratio,
            max_reduction_db=self.max_reduction_db,
        )
        return DeEsser(source.sample_rate_hz, source.channels, settings)


Stage = (
    HighPassStage
    | HumNotchStage
    | ExpanderStage
    | LevellerStage
    | EqualizerStage
    | CompressorStage
    | DeEsserStage
)
STAGES: dict[str, type[Stage]] = {
    stage.kind: stage
    for stage in (
        HighPassStage,
        HumNotchStage,
        ExpanderStage,
        LevellerStage,
        EqualizerStage,
        CompressorStage,
        DeEsserStage,
    )
}

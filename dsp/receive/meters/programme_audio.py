"""The programme as a listener has it: decoded, scaled, and what is told of its sound.

Full scale is what pilot and RDS, as measured, leave of the rated deviation for the audio.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dsp.fm.constants import AUDIO_RATE_HZ, FULL_SCALE_HZ
from dsp.fm.profiles import FmProfile
from dsp.receive.composite.composite_bank import CompositeBank
from dsp.receive.composite.grid import AUDIO_HOP
from dsp.receive.composite.stereo_decoder import StereoDecoder
from dsp.receive.meters.audio_loudness import AudioLoudness, noise_energy
from dsp.receive.meters.audio_meters import AudioMeters, AudioReading
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.pilot_meter import PilotFit
from dsp.receive.meters.programme_state import SILENCE_DBFS

DECODED = 0.9
_SMALLEST_SHARE_HZ = 1_000.0
_SHORT_TERM = 300
_INTEGRATED_LU = 0.02

Frames = npt.NDArray[np.float32]


class ProgrammeAudio:
    """Decodes and judges the audio of second after second.

    Parameters
    ----------
    profile
        Rated deviation and emphasis.
    """

    def __init__(self, profile: FmProfile) -> None:
        self._profile = profile
        self._stereo = StereoDecoder()
        self._loudness = AudioLoudness()
        self._meters = AudioMeters()
        self._frames = np.zeros((AUDIO_RATE_HZ, 2), np.float32)
        self.reset()

    @property
    def blend(self) -> float:
        """Share of L - R in the audio now: 1 stereo, 0 mono."""
        return self._stereo.blend

    @property
    def is_decoded(self) -> bool:
        """Whether left and right are fully decoded."""
        return self._stereo.blend >= DECODED

    def hear(
        self, bank: CompositeBank, fits: list[PilotFit], cn_db: float, carriers: list[Figure]
    ) -> tuple[AudioReading, Frames]:
        """Decode the second in `bank`; return its levels, and a copy of it at full scale.

        `fits` are those of the pilot, `carriers` the injections of pilot and RDS.
        """
        self._stereo.decode(bank.middle, bank.side, fits, cn_db, self._frames)
        self._loudness.add(self._frames)
        gain = FULL_SCALE_HZ / self._share_hz(carriers)
        self._gain_db = 20.0 * math.log10(gain)
        return self._meters.second(self._frames, self._gain_db), self._scaled(gain)

    def figures(
        self, audio: AudioReading, n0_over_c: float, *, stereo_known: bool
    ) -> dict[str, Figure]:
        """Return loudness, balance and correlation of the second just heard, which is whole.

        `stereo_known` tells that the station has been heard with a pilot.
        """
        self._loudness.close_second()
        blend = round(self._stereo.blend, 2)
        noise = noise_energy(n0_over_c, self._profile.pre_emphasis_us, blend)
        whole = self._loudness.integrated_lufs(self._gain_db)
        readings = {
            "loudness_momentary_lufs": self._loudness.momentary(self._gain_db, noise),
            "loudness_short_term_lufs": self._loudness.short_term(self._gain_db, noise),
            "loudness_integrated_lufs": None if whole is None else (whole, _INTEGRATED_LU),
        }
        found = {key: self._loudness_figure(key, reading) for key, reading in readings.items()}
        if stereo_known and blend < DECODED:
            blended = "stereo blended to mono (weak signal)"
            found = {key: figure.because(blended) for key, figure in found.items()}
        quiet = "silence" if audio.level_dbfs < SILENCE_DBFS else None
        found["balance_db"] = Figure(audio.balance_db, 0.05).because(quiet)
        found["correlation"] = Figure(audio.correlation, 0.005).because(quiet)
        return found

    def restart(self) -> None:
        """Begin the loudness anew, as behind a gap."""
        self._loudness.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._gain, self._gain_db, self._share_u_lu = 0.0, 0.0, 0.0
        self._stereo.reset()
        self._loudness.reset()
        self._meters.reset()

    def silent_second(self) -> Frames:
        """Return a second of zeros."""
        return np.zeros_like(self._frames)

    def _loudness_figure(self, key: str, reading: tuple[float, float] | None) -> Figure:
        if reading is not None:
            return Figure(reading[0], math.hypot(2.0 * reading[1], self._share_u_lu))
        waits = self._loudness.steps < _SHORT_TERM and key == "loudness_short_term_lufs"
        return Figure.missing("support too short" if waits else "silence or noise")

    def _share_hz(self, carriers: list[Figure]) -> float:
        """What pilot and RDS leave of the rated deviation for the audio."""
        share_hz, unsure_hz = self._profile.rated_deviation_hz, 0.0
        for figure in carriers:
            if figure.invalid is None and figure.value is not None:
                share_hz -= figure.value
            unsure_hz = math.hypot(unsure_hz, figure.u or 0.0)
        share_hz = max(share_hz, _SMALLEST_SHARE_HZ)
        self._share_u_lu = 8.686 * unsure_hz / share_hz
        return share_hz

    def _scaled(self, gain: float) -> Frames:
        """Return a copy of the second's frames at full scale; a change of gain takes 25 ms."""
        scaled = self._frames * np.float32(gain)
        before = self._gain or gain
        if before != gain:
            ramp = np.linspace(before / gain, 1.0, AUDIO_HOP, dtype=np.float32)
            scaled[:AUDIO_HOP] *= ramp[:, None]
        self._gain = gain
        return scaled

"""What is wrong with a station in a second, in short stable names.

`programme_state` says what is on the air in place of a programme; this adds what figures and the
memory of a pilot tell.
"""

from __future__ import annotations

from dsp.receive.composite.stereo_decoder import MONO_BELOW_DB
from dsp.receive.meters import programme_state
from dsp.receive.meters.audio_meters import AudioReading
from dsp.receive.meters.carrier_figures import CO_CHANNEL_SHARE, WEAK_DB, carrier_over_noise_db
from dsp.receive.meters.envelope_meter import EnvelopeReading
from dsp.receive.meters.figure import Figure

# Echoes that modulate the envelope's power by more than this are told.
MULTIPATH_SHARE = 0.1
_PILOT_KNOWN_S = 3


class StationFindings:
    """Judges second after second.

    Parameters
    ----------
    over_limit_hz
        A peak above this by more than its uncertainty is over deviation.
    """

    def __init__(self, over_limit_hz: float) -> None:
        self._over_limit_hz = over_limit_hz
        self.reset()

    @property
    def stereo_known(self) -> bool:
        """Whether the pilot has been heard."""
        return self._pilot_seconds > 0

    def judge(
        self,
        figures: dict[str, Figure],
        bands: programme_state.BandReading,
        audio: AudioReading,
        envelope: EnvelopeReading,
        *,
        pilot: bool,
        decoded: bool,
    ) -> list[str]:
        """Return the findings; `pilot` is there, left and right are fully `decoded`."""
        carrier_db = carrier_over_noise_db(envelope)
        found = programme_state.findings(bands, audio, carrier_db=carrier_db, stereo=decoded)
        if "off_air" in found:
            return found
        cn_db = figures["cn_db"].value or 0.0
        if self._is_over(figures["peak_deviation_hz"]):
            found.append("over_deviation")
        if pilot:
            self._pilot_seconds += 1
        elif self._pilot_seconds >= _PILOT_KNOWN_S and cn_db >= WEAK_DB:
            found.append("no_pilot")
        if audio.hum is not None:
            found.append("hum")
        if cn_db >= MONO_BELOW_DB and envelope.multipath_share > MULTIPATH_SHARE:
            found.append("multipath")
        if envelope.other_share > CO_CHANNEL_SHARE:
            found.append("co_channel")
        return found

    def reset(self) -> None:
        """Forget the stream."""
        self._pilot_seconds = 0

    def _is_over(self, peak: Figure) -> bool:
        if peak.invalid is not None or peak.value is None or peak.u is None:
            return False
        return peak.value > self._over_limit_hz + peak.u

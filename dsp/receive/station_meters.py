"""Everything that is measured of one station, second by second, from its channel and composite.

    meters = StationMeters(PROFILES["75k50us"], delay_samples=discriminator.delay_samples)
    for record in meters.process(composite, iq): …

Idea: one FFT per 25 ms (`CompositeBank`) gives the filtered composite, the audio and all spectra;
kernels take sums from them; at the end of each second the noise is read first, because everything
else is corrected by it, and then every meter gives its figures with their uncertainties.

Second k covers samples [k · rate, (k + 1) · rate) of the stream; a record comes half a millisecond
of signal after its end. A gap takes the figures of every second it touches, and whatever was
observed over longer (MPX power, share over the limit, held peak, loudness) begins anew behind it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.contract import BlockContractError, require_samples
from dsp.fm.profiles import FmProfile
from dsp.receive.composite.composite_bank import CompositeBank
from dsp.receive.composite.composite_input import CompositeInput
from dsp.receive.composite.grid import HOPS_PER_S, RATE_HZ
from dsp.receive.meters import programme_state
from dsp.receive.meters.audio_meters import AudioReading
from dsp.receive.meters.bandwidth_meters import BandwidthMeters
from dsp.receive.meters.carrier_figures import carrier_figures, weakness
from dsp.receive.meters.envelope_meter import read_envelope
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.filter_reach import CUT
from dsp.receive.meters.modulation_meters import ModulationMeters
from dsp.receive.meters.noise_floor import NoiseFloor, NoiseReading
from dsp.receive.meters.pilot_meter import PilotFit, fit_quarters, pilot_figures
from dsp.receive.meters.programme_audio import ProgrammeAudio
from dsp.receive.meters.station_findings import StationFindings
from dsp.receive.meters.stretch_end import widened_at_the_end
from dsp.receive.rds.level import RdsLevel, RdsPhasors
from dsp.receive.second_record import FIGURES, SecondRecord, lost_second

FULL_HALF_WIDTH_HZ = 130_000.0
NARROWED = "neighbour closer than 400 kHz: filter narrowed"
# Echoes that modulate the envelope's power by more than this spoil a deviation.
MULTIPATH_SPOILS = 0.4
# Figures of the carrier itself: valid however weak it is.
_ALWAYS = ("level_dbfs", "cn_db")
# A gap longer than this is not run through the filters sample by sample.
_GAP_RUN = 2 * RATE_HZ

Composite = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]


class _Readings(NamedTuple):
    """What a second has told before it was known to be whole."""

    noise: NoiseReading
    audio: AudioReading
    frames: npt.NDArray[np.float32]
    pilot: bool
    last: bool


class StationMeters:
    """Meters of one station.

    Parameters
    ----------
    profile
        Rated deviation, emphasis and the deviation above which samples count as over.
    delay_samples
        By how many samples the composite is later than the channel (the discriminator's delay).
    frequency_hz
        Assigned frequency, for the offset in ppm; None leaves it out.
    reference_ppm
        What the receiver's oscillator is good to.
    half_width_hz
        The channel is flat to this; less than 130 kHz beside a close neighbour.
    narrowed
        Why, in words, where `half_width_hz` is less than 130 kHz.
    phase_step
        True if the composite is the bare phase step between samples and droops (the project's own
        discriminator makes that good).

    Raises
    ------
    ValueError
        For a value out of range.
    """

    def __init__(
        self,
        profile: FmProfile,
        *,
        delay_samples: int = 0,
        frequency_hz: float | None = None,
        reference_ppm: float = 1.0,
        half_width_hz: float = FULL_HALF_WIDTH_HZ,
        narrowed: str = NARROWED,
        phase_step: bool = False,
    ) -> None:
        if not 20_000.0 <= half_width_hz <= RATE_HZ / 2:
            raise ValueError(f"half_width_hz: expected within 20000 … 144000, got {half_width_hz}")
        self._notes = [narrowed] if half_width_hz < FULL_HALF_WIDTH_HZ else []
        half_flat_hz = min(half_width_hz, FULL_HALF_WIDTH_HZ)
        # The channelizer's filter falls over 28 kHz; half of them let noise through.
        self._noise_bandwidth_hz = min(2.0 * half_width_hz + 26_000.0, float(RATE_HZ))
        self._input = CompositeInput(delay_samples)
        self._phase_step = phase_step
        self._bank = CompositeBank(de_emphasis_us=profile.pre_emphasis_us, phase_step=phase_step)
        self._noise = NoiseFloor(phase_step=phase_step)
        self._modulation = ModulationMeters(
            profile,
            self._bank.response,
            half_width_hz=half_flat_hz,
            frequency_hz=frequency_hz,
            reference_ppm=reference_ppm,
            phase_step=phase_step,
        )
        self._rds = RdsLevel(phase_step=phase_step)
        self._bandwidth = BandwidthMeters(profile.rated_deviation_hz, half_flat_hz)
        self._audio = ProgrammeAudio(profile)
        self._findings = StationFindings(profile.over_limit_hz)
        self.reset()

    @property
    def blend(self) -> float:
        """Share of L - R in the audio now: 1 stereo, 0 mono."""
        return self._audio.blend

    def process(self, composite: Composite, iq: Iq) -> list[SecondRecord]:
        """Take the next samples, (n,) float32 and (n,) complex64; return the seconds completed.

        Raises
        ------
        BlockContractError
            For another dtype, shape or length, or samples that are not finite; nothing has changed.
        """
        require_samples(composite, np.float32)
        require_samples(iq, np.complex64)
        if len(composite) != len(iq):
            raise BlockContractError("iq", f"{len(composite)} samples", f"{len(iq)}")
        return self.advance(composite, iq)

    def advance(self, composite: Composite, iq: Iq) -> list[SecondRecord]:
        """Do what `process` does with samples that are known to be good."""
        for _ in self._input.push(composite, iq, len(composite)):
            self._take_second()
        return self._give()

    def mark_gap(self, missing: int) -> list[SecondRecord]:
        """Tell that the next `missing` samples (288 kHz) do not exist; return seconds completed."""
        if missing < 0:
            raise BlockContractError("missing", "0 or more samples", str(missing))
        if missing == 0:
            return []
        self._input.note_gap(missing)
        run = min(missing, _GAP_RUN)
        self._run_zeros(run)
        # Whole seconds of nothing need no filtering: the current one lies within the gap as well.
        seconds, rest = divmod(missing - run, RATE_HZ)
        for _ in range(seconds):
            self._lose_second(self._audio.silent_second())
        self._input.skip_seconds(seconds)
        self._run_zeros(rest)
        return self._give()

    def flush(self) -> list[SecondRecord]:
        """End the stream; return the second that only waited for its future."""
        for _ in self._input.hold():
            self._take_second(last=True)
        return self._give()

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of second 0."""
        self._input.reset()
        self._second = 0
        self._done: list[SecondRecord] = []
        self._audio.reset()
        self._findings.reset()
        self._restart()

    def _restart(self) -> None:
        """Begin every observation that is longer than a second anew."""
        self._modulation.reset()
        self._bandwidth.reset()
        self._audio.restart()

    def _give(self) -> list[SecondRecord]:
        done, self._done = self._done, []
        return done

    def _run_zeros(self, n: int) -> None:
        for _ in self._input.push(None, None, n):
            self._take_second()

    def _take_second(self, *, last: bool = False) -> None:
        bank = self._bank
        bank.measure(self._input.composite)
        self._modulation.take(bank.composite)
        noise = self._noise.read(bank.powers, HOPS_PER_S)
        fits = fit_quarters(bank.pilots, phase_step=self._phase_step)
        figures, pilot = self._carriers(fits, noise)
        carriers = [figures["pilot_hz"], figures["rds_hz"]]
        audio, frames = self._audio.hear(bank, fits, noise.cn_db, carriers)
        missing, touched = self._input.missing_in(self._second)
        if touched:
            self._restart()
            self._lose_second(frames, missing)
            return
        self._done.append(self._record(figures, _Readings(noise, audio, frames, pilot, last)))
        self._second += 1

    def _record(self, figures: dict[str, Figure], readings: _Readings) -> SecondRecord:
        """Return the record of a whole second; `figures` has those of pilot and RDS."""
        noise, audio, frames, pilot, last = readings
        bank, iq = self._bank, self._input.iq[:RATE_HZ]
        envelope = read_envelope(iq, bank.composite)
        bands = programme_state.read_bands(bank.powers, bank.heard, noise.n0_over_c)
        figures |= carrier_figures(noise, envelope, self._noise_bandwidth_hz)
        spoiled = "multipath" if envelope.multipath_share > MULTIPATH_SPOILS else None
        found, series = self._modulation.read(bank.composite, noise.n0_over_c, bands, spoiled)
        figures |= found
        figures |= self._bandwidth.read(iq, noise, figures["offset_hz"].value or 0.0)
        stereo_known = self._findings.stereo_known
        figures |= self._audio.figures(audio, noise.n0_over_c, stereo_known=stereo_known)
        if last:
            figures |= widened_at_the_end(figures, self._modulation.mpx_window_s)
        weak = weakness(figures["cn_db"], envelope)
        reasoned = {
            key: figures[key] if key in _ALWAYS else figures[key].because(weak) for key in FIGURES
        }
        findings = self._findings.judge(
            reasoned, bands, audio, envelope, pilot=pilot, decoded=self._audio.is_decoded
        )
        is_cut = self._modulation.is_cut(reasoned["peak_deviation_hz"], bands)
        mpx_window_s = self._modulation.mpx_window_s
        if weak is not None:
            # Noise of a channel without its carrier belongs to nobody's multiplex.
            mpx_window_s = 0
            self._restart()
        return SecondRecord(
            second=self._second,
            figures=reasoned,
            findings=tuple(findings),
            missing_samples=0,
            over_limit_share_upper=series.over_limit_upper if weak is None else None,
            mpx_window_s=mpx_window_s,
            slots_hz=series.slots_hz,
            distribution=series.distribution,
            audio=frames,
            notes=(*self._notes, CUT) if is_cut else tuple(self._notes),
        )

    def _carriers(
        self, fits: list[PilotFit], noise: NoiseReading
    ) -> tuple[dict[str, Figure], bool]:
        """Return the figures of pilot and RDS, and whether the pilot is there."""
        bank = self._bank
        pilot_hz, pilot_frequency_hz, pilot = pilot_figures(fits, noise.n0_over_c)
        phasors = RdsPhasors(bank.rds_squares, bank.pilots)
        rds = self._rds.read(bank.powers, phasors, noise.n0_over_c, pilot=pilot)
        return {"pilot_hz": pilot_hz, "pilot_frequency_hz": pilot_frequency_hz} | rds, pilot

    def _lose_second(self, frames: npt.NDArray[np.float32], missing: int = RATE_HZ) -> None:
        self._done.append(lost_second(self._second, missing, frames))
        self._second += 1

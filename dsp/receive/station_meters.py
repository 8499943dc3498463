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

import math

import numpy as np
import numpy.typing as npt

from dsp.contract import BlockContractError, require_samples
from dsp.fm.constants import AUDIO_RATE_HZ, FULL_SCALE_HZ
from dsp.fm.profiles import FmProfile
from dsp.receive.composite import composite_filter, stereo_decoder
from dsp.receive.composite.composite_bank import CompositeBank
from dsp.receive.composite.composite_input import CompositeInput
from dsp.receive.composite.grid import AUDIO_HOP, HOPS_PER_S, RATE_HZ
from dsp.receive.composite.stereo_decoder import StereoDecoder
from dsp.receive.meters import filter_reach, programme_state
from dsp.receive.meters.audio_loudness import AudioLoudness, noise_energy
from dsp.receive.meters.audio_meters import AudioMeters, AudioReading
from dsp.receive.meters.carrier_offset import offset_of, offset_ppm
from dsp.receive.meters.channel_spectrum import ChannelSpectrum
from dsp.receive.meters.deviation_meter import DeviationMeter, DeviationSecond
from dsp.receive.meters.deviation_peaks import SQUARES, DeviationPeaks
from dsp.receive.meters.envelope_meter import EnvelopeReading, read_envelope
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.mpx_power import MpxPowerMeter
from dsp.receive.meters.noise_floor import NoiseFloor, NoiseReading
from dsp.receive.meters.occupied_bandwidth import occupied_bandwidth
from dsp.receive.meters.pilot_meter import fit_quarters, pilot_figures
from dsp.receive.meters.quiet_crest import QuietCrests
from dsp.receive.meters.spectrum_mask import held_noise, mask_margin
from dsp.receive.rds.level import RdsLevel, RdsPhasors
from dsp.receive.second_record import FIGURES, SecondRecord, lost_second

FULL_HALF_WIDTH_HZ = 130_000.0
# Below this the discriminator's clicks set in and the parabola of FM noise no longer holds.
WEAK_DB = 12.0
NARROWED = "neighbour closer than 400 kHz: filter narrowed"
# Echoes or a second carrier that modulate the envelope's power by more than this are told.
MULTIPATH_SHARE = 0.1
MULTIPATH_SPOILS = 0.4
CO_CHANNEL_SHARE = 0.2
# A carrier that loses 6 dB within half a millisecond has gone, or come: the noise between reads as
# deviation.
GONE_SHARE = 0.25
CAME_OR_WENT = "the carrier came or went"
# Figures of the carrier itself: valid however weak it is.
_ALWAYS = ("level_dbfs", "cn_db")
# A gap longer than this is not run through the filters sample by sample.
_GAP_RUN = 2 * RATE_HZ
_SMALLEST_SHARE_HZ = 1_000.0
_SHORT_TERM = 300
_LEVEL_DB = 1.5e-4
_CN_DB = 0.015
_INTEGRATED_LU = 0.02
_DECODED = 0.9
_PILOT_KNOWN_S = 3

Composite = npt.NDArray[np.float32]
Iq = npt.NDArray[np.complex64]


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
        self.profile = profile
        self._frequency_hz = frequency_hz
        self._reference_ppm = reference_ppm
        self._narrowed = narrowed
        self._half_width_hz = min(half_width_hz, FULL_HALF_WIDTH_HZ)
        # The channelizer's filter falls over 28 kHz; half of them let noise through.
        bandwidth_hz = min(2.0 * half_width_hz + 26_000.0, float(RATE_HZ))
        self._input = CompositeInput(delay_samples)
        self._phase_step = phase_step
        self._bank = CompositeBank(de_emphasis_us=profile.pre_emphasis_us, phase_step=phase_step)
        self._noise_hz3 = composite_filter.noise_bandwidth_hz3(
            self._bank.response, phase_step=phase_step
        )
        self._noise = NoiseFloor(phase_step=phase_step)
        self._peaks = DeviationPeaks()
        self._crests = QuietCrests(self._bank.response)
        self._deviation = DeviationMeter(profile.over_limit_hz)
        self._mpx = MpxPowerMeter()
        self._rds = RdsLevel(phase_step=phase_step)
        self._noise_bandwidth_hz = bandwidth_hz
        self._spectrum = ChannelSpectrum()
        self._stereo = StereoDecoder()
        self._loudness = AudioLoudness()
        self._audio = AudioMeters()
        self._frames = np.zeros((AUDIO_RATE_HZ, 2), np.float32)
        self.reset()

    @property
    def blend(self) -> float:
        """Share of L - R in the audio now: 1 stereo, 0 mono."""
        return self._stereo.blend

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
            self._lose_second(np.zeros_like(self._frames))
        self._input.skip_seconds(seconds)
        self._run_zeros(rest)
        return self._give()

    def flush(self) -> list[SecondRecord]:
        """End the stream; return the second that only waited for its future."""
        for _ in self._input.hold():
            self._take_second()
        return self._give()

    def reset(self) -> None:
        """Forget the stream; the next sample is the first of second 0."""
        self._input.reset()
        self._second = 0
        self._gain = 0.0
        self._share_u_lu = 0.0
        self._pilot_seconds = 0
        self._done: list[SecondRecord] = []
        self._stereo.reset()
        self._audio.reset()
        self._restart()

    def _restart(self) -> None:
        """Begin every observation that is longer than a second anew."""
        self._deviation.reset()
        self._mpx.reset()
        self._loudness.reset()
        self._spectrum.reset()

    def _give(self) -> list[SecondRecord]:
        done, self._done = self._done, []
        return done

    def _run_zeros(self, n: int) -> None:
        for _ in self._input.push(None, None, n):
            self._take_second()

    def _take_second(self) -> None:
        bank, iq = self._bank, self._input.iq[:RATE_HZ]
        bank.measure(self._input.composite)
        self._peaks.take(bank.composite)
        noise = self._noise.read(bank.powers, HOPS_PER_S)
        envelope = read_envelope(iq, bank.composite)
        bands = programme_state.read_bands(bank.powers, bank.heard, noise.n0_over_c)
        fits = fit_quarters(bank.pilots, phase_step=self._phase_step)
        pilot_hz, pilot_frequency_hz, pilot = pilot_figures(fits, noise.n0_over_c)
        phasors = RdsPhasors(bank.rds_squares, bank.pilots)
        rds = self._rds.read(bank.powers, phasors, noise.n0_over_c, pilot=pilot)
        self._stereo.decode(bank.middle, bank.side, fits, noise.cn_db, self._frames)
        self._loudness.add(self._frames)
        share_hz = self._share_hz(pilot_hz, rds["rds_hz"])
        gain_db = 20.0 * math.log10(FULL_SCALE_HZ / share_hz)
        audio = self._audio.second(self._frames, gain_db)
        frames = self._scaled(FULL_SCALE_HZ / share_hz)
        missing, touched = self._input.missing_in(self._second)
        if touched:
            self._restart()
            self._lose_second(frames, missing)
            return
        figures = {"pilot_hz": pilot_hz, "pilot_frequency_hz": pilot_frequency_hz} | rds
        figures |= self._level_figures(noise, envelope)
        weak = self._weakness(figures["cn_db"], envelope)
        extra = self._composite_figures(figures, iq, noise, envelope, bands)
        self._loudness.close_second()
        figures |= self._audio_figures(audio, gain_db, noise.n0_over_c, weak)
        reasoned = {
            key: figures[key] if key in _ALWAYS else figures[key].because(weak) for key in FIGURES
        }
        found = self._findings(reasoned, bands, audio, envelope, pilot=pilot)
        mpx_window_s = self._mpx.window_s
        if weak is not None:
            # Noise of a channel without its carrier belongs to nobody's multiplex.
            mpx_window_s = 0
            self._restart()
        self._done.append(
            SecondRecord(
                second=self._second,
                figures=reasoned,
                findings=tuple(found),
                missing_samples=0,
                over_limit_share_upper=extra.over_limit_upper if weak is None else None,
                mpx_window_s=mpx_window_s,
                slots_hz=extra.slots_hz,
                distribution=extra.distribution,
                audio=frames,
                notes=self._notes(reasoned["peak_deviation_hz"], bands),
            )
        )
        self._second += 1

    def _lose_second(self, frames: npt.NDArray[np.float32], missing: int = RATE_HZ) -> None:
        self._done.append(lost_second(self._second, missing, frames))
        self._second += 1

    def _share_hz(self, pilot_hz: Figure, rds_hz: Figure) -> float:
        """What pilot and RDS leave of the rated deviation for the audio."""
        share_hz, unsure_hz = self.profile.rated_deviation_hz, 0.0
        for figure in (pilot_hz, rds_hz):
            if figure.invalid is None and figure.value is not None:
                share_hz -= figure.value
            unsure_hz = math.hypot(unsure_hz, figure.u or 0.0)
        share_hz = max(share_hz, _SMALLEST_SHARE_HZ)
        self._share_u_lu = 8.686 * unsure_hz / share_hz
        return share_hz

    def _scaled(self, gain: float) -> npt.NDArray[np.float32]:
        """Return a copy of the second's frames at full scale; a change of gain takes 25 ms."""
        scaled = self._frames * np.float32(gain)
        before = self._gain or gain
        if before != gain:
            ramp = np.linspace(before / gain, 1.0, AUDIO_HOP, dtype=np.float32)
            scaled[:AUDIO_HOP] *= ramp[:, None]
        self._gain = gain
        return scaled

    def _level_figures(self, noise: NoiseReading, envelope: EnvelopeReading) -> dict[str, Figure]:
        by_envelope_db = _ratio_db(
            envelope.carrier * self._noise_bandwidth_hz,
            envelope.noise * 200_000.0,
        )
        by_noise = Figure(noise.cn_db, 2.0 * math.hypot(4.34 * noise.relative, _CN_DB))
        by_envelope = Figure(by_envelope_db, 1.0)
        cn_db = by_envelope if min(by_envelope_db, noise.cn_db) < WEAK_DB + 2.0 else by_noise
        ratio = envelope.noise / max(envelope.carrier, 1e-20)
        # By the fourth moment a level is half as unsure again as by the second alone.
        spread_db = 6.5 * math.sqrt(min(ratio, 1.0) / RATE_HZ)
        level = Figure(envelope.level_dbfs, 2.0 * math.hypot(spread_db, _LEVEL_DB))
        multipath = Figure(envelope.multipath_share, 0.02)
        other = Figure(envelope.other_share, 0.05)
        # Of noise alone the envelope still makes some carrier; nobody should read that as a level.
        carrier_db = _ratio_db(envelope.carrier, envelope.noise)
        gone = "off air (no carrier)" if carrier_db < programme_state.OFF_AIR_CARRIER_DB else None
        return {
            "cn_db": cn_db.because(gone),
            "level_dbfs": level.because(gone),
            "multipath_share": multipath,
            "co_channel_share": other,
        }

    @staticmethod
    def _weakness(cn_db: Figure, envelope: EnvelopeReading) -> str | None:
        if cn_db.value is None or cn_db.invalid is not None or envelope.carrier <= 0.0:
            return "off air (no carrier)"
        if cn_db.value < WEAK_DB and envelope.other_share > CO_CHANNEL_SHARE:
            return "another carrier on the channel"
        if cn_db.value < WEAK_DB:
            return f"weak signal (C/N {cn_db.value:.0f} dB)"
        if envelope.lowest_share < GONE_SHARE:
            return CAME_OR_WENT
        return None

    def _composite_figures(
        self,
        figures: dict[str, Figure],
        iq: Iq,
        noise: NoiseReading,
        envelope: EnvelopeReading,
        bands: programme_state.BandReading,
    ) -> DeviationSecond:
        noise_hz2 = noise.n0_over_c * self._noise_hz3
        hops = self._peaks.figures
        offset = offset_of(self._peaks.runs.reshape(-1), bands.modulation_hz)
        offset_hz = offset.value or 0.0
        sigma_hz = math.sqrt(noise_hz2)
        quiet = self._crests.read(self._bank.composite, hops, noise.n0_over_c, sigma_hz, offset_hz)
        second = self._deviation.second(hops, self._peaks.counts, offset_hz, sigma_hz, quiet)
        square = float(hops[:, SQUARES].sum()) / RATE_HZ * FULL_SCALE_HZ**2
        spectrum = self._spectrum.mean(iq)
        beta, down = occupied_bandwidth(
            spectrum, noise.n0_over_c, noise.relative, self._half_width_hz
        )
        density = float(spectrum.sum()) * noise.n0_over_c
        spoiled = "multipath" if envelope.multipath_share > MULTIPATH_SPOILS else None
        figures |= {
            "offset_hz": offset,
            "offset_ppm": self._ppm(offset),
            "peak_deviation_hz": self._widened(second.peak_hz, bands).because(spoiled),
            "peak_hold_hz": self._widened(second.peak_hold_hz, bands).because(spoiled),
            "over_limit_share": second.over_limit_share.because(spoiled),
            "mpx_power_dbr": self._mpx.add(square - offset_hz**2, noise_hz2),
            "occupied_bandwidth_hz": beta,
            "bandwidth_26db_hz": down,
            "mask_margin_db": mask_margin(
                self._spectrum.held,
                offset_hz,
                self.profile.rated_deviation_hz,
                self._half_width_hz,
                held_noise(density, self._spectrum.held_frames),
            ),
        }
        return second

    def _widened(self, peak: Figure, bands: programme_state.BandReading) -> Figure:
        return filter_reach.widened(peak, bands.frequency_hz, self._half_width_hz)

    def _notes(self, peak: Figure, bands: programme_state.BandReading) -> tuple[str, ...]:
        """Why the uncertainties are wider than they might be."""
        notes = [self._narrowed] if self._half_width_hz < FULL_HALF_WIDTH_HZ else []
        if filter_reach.is_cut(peak, bands.frequency_hz, self._half_width_hz):
            notes.append(filter_reach.CUT)
        return tuple(notes)

    def _ppm(self, offset: Figure) -> Figure:
        if self._frequency_hz is None:
            return Figure.missing("no assigned frequency")
        return offset_ppm(offset, self._frequency_hz, self._reference_ppm)

    def _audio_figures(
        self,
        audio: AudioReading,
        gain_db: float,
        n0_over_c: float,
        weak: str | None,
    ) -> dict[str, Figure]:
        blend = round(self._stereo.blend, 2)
        noise = noise_energy(n0_over_c, self.profile.pre_emphasis_us, blend)
        whole = self._loudness.integrated_lufs(gain_db)
        readings = {
            "loudness_momentary_lufs": self._loudness.momentary(gain_db, noise),
            "loudness_short_term_lufs": self._loudness.short_term(gain_db, noise),
            "loudness_integrated_lufs": None if whole is None else (whole, _INTEGRATED_LU),
        }
        early = self._loudness.steps < _SHORT_TERM
        found = {}
        for key, reading in readings.items():
            if reading is None:
                waits = early and key == "loudness_short_term_lufs"
                found[key] = Figure.missing("support too short" if waits else "silence or noise")
            else:
                found[key] = Figure(reading[0], math.hypot(2.0 * reading[1], self._share_u_lu))
        if self._pilot_seconds and blend < _DECODED:
            blended = "stereo blended to mono (weak signal)"
            found = {key: figure.because(blended) for key, figure in found.items()}
        quiet = audio.level_dbfs < programme_state.SILENCE_DBFS
        two = "silence" if quiet else None
        found["balance_db"] = Figure(audio.balance_db, 0.05).because(two)
        found["correlation"] = Figure(audio.correlation, 0.005).because(two)
        return found if weak is None else {k: f.because(weak) for k, f in found.items()}

    def _findings(
        self,
        figures: dict[str, Figure],
        bands: programme_state.BandReading,
        audio: AudioReading,
        envelope: EnvelopeReading,
        *,
        pilot: bool,
    ) -> list[str]:
        carrier_db = _ratio_db(envelope.carrier, envelope.noise)
        stereo = self._stereo.blend >= _DECODED
        found = programme_state.findings(bands, audio, carrier_db=carrier_db, stereo=stereo)
        if "off_air" in found:
            return found
        peak = figures["peak_deviation_hz"]
        if peak.invalid is None and (peak.value or 0.0) > self.profile.over_limit_hz + (
            peak.u or 0
        ):
            found.append("over_deviation")
        cn_db = figures["cn_db"].value or 0.0
        if pilot:
            self._pilot_seconds += 1
        elif self._pilot_seconds >= _PILOT_KNOWN_S and cn_db >= WEAK_DB:
            found.append("no_pilot")
        if audio.hum is not None:
            found.append("hum")
        strong = cn_db >= stereo_decoder.MONO_BELOW_DB
        if strong and envelope.multipath_share > MULTIPATH_SHARE:
            found.append("multipath")
        if envelope.other_share > CO_CHANNEL_SHARE:
            found.append("co_channel")
        return found


def _ratio_db(power: float, other: float) -> float:
    """Ratio of two powers in dB, within -60 … 60."""
    ratio = max(power, 1e-20) / max(other, 1e-20)
    return min(max(10.0 * math.log10(ratio), -60.0), 60.0)

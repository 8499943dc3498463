"""The coder of an FM path and where its multiplex goes, as RELAY.toml says it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from dsp.coder.multiplex import Multiplex
from dsp.coder.settings import MultiplexSettings
from dsp.errors import Refusal
from ingest.fm_profile import load_fm_profile
from loa.air.composite import DEFAULT_RDS_KHZ, Injections, composite_of
from loa.air.multiplex_rds import Rds, bits_of, rds_to_send, station_on_air
from loa.relay.output_settings import FmSettings
from transmit.control_codes import load_control_codes, release_code
from transmit.live.coded_line import Codes
from transmit.live.pipe_writer import PipeWriter
from transmit.multiplex import build_coder
from transmit.multiplex_codes import CodedBits
from transmit.multiplex_iq import CarrierSettings
from transmit.multiplex_sink import sink_for
from transmit.profile import Profile

_IQ_RATE_HZ, _IQ_LEVEL_DBFS = 2_400_000, -6.0


def coder_of(
    settings: FmSettings, folder: Path, now: datetime, profile: Profile
) -> tuple[Multiplex, tuple[Codes, CodedBits | None]]:
    """Return the coder, and the codes that are released to its station.

    Raises
    ------
    Refusal
        As `loa multiplex`; "relay.value" where the master is made for another transmitter.
    """
    path = None if settings.rds is None else folder / settings.rds
    asked = Rds(settings.pi, settings.ps, settings.rt, path=path)
    said = rds_to_send(asked, settings.station, settings.frequency_hz)
    rds_khz = settings.rds_khz
    if rds_khz is None:
        rds_khz = 0.0 if said is None else DEFAULT_RDS_KHZ
    rules = load_fm_profile(settings.rules, folder)
    injections = Injections(
        settings.stereo,
        settings.pilot_khz,
        rds_khz,
        settings.rds_phase_deg,
        settings.mpx_limit_dbr,
    )
    composite = composite_of(rules, injections)
    _require_same_emphasis(profile, composite)
    if composite.rds_hz == 0.0:
        said = None
    bits = bits_of(said, now, stereo=composite.stereo)
    codes = _codes(settings, folder, None if said is None else said.pi)
    if bits is None and any(code.rds for code in (*codes.before, *codes.after)):
        raise Refusal(
            "relay.value", expected="RDS where codes are RDS groups", got="no pi", advice="pi"
        )
    return build_coder(composite, bits, 1), (codes, bits)


def sink_of(settings: FmSettings, folder: Path, now: datetime, held: ExitStack) -> Any:
    """Return where the multiplex goes; `held` closes it, uncommitted files are removed."""
    if settings.to.startswith("pipe:"):
        writer = PipeWriter(folder / settings.to.removeprefix("pipe:"), "float32")
        held.callback(writer.close)
        return writer
    carrier = CarrierSettings(now, _IQ_RATE_HZ, 0.0, _IQ_LEVEL_DBFS, settings.frequency_hz)
    is_card = settings.to == "card" or settings.to.startswith("card:")
    name = settings.to if is_card else str(folder / settings.to)
    return held.enter_context(sink_for(name, carrier))


def _codes(settings: FmSettings, folder: Path, pi: str | None) -> Codes:
    if not (settings.code_before or settings.code_after):
        return Codes()
    own = None if settings.codes is None else load_control_codes(folder / settings.codes)
    if pi is None and own is not None:
        pi = own.station.pi if settings.pi is None else settings.pi
    station = station_on_air(settings.station, settings.frequency_hz, pi)
    before, after = (
        tuple(release_code(own, station, name) for name in names)
        for names in (settings.code_before, settings.code_after)
    )
    return Codes(before, after)


def _require_same_emphasis(profile: Profile, composite: MultiplexSettings) -> None:
    """Refuse a master that was limited for another pre-emphasis than the coder adds."""
    target = profile.target.fm
    if target is None or target.pre_emphasis_us != composite.pre_emphasis_us:
        made_for = "no transmitter" if target is None else f"{target.pre_emphasis_us:g} µs"
        raise Refusal(
            "relay.value",
            expected=f"a profile for a transmitter of {composite.pre_emphasis_us:g} µs",
            got=f"{profile.name}, which is made for {made_for}",
            advice='profile = "fm", or a copy of it with the transmitter\'s pre_emphasis_us',
        )

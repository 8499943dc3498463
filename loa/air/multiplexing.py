"""`loa multiplex`: joins the decoder, the coder and its outputs, and tells what was made."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from ingest.clock import SystemClock
from ingest.decode.decoder import Decoder
from ingest.fm_profile import load_fm_profile
from loa import reporting
from loa.air.composite import DEFAULT_RDS_KHZ, Injections, composite_of
from loa.air.multiplex_rds import bits_of, rds_to_send, station_on_air, told
from loa.progress import Progress
from loa.tables import print_table
from transmit.control_codes import load_control_codes, release_code
from transmit.multiplex import build_coder, make_multiplex
from transmit.multiplex_codes import with_codes
from transmit.multiplex_iq import CarrierSettings
from transmit.multiplex_sink import sink_for

if TYPE_CHECKING:
    from pathlib import Path

    from dsp.coder.rds_table import RdsTable
    from dsp.coder.settings import MultiplexSettings
    from dsp.fm.profiles import FmProfile
    from loa.air.multiplex_rds import Rds
    from transmit.control_codes import ControlCode
    from transmit.multiplex import MultiplexRun

# The wave is read at 16 places a sample, where 60 kHz falls short of its peak by up to 2e-3; a line
# of a whole second is spoiled by audio that leaks through the window, below 1e-4. Half a step of 24
# bits is 0.006 Hz.
_PEAK_SHARE, _LINE_SHARE = 2e-3, 1e-4
_POWER_U_DB = 0.001
# The form factor of RDS holds for random data over long times: seconds differ by this share.
_RDS_SHARE = 0.02
_SUBCARRIER_U_DB = 1.0
_SHIFT_U_HZ = 0.01  # float32 rounds single samples by 0.004 Hz
_NOTED_SHIFT_HZ = 100.0  # a twentieth of what a commune transmitter may be off


@dataclass(frozen=True)
class Carrier:
    """The carrier of IQ outputs."""

    rate_hz: int
    offset_hz: float
    level_dbfs: float
    frequency_mhz: float


@dataclass(frozen=True)
class Codes:
    """Control codes as asked for: the station's file, who is on the air, names before and after."""

    path: Path | None
    station: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def multiplex_file(  # noqa: PLR0913 - each is one group of options
    file: Path,
    output: str,
    *,
    profile: str,
    injections: Injections,
    rds: Rds,
    carrier: Carrier,
    codes: Codes,
    as_json: bool,
) -> int:
    """Make the multiplex of `file`; return the exit code of the command."""
    now = SystemClock().now_utc()
    rules = load_fm_profile(profile)
    said = rds_to_send(rds, codes.station, carrier.frequency_mhz * 1e6)
    settings = _settings(rules, injections, said)
    if settings.rds_hz == 0.0:
        said = None
    bits = bits_of(said, now, stereo=settings.stereo)
    before, after = _released(codes, rds.pi if said is None else said.pi, carrier, settings)
    place = CarrierSettings(
        now, carrier.rate_hz, carrier.offset_hz, carrier.level_dbfs, carrier.frequency_mhz * 1e6
    )
    with ExitStack() as stack:
        decoder = stack.enter_context(Decoder())
        audio = stack.enter_context(decoder.open(file))
        coder = build_coder(settings, bits, audio.format.channels)
        sink = stack.enter_context(sink_for(output, place))
        progress = stack.enter_context(Progress())
        form = (audio.format.sample_rate_hz, audio.format.channels)
        advance = progress.start(file.name)
        programme = with_codes(audio.blocks(), form, before, after, bits)
        run = make_multiplex(programme, form, coder, sink, advance)
        underflows = getattr(sink, "underflows", 0)
        fields = _report(file, output, sink.kind, rules, settings, run)
    _say(run, underflows)
    if as_json:
        reporting.print_json("multiplex", {**fields, "rds": told(said)})
    else:
        _print(fields)
    return 0


def _settings(rules: FmProfile, wanted: Injections, rds: RdsTable | None) -> MultiplexSettings:
    rds_khz = wanted.rds_khz
    if rds_khz is None:
        rds_khz = 0.0 if rds is None else DEFAULT_RDS_KHZ
    if rds_khz > 0.0 and rds is None:
        raise Refusal(
            "usage",
            expected="a programme identification where there is RDS",
            got="no --pi",
            advice="--pi 7001 (7 is Vietnam; the rest is the station's)",
        )
    return composite_of(rules, replace(wanted, rds_khz=rds_khz))


def _released(
    codes: Codes, pi: str | None, carrier: Carrier, settings: MultiplexSettings
) -> tuple[tuple[ControlCode, ...], tuple[ControlCode, ...]]:
    """Return the codes before and after, if they are those of the station on the air."""
    if not (codes.before or codes.after):
        return (), ()
    station = station_on_air(codes.station, carrier.frequency_mhz * 1e6, pi)
    own = None if codes.path is None else load_control_codes(codes.path)
    before, after = (
        tuple(release_code(own, station, name) for name in names)
        for names in (codes.before, codes.after)
    )
    if settings.rds_hz == 0.0 and any(code.rds for code in (*before, *after)):
        raise Refusal(
            "usage", expected="RDS where codes are RDS groups", got="none", advice="--rds-khz 2"
        )
    return before, after


def _report(
    file: Path,
    output: str,
    kind: str,
    rules: FmProfile,
    settings: MultiplexSettings,
    run: MultiplexRun,
) -> dict[str, Any]:
    """Return the fields of the JSON object."""
    figures = run.figures
    gain = run.lowest_mpx_gain
    fields: dict[str, Any] = {
        "input": str(file),
        "output": output,
        "kind": kind,
        "sha256": run.sha256,
        "duration_s": figures.duration_s,
        "audio_delay_s": run.delay_s,
        "profile": rules.name,
        "rated_deviation_hz": settings.rated_deviation_hz,
        "pre_emphasis_us": settings.pre_emphasis_us,
        "stereo": settings.stereo,
        "peak_deviation_hz": figures.peak_deviation_hz,
        "carrier_shift_hz": figures.mean_hz,
        "mpx_power_dbr": figures.mpx_power_dbr,
        "mpx_window_s": figures.mpx_window_s,
        "pilot_hz": figures.pilot_hz,
        "pilot_frequency_hz": figures.pilot_frequency_hz,
        "subcarrier_38k_db": figures.subcarrier_db,
        "rds_hz": figures.rds_hz,
        "limited_percent": 100.0 * run.limited_share,
        "mpx_limiter_db": None if gain is None else 20.0 * math.log10(max(gain, 1e-6)),
        "mended_samples": run.not_finite + run.out_of_range,
    }
    if settings.pilot_peak_hz == 0.0:
        fields["pilot_hz"] = fields["pilot_frequency_hz"] = None
    if settings.rds_hz == 0.0:
        fields["rds_hz"] = None
    fields["u"] = _uncertainties(fields)
    fields["invalid"] = _invalid(fields, settings)
    return fields


def _uncertainties(fields: dict[str, Any]) -> dict[str, float]:
    shares = {"peak_deviation_hz": _PEAK_SHARE, "pilot_hz": _LINE_SHARE, "rds_hz": _RDS_SHARE}
    found = {
        key: share * fields[key] + 0.01 for key, share in shares.items() if fields[key] is not None
    }
    fixed = {
        "mpx_power_dbr": _POWER_U_DB,
        "pilot_frequency_hz": 1e-4,
        "carrier_shift_hz": _SHIFT_U_HZ,
        "subcarrier_38k_db": _SUBCARRIER_U_DB,
    }
    return found | {key: value for key, value in fixed.items() if fields[key] is not None}


def _invalid(fields: dict[str, Any], settings: MultiplexSettings) -> dict[str, str]:
    """Say why a figure is null."""
    no_pilot, no_rds = settings.pilot_peak_hz == 0.0, settings.rds_hz == 0.0
    reasons = {
        "pilot_hz": "no pilot" if no_pilot else "shorter than a second",
        "pilot_frequency_hz": "no pilot" if no_pilot else "shorter than two seconds",
        "subcarrier_38k_db": "shorter than a second",
        "rds_hz": "no RDS" if no_rds else "shorter than a second",
        "mpx_power_dbr": "silence",
        "mpx_limiter_db": "no --mpx-limit-dbr",
        "sha256": "played, not written",
    }
    return {key: reason for key, reason in reasons.items() if fields[key] is None}


def _say(run: MultiplexRun, underflows: int) -> None:
    """Tell a person what they may not expect."""
    if run.limited_share > 0.0:
        reporting.note(
            f"loa: the coder limited the audio in {100 * run.limited_share:.1f} % of the time: "
            "no `fm` master for this profile; try loa master IN -o OUT.flac --target fm"
        )
    shift_hz = run.figures.mean_hz
    if abs(shift_hz) > _NOTED_SHIFT_HZ:
        reporting.note(
            f"loa: the programme has a DC offset, which sets the carrier {shift_hz:+.0f} Hz off; "
            "an `fm` master has none: try loa master IN -o OUT.flac --target fm"
        )
    if underflows:
        reporting.note(f"loa: the sound card ran dry {underflows} times: the air had gaps")


ROWS = (
    ("duration_s", "duration", "s", 2),
    ("peak_deviation_hz", "peak deviation", "Hz", 0),
    ("carrier_shift_hz", "carrier off by DC", "Hz", 1),
    ("mpx_power_dbr", "MPX power", "dBr", 2),
    ("pilot_hz", "pilot", "Hz", 1),
    ("pilot_frequency_hz", "pilot frequency", "Hz", 3),
    ("subcarrier_38k_db", "38 kHz left", "dB", 0),
    ("rds_hz", "RDS", "Hz", 0),
    ("limited_percent", "limited by the coder", "% of time", 1),
)


def _print(fields: dict[str, Any]) -> None:
    """Print the figures as a table for a person."""
    from rich.table import Table

    from loa.tables import number

    table = Table(title=f"{fields['output']}: {fields['profile']}")
    for heading in ("figure", "value", "unit"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for key, name, unit, decimals in ROWS:
        table.add_row(name, number(fields[key], decimals), unit)
    print_table(table)

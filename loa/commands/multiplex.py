"""`loa multiplex`: an FM master into the multiplex of a transmitter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        help="MPX.wav or .flac (192 kHz, 24 bits, 1.0 = 100 kHz); .cu8 .cs8 .cs16 .cf32 .sigmf for "
        "the modulated carrier; card or card:NAME to play it live.",
    ),
]
Profile = Annotated[
    str, typer.Option(help="75k50us, 50k50us, 75k75us or the path of a measuring PROFILE.toml.")
]
Pi = Annotated[
    str | None, typer.Option(help="RDS programme identification, e.g. 7001; turns RDS on.")
]
Ps = Annotated[str | None, typer.Option(help="RDS name of the station, 8 letters.")]
Rt = Annotated[str | None, typer.Option(help="RDS RadioText, 64 letters.")]
Title = Annotated[
    str | None,
    typer.Option(help="Title of the bulletin, marked in the RadioText (RT+); alone, it is that."),
]
RdsFile = Annotated[
    Path | None,
    typer.Option(
        "--rds",
        help="RDS.toml: AF, EON, PTYN, eRT, RT+, applications, raw groups and all else; the "
        "options above go before it.",
    ),
]
Pty = Annotated[int | None, typer.Option(min=0, max=31, help="RDS programme type.")]
RdsKhz = Annotated[float | None, typer.Option(help="RDS peak deviation; 2.0 where there is RDS.")]
PilotKhz = Annotated[float | None, typer.Option(help="Pilot deviation; 9 % of rated.")]
MpxLimit = Annotated[
    float | None, typer.Option(help="Hold the MPX power of any 60 s to this (BS.412).")
]
CodesFile = Annotated[
    Path | None, typer.Option(help="The station's own control codes (TOML); with --station.")
]
CodeNames = Annotated[list[str] | None, typer.Option(help="A code to send; several are allowed.")]


def multiplex(  # noqa: PLR0913, PLR0917 - one parameter an option: typer reads them here
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The programme: an `fm` master, or any audio.")
    ],
    output: Output,
    profile: Profile = "75k50us",
    stereo: Annotated[bool, typer.Option("--stereo/--mono", help="With pilot, or without.")] = True,
    pi: Pi = None,
    ps: Ps = None,
    rt: Rt = None,
    title: Title = None,
    pty: Pty = None,
    ct: Annotated[bool, typer.Option("--ct", help="Send the time of day (RDS 4A).")] = False,
    rds: RdsFile = None,
    rds_khz: RdsKhz = None,
    rds_phase_deg: Annotated[float, typer.Option(help="To the third harmonic: 0 or 90.")] = 0.0,
    pilot_khz: PilotKhz = None,
    mpx_limit_dbr: MpxLimit = None,
    rate_hz: Annotated[int, typer.Option(help="IQ: samples per second.")] = 2_400_000,
    offset_hz: Annotated[float, typer.Option(help="IQ: carrier from the middle.")] = 0.0,
    level_dbfs: Annotated[float, typer.Option(help="IQ: level of the carrier.")] = -6.0,
    frequency_mhz: Annotated[float, typer.Option(help="Carrier: for SigMF, and codes.")] = 100.0,
    codes: CodesFile = None,
    station: Annotated[str, typer.Option(help="Id of the station that is on the air.")] = "",
    code_before: CodeNames = None,
    code_after: CodeNames = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Make the multiplex of a transmitter: stereo, pilot, pre-emphasis, RDS; measured as made.

    Example: loa multiplex bulletin-fm.flac -o mpx.wav --pi 7001 --ps "TRAVINH" --profile 75k50us
    """
    from loa.air.composite import Injections
    from loa.air.multiplex_rds import Rds
    from loa.air.multiplexing import Carrier, Codes, multiplex_file

    return multiplex_file(
        file,
        output,
        profile=profile,
        injections=Injections(stereo, pilot_khz, rds_khz, rds_phase_deg, mpx_limit_dbr),
        rds=Rds(pi, ps, rt, title, pty, ct, rds),
        carrier=Carrier(rate_hz, offset_hz, level_dbfs, frequency_mhz),
        codes=Codes(codes, station, tuple(code_before or ()), tuple(code_after or ())),
        as_json=as_json,
    )

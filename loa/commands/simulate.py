"""`loa simulate`: a band of transmitters, healthy and faulty, as a file or over rtl_tcp."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="The recording; its extension chooses the form: .cu8 .cs8 .cs16 .cf32 .wav .sigmf",
    ),
]
Truth = Annotated[
    Path | None, typer.Option(help="What there is to hear, per station and second (JSON).")
]
RtlTcp = Annotated[
    str | None,
    typer.Option(
        "--rtl-tcp",
        metavar="HOST:PORT",
        help="Play the band in real time to rtl_tcp clients; port 0 takes a free one and says so.",
    ),
]
Plot = Annotated[Path | None, typer.Option(help="Draw spectrum and waterfall (PNG).")]
Ready = Annotated[
    Path | None,
    typer.Option(help="With --rtl-tcp: write host and port here once it listens (JSON)."),
]


def simulate(  # noqa: PLR0913, PLR0917 - typer: every option is a parameter
    scene: Annotated[
        Path,
        typer.Argument(metavar="SCENE.toml", help="A SCENE.toml; with --rtl-tcp also a recording."),
    ],
    output: Output = None,
    truth: Truth = None,
    rtl_tcp: RtlTcp = None,
    ready_file: Ready = None,
    plot: Plot = None,
    centre_mhz: Annotated[float | None, typer.Option(help="What a recording was tuned to.")] = None,
    rate_hz: Annotated[int | None, typer.Option(help="Samples a second of a recording.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> int:
    """Render a simulated band to an IQ recording, or serve it as a dongle would.

    Example: loa simulate examples/scenes/three-communes.toml -o band.cu8 --truth truth.json
    """
    from loa.air.simulating import SimulateRequest, run_simulation

    centre_hz = None if centre_mhz is None else centre_mhz * 1e6
    request = SimulateRequest(scene, output, truth, rtl_tcp, ready_file, plot, rate_hz, centre_hz)
    return run_simulation(request, as_json=as_json)

"""`loa relay`: FM, IP and wired clusters as one station."""

from __future__ import annotations

from typing import Annotated

import typer

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="RELAY.toml; or one input: a file, sdp:PATH, rtp://ADDRESS:PORT, pipe:PATH, "
        "card:NAME, rtl://SERIAL, tcp://HOST:PORT, sim:SCENE.toml, mpx:FILE, iq:FILE.",
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URI",
        help="rtp://ADDRESS:PORT?codec=opus, fm:FILE|pipe:PATH|card:NAME, "
        "line:card:NAME|pipe:PATH|file:PATH; repeatable.",
    ),
]
Reference = Annotated[
    list[str] | None,
    typer.Option("--reference", help="Off the air: a bulletin that is let through; repeatable."),
]
Pass = Annotated[
    str | None,
    typer.Option("--pass", help="Off the air: always, to let anybody through without comparing."),
]
Seconds = Annotated[
    float | None, typer.Option(help="Relay for so long; without it until Ctrl-C.", min=0.02)
]


def relay(  # noqa: PLR0913, PLR0917 - typer: every option is a parameter
    source: Source,
    to: To = None,
    frequency_mhz: Annotated[
        float | None, typer.Option(help="Off the air: of the station.")
    ] = None,
    reference: Reference = None,
    let_pass: Pass = None,
    through_ms: Annotated[float, typer.Option(help="From the input to every horn.")] = 1_000.0,
    unsigned: Annotated[
        bool, typer.Option(help="Take RTP that nobody signed, from whoever has its SRTP key.")
    ] = False,
    plain_rtp: Annotated[bool, typer.Option(help="Take RTP that nobody authenticated.")] = False,
    seconds: Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a second.")] = False,
) -> int:
    """Relay one programme to IP clusters, an FM exciter and wired amplifiers, in step.

    Example: loa relay relay.toml
    Example: loa relay bulletin.wav --to rtp://239.255.12.42:5004 --to fm:pipe:exciter
    """
    from loa.relay.request import RelayRequest, relay_request

    request = RelayRequest(
        source,
        tuple(to or ()),
        frequency_mhz=frequency_mhz,
        references=tuple(reference or ()),
        let_pass=let_pass,
        through_ms=through_ms,
        unsigned=unsigned,
        plain_rtp=plain_rtp,
    )
    return relay_request(request, seconds=seconds, as_json=as_json)

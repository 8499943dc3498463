"""`loa stream`: a file to IP loudspeakers over RTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Destinations = Annotated[
    list[str],
    typer.Option("--rtp", metavar="ADDRESS:PORT", help="Where to; repeatable. RTCP: port + 1."),
]
Key = Annotated[
    Path | None,
    typer.Option(help="Encrypt and authenticate (SRTP): a file of mode 600, 30 bytes in base64."),
]
Fec = Annotated[
    str,
    typer.Option(
        help="Repair packets for lossy networks: none, normal (50 %, 1 s) or emergency (100 %, "
        "1.5 s); receivers must know RFC 6865."
    ),
]


def stream(  # noqa: PLR0913, PLR0917 - typer: every option is a parameter
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The audio to send.")],
    rtp: Destinations,
    codec: Annotated[str, typer.Option(help="opus, g722, pcmu, pcma or l16.")] = "opus",
    sdp: Annotated[Path | None, typer.Option(help="Write the session description here.")] = None,
    packet_ms: Annotated[
        float | None, typer.Option(help="Length of a packet, 1 to 60 ms; 20, of L16 10.")
    ] = None,
    bit_rate_kbps: Annotated[float, typer.Option(help="Of Opus, constant.", min=6, max=510)] = 32.0,
    fec: Fec = "none",
    srtp_key_file: Key = None,
    dscp: Annotated[int, typer.Option(help="Priority in the network.", min=0, max=63)] = 46,
    ttl: Annotated[int, typer.Option(help="How far multicast goes.", min=1, max=255)] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object at the end.")] = False,
) -> int:
    """Send a file over RTP in real time.

    Example: loa stream bulletin.opus --rtp 239.255.12.42:5004 --codec opus --sdp bulletin.sdp
    """
    from loa.sending.streaming import StreamRequest, run_stream

    request = StreamRequest(
        file, tuple(rtp), codec, packet_ms, bit_rate_kbps, fec, srtp_key_file, sdp, dscp, ttl
    )
    return run_stream(request, as_json=as_json)

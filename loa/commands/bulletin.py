"""`loa bulletin`: keys, signatures and verdicts over envelopes `loa.bulletin/1`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from loa.commands.command_group import CommandGroup

bulletin = CommandGroup(
    "Sign bulletins and check signed ones.",
    "loa bulletin sign flood.json --key desk-1.pem --audio flood.wav -o flood.signed.json",
)
Recordings = Annotated[
    list[Path] | None,
    typer.Option("--audio", help="Its recordings, in the order of its languages; may be repeated."),
]


@bulletin.called("key")
def make_key(
    output: Annotated[Path, typer.Option("--output", "-o", help="Of the private key, PEM.")],
) -> int:
    """Make a signing key that only you may read; prints its public half for keyrings.

    Example: loa bulletin key -o desk-1.pem
    """
    from loa.sending.envelopes import make_key as run

    return run(output)


@bulletin.called("sign")
def sign(
    envelope: Annotated[
        Path, typer.Argument(metavar="FILE.json", help="loa.bulletin/1, signed before or not.")
    ],
    key: Annotated[Path, typer.Option(help="As `loa bulletin key` made it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The signed envelope.")],
    audio: Recordings = None,
) -> int:
    """Sign a bulletin, or add a second signature; it names the recordings where it names none.

    Example: loa bulletin sign flood.json --key desk-1.pem --audio flood.wav -o flood.signed.json
    """
    from loa.sending.envelopes import sign_file

    return sign_file(envelope, key, output, audio or [])


@bulletin.called("verify")
def verify(
    envelope: Annotated[Path, typer.Argument(metavar="FILE.json", help="A signed envelope.")],
    keyring: Annotated[Path, typer.Option(help="Whose keys may say what.")],
    holders: Annotated[int, typer.Option(min=1, max=4, help="So many must have signed.")] = 1,
    audio: Recordings = None,
) -> int:
    """Say who signed a bulletin; exit code 1 where it is not to be believed.

    Example: loa bulletin verify flood.signed.json --keyring KEYRING.toml
    """
    from loa.sending.envelopes import verify_file

    return verify_file(envelope, keyring, audio or [], holders)


@bulletin.called("device")
def make_device(
    output: Annotated[Path, typer.Option("--output", "-o", help="Of the private key.")],
    name: Annotated[str, typer.Option("--id", help="As SPEAKER.toml has it.")],
) -> int:
    """Make the key of a loudspeaker that only it may read; prints what DEVICES.toml needs.

    Example: loa bulletin device --id horn-17 -o horn-17.key
    """
    from loa.sending.sessions import make_device as run

    return run(output, name)


@bulletin.called("session")
def make_session(  # noqa: PLR0913, PLR0917 - typer: every option is a parameter
    sdp: Annotated[
        Path,
        typer.Argument(metavar="FILE.sdp", help="As `loa stream --srtp-key-file --sdp` wrote it."),
    ],
    key: Annotated[Path, typer.Option(help="As `loa bulletin key` made it.")],
    devices: Annotated[Path, typer.Option(help="DEVICES.toml: whom the key is wrapped for.")],
    issuer: Annotated[str, typer.Option(help="As the keyring has it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The announced session.")],
    tier: Annotated[
        Literal["central", "province", "district", "commune"], typer.Option(help="Of the issuer.")
    ] = "commune",
    priority: Annotated[
        Literal["normal", "priority", "emergency"], typer.Option(help="An emergency goes first.")
    ] = "normal",
    commune: Annotated[list[str] | None, typer.Option(help="Whom it addresses.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="Whom it addresses.")] = None,
    minutes: Annotated[float, typer.Option(help="So long it holds.", min=1, max=720)] = 60.0,
    counter: Annotated[
        int | None, typer.Option(help="Grows with every session; the seconds since 1970.", min=1)
    ] = None,
    name: Annotated[str | None, typer.Option("--id", help="live-COUNTER where not said.")] = None,
) -> int:
    """Sign a live stream for the loudspeakers that may join it.

    Example: loa bulletin session live.sdp --key desk-1.pem --devices DEVICES.toml
    --issuer commune.tri-ton --commune tri-ton -o live.session.json
    """
    from loa.sending.sessions import SessionRequest
    from loa.sending.sessions import make_session as run

    areas = (tuple(commune or ()), tuple(zone or ()))
    request = SessionRequest(
        sdp, output, key, devices, issuer, tier, priority, *areas, minutes, counter, name
    )
    return run(request)


@bulletin.called("send")
def send(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.json", help="A signed envelope, or an announced session."),
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS:PORT", help="Command ports, groups among them; repeatable."),
    ] = None,
    devices: Annotated[Path | None, typer.Option(help="DEVICES.toml: all with an address.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="Answers loudspeakers whose clock is not trusted.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Repeat for so long.", min=0.0)] = 10.0,
    ttl: Annotated[int, typer.Option(help="How far multicast goes.", min=1, max=255)] = 16,
) -> int:
    """Send an emergency, a cancel or a session to loudspeakers, at once and over and over.

    Example: loa bulletin send flood.signed.json --to 239.255.12.42:5010 --key desk-1.pem
    """
    from loa.sending.announcing import SendRequest, send_file

    return send_file(SendRequest(file, tuple(to or ()), devices, key, seconds, ttl))

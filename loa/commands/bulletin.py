"""`loa bulletin`: keys, signatures and verdicts over envelopes `loa.bulletin/1`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

bulletin = typer.Typer(help="Sign bulletins and check signed ones.", no_args_is_help=True)
Recordings = Annotated[
    list[Path] | None, typer.Option("--audio", help="Its recordings; may be repeated.")
]


@bulletin.command("key")
def make_key(
    output: Annotated[Path, typer.Option("--output", "-o", help="Of the private key, PEM.")],
) -> int:
    """Make a signing key that only you may read; prints its public half for keyrings.

    Example: loa bulletin key -o desk-1.pem
    """
    from loa.envelopes import make_key as run

    return run(output)


@bulletin.command("sign")
def sign(
    envelope: Annotated[Path, typer.Argument(help="loa.bulletin/1, signed before or not.")],
    key: Annotated[Path, typer.Option(help="As `loa bulletin key` made it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The signed envelope.")],
    audio: Recordings = None,
) -> int:
    """Sign a bulletin, or add a second signature.

    Example: loa bulletin sign flood.json --key desk-1.pem --audio flood.wav -o flood.signed.json
    """
    from loa.envelopes import sign_file

    return sign_file(envelope, key, output, audio or [])


@bulletin.command("verify")
def verify(
    envelope: Annotated[Path, typer.Argument(help="A signed envelope.")],
    keyring: Annotated[Path, typer.Option(help="Whose keys may say what.")],
    holders: Annotated[int, typer.Option(min=1, max=4, help="So many must have signed.")] = 1,
    audio: Recordings = None,
) -> int:
    """Say who signed a bulletin; exit code 1 where it is not to be believed.

    Example: loa bulletin verify flood.signed.json --keyring KEYRING.toml
    """
    from loa.envelopes import verify_file

    return verify_file(envelope, keyring, audio or [], holders)

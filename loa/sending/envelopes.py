"""`loa bulletin`: keys, signatures and verdicts over envelopes in files."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from dsp.errors import Refusal
from ingest.clock import SystemClock
from loa import reporting
from transmit.atomic import OutputSet
from transmit.bulletin.envelope import MOST_BYTES, Envelope, read_envelope
from transmit.bulletin.keyring import read_keyring
from transmit.bulletin.signing import SigningKey, sign
from transmit.bulletin.verify import Policy, require_audio, verify

if TYPE_CHECKING:
    from pathlib import Path

_PIECE_BYTES = 1 << 20


def make_key(path: Path) -> int:
    """Write a new private key that only this user may read; print its public half."""
    key = SigningKey.generate()
    write_secret(path, key.to_pem())
    reporting.print_json("bulletin-key", {"key": key.id, "public": key.public_text})
    return 0


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only this user may read; one that is there stays as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise Refusal(
            "output.exists", expected="a new file", got=str(path), advice="another name"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def sign_file(bulletin: Path, key_file: Path, output: Path, recordings: list[Path]) -> int:
    """Sign the envelope in `bulletin`, signed before or not, and write it in canonical form."""
    envelope = read_envelope(content_of(bulletin))
    _require_recordings(envelope, recordings)
    signed = sign(envelope, SigningKey.from_pem(content_of(key_file)))
    with OutputSet([output]) as outputs:
        outputs.part(output).write_bytes(signed.to_bytes())
        outputs.commit()
    return 0


def verify_file(path: Path, keyring: Path, recordings: list[Path], holders: int) -> int:
    """Print who signed the envelope; raises a Refusal with exit code 1 for one not believed."""
    envelope = read_envelope(content_of(path))
    known = read_keyring(content_of(keyring))
    policy = Policy(holders, holders, holders)
    try:
        signers = verify(envelope, known, SystemClock().now_utc(), policy, may_wait=True)
        _require_recordings(envelope, recordings)
    except Refusal as refusal:
        refusal.exit_code = 1
        raise
    bulletin = envelope.bulletin
    reporting.print_json(
        "bulletin-verdict",
        {
            "id": bulletin.id,
            "issuer": bulletin.issuer,
            "priority": bulletin.priority,
            "signed_by": [{"key": key.id, "holder": key.holder} for key in signers],
        },
    )
    return 0


def _require_recordings(envelope: Envelope, recordings: list[Path]) -> None:
    for path in recordings:
        digest, size_bytes = hashlib.sha256(), 0
        with _opened(path) as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size_bytes += len(piece)
        require_audio(envelope, digest.hexdigest(), size_bytes)


def content_of(path: Path) -> bytes:
    """Return what is in a file that may be an envelope; one byte more than those may have."""
    with _opened(path) as file:
        return file.read(MOST_BYTES + 1)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Refusal(
            "input.unreadable",
            expected="a file that can be read",
            got=f"{path}: {(error.strerror or str(error)).lower()}",
            advice="another path",
            exit_code=4,
        ) from error

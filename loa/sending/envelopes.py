"""`loa bulletin`: keys, signatures and verdicts over envelopes in files."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, BinaryIO

from dsp.errors import Refusal
from ingest.clock import SystemClock
from loa import reporting
from transmit.atomic import OutputSet
from transmit.bulletin.canonical import strict_json
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
    """Sign the envelope in `bulletin`, signed before or not, and write it in canonical form.

    Where it names no recordings and nobody has signed it yet, it will name `recordings`.
    """
    found = [_named(path) for path in recordings]
    envelope = read_envelope(_naming(content_of(bulletin), found))
    _require_recordings(envelope, found)
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
        _require_recordings(envelope, [_named(path) for path in recordings])
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


def _named(path: Path) -> tuple[str, int]:
    """Return how an envelope names a recording: SHA-256 and size."""
    digest, size_bytes = hashlib.sha256(), 0
    with _opened(path) as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            size_bytes += len(piece)
    return digest.hexdigest(), size_bytes


def _naming(content: bytes, recordings: list[tuple[str, int]]) -> bytes:
    """Return an envelope that names the recordings, in the order of its languages."""
    try:
        table = strict_json(content)
    except ValueError:
        return content  # refused by who reads it
    if not recordings or not isinstance(table, dict):
        return content
    languages = table.get("languages")
    if (
        table.get("audio")
        or table.get("signatures")
        or not (languages and isinstance(languages, list))
    ):
        return content
    # As many languages as recordings, or one for all.
    spoken = languages if len(languages) == len(recordings) else languages[:1] * len(recordings)
    table["audio"] = [
        {"sha256": sha256, "size_bytes": size_bytes, "language": language}
        for (sha256, size_bytes), language in zip(recordings, spoken, strict=True)
    ]
    return json.dumps(table).encode()


def _require_recordings(envelope: Envelope, recordings: list[tuple[str, int]]) -> None:
    for sha256, size_bytes in recordings:
        require_audio(envelope, sha256, size_bytes)


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

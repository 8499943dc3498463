"""No valid signature, no sound: everything that must hold before an envelope is believed.

In this order, and the first that fails is the answer: signatures of known, unrevoked keys, all of
them right; each key allowed to say this to these areas; enough different holders; the time. Whether
a counter was seen before is known where it is kept, in the loudspeaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dsp.errors import Refusal
from transmit.bulletin.envelope import Envelope, Signature
from transmit.bulletin.keyring import Keyring, Statement, TrustedKey
from transmit.bulletin.signing import is_signed_by


@dataclass(frozen=True)
class Policy:
    """How many holders must sign what, and how wrong our clock may be.

    Attributes
    ----------
    holders_normal, holders_priority, holders_emergency
        So many different holders sign a bulletin of that priority: 2 is release by two persons.
    clock_error_s
        The window of time is wider by this at both ends.
    """

    holders_normal: int = 1
    holders_priority: int = 1
    holders_emergency: int = 1
    clock_error_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a policy that nothing, or no signature, satisfies."""
        for name in ("holders_normal", "holders_priority", "holders_emergency"):
            if not 1 <= getattr(self, name) <= 4:
                raise ValueError(f"{name}: expected 1 to 4, got {getattr(self, name)}")
        if not 0 <= self.clock_error_s <= 600:
            raise ValueError(f"clock_error_s: expected 0 to 600, got {self.clock_error_s}")


STRICT = Policy()


def verify(
    envelope: Envelope,
    keyring: Keyring,
    now_utc: datetime | None,
    policy: Policy = STRICT,
    *,
    may_wait: bool = False,
) -> tuple[TrustedKey, ...]:
    """Return the keys that signed `envelope`, all of which may say what it says.

    Parameters
    ----------
    now_utc
        The time; None where no clock is trusted, and then nothing is said about the window.
    may_wait
        Accept one that may not be played yet: it is kept, not played.

    Raises
    ------
    Refusal
        "bulletin.unsigned", "bulletin.unknown_signer", "bulletin.revoked", "bulletin.signature",
        "bulletin.forbidden", "bulletin.approval", "bulletin.expired", "bulletin.early".
    """
    return verify_statement(
        envelope.bulletin, envelope.signatures, keyring, now_utc, policy, may_wait=may_wait
    )


def verify_statement(
    said: Statement,
    signatures: Sequence[Signature],
    keyring: Keyring,
    now_utc: datetime | None,
    policy: Policy = STRICT,
    *,
    may_wait: bool = False,
) -> tuple[TrustedKey, ...]:
    """Return the keys that signed `said`, a bulletin or a session; as `verify`."""
    if not signatures:
        raise _refuse("unsigned", "a signature", "none", "signing it")
    content = said.to_sign()
    signers = []
    for signature in signatures:
        key = require_key(keyring, signature)
        if not is_signed_by(content, signature, key.raw):
            raise _refuse(
                "signature", "the signature of this content", "another", "the envelope as signed"
            )
        signers.append(key)
    _require_rights(said, signers, policy)
    if now_utc is not None:
        _require_time(said, now_utc, policy, may_wait=may_wait)
    return tuple(signers)


def require_key(keyring: Keyring, signature: Signature) -> TrustedKey:
    """Return the key in force that a signature names.

    Raises
    ------
    Refusal
        "bulletin.unknown_signer", "bulletin.revoked".
    """
    key = keyring.find(signature.key)
    if key is None:
        raise _refuse(
            "unknown_signer", "a key of the keyring", signature.key, "adding the key to it"
        )
    if key.revoked:
        raise _refuse("revoked", "a key in force", signature.key, "signing with another key")
    return key


def require_audio(envelope: Envelope, sha256: str, size_bytes: int) -> None:
    """Refuse bytes that are none of the recordings: "bulletin.digest"."""
    found = [audio for audio in envelope.bulletin.audio if audio.sha256 == sha256]
    if not found or found[0].size_bytes != size_bytes:
        raise _refuse(
            "digest",
            "a recording whose digest and size stand in the envelope",
            f"{sha256}, {size_bytes} bytes",
            "the recording that was signed",
        )


def _require_rights(bulletin: Statement, signers: list[TrustedKey], policy: Policy) -> None:
    for key in signers:
        forbidden = key.forbids(bulletin)
        if forbidden is not None:
            raise _refuse(
                "forbidden", f"what {key.holder} may say", forbidden, "a key with that right"
            )
    needed = getattr(policy, f"holders_{bulletin.priority}")
    holders = {(key.issuer, key.holder) for key in signers}
    if len(holders) < needed:
        raise _refuse(
            "approval", f"signatures of {needed} holders", f"{len(holders)}", "a second signature"
        )


def _require_time(
    bulletin: Statement, now_utc: datetime, policy: Policy, *, may_wait: bool
) -> None:
    error = timedelta(seconds=policy.clock_error_s)
    if now_utc >= bulletin.expires_utc + error:
        raise _refuse("expired", "an envelope in force", bulletin.expires, "a new envelope")
    if not may_wait and now_utc < bulletin.not_before_utc - error:
        raise _refuse("early", "an envelope in force", bulletin.not_before, "waiting until then")


def _refuse(kind: str, expected: str, got: str, advice: str) -> Refusal:
    return Refusal(f"bulletin.{kind}", expected=expected, got=got, advice=advice)

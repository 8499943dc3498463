"""Tokens: who may do what, to which zones, within which limits.

A token reads `loa_ID_SECRET`; it is shown once and kept as an argon2id hash. There is no token
that nobody made. Scopes: `submit`, `read`, `manage` (cancel, retry, delete), `admin` (everything,
everybody's jobs). A token with zones sees and makes jobs of those zones only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dsp.errors import Refusal
from loa.service import audit
from loa.service.settings import Limits
from loa.service.tables import TOKENS

if TYPE_CHECKING:
    from loa.service.database import Database

SCOPES = ("submit", "read", "manage", "admin")
_SECRET = ("hash", "webhook_secret")
# What another process revoked is refused here after this time; expiry, and what this one revoked,
# at once.
_REMEMBERED_S = 1.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Caller:
    """Who a request comes from."""

    token_id: str
    owner: str
    scopes: frozenset[str]
    zones: frozenset[str]
    limits: Limits
    has_webhook_secret: bool = False

    def may(self, scope: str) -> bool:
        """Tell whether the token has `scope`."""
        return scope in self.scopes or "admin" in self.scopes

    def may_address(self, areas: tuple[str, ...]) -> bool:
        """Tell whether jobs for these communes and zones are this caller's business.

        A token that is bound to zones makes no job that is for nowhere.
        """
        return not self.zones or (bool(areas) and self.zones.issuperset(areas))


class Tokens:
    """The tokens of a service."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._fingerprint_key = secrets.token_bytes(32)
        self._hashing = threading.Lock()

    def create(
        self,
        owner: str,
        scopes: tuple[str, ...],
        *,
        zones: tuple[str, ...] = (),
        days: float | None = 365.0,
        limits: dict[str, float] | None = None,
        webhook_secret: str | None = None,
    ) -> str:
        """Make a token and return it: the only time that anybody sees it.

        With a `webhook_secret` (`new_webhook_secret`) its jobs may name webhooks; the service has
        to keep it as it is, for it signs with it.

        Raises
        ------
        Refusal
            "usage" for a scope or a limit that there is not.
        """
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise Refusal(
                "usage",
                expected=f"scopes among {', '.join(SCOPES)}",
                got=", ".join(unknown) or "none",
                advice="--scope submit --scope read",
            )
        _limits_with(self._limits, limits or {})
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            connection.execute(
                TOKENS.insert().values(
                    id=token_id,
                    owner=owner,
                    hash=_hasher().hash(secret),
                    scopes=list(scopes),
                    zones=list(zones),
                    limits=limits or {},
                    created_at=now_s,
                    expires_at=None if days is None else now_s + days * 86_400,
                    webhook_secret=webhook_secret,
                )
            )
            audit.record(
                self._database, connection, "operator", "token.create", token_id, owner=owner
            )
        return f"loa_{token_id}_{secret}"

    def rotate(
        self, token_id: str, *, grace_s: float = 3600.0, webhook_secret: str | None = None
    ) -> str:
        """Return a new token with the same rights; the old one works for `grace_s` longer.

        Its webhooks keep the old secret unless given a new one.
        """
        row = self._row(token_id)
        if row is None:
            raise _no_token(token_id)
        days = (
            None if row["expires_at"] is None else (row["expires_at"] - row["created_at"]) / 86_400
        )
        fresh = self.create(
            row["owner"],
            tuple(row["scopes"]),
            zones=tuple(row["zones"]),
            days=days,
            limits=row["limits"],
            webhook_secret=webhook_secret or row["webhook_secret"],
        )
        with self._database.write() as connection:
            ends = self._database.now_s(connection) + grace_s
            connection.execute(
                TOKENS.update().where(TOKENS.c.id == token_id).values(expires_at=ends)
            )
            audit.record(self._database, connection, "operator", "token.rotate", token_id)
        self._forget(token_id)
        return fresh

    def revoke(self, token_id: str) -> None:
        """End a token; services in other processes refuse it within a second."""
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            ended = connection.execute(
                TOKENS.update().where(TOKENS.c.id == token_id).values(revoked_at=now_s)
            )
            if ended.rowcount == 0:
                raise _no_token(token_id)
            audit.record(self._database, connection, "operator", "token.revoke", token_id)
        self._forget(token_id)

    def listed(self) -> list[dict[str, Any]]:
        """Return every token without its hash."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(TOKENS).order_by(TOKENS.c.created_at)).mappings()
            return [{key: row[key] for key in row if key not in _SECRET} for row in rows]

    def webhook_secret(self, token_id: str) -> str | None:
        """Return what the webhooks of a token's jobs are signed with, None once it is revoked."""
        query = sa.select(TOKENS.c.webhook_secret).where(
            TOKENS.c.id == token_id, TOKENS.c.revoked_at.is_(None)
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else str(found)

    def caller(self, token: str) -> Caller | None:
        """Return whom `token` belongs to; None for one that is wrong, expired or revoked."""
        if (remembered := self.remembered(token)) is not None:
            return remembered
        fingerprint = self._fingerprint(token)
        known = self._known.get(fingerprint)
        prefix, _, rest = token.partition("_")
        token_id, _, secret = rest.partition("_")
        row = self._row(token_id) if prefix == "loa" and len(token) < 200 else None
        # A fingerprint that was right before saves the 64 MB and 30 ms of argon2 (row re-read).
        if row is None or not (known or self._right(row["hash"], secret)):
            self._known.pop(fingerprint, None)
            return None
        caller = Caller(
            token_id,
            row["owner"],
            frozenset(row["scopes"]),
            frozenset(row["zones"]),
            _limits_with(self._limits, row["limits"]),
            row["webhook_secret"] is not None,
        )
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        remembered_s = min(_REMEMBERED_S, row["left_s"])
        self._known[fingerprint] = (time.monotonic() + remembered_s, caller)
        return caller

    def remembered(self, token: str) -> Caller | None:
        """Return whom `token` belongs to if it was looked up just now; never waits."""
        known = self._known.get(self._fingerprint(token))
        return known[1] if known is not None and time.monotonic() < known[0] else None

    def is_familiar(self, token: str) -> bool:
        """Tell whether `token` was right before, so that no hash need be made of it again."""
        return self._fingerprint(token) in self._known

    def _fingerprint(self, token: str) -> bytes:
        return hashlib.blake2b(token.encode(), key=self._fingerprint_key, digest_size=32).digest()

    def _forget(self, token_id: str) -> None:
        for fingerprint, (_, caller) in list(self._known.items()):
            if caller.token_id == token_id:
                self._known.pop(fingerprint, None)

    def _right(self, told: str, secret: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._hashing:  # guessing costs one core at most
            try:
                return bool(_hasher().verify(told, secret))
            except (VerificationError, InvalidHashError):
                return False

    def _row(self, token_id: str) -> dict[str, Any] | None:
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            row = connection.execute(sa.select(TOKENS).where(TOKENS.c.id == token_id)).mappings()
            found = row.first()
        if found is None or found["revoked_at"] is not None:
            return None
        left_s = math.inf if found["expires_at"] is None else found["expires_at"] - now_s
        return dict(found) | {"left_s": left_s} if left_s > 0 else None


def new_webhook_secret() -> str:
    """Return a secret that nobody had before."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()  # argon2id with the parameters of RFC 9106, low memory


def _limits_with(limits: Limits, own: dict[str, float]) -> Limits:
    known = {field.name: type(getattr(limits, field.name)) for field in dataclasses.fields(Limits)}
    wrong = [name for name in own if name not in known]
    if wrong:
        raise Refusal(
            "usage",
            expected=f"a limit among {', '.join(known)}",
            got=wrong[0],
            advice="--limit upload_bytes=100000000",
        )
    return dataclasses.replace(limits, **{name: known[name](own[name]) for name in own})


def _no_token(token_id: str) -> Refusal:
    return Refusal(
        "token.unknown",
        expected="the id of a token that is in force",
        got=token_id,
        advice="loa token list",
    )

"""The operator's session: what is kept of one, and whether it goes on."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from vatwatch.access.caller import Caller
from vatwatch.access.scopes import Scope

TOKEN_BYTES = 32
OPERATOR = "operator"
"""Who the audit log says it was."""


class OperatorSession(Struct, frozen=True):
    """What is kept of a session: nothing that lets anybody in. Times are of the wall clock."""

    id: str
    """SHA-256 of its token, in hexadecimal."""
    created_at: datetime
    expires_at: datetime
    password: str
    """Fingerprint of the password's hash with which it began: another password ends it."""

    def goes_on(self, now: datetime, password: str) -> bool:
        """Whether it has not expired, and the password is the same."""
        return now < self.expires_at and self.password == password


class NewSession(Struct, frozen=True):
    """A session that has just begun; `token` is in the cookie, and nowhere else."""

    token: str
    session: OperatorSession


def begin_session(now: datetime, lasts: timedelta, password: str) -> NewSession:
    """A session with a random token. `password` is the fingerprint."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return NewSession(token, OperatorSession(id_of(token), now, now + lasts, password))


def id_of(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint_of(password_hash: str) -> str:
    """A short name of a password's hash, from which nobody gets back to it."""
    return sha256(password_hash.encode()).hexdigest()[:16]


def caller_of_session(session: OperatorSession) -> Caller:
    """The operator, who may do everything."""
    return Caller(
        OPERATOR, OPERATOR, frozenset({Scope.ADMIN}), expires_at=session.expires_at, by_cookie=True
    )

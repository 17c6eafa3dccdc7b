"""The caller: who makes a request, once that is known."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from vatwatch.access.api_keys import ApiKey
from vatwatch.access.scopes import ALL, Scope


class Caller(Struct, frozen=True):
    """Who makes a request."""

    who: str
    """As the audit log shows it: a key's prefix, or the fingerprint of a key of the settings."""
    name: str
    scopes: frozenset[Scope]
    key_id: UUID | None = None
    """Of a key in the table."""
    expires_at: datetime | None = None
    by_cookie: bool = False
    """Whether the browser sends along what lets it in, whoever's page asks."""


def caller_of(key: ApiKey) -> Caller:
    """Who uses this key."""
    return Caller(key.prefix, key.name, frozenset(key.scopes), key.id, key.expires_at)


def caller_of_settings(fingerprint: str) -> Caller:
    """Who uses a key of VATWATCH_API_KEYS: they may do everything."""
    return Caller(fingerprint, "VATWATCH_API_KEYS", ALL)

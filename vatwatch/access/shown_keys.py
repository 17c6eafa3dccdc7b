"""What is shown of an API key: over HTTP, and by `vatwatch keys`, which needs nothing of HTTP."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct, structs

from vatwatch.access.api_keys import ApiKey, NewKey
from vatwatch.access.scopes import Scope


class KeyInfo(Struct, frozen=True):
    """A key, without its secret. Times are of the wall clock."""

    id: UUID
    prefix: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    usable: bool
    """Neither revoked nor expired."""


class MadeKey(KeyInfo, frozen=True):
    """A key that was just made; `key` is shown this once."""

    key: str


def info_of(key: ApiKey, now: datetime) -> KeyInfo:
    """What is shown of a key."""
    shown = {name: value for name, value in structs.asdict(key).items() if name != "hash"}
    return KeyInfo(**shown, usable=key.is_usable(now))


def made_key(new: NewKey, now: datetime) -> MadeKey:
    """What its maker is shown of a new key."""
    return MadeKey(**structs.asdict(info_of(new.record, now)), key=new.text)

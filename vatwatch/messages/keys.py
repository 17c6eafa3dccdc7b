"""To the keys: which API keys there are, and make or revoke one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from vatwatch.access.api_keys import ApiKey
from vatwatch.messages.shared import DatabaseReturned, SettingsChanged
from vatwatch.supervision import Ask, BestEffort


@dataclass(frozen=True, slots=True)
class FindKey(Ask[ApiKey | None]):
    """http → keys: the key of this hash, if it may be used now.

    DatabaseUnavailable: it is not known here, and the table cannot be asked.
    """

    hash: str


@dataclass(frozen=True, slots=True)
class ListKeys(Ask[tuple[ApiKey, ...]]):
    """http → keys: all keys as the table has them now, the newest first. DatabaseUnavailable."""


@dataclass(frozen=True, slots=True)
class CreateKey(Ask[None]):
    """http → keys: keep this new key; it may be used when this is answered. DatabaseUnavailable."""

    key: ApiKey


@dataclass(frozen=True, slots=True)
class RevokeKey(Ask[ApiKey | None]):
    """http → keys: refuse this key from now on; None if there is none. DatabaseUnavailable."""

    key_id: UUID


@dataclass(frozen=True, slots=True)
class KeyUsed(BestEffort):
    """http → keys: somebody has used this key."""

    key_id: UUID
    at: datetime


ToKeys: TypeAlias = (
    FindKey | ListKeys | CreateKey | RevokeKey | KeyUsed | DatabaseReturned | SettingsChanged
)

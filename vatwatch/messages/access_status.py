"""Status of the keys, and of the operator's login."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class KeysStatus(Struct, frozen=True):
    """The API keys of the table. `last_error` and `since` are as in the store's status."""

    keys: int = 0
    usable: int = 0  # of these, neither revoked nor expired
    last_error: str = ""
    since: datetime | None = None  # wall clock


class SessionsStatus(Struct, frozen=True):
    """The operator's login. `last_error` is why Redis cannot be asked; empty if it can."""

    login: bool = False  # whether there is a password
    sessions: int = 0  # that began or were used here and go on
    last_error: str = ""

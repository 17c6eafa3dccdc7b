"""API keys: what one looks like, what is kept of it, and whether it may be used.

A key is `vw_`, a prefix of 8 characters, and 256 random bits. Only its SHA-256 is kept: nobody can
guess 256 bits, so a slow hash, as for passwords, would protect nothing and cost every request.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from msgspec import Struct, structs

from vatwatch.access.scopes import Scope

# With the underscore in front and behind, it is recognised by programs that look for secrets.
MARK = "vw_"
PREFIX_BYTES = 4
SECRET_BYTES = 32
FORM = re.compile(r"vw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", re.ASCII)
"""The form of a whole key."""
MOST_NAME_CHARS = 100
# The last use of a key is written this often at most.
USE_NOTED_EVERY = timedelta(minutes=1)


class ApiKey(Struct, frozen=True):
    """What is kept of a key. Times are of the wall clock, in UTC."""

    id: UUID
    prefix: str
    """The start of the key, `vw_` and 8 characters: enough to recognise it, no help to guess it."""
    hash: str
    """SHA-256 of the whole key, in hexadecimal."""
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    """From then on it is refused; None: it does not expire."""
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the minute or so; None: not used yet."""

    def is_usable(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def revoked(self, now: datetime) -> ApiKey:
        """The key, revoked; the time of an earlier revocation stays."""
        return self if self.revoked_at is not None else structs.replace(self, revoked_at=now)


class NewKey(Struct, frozen=True):
    """A key that was just made. `text` is the key itself, which is nowhere else."""

    text: str
    record: ApiKey


def make_key(
    name: str, scopes: Collection[Scope], now: datetime, expires_at: datetime | None = None
) -> NewKey:
    """A new key with random bits of the operating system."""
    prefix = MARK + secrets.token_hex(PREFIX_BYTES)
    text = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    in_order = tuple(scope for scope in Scope if scope in scopes)
    return NewKey(text, ApiKey(uuid4(), prefix, hash_of(text), name, in_order, now, expires_at))


def looks_like_a_key(text: str) -> bool:
    """Whether the text has the form of one of our keys; others need not be looked up."""
    return FORM.fullmatch(text) is not None


def hash_of(text: str) -> str:
    """What is kept of a key.

    It can be looked up in a dictionary: how long that takes says something about the hash, from
    which nobody gets back to a key.
    """
    return sha256(text.encode()).hexdigest()


def find_by_words(keys: Collection[ApiKey], words: str) -> list[ApiKey]:
    """The keys that a person means: by id, by prefix or as a whole, else by name; several if a name
    is not unique."""
    hash_ = hash_of(words)
    by_id = [key for key in keys if words in (str(key.id), key.prefix) or key.hash == hash_]
    return by_id or [key for key in keys if key.name == words]


def fault_of_name(name: str) -> str:
    """What a name must be, if it is not that; empty if it is one."""
    if not name.strip() or len(name) > MOST_NAME_CHARS or not name.isprintable():
        return f"must be 1 to {MOST_NAME_CHARS} printable characters that say who uses the key"
    return ""

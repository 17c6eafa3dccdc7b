"""A pool of connections to the database, as its users report it."""

from __future__ import annotations

from msgspec import Struct


class PoolStatus(Struct, frozen=True):
    """A connection pool: its present state, and counts since the start."""

    size: int
    in_use: int
    idle: int
    waiting: int
    opened: int
    discarded: int
    timeouts: int

"""What late snapshots have touched, and is to be derived again."""

from __future__ import annotations

from msgspec import Struct


class Marks(Struct, frozen=True):
    """Those of whom live answers tell that they will be derived again."""

    flights: frozenset[int] = frozenset()
    """Ids."""
    sessions: frozenset[int] = frozenset()
    """Ids."""
    stations: frozenset[str] = frozenset()
    """Callsigns of ATIS."""


NO_MARKS = Marks()

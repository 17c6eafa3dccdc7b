"""The live state as readers find it: whole collections, and single records.

The cache makes one for each live state and shares it (`Actor.share`). It is never changed, so a
reader has one live state for as long as it holds the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from vatwatch.live.records import Body, Collection, FoundRecord, record_of
from vatwatch.live.restored import RestoredState

T = TypeVar("T")


@dataclass(slots=True)
class LookUps:
    """How often there was a live state to answer from. The answer "offline" counts as a hit."""

    hits: int = 0
    misses: int = 0

    def counted(self, found: T) -> T:
        """Count what was found, or None, and give it back."""
        if found is None:
            self.misses += 1
        else:
            self.hits += 1
        return found


class LiveTable:
    """One live state. Its look-ups are counted."""

    __slots__ = ("_look_ups", "_restored", "bodies")

    def __init__(
        self,
        bodies: Mapping[Collection, Body],
        look_ups: LookUps,
        restored: RestoredState | None = None,
    ) -> None:
        """`restored`: what the bodies are of, if Redis gave them."""
        self.bodies = bodies
        self._look_ups = look_ups
        self._restored = restored

    def whole(self, collection: Collection) -> Body | None:
        """A whole collection, ready-encoded; None if there is none."""
        return self._look_ups.counted(self.bodies.get(collection))

    def find(self, collection: Collection, callsign: str) -> FoundRecord | None:
        """One record by its callsign, as JSON; None if it is not online."""
        whole = self.whole(collection)
        if self._restored is not None:
            return self._restored.find(collection, callsign)
        record = None if whole is None else record_of(whole, callsign)
        return None if whole is None or record is None else FoundRecord(record, whole)

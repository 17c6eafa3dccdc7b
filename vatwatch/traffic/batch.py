"""One snapshot as the database is to keep it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from vatwatch.events.event import Event
from vatwatch.feed.quarantine import Quarantined
from vatwatch.traffic.changes import Changes


class Batch(Struct, frozen=True):
    """One snapshot, ready to be written: what it changes, and after which one it was derived."""

    entry_id: int  # the journal's
    changes: Changes
    events: list[Event]
    quarantined: tuple[Quarantined, ...]  # the first of those that were quarantined
    kept_out: dict[str, dict[str, int]]  # by filter and kind
    radio_clients: int | None
    fetched_at: datetime
    source: str
    set_aside: int = 0


class Outcome(Enum):
    """What became of a batch."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # the snapshot was there already: nothing was written

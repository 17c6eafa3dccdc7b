"""One snapshot as the database is to keep it.

The pipeline makes a `Batch` (`pipeline.batch_of`), the processor sends it, and
`storage/writer.py` writes it, whole or not at all.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from vatwatch.events.event import Event
from vatwatch.feed.quarantine import Quarantined
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.network_state import OutsideFilters


class Batch(Struct, frozen=True):
    """One snapshot, ready to be written: what it changes, and from which state that was derived
    (`changes.derived_from`)."""

    entry_id: int
    """The journal's."""
    changes: Changes
    events: list[Event]
    quarantined: tuple[Quarantined, ...]
    """The first of the records that were quarantined; `set_aside` counts all of them."""
    kept_out: dict[str, dict[str, int]]
    """How many records the filters kept out, by filter and kind."""
    radio_clients: int | None
    """How many clients the radios feed had; None: there was none, or it could not be read."""
    fetched_at: datetime
    """Wall clock."""
    source: str
    """The address that it was fetched from, or what a replay says of itself."""
    set_aside: int = 0
    outside: OutsideFilters | None = None
    """The flights that have no row; None: there are no filters."""


class Outcome(Enum):
    """What became of a batch that could be written."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """The snapshot was there already: nothing was written."""

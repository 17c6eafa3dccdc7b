"""What a journal holds, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JournalStats:
    """What the journal holds. What is not in a folder is counted since it was opened."""

    pending: int
    pending_bytes: int
    archived: int
    archived_bytes: int
    quarantined: int
    quarantined_bytes: int
    dropped: int
    """Of the quarantine, to make room."""
    max_bytes: int
    torn: int
    corrupt: int
    evicted: int
    """Of the archive, to make room, on the disk or within the bound."""
    keeps_archive: bool
    oldest_pending: datetime | None
    """The feed's time of the entry that waits longest."""
    missing: int
    """Entries whose files were gone when they were wanted."""
    unusable: int
    """Files and folders that can be neither used nor moved away, or whose names are strange."""
    unmoved: int
    """Committed entries that are still in `pending/`."""
    unmoved_because: str
    """What the disk said of the last of them."""

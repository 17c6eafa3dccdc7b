"""The numbers of a journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JournalStats:
    """The numbers of a journal. Those that are not about a folder's content count since it was
    opened."""

    pending: int
    pending_bytes: int
    archived: int
    archived_bytes: int
    quarantined: int
    quarantined_bytes: int
    dropped: int
    """Entries of the quarantine that were deleted to make room."""
    max_bytes: int
    torn: int
    corrupt: int
    evicted: int
    """Entries of the archive that were deleted to make room, on the disk or within the bound."""
    keeps_archive: bool
    oldest_pending: datetime | None
    """The feed's time of the entry that waits longest."""
    missing: int
    """Entries whose files were missing when they were needed."""
    unusable: int
    """Files and folders that can be neither used nor moved away, or that have strange names."""
    unmoved: int
    """Committed entries that are still in `pending/`."""
    unmoved_because: str
    """The disk's error for the last of them."""

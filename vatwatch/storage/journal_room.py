"""Room within the bound of the journal, for one more entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.counting import counted
from vatwatch.errors import JournalFull

if TYPE_CHECKING:
    from vatwatch.storage.journal_archive import Archive
    from vatwatch.storage.journal_quarantine import QuarantinedEntries
    from vatwatch.storage.journal_shelf import Shelf
    from vatwatch.storage.journal_writer import EntryWriter


def make_room(
    size_bytes: int,
    max_bytes: int,
    *,
    pending: Shelf,
    archive: Archive,
    quarantine: QuarantinedEntries,
    held_bytes: int,
    writer: EntryWriter,
) -> None:
    """Delete the oldest of the archive, then of the quarantine, which is stored nowhere else.
    Pending entries are never deleted.

    Raises:
        JournalFull: what is pending leaves no room
    """
    if pending.size_bytes + size_bytes > max_bytes:
        raise JournalFull(
            "the journal is full: "
            f"{counted(len(pending), 'snapshot waits', 'snapshots wait')} for the "
            f"database, and it may have {max_bytes / 2**20:.0f} MiB "
            "(VATWATCH_JOURNAL_MAX_MB)"
        )
    kept = pending.size_bytes + archive.shelf.size_bytes + quarantine.shelf.size_bytes
    surplus = kept + held_bytes + size_bytes - max_bytes
    if surplus > 0:
        surplus -= archive.evict(surplus)
    # The last file that shows the newest id may be deleted only after that id is written down.
    if surplus > 0 and (pending or writer.write_down_last_id()):
        surplus -= archive.evict(surplus, keep=0)
        if surplus > 0:
            quarantine.evict(surplus)

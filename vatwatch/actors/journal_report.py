"""The journal's report: its numbers, its health, and when its archive is deleted."""

from __future__ import annotations

import logging

from vatwatch.counting import counted
from vatwatch.feed.correlation import correlation_id_of
from vatwatch.messages.status import JournalStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.held import HeldEntries
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import EntryInfo, read_entry, stamp_in

# Share of the bound that may wait before the journal is degraded. At the bound, snapshots are
# refused.
NEARLY_FULL = 0.9


def status_of(journal: Journal, held: HeldEntries, last_error: str) -> JournalStatus:
    """The journal's numbers. `last_error`: what the disk refused last; empty if the last try
    worked."""
    stats = journal.stats()
    kept = stats.pending_bytes + stats.archived_bytes + stats.quarantined_bytes
    return JournalStatus(
        pending=stats.pending,
        archived=stats.archived,
        quarantined=stats.quarantined,
        dropped=stats.dropped,
        bytes=kept + held.size_bytes,
        held=len(held),
        held_bytes=held.size_bytes,
        max_bytes=stats.max_bytes,
        torn=stats.torn,
        corrupt=stats.corrupt,
        pending_bytes=stats.pending_bytes,
        oldest_pending=stats.oldest_pending,
        shed=stats.evicted,
        keeps_archive=stats.keeps_archive,
        quarantined_total=journal.set_aside_total,
        missing=stats.missing,
        unusable=stats.unusable,
        unmoved=stats.unmoved,
        last_error=last_error or stats.unmoved_because,
    )


def health_of(status: JournalStatus, last_error: str) -> tuple[Health, str]:
    """The journal's health, and the reason."""
    if last_error:
        return Health.UNHEALTHY, last_error
    if status.pending_bytes >= NEARLY_FULL * status.max_bytes:
        return Health.UNHEALTHY, "nearly full of what waits for the database"
    if status.pending > 1:
        return Health.DEGRADED, counted(
            status.pending, "snapshot waits", "snapshots wait"
        ) + " for the database"
    if status.unmoved:
        what = f"{status.unmoved} stored snapshots cannot be moved into the archive"
        return Health.DEGRADED, f"{what}: {status.last_error}"
    return Health.HEALTHY, ""


class ArchiveLog:
    """Logs once that the archive begins to be deleted; from then on that happens with every
    snapshot."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told = False

    def take(self, journal: Journal) -> None:
        """An entry was appended."""
        stats = journal.stats()
        if stats.evicted and not self._told:
            self._told = True
            self._log.warning(
                "To make room, the oldest snapshots of the journal's archive are deleted from now "
                "on; all of them are in the database. VATWATCH_JOURNAL_MAX_MB is %.0f.",
                stats.max_bytes / 2**20,
            )


def correlation_of_entry(info: EntryInfo) -> str:
    """The snapshot's correlation id, or at least its time, if its file cannot be read."""
    try:
        return correlation_id_of(read_entry(info.path).data)
    except Exception:  # noqa: BLE001 - the entry is known to be broken
        return stamp_in(info.path)

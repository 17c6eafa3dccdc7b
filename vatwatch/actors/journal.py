"""Journal: makes fetched bytes durable, and hands them out until the database has them.

Receives  AppendSnapshot, NextPending, LastEntry, BatchStored, BatchRejected, SnapshotFailed,
          ShedArchive, KeepArchive, CleanJournal
Sends     SnapshotJournaled and EntryPassedOver to processor, ServiceReport
Holds     the files' index, and how often each pending entry brought the processor down
Restart   costs nothing: the files are the state; whether the archive is kept is told again
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any, assert_never

from vatwatch.actors.service import Service
from vatwatch.errors import JournalCorrupt, JournalError
from vatwatch.messages import (
    AppendSnapshot,
    BatchRejected,
    BatchStored,
    CleanJournal,
    EntryPassedOver,
    Health,
    KeepArchive,
    LastEntry,
    NextPending,
    ShedArchive,
    SnapshotFailed,
    SnapshotJournaled,
)
from vatwatch.operations.status import JournalStatus
from vatwatch.storage.journal import Entry, EntryInfo, Journal
from vatwatch.supervision import NativePool

log = logging.getLogger(__name__)

Received = (
    AppendSnapshot
    | NextPending
    | LastEntry
    | BatchStored
    | BatchRejected
    | SnapshotFailed
    | ShedArchive
    | KeepArchive
    | CleanJournal
)


class JournalActor(Service):
    """Keeper of the journal's directory."""

    def __init__(self, directory: Path, *, max_bytes: int, max_failures: int) -> None:
        super().__init__()
        self._journal = Journal(directory, max_bytes=max_bytes)
        self._max_failures = max_failures
        self._failures: Counter[int] = Counter()
        # One thread: the journal's methods are called one at a time.
        self._pool = NativePool(1, "journal")

    def on_start(self) -> None:
        self._pool.run(self._journal.open)
        self._report()

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> Any:
        match message:
            case AppendSnapshot():
                return self._append(message)
            case NextPending(after_entry_id):
                return self._next_pending(after_entry_id)
            case LastEntry():
                return self._last_entry()
            case BatchStored(entry_id):
                self._commit(entry_id)
            case BatchRejected(entry_id, reason):
                self._quarantine(entry_id, reason)
            case SnapshotFailed(entry_id, error):
                self._failed(entry_id, error)
            case ShedArchive(size_bytes):
                self._shed(size_bytes)
            case KeepArchive(keep):
                self._journal.keep_archive(keep)
                self._report()
            case CleanJournal():
                self._clean()
            case _:
                assert_never(message)
        return None

    def _append(self, message: AppendSnapshot) -> int:
        try:
            info = self._pool.run(self._append_blocking, message)
        except OSError as error:
            # A disk that fails is weather: what is known is served, and the fetcher tries again.
            raise JournalError(f"the journal cannot be written: {error}") from error
        finally:
            self._report()
        self.address("processor").tell(
            SnapshotJournaled(
                info.id,
                message.update_timestamp,
                message.fetched_at,
                message.data,
                message.transceivers,
                message.source,
            )
        )
        return info.id

    def _append_blocking(self, message: AppendSnapshot) -> EntryInfo:
        return self._journal.append(
            update_timestamp=message.update_timestamp,
            fetched_at=message.fetched_at,
            data=message.data,
            transceivers=message.transceivers,
            source=message.source,
        )

    def _next_pending(self, after_entry_id: int) -> SnapshotJournaled | None:
        for info in self._journal.pending():
            if info.id > after_entry_id:
                entry = self._read(info)
                if entry is not None:
                    return entry
        return None

    def _last_entry(self) -> SnapshotJournaled | None:
        while (info := self._journal.last()) is not None:
            entry = self._read(info)
            if entry is not None:
                return entry
        return None

    def _read(self, info: EntryInfo) -> SnapshotJournaled | None:
        """The entry, or None if it is corrupt: then it is in quarantine, and counted."""
        try:
            entry: Entry = self._pool.run(self._journal.read, info.id)
        except JournalCorrupt:
            self._report()
            return None
        return SnapshotJournaled(
            entry.id,
            entry.update_timestamp,
            entry.fetched_at,
            entry.data,
            entry.transceivers,
            entry.source,
        )

    def _commit(self, entry_id: int) -> None:
        self._pool.run(self._journal.commit, entry_id)
        self._failures.pop(entry_id, None)
        oldest_id = self._journal.oldest_pending_id()
        if oldest_id is not None and oldest_id < entry_id:
            self.send("processor", EntryPassedOver(oldest_id))
        self._report()

    def _quarantine(self, entry_id: int, reason: str) -> None:
        self._pool.run(self._journal.quarantine, entry_id, reason)
        self._failures.pop(entry_id, None)
        self._report()

    def _failed(self, entry_id: int, error: str) -> None:
        self._failures[entry_id] += 1
        if self._failures[entry_id] >= self._max_failures:
            times = self._failures[entry_id]
            self._quarantine(entry_id, f"brought the processor down {times} times: {error}")

    def _shed(self, size_bytes: int | None) -> None:
        before = self._journal.stats()
        wanted = before.archived_bytes if size_bytes is None else size_bytes
        freed = self._pool.run(self._journal.shed, wanted)
        if freed:
            dropped = self._journal.stats().shed - before.shed
            log.warning(
                "%d snapshots of the archive (%.1f MiB) are dropped to make room on the disk",
                dropped,
                freed / 2**20,
            )
            self._report()

    def _clean(self) -> None:
        try:
            found = self._pool.run(self._journal.clean)
        except OSError as error:
            log.warning("cleaning up the journal: %s", error)
            return
        if found:
            log.info("%d useless files and folders of the journal are removed", found)

    def _report(self) -> None:
        stats = self._journal.stats()
        status = JournalStatus(
            pending=stats.pending,
            archived=stats.archived,
            quarantined=stats.quarantined,
            dropped=stats.dropped,
            bytes=stats.pending_bytes + stats.archived_bytes + stats.quarantined_bytes,
            max_bytes=stats.max_bytes,
            torn=stats.torn,
            corrupt=stats.corrupt,
            pending_bytes=stats.pending_bytes,
            oldest_pending=stats.oldest_pending,
            shed=stats.shed,
            keeps_archive=stats.keeps_archive,
        )
        if stats.pending_bytes >= 0.9 * stats.max_bytes:
            self.report(Health.UNHEALTHY, "nearly full of what waits for the database", status)
        elif stats.pending > 1:
            self.report(Health.DEGRADED, f"{stats.pending} snapshots wait for the database", status)
        else:
            self.report(Health.HEALTHY, "", status)

    def _give_back(self) -> None:
        self._journal.close()
        self._pool.close()

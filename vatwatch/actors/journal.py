"""Journal: makes fetched bytes durable, and hands them out until the database has them.

Receives  AppendSnapshot, HoldSnapshot, ReleaseHeld, QuarantineHeld, RejectSnapshot, FindFeedClock,
          GetHeld, NextPending, LastEntry, ArchivedEntries, StoreAgain, BatchStored, BatchInvalid,
          SnapshotFailed, EvictArchive, KeepArchive, CleanJournal, SettingsChanged
Sends     SnapshotJournaled and EntrySkipped to processor, SnapshotSetAside to cache,
          ServiceReport
Holds     the index of the files; a file counts how often each entry made an actor fail
Restart   costs nothing: the files are the state; whether the archive is kept is sent again

What the disk refuses never ends it. While the directory cannot even be opened it answers with
JournalError, and tries again with each message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias, TypeVar, assert_never

from vatwatch.actors.journal_report import (
    ArchiveLog,
    correlation_of_entry,
    health_of,
    status_of,
)
from vatwatch.actors.journal_work import archived, keep, reject, store_again
from vatwatch.actors.service import Service
from vatwatch.config.journal import JournalSettings
from vatwatch.counting import counted
from vatwatch.errors import (
    JournalCorrupt,
    JournalError,
    SnapshotQuarantined,
    SupervisionError,
    VatwatchError,
)
from vatwatch.feed.clock import Moment
from vatwatch.messages import (
    AppendSnapshot,
    ArchivedEntries,
    BatchInvalid,
    BatchStored,
    CleanJournal,
    EntrySkipped,
    EvictArchive,
    FindFeedClock,
    GetHeld,
    HoldSnapshot,
    KeepArchive,
    KnownClock,
    LastEntry,
    NextPending,
    QuarantineHeld,
    RejectSnapshot,
    ReleaseHeld,
    SettingsChanged,
    SnapshotFailed,
    SnapshotJournaled,
    SnapshotSetAside,
    StoreAgain,
)
from vatwatch.messages.journal import ToJournal
from vatwatch.storage.held import HeldEntries
from vatwatch.storage.journal import Journal
from vatwatch.storage.journal_entry import EntryInfo, stamp_in
from vatwatch.supervision import NativePool

log = logging.getLogger(__name__)

T = TypeVar("T")

Received: TypeAlias = ToJournal

MEGABYTE = 1024 * 1024
# How long one question may search for a readable entry: half of what the processor waits.
SEARCH_S = 5.0


class JournalActor(Service):
    """Owns the journal's directory, and decides which entries are given up.

    An entry is *pending* from the append until its acknowledgement (`BatchStored`); so long it is
    handed out whenever the processor asks. It is given up, and quarantined, when it cannot be read,
    when the processor can do nothing with it (`BatchInvalid`), or when it has made its readers fail
    `max_failures` times. The count survives restarts, also of the process (`failure_counts`).
    """

    def __init__(self, directory: Path, settings: JournalSettings) -> None:
        super().__init__()
        self._journal = Journal(directory, max_bytes=settings.max_mb * MEGABYTE)
        self._held = HeldEntries(directory, self._journal)
        self._max_failures = settings.max_failures
        # One thread: the journal's methods are called one at a time.
        self._pool = NativePool(
            1, "journal", owns=str(directory.absolute()), release=self._journal.close
        )
        self._is_open = False
        self._reading: int | None = None
        self._last_error = ""
        self._archive_log = ArchiveLog(log)

    def on_start(self) -> None:
        self._open()
        self._report()

    def on_stop(self) -> None:
        self._pool.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        # A thread that is still working keeps the directory until it is done.
        self._pool.close(timeout_s=0)
        if self._reading is not None and self.ended_by in ("crash", "hang"):
            # The successor handles it: the mailbox outlives this actor.
            self.address(self.name).tell(SnapshotFailed(self._reading, self.name, repr(error)))

    def on_receive(self, message: Received) -> Any:
        if not self._is_open:
            self._open()
            self._report()
        match message:
            case AppendSnapshot():
                return self._append(message)
            case HoldSnapshot():
                return self._hold(message)
            case ReleaseHeld(times):
                self._release(times)
            case QuarantineHeld(times, reason):
                self._drop(times, reason)
            case RejectSnapshot():
                self._reject(message)
            case FindFeedClock():
                return self._known_clock()
            case GetHeld():
                self._require_open()
                return self._held.moments()
            case NextPending(after_entry_id):
                return self._next_pending(after_entry_id)
            case LastEntry():
                return self._last_entry()
            case ArchivedEntries():
                self._require_open()
                return self._pool.run(archived, self._journal, message)
            case StoreAgain():
                return self._store_again(message)
            case BatchStored(entry_id):
                self._commit(entry_id)
            case BatchInvalid(entry_id, reason):
                self._quarantine(entry_id, reason)
            case SnapshotFailed():
                self._failed(message)
            case EvictArchive(size_bytes):
                self._shed(size_bytes)
            case KeepArchive(keep):
                self._journal.keep_archive(keep)
            case CleanJournal():
                self._clean()
            case SettingsChanged():
                settings = message.settings.journal
                self._journal.max_bytes = settings.max_mb * MEGABYTE
                self._max_failures = settings.max_failures
                self._report()
            case _:
                assert_never(message)
        self._report()
        return None

    # --- the directory -----------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._pool.run(self._journal.open)
            self._pool.run(self._held.open)
        except OSError as error:
            self._trouble("open", f"the journal cannot be opened: {error}", error)
            return
        self._is_open = True
        self._last_error = ""
        for info in self._journal.failed_often(self._max_failures):
            self._quarantine(info.id, "made its readers fail too often, before the last start")

    def _require_open(self) -> None:
        if not self._is_open:
            raise JournalError(self._last_error)

    def _trouble(self, operation: str, reason: str, error: Exception) -> None:
        """Remember what the disk refuses, and report it if it is new."""
        if reason != self._last_error:
            self.report_failure(operation, error)
        self._last_error = reason

    # --- appending ---------------------------------------------------------------------------

    def _append(self, message: AppendSnapshot) -> int:
        info: EntryInfo = self._write(keep, self._journal.append, message)
        self.describe(partial(self._archive_log.take, self._journal))
        if message.is_late:
            self.send("processor", EntrySkipped(info.id))
            return info.id
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

    def _write(self, fn: Callable[..., T], *args: object) -> T:
        """Call a function that writes. Raises JournalError for any fault of the disk or the
        bytes."""
        self._require_open()
        try:
            result = self._pool.run(fn, *args)
        except SupervisionError:
            raise
        except Exception as error:
            # A failing disk, or something about these bytes. The fetcher tries again, and the
            # entries that are here already are still handed out.
            self._last_error = str(error)
            if isinstance(error, JournalError):
                raise
            raise JournalError(f"the journal cannot be written: {error}") from error
        else:
            self._last_error = ""
            log.debug("Written (%s): %s", fn.__name__, result)
            return result
        finally:
            self._report()

    # --- updates whose clock is in doubt -------------------------------------------------------

    def _hold(self, message: HoldSnapshot) -> bool:
        held: bool = self._write(keep, self._held.hold, message)
        return held

    def _release(self, times: tuple[datetime, ...]) -> None:
        for time in times:
            info = self._write(self._held.release, time)
            entry = None if info is None else self._read(info)
            if entry is not None:
                self.address("processor").tell(entry)

    def _drop(self, times: tuple[datetime, ...], reason: str) -> None:
        self._require_open()
        for time in times:
            self._pool.run(self._held.drop, time, reason)

    def _reject(self, message: RejectSnapshot) -> None:
        try:
            self._write(reject, self._journal, message)
        except JournalError as error:
            log.warning(
                "An update without a valid time could not be put into quarantine: %s", error
            )

    def _known_clock(self) -> KnownClock:
        newest = self._last_entry()
        followed = () if newest is None else (Moment(newest.update_timestamp, newest.fetched_at),)
        # An older version accepted any time. Then the clock is learned from the feed again.
        possible = tuple(moment for moment in followed if moment.is_possible)
        return KnownClock(possible, self._held.moments())

    # --- handing out -------------------------------------------------------------------------

    def _next_pending(self, after_entry_id: int) -> SnapshotJournaled | None:
        self._require_open()
        return self._first_readable(lambda: self._journal.next_pending(after_entry_id))

    def _last_entry(self) -> SnapshotJournaled | None:
        self._require_open()
        return self._first_readable(self._journal.last)

    def _first_readable(self, find: Callable[[], EntryInfo | None]) -> SnapshotJournaled | None:
        """The first readable entry. Those before it are quarantined, so the search ends."""
        until = monotonic() + SEARCH_S
        while (info := find()) is not None:
            if monotonic() > until:
                raise JournalError("many entries cannot be read; ask again for the next one")
            entry = self._read(info)
            if entry is not None:
                return entry
        return None

    def _read(self, info: EntryInfo) -> SnapshotJournaled | None:
        """The entry, or None if its file is gone. Raises JournalError if it cannot be read now."""
        self._reading = info.id
        try:
            entry = self._pool.run(self._journal.read, info.id)
        except JournalCorrupt as error:
            self._tell_of(info, "read entry", error, stamp_in(info.path))
            self._report()
            return None
        except SupervisionError:
            raise
        except OSError as error:
            raise JournalError(f"the journal cannot be read: {error}") from error
        except Exception as error:
            # The disk is not the reason, so it is something about this entry.
            self._failed(SnapshotFailed(info.id, self.name, repr(error)))
            self._report()
            raise JournalError(f"{info.path.name}: {error!r}") from error
        finally:
            self._reading = None
        return SnapshotJournaled(
            # The id in the file's name: a file that somebody has renamed has another one inside.
            info.id,
            entry.update_timestamp,
            entry.fetched_at,
            entry.data,
            entry.transceivers,
            entry.source,
        )

    # --- what becomes of entries -------------------------------------------------------------

    def _commit(self, entry_id: int) -> None:
        self._pool.run(self._journal.commit, entry_id)
        oldest_id = self._journal.oldest_pending_id()
        if oldest_id is not None and oldest_id < entry_id:
            self.send("processor", EntrySkipped(oldest_id))

    def _store_again(self, message: StoreAgain) -> int:
        done = self._write(store_again, self._journal, message)
        oldest_id = self._journal.oldest_pending_id()
        if oldest_id is not None:
            # On standby it takes none; and without this the next commit says so.
            self.address("processor").offer(EntrySkipped(oldest_id))
        return done

    def _failed(self, failure: SnapshotFailed) -> None:
        times = self._pool.run(self._journal.count_failure, failure.entry_id)
        if times >= self._max_failures:
            reason = (
                f"made {failure.by} fail; it has had {counted(times, 'failure')} in all: "
                f"{failure.error}"
            )
            self._quarantine(failure.entry_id, reason)
        if failure.by == "cache" and self._journal.find(failure.entry_id) is None:
            with suppress(SupervisionError):  # it can wait: the next snapshot leads to the same
                self.send("cache", SnapshotSetAside(failure.entry_id))

    def _quarantine(self, entry_id: int, reason: str) -> None:
        info = self._journal.find(entry_id)
        if info is None:
            return
        correlation = self._pool.run(correlation_of_entry, info)
        done = self._pool.run(self._journal.quarantine, entry_id, reason)
        if done is not None:
            error = SnapshotQuarantined(f"{reason}; {done.fate}")
            self._tell_of(info, "quarantine", error, correlation)

    def _tell_of(
        self, info: EntryInfo, operation: str, error: VatwatchError, correlation: str
    ) -> None:
        """Keep an error record and log a line for each, so that none is quarantined unnoticed."""
        log.warning("Snapshot %s of %s was quarantined: %s", info.id, correlation, error)
        self.report_failure(operation, error, correlation_id=correlation, remedy="quarantine")

    def _shed(self, size_bytes: int | None) -> None:
        before = self._journal.stats()
        wanted = before.archived_bytes if size_bytes is None else size_bytes
        freed = self._pool.run(self._journal.evict, wanted)
        if freed:
            dropped = self._journal.stats().evicted - before.evicted
            log.warning(
                "To make room on the disk, %s (%.1f MiB) were removed from the archive.",
                counted(dropped, "snapshot"),
                freed / 2**20,
            )

    def _clean(self) -> None:
        found = self._pool.run(self._journal.clean)
        if found:
            log.info("The journal was cleaned up: %s removed.", counted(found, "useless file"))

    # --- reporting ---------------------------------------------------------------------------

    def _report(self) -> None:
        self.describe(self._report_status)

    def _report_status(self) -> None:
        status = status_of(self._journal, self._held, self._last_error)
        health, reason = health_of(status, self._last_error)
        self.report(health, reason, status)

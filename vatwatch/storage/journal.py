"""The journal: fetched bytes, durable before anything looks at them, until the database has them.

One file an entry (`journal_entry`), in `pending/` until it is committed, then in the archive
(`journal_archive`); what nothing can be done with goes to the quarantine (`journal_quarantine`). An
entry is written aside, fsynced and renamed, and the directory is fsynced: a file with an entry's
name is whole, whatever was killed.

What the disk refuses costs the entry or the append that it was asked for, and nothing else:

- *append*: refused, and nothing of it stays under an entry's name. An id is not given again if that
  is not certain.
- *read*: the entry goes to quarantine. If not even that can be done it is left where it is and no
  longer handed out ("unusable"); the next start tries again. One whose file is gone is forgotten.
- *commit*: the entry is archived where it is, and moved later.
- *delete*: it stays on the disk and is no longer counted; the next start tries again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from vatwatch.counting import counted
from vatwatch.errors import JournalCorrupt, JournalFull, JournalInUse
from vatwatch.storage.directory_lock import DirectoryLock, DirectoryTaken
from vatwatch.storage.failure_counts import FailureCounts
from vatwatch.storage.fsync import sync
from vatwatch.storage.home_files import remove_stale
from vatwatch.storage.journal_archive import Archive
from vatwatch.storage.journal_entry import Entry, EntryInfo, stamp_in, stamp_of
from vatwatch.storage.journal_files import SHORTAGE, read_patiently, time_in
from vatwatch.storage.journal_quarantine import QuarantinedEntries, SetAside
from vatwatch.storage.journal_scan import Scan, scan
from vatwatch.storage.journal_stats import JournalStats
from vatwatch.storage.journal_writer import EntryWriter
from vatwatch.storage.work_note import WorkNote

# Deleted of the archive beyond what an append lacks, for the directory's own blocks and the table
# of files that grow with it.
SPARE_BYTES = 64 * 1024
# A file is renamed within seconds after it is written. One that was not in ten minutes was left by
# a process that is gone.
STALE_S = 600.0


class Journal:
    """The files of one directory.

    Its methods block on the disk, and must be called one at a time, after `open`. All times are
    aware; `update_timestamp` is the feed's, `fetched_at` our wall clock.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """`max_bytes` bounds all entries together: what is pending, archived, in quarantine.

        It can be changed later by the attribute of this name; a lower bound holds from the next
        entry on.
        """
        self._directory = directory
        self.max_bytes = max_bytes
        self._lock = DirectoryLock(directory)
        self._failures = FailureCounts(directory / "failures")
        self._keeps_archive = True
        self.set_aside_total = 0
        """Entries that this object has put into quarantine."""
        self.held_bytes = 0
        """What entries that are held elsewhere (`held`) take of the bound."""
        self._begin_with(Scan())

    # --- opening and closing -------------------------------------------------------------------

    def open(self) -> None:
        """Take the directory, and see what is in it. Half-written files are removed and counted.

        Can be called again after it has failed.

        Raises:
            JournalInUse: another process has it
            OSError: `pending/` cannot be made or read
        """
        (self._directory / "pending").mkdir(parents=True, exist_ok=True)
        for name in ("archive", "quarantine"):
            with suppress(OSError):  # made when something is to go there
                (self._directory / name).mkdir(exist_ok=True)
        self._take_lock()
        self._begin_with(scan(self._directory))
        died_of = WorkNote(self._directory).left_behind()
        if died_of is not None:
            self.count_failure(died_of)

    def close(self) -> None:
        """Let somebody else have the directory. Not while another method runs."""
        self._lock.release()

    def _take_lock(self) -> None:
        try:
            self._lock.take()
        except DirectoryTaken as held:
            raise JournalInUse(
                f"{self._directory} is in use by process {held.holder}: stop it, or give this one "
                "another VATWATCH_HOME"
            ) from held

    def _begin_with(self, found: Scan) -> None:
        self._pending = found.pending
        self._archive = Archive(self._directory, found.archive)
        self._quarantine = QuarantinedEntries(self._directory, found.quarantined)
        self._writer = EntryWriter(self._directory, found.last_id)
        self._torn, self._unusable = found.torn, found.unusable
        self._corrupt = self._missing = 0
        for info in found.doubles:
            self._give_new_id(info)
        self._failures.load(lambda entry_id: self.find(entry_id) is not None)

    def _give_new_id(self, info: EntryInfo) -> None:
        """Of two files with one id, as two writers leave them, the second is the newest entry."""
        try:
            self._pending.add(self._writer.rename(info, "pending"))
        except OSError:
            self._unusable += 1

    # --- writing -------------------------------------------------------------------------------

    def append(
        self,
        *,
        update_timestamp: datetime,
        fetched_at: datetime,
        data: bytes,
        transceivers: bytes | None,
        source: str,
    ) -> EntryInfo:
        """Keep a snapshot: when this returns it is durable, and pending.

        On a full disk the oldest of the archive goes first, as the database has it.

        Args:
            update_timestamp: the feed's time, which names the file
            fetched_at: when the bytes came
            data: the main feed's body, as it came
            transceivers: the radios feed's body; None if there was none
            source: the address that it came from

        Raises:
            JournalFull: what waits for the database fills the bound, or the disk is full. Nothing
                of the snapshot is kept; the caller still has it.
            OSError: the disk refuses for another reason; the same holds
        """
        entry = self._writer.encode(update_timestamp, fetched_at, source, data, transceivers)
        self._make_room(len(entry.content))
        try:
            info = self._writer.write("pending", entry)
        except JournalFull:
            if not self.evict(len(entry.content) + SPARE_BYTES):
                raise
            info = self._writer.write("pending", entry)
        self._pending.add(info)
        return info

    def write(
        self,
        folder: str,
        *,
        update_timestamp: datetime,
        fetched_at: datetime,
        data: bytes,
        transceivers: bytes | None,
        source: str,
    ) -> EntryInfo:
        """Write an entry into another folder than the journal's own: it is on no shelf.

        Raises:
            JournalFull, OSError: as `append`
        """
        entry = self._writer.encode(update_timestamp, fetched_at, source, data, transceivers)
        self._make_room(len(entry.content))
        return self._writer.write(folder, entry)

    def admit(self, info: EntryInfo) -> EntryInfo:
        """Take an entry from another folder, as the newest of those that wait; it gets a new id.

        Raises:
            JournalFull: what waits for the database fills the bound
            OSError: the disk refuses; the entry is where it was
        """
        self._make_room(info.size_bytes)
        (self._directory / "pending").mkdir(exist_ok=True)
        admitted = self._writer.rename(info, "pending")
        with suppress(OSError):  # it is there; a crash of the machine may leave it where it was
            sync(admitted.path.parent)
        self._pending.add(admitted)
        return admitted

    def reject(self, reason: str, *, fetched_at: datetime, data: bytes, source: str) -> EntryInfo:
        """Write bytes that are no snapshot straight into quarantine, under the time of the fetch.

        Raises:
            JournalFull, OSError: as `append`
        """
        info = self.write(
            "quarantine",
            update_timestamp=fetched_at,
            fetched_at=fetched_at,
            data=data,
            transceivers=None,
            source=source,
        )
        self._quarantine.note(info, reason)
        self.set_aside_total += 1
        return info

    def skip_ids(self, last_id: int) -> None:
        """Give no id up to this one, unless it leaves no room for later ones."""
        self._writer.skip_to(last_id)

    # --- handing out ---------------------------------------------------------------------------

    def pending(self) -> list[EntryInfo]:
        """What is not committed, oldest first."""
        return list(self._pending)

    def next_pending(self, after_id: int) -> EntryInfo | None:
        """The oldest of what is not committed and has a greater id."""
        return self._pending.after(after_id)

    def oldest_pending_id(self) -> int | None:
        """The first that is not committed."""
        info = self._pending.first()
        return None if info is None else info.id

    def last(self) -> EntryInfo | None:
        """The newest entry there is, pending or archived."""
        newest = (self._pending.last(), self._archive.shelf.last())
        return max((info for info in newest if info is not None), default=None)

    def find(self, entry_id: int) -> EntryInfo | None:
        """A pending or an archived entry."""
        return self._pending.get(entry_id) or self._archive.shelf.get(entry_id)

    def has(self, update_timestamp: datetime) -> bool:
        """Whether an update of exactly this time is pending, archived or in quarantine."""
        stamp = stamp_of(update_timestamp)
        for shelf in (self._pending, self._archive.shelf, self._quarantine.shelf):
            for info in shelf:
                if stamp_in(info.path) == stamp and time_in(info.path) == update_timestamp:
                    return True
        return False

    def read(self, entry_id: int) -> Entry:
        """A pending or an archived entry.

        Raises:
            JournalCorrupt: it is damaged or cannot be read: its file is now in quarantine, or gone,
                or left where it is and not handed out any more
            OSError: nothing can be read now, this entry no less than others
            KeyError: there is none with this id
        """
        info = self.find(entry_id)
        if info is None:
            raise KeyError(entry_id)
        try:
            return read_patiently(info.path)
        except JournalCorrupt as error:
            raise self._corrupted(info, str(error)) from error
        except FileNotFoundError as error:
            self._take_off(info)
            self._missing += 1
            raise JournalCorrupt(f"{info.path.name}: its file is gone") from error
        except OSError as error:
            if error.errno in SHORTAGE:
                raise
            raise self._corrupted(info, f"{info.path.name}: {error.strerror or error}") from error

    def _corrupted(self, info: EntryInfo, reason: str) -> JournalCorrupt:
        self._corrupt += 1
        return JournalCorrupt(f"{reason}; {self.put_aside(info, reason).fate}")

    # --- what becomes of entries ---------------------------------------------------------------

    def commit(self, entry_id: int) -> None:
        """The database has it: from now on it is archive. Of one that is not pending: nothing."""
        if entry_id not in self._pending:
            return
        self._failures.forget(entry_id)
        self._archive.add(self._pending.remove(entry_id))
        if not self._keeps_archive:
            self.evict(self._archive.shelf.size_bytes)

    def count_failure(self, entry_id: int) -> int:
        """Somebody failed because of this entry; how often that has happened by now. 0: there is
        no such entry, pending or archived."""
        return 0 if self.find(entry_id) is None else self._failures.add(entry_id)

    def failed_often(self, times: int) -> list[EntryInfo]:
        """What waits and has failed at least so often: somebody died before setting it aside."""
        return [info for info in self._pending if self._failures.of(info.id) >= times]

    def quarantine(self, entry_id: int, reason: str) -> SetAside | None:
        """Set an entry aside that nothing can be done with, pending or archived; what became of
        it. Of one that is neither: nothing, and None."""
        info = self.find(entry_id)
        return None if info is None else self.put_aside(info, reason)

    def put_aside(self, info: EntryInfo, reason: str) -> SetAside:
        """Move an entry, of the journal or of another folder, into quarantine."""
        self._take_off(info)
        done = self._quarantine.take(info, reason)
        self.set_aside_total += done.path is not None
        return done

    def _take_off(self, info: EntryInfo) -> None:
        """Off the shelf that it is on."""
        if info.id in self._pending:
            self._pending.remove(info.id)
        elif info.id in self._archive.shelf:
            self._archive.remove(info.id)
        self._failures.forget(info.id)

    # --- making room ---------------------------------------------------------------------------

    def keep_archive(self, keep: bool) -> None:
        """Whether what is committed stays. Without: only the newest, for who starts again."""
        self._keeps_archive = keep

    def evict(self, size_bytes: int) -> int:
        """Delete so much of the archive or a little more, oldest first, but never the newest entry:
        without the database it is all that a restart can begin with.

        Returns:
            How many bytes were deleted.
        """
        return self._archive.evict(size_bytes)

    def clean(self) -> int:
        """Delete what nobody will ever look for: files that were to be renamed, days without an
        entry. How many there were. What is to be in the archive and is not is moved.
        """
        self._archive.move_late()
        folders = [self._directory]
        with suppress(OSError):  # what can be listed is cleaned
            # Whatever folders there are: an entry is written straight into some of them.
            folders += [path for path in self._directory.iterdir() if path.is_dir()]
        stale = sum(remove_stale(folder, after_s=STALE_S) for folder in folders)
        return stale + self._archive.remove_empty_folders()

    def _make_room(self, size_bytes: int) -> None:
        """Delete the oldest of the archive, then of the quarantine, which nobody else has; what
        waits for the database is never deleted."""
        archive, quarantine = self._archive, self._quarantine
        if self._pending.size_bytes + size_bytes > self.max_bytes:
            raise JournalFull(
                "the journal is full: "
                f"{counted(len(self._pending), 'snapshot waits', 'snapshots wait')} for the "
                f"database, and it may have {self.max_bytes / 2**20:.0f} MiB "
                "(VATWATCH_JOURNAL_MAX_MB)"
            )
        kept = self._pending.size_bytes + archive.shelf.size_bytes + quarantine.shelf.size_bytes
        surplus = kept + self.held_bytes + size_bytes - self.max_bytes
        if surplus > 0:
            surplus -= archive.evict(surplus)
        # The last file that tells the newest id may go only when the id is written down.
        if surplus > 0 and (self._pending or self._writer.write_down_last_id()):
            surplus -= archive.evict(surplus, keep=0)
            if surplus > 0:
                quarantine.evict(surplus)

    # --- telling how it is ---------------------------------------------------------------------

    def stats(self) -> JournalStats:
        """What is there."""
        oldest = self._pending.first()
        archive, quarantine = self._archive, self._quarantine
        return JournalStats(
            pending=len(self._pending),
            pending_bytes=self._pending.size_bytes,
            archived=len(archive.shelf),
            archived_bytes=archive.shelf.size_bytes,
            quarantined=len(quarantine.shelf),
            quarantined_bytes=quarantine.shelf.size_bytes,
            dropped=quarantine.dropped,
            max_bytes=self.max_bytes,
            torn=self._torn,
            corrupt=self._corrupt,
            evicted=archive.evicted,
            keeps_archive=self._keeps_archive,
            oldest_pending=None if oldest is None else oldest.time,
            missing=self._missing + archive.missing,
            unusable=self._unusable + archive.unusable + quarantine.unusable,
            unmoved=archive.unmoved,
            unmoved_because=archive.unmoved_because,
        )

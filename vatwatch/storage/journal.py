"""The journal: fetched bytes, made durable before anything reads them, until the database has them.

Each entry is one file (`journal_entry`). It is in `pending/` until it is committed, then in the
archive (`journal_archive`); an unusable entry goes to the quarantine (`journal_quarantine`). An
entry is written to a temporary file, fsynced and renamed, and the directory is fsynced, so a file
with an entry's name is always complete.

A failure of the disk affects only the entry or the append in question:

- *append*: refused, and no file with an entry's name is left. If that is not certain, the id is not
  used again.
- *read*: the entry goes to quarantine. If that fails, too, it is left where it is and no longer
  handed out ("unusable"); the next start tries again. An entry whose file is gone is forgotten.
- *commit*: the entry counts as archived and is moved later.
- *delete*: the file stays on the disk and is no longer counted; the next start tries again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from vatwatch.errors import JournalCorrupt, JournalFull, JournalInUse
from vatwatch.storage.directory_lock import DirectoryLock, DirectoryTaken
from vatwatch.storage.failure_counts import FailureCounts
from vatwatch.storage.fsync import sync
from vatwatch.storage.home_files import remove_stale
from vatwatch.storage.journal_archive import Archive
from vatwatch.storage.journal_entry import Entry, EntryInfo, stamp_in, stamp_of
from vatwatch.storage.journal_files import SHORTAGE, read_patiently, time_in
from vatwatch.storage.journal_quarantine import QuarantinedEntries, SetAside
from vatwatch.storage.journal_room import make_room
from vatwatch.storage.journal_scan import Scan, scan
from vatwatch.storage.journal_stats import JournalStats
from vatwatch.storage.journal_writer import EntryWriter
from vatwatch.storage.work_note import WorkNote

# Bytes of the archive that are deleted in addition to what an append needs: the directory and the
# file table grow, too.
SPARE_BYTES = 64 * 1024
# A file is renamed within seconds after it is written. After ten minutes, its process is gone.
STALE_S = 600.0


class Journal:
    """The files of one directory.

    Its methods block on the disk, and must be called one at a time, after `open`. All times are
    aware; `update_timestamp` is the feed's, `fetched_at` our wall clock.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """`max_bytes` bounds all entries together: pending, archived and quarantined ones. It can
        be changed later by the attribute of this name; a lower bound holds from the next entry on.
        """
        self._directory = directory
        self.max_bytes = max_bytes
        self._lock = DirectoryLock(directory)
        self._failures = FailureCounts(directory / "failures")
        self._keeps_archive = True
        self.set_aside_total = 0
        """How many entries this object has quarantined."""
        self.held_bytes = 0
        """Bytes of the held entries (`held`), which count towards the bound."""
        self._begin_with(Scan())

    # --- opening and closing -------------------------------------------------------------------

    def open(self) -> None:
        """Take the directory and scan it. Half-written files are removed and counted.

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
        """Release the directory. Not while another method runs."""
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
        """Give a second file with the same id (two writers can leave such files) a new id, as the
        newest entry."""
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
        """Keep a snapshot: when this returns, it is durable and pending.

        If the disk is full, the oldest archived entries are deleted, since the database has them.

        Args:
            update_timestamp: the feed's time, which names the file
            fetched_at: when the bytes arrived
            data: the main feed's body, unchanged
            transceivers: the transceivers feed's body; None if there was none
            source: the address of the feed

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
        """Move an entry from another folder into `pending/`, as the newest one; it gets a new id.

        Raises:
            JournalFull: what waits for the database fills the bound
            OSError: the disk refuses; the entry is where it was
        """
        self._make_room(info.size_bytes)
        (self._directory / "pending").mkdir(exist_ok=True)
        admitted = self._writer.rename(info, "pending")
        with suppress(
            OSError
        ):  # it is moved, but after a crash of the machine it may be back in its old folder
            sync(admitted.path.parent)
        self._pending.add(admitted)
        return admitted

    def reject(self, reason: str, *, fetched_at: datetime, data: bytes, source: str) -> EntryInfo:
        """Write bytes that are not a snapshot directly into quarantine, under the time of the
        fetch.

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
        self._quarantine.add(info, reason)
        self.set_aside_total += 1
        return info

    def skip_ids(self, last_id: int) -> None:
        """Give no id up to this one, unless it leaves no room for later ones."""
        self._writer.skip_to(last_id)

    # --- handing out ---------------------------------------------------------------------------

    def pending(self) -> list[EntryInfo]:
        """The pending entries, oldest first."""
        return list(self._pending)

    def next_pending(self, after_id: int) -> EntryInfo | None:
        """The oldest pending entry with a greater id."""
        return self._pending.after(after_id)

    def oldest_pending_id(self) -> int | None:
        """The oldest pending entry."""
        info = self._pending.first()
        return None if info is None else info.id

    def last(self) -> EntryInfo | None:
        """The newest entry, pending or archived."""
        newest = (self._pending.last(), self._archive.shelf.last())
        return max((info for info in newest if info is not None), default=None)

    def find(self, entry_id: int) -> EntryInfo | None:
        """A pending or an archived entry."""
        return self._pending.get(entry_id) or self._archive.shelf.get(entry_id)

    def has(self, update_timestamp: datetime) -> bool:
        """Whether an update with exactly this time is pending, archived or in quarantine."""
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
            OSError: nothing can be read now, neither this entry nor others
            KeyError: no entry has this id
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
        """Archive an entry, which the database has. Does nothing if it is not pending."""
        if entry_id not in self._pending:
            return
        self._failures.forget(entry_id)
        self._archive.add(self._pending.remove(entry_id))
        if not self._keeps_archive:
            self.evict(self._archive.shelf.size_bytes)

    def archived(self, before_id: int | None, limit: int) -> list[EntryInfo]:
        """The newest archived entries whose ids are smaller, the newest first."""
        return self._archive.shelf.newest(before_id, limit)

    def take_back(self, entry_id: int) -> None:
        """Make an archived entry pending again, in its old place. Raises OSError: it stays."""
        folder = self._directory / "pending"
        folder.mkdir(exist_ok=True)  # without it every entry would seem to be gone
        info = self._archive.take_back(entry_id, folder)
        if info is not None:
            self._pending.add(info)

    def count_failure(self, entry_id: int) -> int:
        """Count a failure that this entry has caused. Returns the new count; 0 if there is no such
        entry, pending or archived."""
        return 0 if self.find(entry_id) is None else self._failures.add(entry_id)

    def failed_often(self, times: int) -> list[EntryInfo]:
        """Pending entries that have failed at least so often: a process died before it could
        quarantine them."""
        return [info for info in self._pending if self._failures.of(info.id) >= times]

    def quarantine(self, entry_id: int, reason: str) -> SetAside | None:
        """Quarantine an unusable entry, pending or archived. Returns the result. Returns None if it
        is neither."""
        info = self.find(entry_id)
        return None if info is None else self.put_aside(info, reason)

    def put_aside(self, info: EntryInfo, reason: str) -> SetAside:
        """Move an entry, of the journal or of another folder, into quarantine."""
        self._take_off(info)
        done = self._quarantine.take(info, reason)
        self.set_aside_total += done.path is not None
        return done

    def _take_off(self, info: EntryInfo) -> None:
        """Remove an entry from its shelf."""
        if info.id in self._pending:
            self._pending.remove(info.id)
        elif info.id in self._archive.shelf:
            self._archive.remove(info.id)
        self._failures.forget(info.id)

    # --- making room ---------------------------------------------------------------------------

    def keep_archive(self, keep: bool) -> None:
        """Set whether committed entries are kept. If not, only the newest stays, for a restart."""
        self._keeps_archive = keep

    def evict(self, size_bytes: int) -> int:
        """Delete at least so many bytes of the archive, oldest first, but never the newest entry:
        without the database, a restart can only begin with that.

        Returns:
            How many bytes were deleted.
        """
        return self._archive.evict(size_bytes)

    def clean(self) -> int:
        """Delete half-written files and empty day folders. Returns how many.

        Also moves entries into the archive that could not be moved before.
        """
        self._archive.move_late()
        folders = [self._directory]
        with suppress(OSError):  # only folders that can be listed are cleaned
            # All folders: in some of them entries are written directly.
            folders += [path for path in self._directory.iterdir() if path.is_dir()]
        stale = sum(remove_stale(folder, after_s=STALE_S) for folder in folders)
        return stale + self._archive.remove_empty_folders()

    def _make_room(self, size_bytes: int) -> None:
        make_room(
            size_bytes,
            self.max_bytes,
            pending=self._pending,
            archive=self._archive,
            quarantine=self._quarantine,
            held_bytes=self.held_bytes,
            writer=self._writer,
        )

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

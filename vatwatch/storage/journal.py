"""The journal: fetched bytes, durable before anything looks at them, until the database has them.

One file an entry (`journal_entry`), in `pending/` until it is committed and after that in
`archive/YYYY/MM/DD/` (by the feed's time); what nothing can be done with is in `quarantine/`. It is
written aside, fsynced and renamed, and the directory is fsynced: a file with that name is whole,
whatever was killed.

What the disk refuses costs the entry or the append that it was asked for, and nothing else:

- *append*: refused, and nothing of it stays under an entry's name. An id is not given again if that
  is not certain.
- *read*: the entry goes to quarantine. If not even that can be done it is left where it is and no
  longer handed out ("unusable"); the next start tries again. One whose file is gone is forgotten.
- *commit*: the entry is archived where it is, and moved later.
- *delete*: it stays on the disk and is no longer counted; the next start tries again.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time

from vatwatch.errors import JournalCorrupt, JournalFull, JournalInUse
from vatwatch.storage.directory_lock import DirectoryLock, Held
from vatwatch.storage.failure_counts import FailureCounts
from vatwatch.storage.fsync import sync
from vatwatch.storage.journal_entry import (
    ASIDE_SUFFIX,
    MOST_ID,
    Entry,
    Header,
    encode,
    name_of,
    read_header,
    time_text,
)
from vatwatch.storage.journal_entry import SUFFIX as SUFFIX
from vatwatch.storage.journal_entry import EntryInfo as EntryInfo
from vatwatch.storage.journal_entry import read_entry as read_entry
from vatwatch.storage.journal_scan import Scan, scan
from vatwatch.storage.journal_shelf import Shelf
from vatwatch.storage.work_note import WorkNote

# Of why an entry is in quarantine.
REASON_SUFFIX = ".reason.txt"
# The disk, the user's share of it, or a file is at its limit.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The process or the machine is short of something: no entry's fault, and soon over.
SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR)
# A network file system's hiccup is over at the second try; a bad sector is not.
READ_TRIES = 2
# A file that was to be renamed in a moment, and was not for so long, never will be.
STALE_S = 600.0
# What is moved late with one commit: some milliseconds' worth, so that nobody waits for it.
MOVED_AT_ONCE = 16
# Dropped of the archive beyond what an append lacks, for the directory's own blocks and the table
# of files that grow with it.
SPARE_BYTES = 64 * 1024
# Files that cannot be deleted, before deleting is left for another time: one may be in the way, but
# not all of a disk that is read-only.
UNDELETED = 3


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
    shed: int
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


@dataclass(frozen=True, slots=True)
class SetAside:
    """What became of an entry that nothing can be done with."""

    name: str
    path: Path | None
    """Where it is in quarantine; None: it could not be moved there."""
    why_not: str = ""

    @property
    def fate(self) -> str:
        """What became of it, for a log line."""
        if self.path is not None:
            return f"it is in quarantine: {self.path}"
        return (
            f"it cannot be moved to the quarantine ({self.why_not}), and is passed over until the "
            "next start"
        )


class Journal:
    """The files of one directory. Its methods block, and are called one at a time."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """`max_bytes` bounds all entries together: what is pending, archived, in quarantine."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = DirectoryLock(directory)
        self._failures = FailureCounts(directory / "failures")
        self._keeps_archive = True
        self._next_id = 1
        self.set_aside_total = 0
        """Entries that this object has put into quarantine."""
        self.held_bytes = 0
        """What entries that are held elsewhere (`held`) take of the bound."""
        self._begin_with(Scan())

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

    def append(
        self,
        *,
        update_timestamp: datetime,
        fetched_at: datetime,
        data: bytes,
        transceivers: bytes | None,
        source: str,
    ) -> EntryInfo:
        """Keep a snapshot: when this returns it is durable.

        On a full disk the oldest of the archive goes first, as the database has it.

        Raises:
            JournalFull: what waits for the database fills the bound, or the disk is full
            OSError: the disk refuses for another reason
        """
        header = Header(
            self._next_id, update_timestamp, fetched_at, source, transceivers is not None
        )
        content = encode(header, data, transceivers)
        self._make_room(len(content))
        path = self._directory / "pending" / name_of(header.id, update_timestamp)
        try:
            self._write_entry(path, content)
        except JournalFull:
            if not self.shed(len(content) + SPARE_BYTES):
                raise
            self._write_entry(path, content)
        self._next_id = header.id + 1
        info = EntryInfo(header.id, path, len(content))
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
        """Write an entry into another folder than those of the journal: it is on no shelf.

        Raises:
            JournalFull: as `append`
            OSError: as `append`
        """
        header = Header(
            self._next_id, update_timestamp, fetched_at, source, transceivers is not None
        )
        content = encode(header, data, transceivers)
        self._make_room(len(content))
        path = self._directory / folder / name_of(header.id, update_timestamp)
        self._write_entry(path, content)
        self._next_id = header.id + 1
        return EntryInfo(header.id, path, len(content))

    def admit(self, info: EntryInfo) -> EntryInfo:
        """Take an entry from another folder, as the newest of those that wait; it gets a new id.

        Raises:
            JournalFull: what waits for the database fills the bound
            OSError: the disk refuses; the entry is where it was
        """
        self._make_room(info.size_bytes)
        (self._directory / "pending").mkdir(exist_ok=True)
        name = f"{self._next_id:012d}-{time_text(info.path)}{SUFFIX}"
        # One rename, so that it is in one of the two folders whatever is killed.
        path = info.path.rename(self._directory / "pending" / name)
        with suppress(OSError):  # it is there; a crash of the machine may leave it where it was
            sync(path.parent)
        admitted = EntryInfo(self._next_id, path, info.size_bytes)
        self._next_id += 1
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
        self._quarantine_now_has(info, reason)
        return info

    def skip_ids(self, last_id: int) -> None:
        """Give no id up to this one, unless it leaves no room for later ones."""
        if last_id <= MOST_ID:
            self._next_id = max(self._next_id, last_id + 1)

    def has(self, update_timestamp: datetime) -> bool:
        """Whether an update of exactly this time is pending, archived or in quarantine."""
        text = time_text(Path(name_of(1, update_timestamp)))
        for shelf in (self._pending, self._archive, self._quarantined):
            for info in shelf:
                if time_text(info.path) == text and _time_in(info.path) == update_timestamp:
                    return True
        return False

    def put_aside(self, info: EntryInfo, reason: str) -> SetAside:
        """Move an entry, of the journal or of another folder, into quarantine."""
        self._take_off(info)
        path = self._directory / "quarantine" / info.path.name
        try:
            path.parent.mkdir(exist_ok=True)
            info.path.rename(path)
        except OSError as error:
            self._unusable += 1
            return SetAside(info.path.name, None, str(error))
        self._quarantine_now_has(EntryInfo(info.id, path, info.size_bytes), reason)
        return SetAside(info.path.name, path)

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
        """The newest entry there is."""
        newest = [info for info in (self._pending.last(), self._archive.last()) if info is not None]
        return max(newest, default=None)

    def find(self, entry_id: int) -> EntryInfo | None:
        """A pending or an archived entry."""
        return self._pending.get(entry_id) or self._archive.get(entry_id)

    def read(self, entry_id: int) -> Entry:
        """An entry.

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
            return _read_patiently(info.path)
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

    def commit(self, entry_id: int) -> None:
        """The database has it: from now on it is archive. Of one that is not pending: nothing."""
        if entry_id not in self._pending:
            return
        info = self._pending.remove(entry_id)
        self._archive.add(info)
        self._failures.forget(entry_id)
        if self._move(info):
            self._move_late()
        if not self._keeps_archive:
            self.shed(self._archive.size_bytes)

    def keep_archive(self, keep: bool) -> None:
        """Whether what is committed stays. Without: only the newest, for who starts again."""
        self._keeps_archive = keep

    def shed(self, size_bytes: int) -> int:
        """Delete so much of the archive or a little more, oldest first, but never the newest entry:
        without the database it is all that a restart can begin with. How much was deleted.
        """
        before = len(self._archive)
        freed = self._delete(self._archive, size_bytes, keep=1)
        self._shed += before - len(self._archive)
        return freed

    def clean(self) -> int:
        """Delete what nobody will ever look for: files that were to be renamed, days without an
        entry. How many there were. What is to be in the archive and is not is moved.
        """
        self._move_late()
        found = 0
        now = time()
        for folder in (self._directory, self._directory / "pending"):
            for path in _listed(folder):
                if path.suffix == ASIDE_SUFFIX:
                    with suppress(OSError):
                        if now - path.stat().st_mtime > STALE_S:
                            path.unlink()
                            found += 1
        archive = self._directory / "archive"
        # From the bottom up: a month whose days are gone goes too.
        for name, _, _ in os.walk(archive, topdown=False):
            with suppress(OSError):
                if Path(name) != archive and not any(Path(name).iterdir()):
                    Path(name).rmdir()
                    found += 1
        return found

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

    def stats(self) -> JournalStats:
        """What is there."""
        oldest = self._pending.first()
        return JournalStats(
            pending=len(self._pending),
            pending_bytes=self._pending.size_bytes,
            archived=len(self._archive),
            archived_bytes=self._archive.size_bytes,
            quarantined=len(self._quarantined),
            quarantined_bytes=self._quarantined.size_bytes,
            dropped=self._dropped,
            max_bytes=self._max_bytes,
            torn=self._torn,
            corrupt=self._corrupt,
            shed=self._shed,
            keeps_archive=self._keeps_archive,
            oldest_pending=None if oldest is None else oldest.time,
            missing=self._missing,
            unusable=self._unusable,
            unmoved=len(self._unmoved),
            unmoved_because=self._unmoved_because if self._unmoved else "",
        )

    def close(self) -> None:
        """Let somebody else have the directory. Not while another method runs."""
        self._lock.release()

    # --- opening -------------------------------------------------------------------------------

    def _begin_with(self, found: Scan) -> None:
        self._pending, self._archive = found.pending, found.archive
        self._quarantined = found.quarantined
        self._torn, self._unusable = found.torn, found.unusable
        self._corrupt = self._shed = self._dropped = self._missing = 0
        # In the archive by the index, in `pending/` on the disk. A dict, for its order.
        self._unmoved: dict[int, None] = {}
        self._unmoved_because = ""
        self._next_id = found.last_id + 1
        for info in found.doubles:
            self._give_new_id(info)
        self._failures.load(lambda entry_id: self.find(entry_id) is not None)

    def _give_new_id(self, info: EntryInfo) -> None:
        """Of two files with one id, as two writers leave them, the second is the newest entry."""
        name = f"{self._next_id:012d}-{time_text(info.path)}{SUFFIX}"
        try:
            path = info.path.rename(info.path.with_name(name))
        except OSError:
            self._unusable += 1
            return
        self._pending.add(EntryInfo(self._next_id, path, info.size_bytes))
        self._next_id += 1

    def _take_lock(self) -> None:
        try:
            self._lock.take()
        except Held as held:
            raise JournalInUse(
                f"{self._directory} is in use by process {held.holder}: stop it, or give this one "
                "another VATWATCH_HOME"
            ) from held

    # --- writing -------------------------------------------------------------------------------

    def _write_entry(self, path: Path, content: bytes) -> None:
        aside = path.with_suffix(ASIDE_SUFFIX)
        named = False
        try:
            _write_durably(aside, content)
            named = True
            aside.rename(path)
            sync(path.parent)
        except OSError as error:
            _is_gone(aside)
            if named:
                # It may have its name, whatever the disk says: nobody else may have its id.
                _is_gone(path)
                self._next_id += 1
            if error.errno == errno.ENOENT:
                with suppress(OSError):  # somebody has deleted it; the next append needs it
                    path.parent.mkdir(parents=True, exist_ok=True)
            if error.errno in FULL:
                raise JournalFull(f"no space left on the disk of {self._directory}") from error
            raise

    def _move(self, info: EntryInfo) -> bool:
        """Bring an archived entry to its day's folder; False if that must be tried again."""
        moment = time_text(info.path)
        day = self._directory / "archive" / moment[:4] / moment[4:6] / moment[6:8]
        try:
            day.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return self._move_later(info, error)
        try:
            # Not fsynced: if this is lost, the entry is handed out again, and the store notices.
            path = info.path.rename(day / info.path.name)
        except FileNotFoundError:
            self._take_off(info)
            self._missing += 1
            return True
        except OSError as error:
            return self._move_later(info, error)
        self._unmoved.pop(info.id, None)
        self._archive.add(EntryInfo(info.id, path, info.size_bytes))
        return True

    def _move_later(self, info: EntryInfo, error: OSError) -> bool:
        self._unmoved[info.id] = None
        self._unmoved_because = str(error)
        return False

    def _move_late(self) -> None:
        for entry_id in list(self._unmoved)[:MOVED_AT_ONCE]:
            info = self._archive.get(entry_id)
            if info is not None and not self._move(info):
                return

    # --- what goes -----------------------------------------------------------------------------

    def _take_off(self, info: EntryInfo) -> None:
        """Off the shelf that it is on."""
        for shelf in (self._pending, self._archive):
            if info.id in shelf:
                shelf.remove(info.id)
                break
        self._unmoved.pop(info.id, None)
        self._failures.forget(info.id)

    def _corrupted(self, info: EntryInfo, reason: str) -> JournalCorrupt:
        self._corrupt += 1
        return JournalCorrupt(f"{reason}; {self.put_aside(info, reason).fate}")

    def _quarantine_now_has(self, info: EntryInfo, reason: str) -> None:
        self._quarantined.add(info)
        self.set_aside_total += 1
        with suppress(OSError):  # on a full disk the entry is quarantined without its reason
            info.path.with_suffix(REASON_SUFFIX).write_text(reason + "\n")

    def _make_room(self, size_bytes: int) -> None:
        """Delete the oldest of the archive, then of the quarantine, which nobody else has; what
        waits for the database is never deleted."""
        if self._pending.size_bytes + size_bytes > self._max_bytes:
            raise JournalFull(
                f"{len(self._pending)} snapshots wait for the database and fill the journal's "
                f"{self._max_bytes / 2**20:.0f} MiB (VATWATCH_JOURNAL_MAX_MB)"
            )
        surplus = self._pending.size_bytes + self._archive.size_bytes + self._quarantined.size_bytes
        surplus += self.held_bytes + size_bytes - self._max_bytes
        archived = len(self._archive)
        if surplus > 0:
            surplus -= self._delete(self._archive, surplus, keep=1)
        if surplus > 0 and self._remember_ids():
            surplus -= self._delete(self._archive, surplus)
            if surplus > 0:
                before = len(self._quarantined)
                self._delete(self._quarantined, surplus)
                self._dropped += before - len(self._quarantined)
        self._shed += archived - len(self._archive)

    def _delete(self, shelf: Shelf, size_bytes: int, *, keep: int = 0) -> int:
        """Delete so much of the oldest, and leave so many; how much was deleted. What cannot be
        deleted is not ours any more."""
        freed = failed = 0
        while freed < size_bytes and len(shelf) > keep and failed < UNDELETED:
            oldest = shelf.first()
            assert oldest is not None
            shelf.remove(oldest.id)
            self._unmoved.pop(oldest.id, None)
            if _is_gone(oldest.path):
                freed += oldest.size_bytes
            else:
                self._unusable += 1
                failed += 1
            if shelf is self._quarantined:
                _is_gone(oldest.path.with_suffix(REASON_SUFFIX))
        return freed

    # --- ids -----------------------------------------------------------------------------------

    def _remember_ids(self) -> bool:
        """Ids must not come again, also when every file that tells the last one is gone. False if
        that cannot be written down: then such a file must stay."""
        if self._pending or self._next_id == 1:
            return True
        path = self._directory / "high-water"
        aside = path.with_suffix(ASIDE_SUFFIX)
        try:
            _write_durably(aside, str(self._next_id - 1).encode())
            aside.rename(path)
            sync(path.parent)
        except OSError:
            return False
        return True


def _read_patiently(path: Path) -> Entry:
    for tries_left in reversed(range(READ_TRIES)):
        try:
            return read_entry(path)
        except FileNotFoundError:
            raise
        except OSError:
            if not tries_left:
                raise
    raise AssertionError("READ_TRIES is at least 1")


def _time_in(path: Path) -> datetime | None:
    """The feed's time in an entry's file; None if it cannot be read."""
    try:
        return read_header(path).update_timestamp
    except (JournalCorrupt, OSError):
        return None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_gone(path: Path) -> bool:
    """Delete it; whether there is no such file now."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            # None or 0 bytes: the disk takes no more, and says not even why.
            written = file.write(rest)
            if not written:
                raise OSError(errno.EIO, "nothing was written", str(path))
            rest = rest[written:]
        os.fsync(file.fileno())

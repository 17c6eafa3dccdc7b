"""The journal: fetched bytes, durable before anything looks at them, until the database has them.

One file an entry, `<id>-<feed time>.vwj`, in `pending/` until it is committed and in
`archive/YYYY/MM/DD/` (by the feed's time) after that. It is written aside, fsynced and renamed, and
the directory is fsynced: a file with that name is whole, whatever was killed. A file is three zstd
frames, one behind the other, each with a checksum of its own: a line of JSON, the data feed's body,
the transceivers' body (if there was one), so `zstdcat` shows all of it.
"""

from __future__ import annotations

import errno
import os
from bisect import insort
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time

import msgspec
import zstandard
from msgspec import Struct

from vatwatch.errors import JournalCorrupt, JournalFull, JournalInUse
from vatwatch.storage.directory_lock import DirectoryLock, Held

SUFFIX = ".vwj"
# Of a file that is being written.
ASIDE_SUFFIX = ".tmp"
# The disk, the user's share of it, or a file is at its limit.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORMAT = 1
# Level 3 takes twice the time of 1 and saves another twentieth; the database waits for it.
LEVEL = 1
# A file that was to be renamed in a moment, and was not for so long, never will be.
STALE_S = 600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One snapshot as it was fetched. `fetched_at` is the wall clock, the other time the feed's."""

    id: int
    update_timestamp: datetime
    fetched_at: datetime
    data: bytes
    transceivers: bytes | None
    source: str


@dataclass(frozen=True, slots=True, order=True)
class EntryInfo:
    """Where an entry is, and how large its file."""

    id: int
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class JournalStats:
    """What the journal holds. Torn, corrupt and shed are counted since it was opened."""

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
    keeps_archive: bool
    oldest_pending: datetime | None
    """The feed's time of the entry that waits longest."""


class _Header(Struct, frozen=True):
    id: int
    update_timestamp: datetime
    fetched_at: datetime
    source: str
    transceivers: bool
    format: int = FORMAT


class Journal:
    """The files of one directory. Its methods block, and are called one at a time."""

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        """`max_bytes` bounds all entries together: what is pending, archived, in quarantine."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = DirectoryLock(directory)
        self._pending: dict[int, EntryInfo] = {}
        self._archive: list[EntryInfo] = []
        self._quarantined: list[EntryInfo] = []
        self._pending_bytes = self._archived_bytes = self._quarantined_bytes = 0
        self._torn = self._corrupt = self._shed = self._dropped = 0
        self._next_id = 1
        self._keeps_archive = True

    def open(self) -> None:
        """Take the directory, and see what is in it. Half-written files are removed and counted.

        Raises:
            JournalInUse: another process has it
            OSError: it cannot be made or read
        """
        for name in ("pending", "archive", "quarantine"):
            (self._directory / name).mkdir(parents=True, exist_ok=True)
        self._take_lock()
        for path in self._files("pending"):
            if path.name.endswith(SUFFIX):
                self._index_pending(EntryInfo(_id_of(path), path, path.stat().st_size))
            elif path.name.endswith(ASIDE_SUFFIX):
                path.unlink()
                self._torn += 1
        for name, entries in (("archive", self._archive), ("quarantine", self._quarantined)):
            for path in self._files(name):
                if path.name.endswith(SUFFIX):
                    entries.append(EntryInfo(_id_of(path), path, path.stat().st_size))
            entries.sort()
        self._archived_bytes = sum(info.size_bytes for info in self._archive)
        self._quarantined_bytes = sum(info.size_bytes for info in self._quarantined)
        self._next_id = 1 + max(
            self._read_high_water(),
            max(self._pending, default=0),
            self._archive[-1].id if self._archive else 0,
            self._quarantined[-1].id if self._quarantined else 0,
        )

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

        Raises:
            JournalFull: what waits for the database fills the bound, or the disk is full
        """
        header = _Header(
            self._next_id, update_timestamp, fetched_at, source, transceivers is not None
        )
        content = _encode(header, data, transceivers)
        name = f"{header.id:012d}-{update_timestamp.astimezone(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
        path = self._directory / "pending" / name
        aside = path.with_suffix(ASIDE_SUFFIX)
        try:
            self._make_room(len(content))
            _write_durably(aside, content)
            aside.rename(path)
            _sync_directory(path.parent)
        except OSError as error:
            for half_done in (aside, path):
                half_done.unlink(missing_ok=True)
            if error.errno in FULL:
                raise JournalFull(f"no space left on the disk of {self._directory}") from error
            raise
        self._next_id += 1
        info = EntryInfo(header.id, path, len(content))
        self._index_pending(info)
        return info

    def pending(self) -> list[EntryInfo]:
        """What is not committed, oldest first."""
        return sorted(self._pending.values())

    def oldest_pending_id(self) -> int | None:
        """The first that is not committed."""
        return min(self._pending, default=None)

    def last(self) -> EntryInfo | None:
        """The newest entry there is."""
        newest_archived = self._archive[-1:] if self._archive else []
        return max([*self._pending.values(), *newest_archived], default=None)

    def read(self, entry_id: int) -> Entry:
        """An entry.

        Raises:
            JournalCorrupt: it is damaged; its file is now in quarantine
            KeyError: there is none with this id
        """
        info = self._pending.get(entry_id) or next(
            (info for info in reversed(self._archive) if info.id == entry_id), None
        )
        if info is None:
            raise KeyError(entry_id)
        try:
            return read_entry(info.path)
        except JournalCorrupt as error:
            self._corrupt += 1
            self._set_aside(info, str(error))
            raise

    def commit(self, entry_id: int) -> None:
        """The database has it: from now on it is archive. Of one that is not pending: nothing."""
        info = self._pending.get(entry_id)
        if info is None:
            return
        moment = info.path.name.split("-")[1]
        day = self._directory / "archive" / moment[:4] / moment[4:6] / moment[6:8]
        day.mkdir(parents=True, exist_ok=True)
        path = day / info.path.name
        # Not fsynced: if this is lost, the entry is handed out again, and the store notices.
        info.path.rename(path)
        self._forget_pending(info)
        insort(self._archive, EntryInfo(info.id, path, info.size_bytes))
        self._archived_bytes += info.size_bytes
        if not self._keeps_archive:
            self.shed(self._archived_bytes)

    def keep_archive(self, keep: bool) -> None:
        """Whether what is committed stays. Without: only the newest, for who starts again."""
        self._keeps_archive = keep

    def shed(self, size_bytes: int) -> int:
        """Delete so much of the archive or a little more, oldest first, but never the newest entry:
        without the database it is all that a restart can begin with. How much was deleted.
        """
        goes = freed = 0
        while freed < size_bytes and goes < len(self._archive) - 1:
            freed += self._archive[goes].size_bytes
            goes += 1
        self._delete_archived(goes)
        self._shed += goes
        return freed

    def clean(self) -> int:
        """Delete what nobody will ever look for: files that were to be renamed, days without an
        entry. How many there were.
        """
        found = 0
        now = time()
        for path in (*self._directory.glob("*.tmp"), *self._directory.glob("pending/*.tmp")):
            if now - path.stat().st_mtime > STALE_S:
                path.unlink()
                found += 1
        archive = self._directory / "archive"
        # From the bottom up: a month whose days are gone goes too.
        for folder, _, _ in os.walk(archive, topdown=False):
            if Path(folder) != archive and not any(Path(folder).iterdir()):
                Path(folder).rmdir()
                found += 1
        return found

    def quarantine(self, entry_id: int, reason: str) -> None:
        """Set an entry aside that nothing can be done with. Of one that is not pending: nothing."""
        info = self._pending.get(entry_id)
        if info is not None:
            self._set_aside(info, reason)

    def stats(self) -> JournalStats:
        """What is there."""
        return JournalStats(
            pending=len(self._pending),
            pending_bytes=self._pending_bytes,
            archived=len(self._archive),
            archived_bytes=self._archived_bytes,
            quarantined=len(self._quarantined),
            quarantined_bytes=self._quarantined_bytes,
            dropped=self._dropped,
            max_bytes=self._max_bytes,
            torn=self._torn,
            corrupt=self._corrupt,
            shed=self._shed,
            keeps_archive=self._keeps_archive,
            oldest_pending=_time_of(min(self._pending.values()).path) if self._pending else None,
        )

    def close(self) -> None:
        """Let somebody else have the directory."""
        self._lock.release()

    # --- the index -----------------------------------------------------------------------------

    def _index_pending(self, info: EntryInfo) -> None:
        self._pending[info.id] = info
        self._pending_bytes += info.size_bytes

    def _forget_pending(self, info: EntryInfo) -> None:
        del self._pending[info.id]
        self._pending_bytes -= info.size_bytes

    def _set_aside(self, info: EntryInfo, reason: str) -> None:
        path = self._directory / "quarantine" / info.path.name
        info.path.rename(path)
        insort(self._quarantined, EntryInfo(info.id, path, info.size_bytes))
        self._quarantined_bytes += info.size_bytes
        if info.id in self._pending:
            self._forget_pending(info)
        else:
            self._archive.remove(info)
            self._archived_bytes -= info.size_bytes
        with suppress(OSError):  # on a full disk the entry is set aside without its reason
            path.with_suffix(".reason.txt").write_text(reason + "\n")

    def _make_room(self, size_bytes: int) -> None:
        """Delete the oldest of the archive, then of the quarantine, which nobody else has; what
        waits for the database is never deleted."""
        if self._pending_bytes + size_bytes > self._max_bytes:
            raise JournalFull(
                f"{len(self._pending)} snapshots wait for the database and fill the journal's "
                f"{self._max_bytes / 2**20:.0f} MiB (VATWATCH_JOURNAL_MAX_MB)"
            )
        held_bytes = self._pending_bytes + self._archived_bytes + self._quarantined_bytes
        surplus_bytes = held_bytes + size_bytes - self._max_bytes
        goes = 0
        while surplus_bytes > 0 and goes < len(self._archive):
            surplus_bytes -= self._archive[goes].size_bytes
            goes += 1
        self._delete_archived(goes)
        while surplus_bytes > 0:
            surplus_bytes -= self._drop_quarantined()

    def _delete_archived(self, goes: int) -> None:
        """The oldest so many."""
        if goes and goes == len(self._archive):
            self._remember_ids()
        for _ in range(goes):
            info = self._archive[0]
            info.path.unlink(missing_ok=True)
            del self._archive[0]
            self._archived_bytes -= info.size_bytes

    def _drop_quarantined(self) -> int:
        """The oldest, and its reason; its bytes."""
        self._remember_ids()
        info = self._quarantined.pop(0)
        info.path.unlink(missing_ok=True)
        info.path.with_suffix(".reason.txt").unlink(missing_ok=True)
        self._quarantined_bytes -= info.size_bytes
        self._dropped += 1
        return info.size_bytes

    def _remember_ids(self) -> None:
        """Ids must not come again, also when every file that tells the last one is gone."""
        if not self._pending and self._next_id > 1:
            self._write_high_water(self._next_id - 1)

    # --- the disk ------------------------------------------------------------------------------

    def _files(self, name: str) -> Iterator[Path]:
        for folder, _, files in os.walk(self._directory / name):
            for file in sorted(files):
                yield Path(folder) / file

    def _take_lock(self) -> None:
        try:
            self._lock.take()
        except Held as held:
            raise JournalInUse(
                f"{self._directory} is in use by process {held.holder}: stop it, or give this one "
                "another VATWATCH_HOME"
            ) from held

    def _read_high_water(self) -> int:
        try:
            return int((self._directory / "high-water").read_text())
        except (OSError, ValueError):
            return 0

    def _write_high_water(self, entry_id: int) -> None:
        path = self._directory / "high-water"
        aside = path.with_suffix(ASIDE_SUFFIX)
        _write_durably(aside, str(entry_id).encode())
        aside.rename(path)
        _sync_directory(path.parent)


def read_entry(path: Path) -> Entry:
    """The entry in a file. Raises JournalCorrupt, OSError."""
    frames: list[bytes] = []
    rest = path.read_bytes()
    try:
        while rest:
            decompressor = zstandard.ZstdDecompressor().decompressobj()
            frames.append(decompressor.decompress(rest))
            if not decompressor.eof:
                raise JournalCorrupt(f"{path.name}: it ends too early")
            rest = decompressor.unused_data
        header = msgspec.json.decode(frames[0], type=_Header)
        if header.format != FORMAT or len(frames) != 2 + header.transceivers:
            raise JournalCorrupt(f"{path.name}: not an entry of format {FORMAT}")
    except (zstandard.ZstdError, msgspec.DecodeError, IndexError) as error:
        raise JournalCorrupt(f"{path.name}: {error}") from error
    return Entry(
        header.id,
        header.update_timestamp,
        header.fetched_at,
        frames[1],
        frames[2] if header.transceivers else None,
        header.source,
    )


def _encode(header: _Header, data: bytes, transceivers: bytes | None) -> bytes:
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    frames = [msgspec.json.encode(header) + b"\n", data]
    if transceivers is not None:
        frames.append(transceivers)
    return b"".join(map(compressor.compress, frames))


def _id_of(path: Path) -> int:
    number = path.name.split("-")[0]
    return int(number) if number.isdigit() else 0


def _time_of(path: Path) -> datetime | None:
    """The feed's time that a file is named for."""
    moment = path.name.removesuffix(SUFFIX).rpartition("-")[2]
    try:
        return datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

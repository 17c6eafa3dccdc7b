"""The archive: entries that the database has, in `archive/YYYY/MM/DD/`, by the feed's time.

An entry counts as archived as soon as it is committed, wherever its file is. If it cannot be moved
it stays in `pending/` and is moved later.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from vatwatch.storage.journal_entry import EntryInfo, stamp_in
from vatwatch.storage.journal_files import delete_file
from vatwatch.storage.journal_shelf import Shelf

# Entries that are moved late in one commit: some milliseconds' worth, so that the commit stays
# quick.
MAX_MOVED_LATE = 16


class Archive:
    """The committed entries of one journal. Its methods block."""

    def __init__(self, directory: Path, shelf: Shelf) -> None:
        """`directory` is the journal's; `shelf` holds what is in the archive already."""
        self.shelf = shelf
        self.evicted = 0
        """Entries that were deleted to make room."""
        self.missing = 0
        """Entries whose files were gone when they were to be moved."""
        self.unusable = 0
        """Files that could not be deleted."""
        self._folder = directory / "archive"
        # Archived entries whose files are still in `pending/`. A dict, for its order.
        self._unmoved: dict[int, None] = {}
        self._unmoved_because = ""

    @property
    def unmoved(self) -> int:
        """How many committed entries are still in `pending/`."""
        return len(self._unmoved)

    @property
    def unmoved_because(self) -> str:
        """The disk's error for the last of them; empty if all are moved."""
        return self._unmoved_because if self._unmoved else ""

    def add(self, info: EntryInfo) -> None:
        """Archive an entry of `pending/`."""
        self.shelf.add(info)
        if self._move(info):
            self.move_late()

    def remove(self, entry_id: int) -> None:
        """Forget an entry: its file is gone, or moved to the quarantine."""
        self.shelf.remove(entry_id)
        self._unmoved.pop(entry_id, None)

    def take_back(self, entry_id: int, folder: Path) -> EntryInfo | None:
        """Move an entry out of the archive, into `folder`. None if there is no such entry.

        Raises:
            OSError: the disk refuses; the entry stays in the archive
        """
        info = self.shelf.get(entry_id)
        if info is None:
            return None
        try:
            path = info.path.rename(folder / info.path.name)
        except FileNotFoundError:
            self.remove(entry_id)
            self.missing += 1
            return None
        self.remove(entry_id)
        return EntryInfo(entry_id, path, info.size_bytes)

    def move_late(self) -> None:
        """Move some of the entries that could not be moved, until the disk refuses again."""
        for entry_id in list(self._unmoved)[:MAX_MOVED_LATE]:
            info = self.shelf.get(entry_id)
            if info is not None and not self._move(info):
                return

    def evict(self, size_bytes: int, *, keep: int = 1) -> int:
        """Delete at least so many bytes of the oldest entries. Returns how many bytes were deleted.

        The newest entry stays (`keep`): without the database, a restart can only begin with that.
        """
        gone = self.shelf.evict(size_bytes, keep=keep, delete=self._delete)
        self.unusable += gone.undeleted
        self.evicted += gone.entries
        return gone.freed_bytes

    def remove_empty_folders(self) -> int:
        """Remove the folders of days, months and years without an entry. Returns how many."""
        found = 0
        # From the bottom up: a month whose days are gone goes too.
        for name, _, _ in os.walk(self._folder, topdown=False):
            with suppress(OSError):
                if Path(name) != self._folder and not any(Path(name).iterdir()):
                    Path(name).rmdir()
                    found += 1
        return found

    def _delete(self, info: EntryInfo) -> bool:
        self._unmoved.pop(info.id, None)
        return delete_file(info.path)

    def _move(self, info: EntryInfo) -> bool:
        """Move an entry to its day's folder. Returns False if that must be tried again."""
        stamp = stamp_in(info.path)
        day = self._folder / stamp[:4] / stamp[4:6] / stamp[6:8]
        try:
            day.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return self._move_later(info, error)
        try:
            # Not fsynced: if this is lost, the entry is handed out again, and the store notices.
            path = info.path.rename(day / info.path.name)
        except FileNotFoundError:
            self.remove(info.id)
            self.missing += 1
            return True
        except OSError as error:
            return self._move_later(info, error)
        self._unmoved.pop(info.id, None)
        self.shelf.add(EntryInfo(info.id, path, info.size_bytes))
        return True

    def _move_later(self, info: EntryInfo, error: OSError) -> bool:
        self._unmoved[info.id] = None
        self._unmoved_because = str(error)
        return False

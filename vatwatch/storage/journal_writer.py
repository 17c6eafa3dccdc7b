"""Writes the files of a journal's entries, and gives them rising, unique ids."""

from __future__ import annotations

import errno
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vatwatch.errors import JournalFull
from vatwatch.storage.fsync import sync
from vatwatch.storage.home_files import ASIDE_SUFFIX
from vatwatch.storage.journal_entry import (
    MOST_ID,
    EntryInfo,
    Header,
    encode,
    name_of,
    stamp_in,
    stamped_name,
)
from vatwatch.storage.journal_files import FULL, delete_file, write_durably
from vatwatch.storage.journal_scan import HIGH_WATER


@dataclass(frozen=True, slots=True)
class EncodedEntry:
    """An entry as its file will be."""

    header: Header
    content: bytes


class EntryWriter:
    """Writes entries into the folders of one journal's directory. Its methods block."""

    def __init__(self, directory: Path, last_id: int) -> None:
        """`last_id`: no id up to this one is given again."""
        self._directory = directory
        self._next_id = last_id + 1

    def skip_to(self, last_id: int) -> None:
        """Give no id up to this one, unless it leaves no room for later ones."""
        if last_id <= MOST_ID:
            self._next_id = max(self._next_id, last_id + 1)

    def encode(
        self,
        update_timestamp: datetime,
        fetched_at: datetime,
        source: str,
        data: bytes,
        transceivers: bytes | None,
    ) -> EncodedEntry:
        """The next entry, not written yet."""
        header = Header(
            self._next_id, update_timestamp, fetched_at, source, transceivers is not None
        )
        return EncodedEntry(header, encode(header, data, transceivers))

    def write(self, folder: str, entry: EncodedEntry) -> EntryInfo:
        """Make the entry durable in a folder.

        Raises:
            JournalFull: the disk is full; nothing stays under the entry's name
            OSError: the disk refuses for another reason; the same holds
        """
        name = name_of(entry.header.id, entry.header.update_timestamp)
        path = self._directory / folder / name
        self._write_whole(path, entry.content)
        self._next_id = entry.header.id + 1
        return EntryInfo(entry.header.id, path, len(entry.content))

    def rename(self, info: EntryInfo, folder: str) -> EntryInfo:
        """Move an entry's file into a folder, with the next id. Raises OSError: nothing has
        changed.

        It is a single rename, so after a crash it is in exactly one of the two folders.
        """
        name = stamped_name(self._next_id, stamp_in(info.path))
        path = info.path.rename(self._directory / folder / name)
        renamed = EntryInfo(self._next_id, path, info.size_bytes)
        self._next_id += 1
        return renamed

    def write_down_last_id(self) -> bool:
        """Make the last id durable, so that every file that shows it may be deleted.

        Returns:
            False if it cannot be written: then such a file must stay.
        """
        if self._next_id == 1:
            return True
        path = self._directory / HIGH_WATER
        aside = path.with_suffix(ASIDE_SUFFIX)
        try:
            write_durably(aside, str(self._next_id - 1).encode())
            aside.rename(path)
            sync(path.parent)
        except OSError:
            return False
        return True

    def _write_whole(self, path: Path, content: bytes) -> None:
        aside = path.with_suffix(ASIDE_SUFFIX)
        named = False
        try:
            write_durably(aside, content)
            named = True
            aside.rename(path)
            sync(path.parent)
        except OSError as error:
            delete_file(aside)
            if named:
                # The file may exist in spite of the error, so its id must not be used again.
                delete_file(path)
                self._next_id += 1
            if error.errno == errno.ENOENT:
                with suppress(OSError):  # somebody has deleted it; the next append needs it
                    path.parent.mkdir(parents=True, exist_ok=True)
            if error.errno in FULL:
                raise JournalFull(f"no space left on the disk of {self._directory}") from error
            raise

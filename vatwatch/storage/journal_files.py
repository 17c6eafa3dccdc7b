"""What the journal does to single files. Nothing in here knows of ids or of the bound."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from vatwatch.errors import JournalCorrupt
from vatwatch.storage.journal_entry import Entry, EntryInfo, read_entry, read_header
from vatwatch.storage.journal_shelf import Shelf

# The disk, the user's share of it, or a file is at its limit.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The process or the machine is short of something: no entry's fault, and soon over.
SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR)
# A network file system's hiccup is over at the second try; a bad sector is not.
READ_TRIES = 2
# Files that cannot be deleted, before deleting is left for another time: one may be in the way, but
# not all of a disk that is read-only.
MAX_UNDELETED = 3


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whose content survives a loss of power. Raises OSError.

    Its name survives only after the directory is synced, too (`fsync.sync`).
    """
    with path.open("wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            # None or 0 bytes: the disk takes no more, and says not even why.
            written = file.write(rest)
            if not written:
                raise OSError(errno.EIO, "nothing was written", str(path))
            rest = rest[written:]
        os.fsync(file.fileno())


def read_patiently(path: Path) -> Entry:
    """Read an entry, and try once more if the disk fails. Raises JournalCorrupt, OSError."""
    for tries_left in reversed(range(READ_TRIES)):
        try:
            return read_entry(path)
        except FileNotFoundError:
            raise
        except OSError:
            if not tries_left:
                raise
    raise AssertionError("READ_TRIES is at least 1")


def time_in(path: Path) -> datetime | None:
    """The feed's time in an entry's file; None if it cannot be read."""
    try:
        return read_header(path).update_timestamp
    except (JournalCorrupt, OSError):
        return None


def is_gone(path: Path) -> bool:
    """Delete a file. Returns whether there is no such file now."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def delete_oldest(
    shelf: Shelf, size_bytes: int, *, keep: int, delete: Callable[[EntryInfo], bool]
) -> tuple[int, int]:
    """Take the oldest entries off a shelf until their files' sizes add up to `size_bytes`.

    Args:
        shelf: is changed
        size_bytes: how much is to be deleted; a little more may be
        keep: how many entries stay in any case
        delete: deletes the files of one entry, and says whether they are gone

    Returns:
        How many bytes are free now, and how many entries could not be deleted. Those are no longer
        counted; the next start finds them again.
    """
    freed = undeleted = 0
    while freed < size_bytes and len(shelf) > keep and undeleted < MAX_UNDELETED:
        oldest = shelf.first()
        assert oldest is not None
        shelf.remove(oldest.id)
        if delete(oldest):
            freed += oldest.size_bytes
        else:
            undeleted += 1
    return freed, undeleted

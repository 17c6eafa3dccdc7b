"""File operations of the journal. Nothing in here knows about ids or the bound."""

from __future__ import annotations

import errno
import os
from datetime import datetime
from pathlib import Path

from vatwatch.errors import JournalCorrupt
from vatwatch.storage.journal_entry import Entry, read_entry, read_header

# The disk, the user's share of it, or a file is at its limit.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The process or the machine lacks a resource: not an entry's fault, and soon over.
SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR)
# A short failure of a network file system is over at the second try; a bad sector is not.
READ_TRIES = 2


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whose content survives a loss of power. Raises OSError.

    Its name survives only after the directory is synced, too (`fsync.sync`).
    """
    with path.open("wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            # None or 0 bytes: the disk accepts no more, without an error.
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


def delete_file(path: Path) -> bool:
    """Delete a file. Returns whether there is no such file now."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True

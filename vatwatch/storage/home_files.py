"""Housekeeping in VATWATCH_HOME: growing logs and leftover files. Blocks."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from time import time

# Suffix of a file that is being written: it is renamed when it is complete.
ASIDE_SUFFIX = ".tmp"
# In VATWATCH_HOME itself an operator may also have such a file for a while.
ORPHAN_S = 86_400.0


def free_bytes(directory: Path) -> int:
    """Bytes that we may still write there (without root's reserve)."""
    stats = os.statvfs(directory)
    return stats.f_bavail * stats.f_frsize


def disk_bytes(directory: Path) -> int:
    """The size of the whole disk, in bytes."""
    stats = os.statvfs(directory)
    return stats.f_blocks * stats.f_frsize


def copy_and_cut_log(path: Path, *, max_bytes: int) -> bool:
    """Copy a larger log to `<name>.1`, and empty it. Returns whether it was larger.

    For a log that another program keeps open and does not reopen: PostgreSQL's. What is written
    between the two steps is lost.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)
    except FileNotFoundError:
        return False
    return True


def remove_stale(folder: Path, *, after_s: float) -> int:
    """Delete half-written files of killed processes, which will never be renamed.

    `after_s`: the minimum age of such a file. Returns how many were deleted. A file that cannot be
    deleted is left and does not stop the others.
    """
    found = 0
    now = time()
    with suppress(OSError):  # a folder that cannot be listed, or is gone
        for path in list(folder.iterdir()):
            if path.suffix == ASIDE_SUFFIX:
                with suppress(OSError):
                    if now - path.stat().st_mtime > after_s:
                        path.unlink()
                        found += 1
    return found

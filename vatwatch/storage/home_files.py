"""Housekeeping in VATWATCH_HOME: what grows, and what was left lying. It blocks."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import time

# A file that was to be renamed in a moment, and was not for a day, never will be.
ORPHAN_S = 86_400.0


def free_bytes(directory: Path) -> int:
    """What may still be written there by us (root's reserve is not for us)."""
    stats = os.statvfs(directory)
    return stats.f_bavail * stats.f_frsize


def disk_bytes(directory: Path) -> int:
    """The size of the whole disk, in bytes."""
    stats = os.statvfs(directory)
    return stats.f_blocks * stats.f_frsize


def copy_and_cut_log(path: Path, *, max_bytes: int) -> bool:
    """Copy a log that is larger to `<name>.1`, and empty it; whether it was so.

    For a log that another program holds open and will not open again: PostgreSQL's. What it writes
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


def remove_orphans(home: Path) -> int:
    """Remove files of ours in `home` that were to be renamed long ago; how many."""
    found = 0
    for path in home.glob("*.tmp"):
        if path.is_file() and time() - path.stat().st_mtime > ORPHAN_S:
            path.unlink(missing_ok=True)
            found += 1
    return found

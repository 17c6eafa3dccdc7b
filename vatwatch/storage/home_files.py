"""Housekeeping in VATWATCH_HOME: what grows, and what was left lying. It blocks."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from time import time

# Of a file that is being written: it is renamed as soon as it is whole.
ASIDE_SUFFIX = ".tmp"
# In VATWATCH_HOME itself an operator may have a file of that name for a while, too.
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


def remove_stale(folder: Path, *, after_s: float) -> int:
    """Delete files that were to be renamed and never will be: their process was killed.

    `after_s`: how old such a file must be. Returns how many were deleted; one that cannot be is
    left, and does not keep the others.
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

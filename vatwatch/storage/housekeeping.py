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
    """How large the disk is."""
    stats = os.statvfs(directory)
    return stats.f_blocks * stats.f_frsize


def begin_log_anew(path: Path, *, max_bytes: int, held_open: bool) -> bool:
    """Keep a log that has grown too large as `<name>.1`, and begin a new one; whether it was so.

    `held_open`: somebody else writes into it and will not open it again, so it is copied and cut.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
        older = path.with_name(f"{path.name}.1")
        if held_open:
            shutil.copyfile(path, older)
            os.truncate(path, 0)
        else:
            path.replace(older)
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

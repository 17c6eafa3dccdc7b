"""Files that somebody else writes: whether they have changed, however they were changed.

An editor may write a file in place, or put a new one in its place; a mounted ConfigMap swaps a
symbolic link to a directory. A look follows links, and compares all that the system says of a
file, so each of these shows. What a file holds is not read here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

Trace: TypeAlias = tuple[int, int, int, int, int]
"""Device, inode, size in bytes, times of the last change of content and of inode (ns)."""

Look: TypeAlias = Mapping[Path, Trace | None]
"""Each file's trace; None: it is not there, or may not be looked at."""


def look_at(files: Iterable[Path]) -> Look:
    """How the files are now. Does not raise, and may wait for a disk."""
    return {file: _trace(file) for file in files}


def _trace(file: Path) -> Trace | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - the same as Path.stat(), in half of its time
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

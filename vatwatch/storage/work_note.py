"""Notes which journal entry a process is working on, for the next process.

A snapshot can end the whole process: by a fault in a C library, or by using all memory. No process
is left to count that failure. So the entry's id is in a small file while it is processed, and the
next process counts it when it opens the journal. The file is not fsynced: it survives the death of
a process, and a loss of power should count against no snapshot. Only the work itself is noted, some
tenths of a second, and not the waits: a process that is killed for another reason seldom leaves a
note, and a single failure does no harm to an entry.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import TypeVar

T = TypeVar("T")

NAME = "in-work"
# The length is fixed and the file is overwritten: truncating takes some file systems a millisecond
# or two.
LENGTH = 64
# With the process's id: of this process and no other, also where ids come again (containers).
_BEGAN = time_ns()


class WorkNote:
    """The file of one journal. Its methods block."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def during(self, entry_id: int, work: Callable[..., T], *args: object) -> T:
        """Call `work(*args)` while the note names this entry."""
        self._write(f"{_run()} {entry_id}")
        try:
            return work(*args)
        finally:
            self._write("")

    def left_behind(self) -> int | None:
        """The entry that another process was working on when it ended; returned once."""
        try:
            run, entry_id = self._path.read_text(errors="replace").split()
            if run == _run():
                return None  # it is worked on now
            self._write("")
            return int(entry_id)
        except (OSError, ValueError):
            return None

    def _write(self, text: str) -> None:
        with suppress(OSError):  # without a note, such a death is just not counted
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(descriptor, text.ljust(LENGTH).encode(), 0)
            finally:
                os.close(descriptor)


def _run() -> str:
    return f"{os.getpid()}:{_BEGAN}"

"""A lock on a directory: one process has it, and whoever comes second is told which."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

NAME = "lock"


class Held(Exception):
    """Another process has the directory; `holder` is its id, or "unknown"."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class DirectoryLock:
    """Held until it is released, or the process ends, however that ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._file: BinaryIO | None = None

    def take(self) -> None:
        """Take it, if this object has not got it already. Raises Held, OSError."""
        if self._file is not None:
            return
        file = self._path.open("a+b")
        try:
            _lock(file)
        except Held:
            file.close()
            raise
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let somebody else have it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def look(self) -> None:
        """See whether it could be taken, without taking it. Raises Held, OSError."""
        with self._path.open("rb") as file:
            _lock(file)


def _lock(file: BinaryIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        raise Held(file.read().decode(errors="replace").strip() or "unknown") from error

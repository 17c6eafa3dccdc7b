"""A lock on a directory: one process has it, and a second one is told which.

The kernel keeps it (flock), so it ends with its process, however that ends. The file's text is for
people and for `wait_until_free` only: a process id proves nothing, for ids come again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

import psutil

NAME = "lock"
# Second line of the file, once its holder has begun to stop.
STOPPING = "stopping"
# A process that was killed keeps its files open until the kernel has taken its memory apart, which
# takes some 50 ms for 150 MiB on a busy machine; this is far more.
DYING_S = 2.0
POLL_S = 0.05


class DirectoryTaken(Exception):
    """Another process has the directory; `holder` is its id, or "unknown"."""

    def __init__(self, holder: str, *, leaving: bool = False) -> None:
        super().__init__(holder)
        self.holder = holder
        self.leaving = leaving
        """It has said that it stops, or it is dead and the kernel, or its child, has not let go."""


class DirectoryLock:
    """Held until it is released, or the process and those that it forked have ended."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._file: BinaryIO | None = None

    def take(self, patience_s: float = 0.0) -> None:
        """Take it, if this object has not got it already.

        Raises:
            DirectoryTaken: another process has it, and still has it after `patience_s`
            OSError: the file cannot be opened
        """
        if self._file is not None:
            return
        deadline = monotonic() + patience_s
        file = self._path.open("a+b")
        try:
            while True:
                try:
                    _lock(file)
                    break
                except DirectoryTaken:
                    if monotonic() >= deadline:
                        raise
                sleep(POLL_S)
            self._file = file
            self._say(f"{os.getpid()}\n")
        except BaseException:
            self._file = None
            file.close()
            raise

    def say_stopping(self) -> None:
        """Let a process that waits for the directory know that it will be free soon."""
        if self._file is not None:
            self._say(f"{os.getpid()}\n{STOPPING}\n")

    def release(self) -> None:
        """Let somebody else have it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def look(self) -> None:
        """See whether it could be taken, without taking it. Raises DirectoryTaken, OSError."""
        with self._path.open("rb") as file:
            _lock(file)

    def _say(self, text: str) -> None:
        assert self._file is not None
        self._file.truncate(0)
        self._file.write(text.encode())
        self._file.flush()


def wait_until_free(
    directory: Path,
    *,
    leaving_s: float,
    waiting: Callable[[DirectoryTaken], None] = lambda _taken: None,
) -> None:
    """Wait while the holder is on its way out: `leaving_s` at most, and `waiting` is called once.

    Nothing shows that a process is dying, so any holder is given a moment for that.

    Raises:
        DirectoryTaken: the holder lives and does not stop, or takes longer
        OSError: there is no such directory, or its lock cannot be read
    """
    lock, began, told = DirectoryLock(directory), monotonic(), False
    while True:
        try:
            lock.look()
        except DirectoryTaken as held:
            passed_s = monotonic() - began
            if passed_s >= (leaving_s if held.leaving else DYING_S):
                raise
            if held.leaving and not told and passed_s > DYING_S / 2:
                waiting(held)
                told = True
        else:
            return
        sleep(POLL_S)


def _lock(file: BinaryIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _held(file) from error


def _held(file: BinaryIO) -> DirectoryTaken:
    file.seek(0)
    lines = file.read(1000).decode(errors="replace").split("\n")
    holder = lines[0].strip()
    if not (holder.isascii() and holder.isdigit()):
        return DirectoryTaken("unknown")
    return DirectoryTaken(holder, leaving=STOPPING in lines[1:] or not _lives(int(holder)))


def _lives(pid: int) -> bool:
    """Whether there is such a process; a zombie has ended."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:
        return True

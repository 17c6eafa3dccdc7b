"""A lock on a directory: one process holds it, and a second one learns which.

It is a kernel lock (flock), so it ends with its process in any case. The file's text is only for
people and for `wait_until_free`: a process id proves nothing, since ids are reused, and containers
that share a volume have each their own.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

import psutil

NAME = "lock"
# Lines of the file after the first, which is the holder's process id: it is one of several nodes;
# it has begun to stop.
OF_NODE, STOPPING = "of a node", "stopping"
# The beginning of the line that says where that id is one.
PLACE = "at "
# A killed process keeps its files open until the kernel has freed its memory, which takes some 50
# ms for 150 MiB on a busy machine; this is far more.
DYING_S = 2.0
POLL_S = 0.05


class DirectoryTaken(Exception):
    """Another process holds the directory; `holder` is its id, or "unknown"."""

    def __init__(self, holder: str, *, of_node: bool = False, leaving: bool = False) -> None:
        super().__init__(holder)
        self.holder = holder
        self.of_node = of_node
        """Whether it is one of several nodes, so that others may have homes in the directory."""
        self.leaving = leaving
        """Whether it has announced its stop, or is dead and the kernel or its child still holds the
        lock."""


class DirectoryLock:
    """A lock that is held until `release`, or until the process and those that it forked have
    ended."""

    def __init__(self, directory: Path, *, of_node: bool = False) -> None:
        """`of_node`: this process is one of several nodes, and the file is to say so."""
        self._path = directory / NAME
        self._of_node = of_node
        self._file: BinaryIO | None = None

    def take(self, patience_s: float = 0.0) -> None:
        """Take the lock, unless this object holds it already.

        Raises:
            DirectoryTaken: another process holds it, still after `patience_s`
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
            self._say()
        except BaseException:
            self._file = None
            file.close()
            raise

    def say_stopping(self) -> None:
        """Note in the file that the directory will be free soon, for a process that waits."""
        if self._file is not None:
            self._say(STOPPING)

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def look(self) -> None:
        """Check whether the lock is free, without taking it. Raises DirectoryTaken, OSError."""
        with self._path.open("rb") as file:
            _lock(file)

    def _say(self, *more: str) -> None:
        assert self._file is not None
        nodes = [OF_NODE] if self._of_node else []
        lines = [str(os.getpid()), _place_of_ids(), *nodes, *more]
        self._file.truncate(0)
        self._file.write("".join(f"{line}\n" for line in lines).encode())
        self._file.flush()


def wait_until_free(
    directory: Path,
    *,
    leaving_s: float,
    waiting: Callable[[DirectoryTaken], None] = lambda _taken: None,
) -> None:
    """Wait while the holder stops: `leaving_s` at most; `waiting` is called once.

    A dying process cannot be recognized, so any holder is given a moment.

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
    # An older version wrote no place; it is taken for ours.
    places = [line for line in lines[1:] if line.startswith(PLACE)]
    is_known = places in ([], [_place_of_ids()])
    return DirectoryTaken(
        holder,
        of_node=OF_NODE in lines[1:],
        leaving=STOPPING in lines[1:] or (is_known and not _lives(int(holder))),
    )


def _place_of_ids() -> str:
    """Where a process id of ours means this process: not in another container, nor on another
    host."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""  # not Linux
    return f"{PLACE}{socket.gethostname()} {space}".rstrip()


def _lives(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:
        return True

"""Cleans up after a killed PostgreSQL server: processes, a pid file, a socket.

PostgreSQL trusts the process ids in its two lock files, and refuses to start while any process of
its user has one of them. But ids are reused, soon in a container, and a process that is exiting or
not reaped yet keeps its id. So this module looks at the processes: exactly those with the data
directory as working directory are PostgreSQL on this data. Only the holder of the directory's lock
may use it.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

PID_FILE = "postmaster.pid"
# Seconds from a kill until the process must be gone.
END_S = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server on the data, and the directory of its socket, if it was started like ours."""

    process: psutil.Process
    sockets: Path | None

    def listens_in(self, directory: Path) -> bool:
        """Whether this is its socket's directory, also by another path."""
        try:
            return self.sockets is not None and self.sockets.samefile(directory)
        except OSError:
            return False


def running_server(data: Path) -> Running | None:
    """The server that runs on `data`, if any. One that is exiting has left it already."""
    found = _processes(data)
    ids = {process.pid for process in found}
    for process in found:
        with suppress(psutil.Error):
            command = process.cmdline()
            # Its children name themselves "postgres: checkpointer" and the like.
            if process.ppid() in ids or not command or command[0].startswith("postgres:"):
                continue
            after = dict(pairwise(command))
            return Running(process, Path(after["-k"]) if "-k" in after else None)
    return None


def clear(data: Path, sockets: Path) -> None:
    """Remove or neutralize what a dead server has left, so that the next one starts. Raises
    OSError."""
    _end_processes(data)
    disown_pid_file(data / PID_FILE)
    # The directory is ours alone, so no server listens on a socket in it any more.
    for file in sockets.glob(".s.PGSQL.*"):
        _remove(file)


def disown_pid_file(file: Path) -> None:
    """Put our own process id into the pid file, and keep its shared memory line.

    PostgreSQL ignores the id of its own parent, which is us. From the rest of the file it sees
    whether the old server's shared memory is still used. A file that cannot be read or is cut off
    is an error for PostgreSQL and useless, so it is deleted.
    """
    try:
        found = file.lstat()
    except FileNotFoundError:
        return
    # A file that we may not read, the server may not read either.
    if not stat.S_ISREG(found.st_mode) or not os.access(file, os.R_OK | os.W_OK):
        _remove(file)
        return
    with os.fdopen(os.open(file, os.O_RDWR | os.O_NOFOLLOW), "r+b") as opened:
        lines = opened.read().split(b"\n")
        if len(lines) > 2 and b"\0" not in lines[0]:
            opened.seek(0)
            opened.truncate()
            opened.write(b"\n".join([str(os.getpid()).encode(), *lines[1:]]))
            return
    _remove(file)


def is_alive(process: psutil.Process) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _end_processes(data: Path) -> None:
    """Kill busy backends of a dead server, which would still write to the files."""
    left = _processes(data)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=END_S)


def _processes(data: Path) -> list[psutil.Process]:
    """All PostgreSQL processes with the working directory `data`: each has it from its start."""
    place = data.resolve()
    return [process for process in psutil.process_iter() if _works_in(process, place)]


def _works_in(process: psutil.Process, place: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == place
    except psutil.Error:  # it has ended, or belongs to another user
        return False


def _remove(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)

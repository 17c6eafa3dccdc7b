"""What a PostgreSQL server that was killed leaves behind: processes, a pid file, a socket.

PostgreSQL itself believes the process ids in its two lock files, and refuses to start while any
process of its user has one of them. Ids come again, soon in a container, and a process that is
exiting or not reaped yet still has its own. So this module looks at the processes: what works in
the data directory is PostgreSQL on these data, and nothing else is. To be used by the holder of the
directory's lock only.
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
# Of a kill until the process is gone.
END_S = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server on the data, and the directory of its socket, if it was started as ours are."""

    process: psutil.Process
    sockets: Path | None

    def listens_in(self, directory: Path) -> bool:
        """Whether that is its socket's directory, by whatever way it was reached."""
        try:
            return self.sockets is not None and self.sockets.samefile(directory)
        except OSError:
            return False


def running_server(data: Path) -> Running | None:
    """The server that runs on `data`, if one does; one that is exiting has let go of it already."""
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
    """Make what a dead server has left harmless, so that the next one starts. Raises OSError."""
    _end_processes(data)
    disown_pid_file(data / PID_FILE)
    # The directory is ours alone: whatever socket is there, nobody listens to it any more.
    for file in sockets.glob(".s.PGSQL.*"):
        _remove(file)


def disown_pid_file(file: Path) -> None:
    """Make the pid file harmless, but for what it says of shared memory.

    PostgreSQL ignores the id of its own parent, which is us. The rest of the file stays, as by it
    PostgreSQL sees whether somebody still uses the old server's memory. A file that cannot be read,
    or is cut off, is an error to PostgreSQL and tells nothing: it goes.
    """
    try:
        found = file.lstat()
    except FileNotFoundError:
        return
    # One that we may not read, the server may not read either.
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
    """Whether it runs; a zombie has ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _end_processes(data: Path) -> None:
    """A busy backend of a dead server goes on writing to the files: kill it."""
    left = _processes(data)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=END_S)


def _processes(data: Path) -> list[psutil.Process]:
    """All of PostgreSQL's that work in `data`: each of its processes does, from its first step."""
    place = data.resolve()
    return [process for process in psutil.process_iter() if _works_in(process, place)]


def _works_in(process: psutil.Process, place: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == place
    except psutil.Error:  # it has ended, or is somebody else's
        return False


def _remove(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)

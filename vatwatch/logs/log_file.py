"""A log file that several processes append to: whole lines, rotated by size.

Every write holds a lock on the file (`flock`), so the processes take turns to check its size,
rotate it and write. All of this blocks; call it only in native threads.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from time import monotonic
from typing import Any

from gevent import monkey

# Permissions: an access log contains people's addresses.
MODE = 0o640
# How long to wait for another process's lock; a stopped process (Ctrl-Z) may hold it for long.
LOCK_PATIENCE_S = 1.0
LOCK_POLL_S = 0.005
# Errors of file systems without such locks; then a line may be mixed up, and later ones are right
# again.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
# Tries: in each failed one, another process has just rotated the file.
_TRIES = 20

_native_sleep: Any = monkey.get_original("time", "sleep")


class LogFile:
    """One file. One thread at a time may write; any number of processes may have the file open."""

    def __init__(self, path: Path, max_bytes: int, kept: int) -> None:
        """A file of more than `max_bytes` is renamed to `<name>.1`; the last `kept` such files
        stay."""
        self.path = path
        self.max_bytes = max_bytes
        self.kept = kept
        self._descriptor: int | None = None
        os.register_at_fork(after_in_child=self.close)

    def append(self, lines: bytes) -> None:
        """Write some complete lines: all of them, or none.

        Raises:
            OSError: the disk is full, the file cannot be written or rotated, or is locked
        """
        descriptor = self._locked()
        try:
            size = self._size(descriptor)
            if size and size + len(lines) > self.max_bytes:
                self._shift()
                descriptor = self._locked()
                size = self._size(descriptor)
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # The last writer was killed or had no space: end its half-written line.
                lines = b"\n" + lines
            self._write(descriptor, lines, size)
        finally:
            self._unlock()

    def rotate_if_too_large(self) -> bool:
        """Rotate the file if it is larger than its bound, e.g. after that was lowered. Returns
        whether it was."""
        try:
            if self.path.stat().st_size <= self.max_bytes:
                return False
        except FileNotFoundError:
            return False
        try:
            if self._size(self._locked()) <= self.max_bytes:
                return False
            self._shift()
        finally:
            self._unlock()
        return True

    def close(self) -> None:
        """Close the file; it is opened again when it is needed. (After a fork it must be.)"""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _locked(self) -> int:
        """The current file of this name, open and locked."""
        for _ in range(_TRIES):
            if self._descriptor is None:
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self.path, flags, MODE)
            _lock(self._descriptor)
            if self._is_current(self._descriptor):
                return self._descriptor
            self.close()
        raise OSError(errno.EAGAIN, "it is rotated all the time", str(self.path))

    def _unlock(self) -> None:
        if self._descriptor is not None:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            except OSError:
                self.close()  # which unlocks it, too

    def _is_current(self, descriptor: int) -> bool:
        """Whether the name still refers to this file: it may have been rotated, by us or others."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _size(self, descriptor: int) -> int:
        """Its size in bytes; 0 for a pipe and the like, which cannot be rotated or cut."""
        status = os.fstat(descriptor)
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    def _write(self, descriptor: int, lines: bytes, size: int) -> None:
        written = 0
        try:
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
        except OSError:
            if written and self._size(descriptor):
                os.ftruncate(descriptor, size)
            raise

    def _shift(self) -> None:
        """Make `<name>` `<name>.1`, `<name>.1` `<name>.2`, and remove those beyond `kept`."""
        older: list[tuple[int, Path]] = []
        for path in self.path.parent.glob(f"{self.path.name}.*"):
            suffix = path.name.removeprefix(f"{self.path.name}.")
            if suffix.isdecimal():
                older.append((int(suffix), path))
        for number, path in sorted(older, reverse=True):
            if number >= self.kept:
                path.unlink(missing_ok=True)
            else:
                path.replace(self._numbered(number + 1))
        if self.kept:
            self.path.replace(self._numbered(1))
        else:
            self.path.unlink()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _lock(descriptor: int) -> None:
    deadline = monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() > deadline:
                raise
            _native_sleep(LOCK_POLL_S)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return
        else:
            return

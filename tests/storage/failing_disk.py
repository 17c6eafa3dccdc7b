"""A disk that refuses what it is told to refuse, and writes down what it is asked to do.

It stands between Python and the system, for the files below one directory: everything that the
journal does goes through `os` and `io`, however it is written.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR
from typing import Any
from unittest import mock

OPERATIONS = (
    "open",
    "write",
    "short write",
    "fsync",
    "rename",
    "sync directory",
    "mkdir",
    "unlink",
    "stat",
    "read",
    "list",
)


@dataclass
class FailingDisk:
    """`refuses[operation]` is the errno that it fails with; `done` what was done, in order."""

    directory: Path
    refuses: dict[str, int] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)

    def does(self, operation: str, path: object) -> None:
        """Raises OSError if it is to be refused."""
        number = self.refuses.get(operation)
        if number is not None:
            raise OSError(number, os.strerror(number), str(path))
        self.done.append((operation, Path(str(path)).name))

    def owns(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and str(path).startswith(str(self.directory))

    @contextmanager
    def mounted(self) -> Iterator[FailingDisk]:
        """While this lasts, the files below the directory are on this disk."""
        with (
            mock.patch.multiple(
                os,
                rename=self._of_path("rename", os.rename),
                mkdir=self._of_path("mkdir", os.mkdir),
                unlink=self._of_path("unlink", os.unlink),
                rmdir=self._of_path("unlink", os.rmdir),
                stat=self._of_path("stat", os.stat),
                scandir=self._of_path("list", os.scandir),
                listdir=self._of_path("list", os.listdir),
                fsync=self._fsync,
            ),
            mock.patch.object(io, "open", self._open),
        ):
            yield self

    def _of_path(self, operation: str, call: Any) -> Any:
        def checked(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self.owns(path):
                self.does(operation, path)
            return call(path, *args, **kwargs)

        return checked

    def _fsync(self, descriptor: int, fsync: Any = os.fsync) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if self.owns(path):
            self.does("sync directory" if S_ISDIR(os.fstat(descriptor).st_mode) else "fsync", path)
        fsync(descriptor)

    def _open(self, path: Any, mode: str = "r", *args: Any, open_: Any = io.open, **kw: Any) -> Any:
        if not self.owns(path):
            return open_(path, mode, *args, **kw)
        if "r" in mode:
            self.does("read", path)
            return open_(path, mode, *args, **kw)
        self.does("open", path)
        return _File(open_(path, mode, *args, **kw), self, str(path))


class _File:
    """A file that is written to."""

    def __init__(self, file: Any, disk: FailingDisk, path: str) -> None:
        self._file, self._disk, self._path = file, disk, path

    def write(self, data: Any) -> int:
        if "short write" in self._disk.refuses:
            # Some of it at first, and then nothing: as a disk that fills does.
            part = data[: len(data) // 2]
            if len(part):
                self._file.write(part)
            return len(part)
        self._disk.does("write", self._path)
        written: int = self._file.write(data)
        return written

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *args: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

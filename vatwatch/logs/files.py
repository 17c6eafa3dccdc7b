"""The log files under VATWATCH_HOME, and their settings."""

from __future__ import annotations

import logging
from pathlib import Path

from vatwatch.logs.formats import line_of
from vatwatch.logs.log_file import LogFile
from vatwatch.logs.writer import writer

APPLICATION, ERRORS, ACCESS, AUDIT = "application.log", "error.log", "access.log", "audit.log"
MEGABYTE = 1024 * 1024
# Values until the settings are known.
DEFAULT_MAX_BYTES, DEFAULT_KEPT = 16 * MEGABYTE, 5


class FileHandler(logging.Handler):
    """Gives each record to the thread that writes the files. Any greenlet and thread may use it."""

    def __init__(self, file: LogFile, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.file = file

    def createLock(self) -> None:  # noqa: N802 - logging calls it so
        """No lock: only the queue is shared, which has its own."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record into the queue."""
        writer.put(self.file, line_of(self, record))

    def flush(self) -> None:
        """Called by logging at the end of the process."""
        writer.flush()


class LogFiles:
    """The files of one process, by their paths: one object for each path."""

    def __init__(self) -> None:
        self.is_json = False
        """Whether lines are JSON."""
        self.access: LogFile | None = None
        """The access log, if it is on."""
        self._files: dict[Path, LogFile] = {}
        self._max_bytes = DEFAULT_MAX_BYTES
        self._kept = DEFAULT_KEPT

    def file(self, path: Path) -> LogFile:
        """The file of this path, with the settings' bounds, which may change later."""
        if path not in self._files:
            self._files[path] = LogFile(path, self._max_bytes, self._kept)
        return self._files[path]

    def bound(self, max_bytes: int, kept: int) -> None:
        """Set the largest size of a file, and how many older files are kept."""
        self._max_bytes, self._kept = max_bytes, kept
        for file in self._files.values():
            file.max_bytes, file.kept = max_bytes, kept


def rotate_large(home: Path, max_bytes: int, kept: int) -> int:
    """Rotate each log that is larger than its bound. Returns how many. Blocks; call it in a native
    thread.

    Raises:
        OSError: one could not be
    """
    rotated = 0
    for name in (APPLICATION, ERRORS, ACCESS, AUDIT):
        # Not the writer's own object, which its thread uses.
        file = LogFile(home / name, max_bytes, kept)
        try:
            rotated += file.rotate_if_too_large()
        finally:
            file.close()
    return rotated


files = LogFiles()

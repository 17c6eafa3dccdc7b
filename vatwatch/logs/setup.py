"""Applies the log settings, whenever they change."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from gevent import monkey

from vatwatch.logs.files import ACCESS, APPLICATION, ERRORS, MEGABYTE, FileHandler, files
from vatwatch.logs.formats import ConsoleFormatter, JsonFormatter
from vatwatch.logs.levels import Levels, parse_levels
from vatwatch.logs.standard_error import StderrHandler

# At debug these log whole addresses, each request and each statement. vatwatch's own lines say what
# matters.
CHATTY = ("urllib3", "requests", "redis", "asyncio", "dotenv", "pykka")

# The lock with which `logging` looks up a logger or its level. gevent's lock would lead a native
# thread into a hub; `logging` never yields while it holds the lock.
logging._lock = monkey.get_original("_thread", "RLock")()  # type: ignore[attr-defined]
# Our lines do not use these values; to find them takes time and creates an object for each thread.
logging.logThreads = False
logging.logMultiprocessing = False


class LogOptions(Protocol):
    """The settings of the log, as in `config.logs.LogSettings`."""

    @property
    def level(self) -> str: ...  # noqa: D102
    @property
    def format(self) -> str: ...  # noqa: D102
    @property
    def files(self) -> bool: ...  # noqa: D102
    @property
    def access(self) -> bool: ...  # noqa: D102
    @property
    def max_mb(self) -> float: ...  # noqa: D102
    @property
    def files_kept(self) -> int: ...  # noqa: D102


class _Log:
    """The log of this process."""

    def __init__(self) -> None:
        self.formatter: logging.Formatter = ConsoleFormatter()
        self.directory: Path | None = None
        self.handlers: list[logging.Handler] = []
        self.leveled: list[logging.Logger] = []

    def set_levels(self, levels: Levels) -> None:
        for logger in self.leveled:
            logger.setLevel(logging.NOTSET)
        of_loggers = {**dict.fromkeys(CHATTY, "info"), **levels.of_loggers}
        for name, level in of_loggers.items():
            logging.getLogger(name).setLevel(level.upper())
        self.leveled = [logging.getLogger(name) for name in of_loggers]
        logging.getLogger().setLevel(levels.general.upper())

    def set_handlers(self, *, in_files: bool) -> None:
        wanted: list[logging.Handler] = [self._standard_error()]
        if in_files and self.directory is not None:
            wanted.append(FileHandler(files.file(self.directory / APPLICATION)))
            wanted.append(FileHandler(files.file(self.directory / ERRORS), logging.ERROR))
        root = logging.getLogger()
        for handler in wanted:
            handler.setFormatter(self.formatter)
            if handler not in root.handlers:
                root.addHandler(handler)
        for handler in self.handlers:
            if handler not in wanted:
                root.removeHandler(handler)
        self.handlers = wanted

    def _standard_error(self) -> StderrHandler:
        """Created once, since it may hold lines that wait."""
        for handler in self.handlers:
            if isinstance(handler, StderrHandler):
                return handler
        return StderrHandler()


_log = _Log()


def log_to_standard_error(level: str) -> None:
    """Log to standard error from now on, in the format for people. `level` as in
    VATWATCH_LOG_LEVEL."""
    _log.set_levels(parse_levels(level))
    _log.set_handlers(in_files=False)


def apply_log_settings(settings: LogOptions) -> None:
    """Apply these settings of the log: levels, format and files.

    Can be called at any time from the main thread, also while others log. Files are written only
    after `keep_log_files`.
    """
    _log.set_levels(parse_levels(settings.level))
    is_json = settings.format == "json"
    if is_json != isinstance(_log.formatter, JsonFormatter):
        _log.formatter = JsonFormatter() if is_json else ConsoleFormatter()
    files.bound(int(settings.max_mb * MEGABYTE), settings.files_kept)
    files.is_json = is_json
    directory = _log.directory
    files.access = files.file(directory / ACCESS) if directory and settings.access else None
    _log.set_handlers(in_files=settings.files)


def keep_log_files(directory: Path, settings: LogOptions) -> None:
    """Also keep the log in files in this directory from now on. The service calls this when it has
    its home."""
    _log.directory = directory
    apply_log_settings(settings)

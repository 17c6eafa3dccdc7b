"""Keeps the settings in force for the next worker process, since a killed one hands nothing over.

Without them the next worker would start with the settings of the first start. It reads the files
again, but these may have faults just then, and a withdrawn key would be valid again.

The settings are in shared memory that the master has reserved. They are never written to a disk,
since they contain secrets.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pickle
from mmap import mmap
from typing import Any
from zlib import crc32

from vatwatch.config.logs import LogSettings
from vatwatch.config.settings import Settings
from vatwatch.traffic.pipeline import Options

log = logging.getLogger(__name__)

# A boundary with every island of a country has some MiB. Unused pages take no memory.
ROOM = 64 * 1024 * 1024
# VATWATCH_LOG_LEVEL may name every logger there is.
ROOM_FOR_LOG = 64 * 1024
_LENGTH = 4
_HEAD = 2 * _LENGTH


class _SharedMemory:
    """Memory for one value. Create it before the first fork; workers write to it in turn."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._memory = mmap(-1, room)
        # A lock of the process that takes it, and not of those that it has forked.
        self._turn = os.memfd_create("vatwatch-turn")

    @property
    def head(self) -> bytes:
        """Another one for each value."""
        return self._memory[:_HEAD]

    def write(self, value: object) -> bool:
        """Whether there was room for the value; if not, there is none any more."""
        content = pickle.dumps(value)
        fcntl.lockf(self._turn, fcntl.LOCK_EX)
        try:
            self._memory[:_HEAD] = bytes(_HEAD)
            if _HEAD + len(content) > self._room:
                return False
            self._memory[_HEAD : _HEAD + len(content)] = content
            # Written last: a worker killed before this has kept nothing.
            self._memory[:_HEAD] = _number(len(content)) + _number(crc32(content))
            return True
        finally:
            fcntl.lockf(self._turn, fcntl.LOCK_UN)

    def read(self) -> Any:
        """The value; None if there is none, or if it is being written just now."""
        head = self.head
        length, checksum = (int.from_bytes(part) for part in (head[:_LENGTH], head[_LENGTH:]))
        content = self._memory[_HEAD : _HEAD + length]
        if not length or crc32(content) != checksum:
            return None
        return pickle.loads(content)  # noqa: S301 - a worker of ours wrote it


class KeptSettings(_SharedMemory):
    """Those in force. To be made before the first fork. Workers that read the same files keep the
    same."""

    def __init__(self) -> None:
        super().__init__(ROOM)

    def keep(self, settings: Settings, options: Options) -> None:
        """Keep these settings for the next worker."""
        if not self.write((settings, options)):
            log.warning("The settings are too large to be kept for the case that the worker dies.")

    def kept(self) -> tuple[Settings, Options] | None:
        """The settings of the previous worker; None if there was none."""
        found: tuple[Settings, Options] | None = self.read()
        return found


class SharedLogSettings(_SharedMemory):
    """Those of the log, which the worker gives and the master follows. Made before the fork."""

    def __init__(self) -> None:
        super().__init__(ROOM_FOR_LOG)
        self._seen = self.head

    def give(self, settings: LogSettings) -> None:
        """In the worker: these are in force now."""
        if not self.write(settings):
            log.warning("The log's settings are too large: the main process does not follow them.")

    def changed(self) -> LogSettings | None:
        """In the master: what is in force now, if it is not what was found the last time."""
        head = self.head
        if head == self._seen:
            return None
        found: LogSettings | None = self.read()
        if found is not None:
            self._seen = head
        return found


def _number(value: int) -> bytes:
    return value.to_bytes(_LENGTH)

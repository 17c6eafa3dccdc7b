"""Keeps the settings in force for the next worker process, since a killed one hands nothing over.

Without them the next worker would start with the settings of the first start. It reads the files
again, but these may have faults just then, and a withdrawn key would be valid again.

The settings are in shared memory that the master has reserved. They are never written to a disk,
since they contain secrets.
"""

from __future__ import annotations

import logging
import pickle
from mmap import mmap
from zlib import crc32

from vatwatch.config.settings import Settings
from vatwatch.traffic.pipeline import Options

log = logging.getLogger(__name__)

# A boundary with every island of a country has some MiB. Unused pages take no memory.
ROOM = 64 * 1024 * 1024
_LENGTH = 4
_HEAD = 2 * _LENGTH


class KeptSettings:
    """Memory for one version. Create it before the first fork; one worker at a time uses it."""

    def __init__(self) -> None:
        self._memory = mmap(-1, ROOM)

    def keep(self, settings: Settings, options: Options) -> None:
        """Keep these settings for the next worker."""
        content = pickle.dumps((settings, options))
        self._memory[:_HEAD] = bytes(_HEAD)
        if _HEAD + len(content) > ROOM:
            log.warning("The settings are too large to be kept for the case that the worker dies.")
            return
        self._memory[_HEAD : _HEAD + len(content)] = content
        # Written last: a worker killed before this has kept nothing.
        self._memory[:_HEAD] = _number(len(content)) + _number(crc32(content))

    def kept(self) -> tuple[Settings, Options] | None:
        """The settings of the previous worker; None if there was none."""
        head = self._memory[:_HEAD]
        length, checksum = (int.from_bytes(part) for part in (head[:_LENGTH], head[_LENGTH:]))
        content = self._memory[_HEAD : _HEAD + length]
        if not length or crc32(content) != checksum:
            return None
        found: tuple[Settings, Options] = pickle.loads(content)  # noqa: S301 - a worker of ours wrote it
        return found


def _number(value: int) -> bytes:
    return value.to_bytes(_LENGTH)

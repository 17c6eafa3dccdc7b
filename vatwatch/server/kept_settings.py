"""The settings in force, for the worker after this one: a worker that is killed hands nothing over.

Without them the next worker would begin with those of the start. It reads the files then, but they
may be refused just now: a key that was withdrawn would be valid again.

They lie in memory that the master has reserved, and that every worker shares with it. Nothing of
them is written to a disk, as there are secrets among them.
"""

from __future__ import annotations

import logging
import pickle
from mmap import mmap
from zlib import crc32

from vatwatch.config.settings import Settings
from vatwatch.traffic.pipeline import Options

log = logging.getLogger(__name__)

# A boundary of a country's every island has some MiB. What nobody writes to takes no memory.
ROOM = 64 * 1024 * 1024
_LENGTH = 4
_HEAD = 2 * _LENGTH


class KeptSettings:
    """Room for one version. To be made before the first fork; one worker at a time uses it."""

    def __init__(self) -> None:
        self._memory = mmap(-1, ROOM)

    def keep(self, settings: Settings, options: Options) -> None:
        """From now on the next worker begins with these."""
        content = pickle.dumps((settings, options))
        self._memory[:_HEAD] = bytes(_HEAD)
        if _HEAD + len(content) > ROOM:
            log.warning("The settings are too large to be kept for the case that the worker dies.")
            return
        self._memory[_HEAD : _HEAD + len(content)] = content
        # The last: whoever is killed before has kept nothing.
        self._memory[:_HEAD] = _number(len(content)) + _number(crc32(content))

    def kept(self) -> tuple[Settings, Options] | None:
        """What the worker before this one had in force; None if there was none."""
        head = self._memory[:_HEAD]
        length, checksum = (int.from_bytes(part) for part in (head[:_LENGTH], head[_LENGTH:]))
        content = self._memory[_HEAD : _HEAD + length]
        if not length or crc32(content) != checksum:
            return None
        found: tuple[Settings, Options] = pickle.loads(content)  # noqa: S301 - a worker of ours wrote it
        return found


def _number(value: int) -> bytes:
    return value.to_bytes(_LENGTH)

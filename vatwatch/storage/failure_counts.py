"""How often each journal entry made an actor fail, in a small file beside the entries.

The count outlives the journal's actor and the process. The file is written only after a failure, so
good snapshots cost nothing. It is not fsynced: if the process dies, the file is complete for the
next one; after a power failure an entry just has all its tries again. If the disk refuses the file,
the counts are kept in memory only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from vatwatch.storage.home_files import ASIDE_SUFFIX

_COUNTS = msgspec.json.Decoder(dict[int, int])


class FailureCounts:
    """Counts by the ids of entries. Its methods block, and are called one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: dict[int, int] = {}

    def load(self, known: Callable[[int], bool]) -> None:
        """Load the file's counts of entries that still exist."""
        found: dict[int, int] = {}
        with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            found = _COUNTS.decode(self._path.read_bytes())
        self._counts = {entry_id: n for entry_id, n in found.items() if n > 0 and known(entry_id)}

    def of(self, entry_id: int) -> int:
        """How often this entry has failed, earlier processes included; 0 if never."""
        return self._counts.get(entry_id, 0)

    def add(self, entry_id: int) -> int:
        """Count one more failure. Returns the new count; the caller compares it with the limit."""
        self._counts[entry_id] = self.of(entry_id) + 1
        self._save()
        return self._counts[entry_id]

    def forget(self, entry_id: int) -> None:
        """Drop the count of an entry that is stored or quarantined."""
        if self._counts.pop(entry_id, None) is not None:
            self._save()

    def _save(self) -> None:
        aside = self._path.with_suffix(ASIDE_SUFFIX)
        with suppress(OSError):
            aside.write_bytes(msgspec.json.encode(self._counts))
            aside.rename(self._path)

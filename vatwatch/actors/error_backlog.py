"""Errors on their way to the table, with a copy on disk in case the process ends before they are
written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from uuid import UUID

from vatwatch.monitoring.errors import ErrorRecord
from vatwatch.storage.outbox import ERROR_LINES, Outbox

# Errors that may wait while the database is away; beyond that the oldest is dropped.
SIZE = 10_000
# Errors sent to the store in one message.
CHUNK = 1_000


class ErrorBacklog:
    """The errors that are not written yet, the oldest first."""

    def __init__(self, path: Path | None) -> None:
        """Without `path`: in memory only."""
        self._outbox = None if path is None else Outbox(path, ERROR_LINES)
        self._waiting: OrderedDict[UUID, ErrorRecord] = OrderedDict()
        self._copied = 0
        self.given_up = 0
        """How many were dropped because too many waited."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[ErrorRecord]:
        return iter(self._waiting.values())

    @property
    def error(self) -> str:
        """Why the file could not be written."""
        return "" if self._outbox is None else self._outbox.error

    def load(self) -> tuple[ErrorRecord, ...]:
        """Load what was on its way when the last process or incarnation ended."""
        if self._outbox is not None:
            self._put(self._outbox.load())
            self._rewrite()
        return tuple(self._waiting.values())

    def add(self, records: Sequence[ErrorRecord]) -> None:
        """Keep these until they are written. A record replaces the same record with a lower
        count."""
        self._put(records)
        if self._outbox is not None and records:
            self._outbox.append(*records)
            self._copied += len(records)
            if self._copied > 2 * SIZE:
                self._rewrite()

    def next(self) -> tuple[ErrorRecord, ...]:
        """The oldest errors; empty if none waits."""
        return tuple(islice(self._waiting.values(), CHUNK))

    def written(self, records: Iterable[ErrorRecord]) -> None:
        """Drop these, which are written, unless their count has risen since."""
        for record in records:
            if self._waiting.get(record.id) is record:
                del self._waiting[record.id]
        if not self._waiting and self._copied:
            self._rewrite()

    def close(self) -> None:
        """Give the file back, with what waits in it."""
        if self._outbox is not None:
            self._outbox.close()

    def _put(self, records: Iterable[ErrorRecord]) -> None:
        for record in records:
            self._waiting[record.id] = record
        while len(self._waiting) > SIZE:
            self._waiting.popitem(last=False)
            self.given_up += 1

    def _rewrite(self) -> None:
        if self._outbox is not None:
            self._outbox.rewrite(self._waiting.values())
            self._copied = len(self._waiting)

"""Alert history: the alerts that have fired, on their way to the table, with a copy in a file.

Alerts are few and change rarely, so the file is written whole at each change: the active ones, and
those that the table does not have yet. The next process begins with it, whatever the database does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from msgspec.json import Decoder

from vatwatch.monitoring.alert_records import AlertFilter, AlertRecord
from vatwatch.monitoring.notifications import Notification
from vatwatch.storage.outbox import Outbox

# Past alerts in memory; the table has all.
RECENT = 200
# Records that wait for the table; of more the oldest that are over go. An alert takes half a minute
# to fire and a minute to clear: these are days of an absent database with everything flapping.
WAITING = 1_000
# What the store gets at once.
CHUNK = 200
_LINES = Decoder(AlertRecord)


class AlertHistory:
    """Records by their ids, the latest fired last. Changed in place by its one owner."""

    def __init__(self, path: Path | None) -> None:
        """`path`: the file; None: nothing is written, neither there nor to the table."""
        self._outbox = None if path is None else Outbox(path, _LINES)
        self._records: OrderedDict[UUID, AlertRecord] = OrderedDict()
        self._unwritten: dict[UUID, AlertRecord] = {}
        self.given_up = 0

    @property
    def keeps(self) -> bool:
        """Whether records go to the table."""
        return self._outbox is not None

    @property
    def error(self) -> str:
        """Why the file cannot be written; empty if it can."""
        return "" if self._outbox is None else self._outbox.error

    @property
    def unwritten(self) -> int:
        """How many wait for the table."""
        return len(self._unwritten)

    def load(self) -> None:
        """Begin with what the last process left. All of it is written to the table once more."""
        if self._outbox is None:
            return
        for record in sorted(self._outbox.load(), key=lambda each: each.cursor):
            self._records[record.id] = self._unwritten[record.id] = record

    def put(self, record: AlertRecord) -> None:
        """A new one, or a known one that has changed."""
        self._records[record.id] = record
        if self._outbox is not None:
            self._unwritten[record.id] = record
        self._bound()
        self._save()

    def get(self, key: UUID) -> AlertRecord | None:
        """The record of this id, if it is in memory."""
        return self._records.get(key)

    def active(self) -> list[AlertRecord]:
        """Those that are not over."""
        return [record for record in self._records.values() if record.until is None]

    def add_past(self, records: Iterable[AlertRecord]) -> None:
        """What the table has of the time before; what is known already is newer."""
        every = {record.id: record for record in records} | self._records
        self._records = OrderedDict(
            (record.id, record) for record in sorted(every.values(), key=lambda each: each.cursor)
        )
        self._bound()

    def next(self) -> tuple[AlertRecord, ...]:
        """The oldest that the table does not have; empty if it has all."""
        return tuple(islice(self._unwritten.values(), CHUNK))

    def written(self, records: Iterable[AlertRecord]) -> None:
        """The table has these, unless they have changed since."""
        for record in records:
            if self._unwritten.get(record.id) is record:
                del self._unwritten[record.id]
        self._save()

    def find(
        self, wanted: AlertFilter, limit: int, after: tuple[datetime, UUID] | None
    ) -> tuple[AlertRecord, ...]:
        """A page of what is in memory, the latest fired first."""
        found = [
            record
            for record in reversed(self._records.values())
            if wanted.wants(record) and (after is None or record.cursor < after)
        ]
        return tuple(found[:limit])

    def notifications(self) -> tuple[Notification, ...]:
        """What was told of them, the latest last."""
        told = [record.notification("firing") for record in self._records.values()]
        told += [
            record.notification("resolved")
            for record in self._records.values()
            if record.until is not None and record.notified > 1
        ]
        return tuple(sorted(told, key=lambda each: each.at))[-RECENT:]

    def _bound(self) -> None:
        over = [key for key, record in self._records.items() if record.until is not None]
        for key in over[: max(0, len(over) - RECENT)]:
            del self._records[key]
        waiting = [key for key, record in self._unwritten.items() if record.until is not None]
        for key in waiting[: max(0, len(waiting) - WAITING)]:
            del self._unwritten[key]
            self.given_up += 1

    def _save(self) -> None:
        if self._outbox is not None:
            lines = {record.id: record for record in self.active()} | self._unwritten
            self._outbox.rewrite(lines.values())

"""Alert history: the alerts that have fired, on their way to the table, with a copy in a file.

Alerts are few and change rarely, so the whole file is written at each change. It holds the active
alerts and those that the table does not have yet. The next process starts from it, even if the
database is away.
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

# Past alerts kept in memory; the table has all of them.
RECENT = 200
# Records that may wait for the table; beyond that the oldest resolved ones are dropped. An alert
# takes half a minute to fire and a minute to clear, so this is enough for days without a database
# while everything flaps.
WAITING = 1_000
# Records sent to the store in one message.
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
        """Start from what the last process left. All of it is written to the table once more."""
        if self._outbox is None:
            return
        for record in sorted(self._outbox.load(), key=lambda each: each.cursor):
            self._records[record.id] = self._unwritten[record.id] = record

    def put(self, record: AlertRecord) -> None:
        """Keep a new record, or a known one that has changed."""
        self._records[record.id] = record
        if self._outbox is not None:
            self._unwritten[record.id] = record
        self._bound()
        self._save()

    def get(self, key: UUID) -> AlertRecord | None:
        """The record of this id, if it is in memory."""
        return self._records.get(key)

    def active(self) -> list[AlertRecord]:
        """The alerts that are not over."""
        return [record for record in self._records.values() if record.until is None]

    def add_past(self, records: Iterable[AlertRecord]) -> None:
        """Add the earlier records that the table has. A record that is in memory already is newer
        and stays."""
        every = {record.id: record for record in records} | self._records
        self._records = OrderedDict(
            (record.id, record) for record in sorted(every.values(), key=lambda each: each.cursor)
        )
        self._bound()

    def leave_to_others(self) -> None:
        """Another node goes on with the alerts; only what the table does not have is kept."""
        self._records = OrderedDict(self._unwritten)
        self._save()

    def next(self) -> tuple[AlertRecord, ...]:
        """The oldest records that the table does not have; empty if it has all."""
        return tuple(islice(self._unwritten.values(), CHUNK))

    def written(self, records: Iterable[AlertRecord]) -> None:
        """Note that the table has these records, unless they have changed since."""
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
        """The deliveries to webhooks, the latest last."""
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

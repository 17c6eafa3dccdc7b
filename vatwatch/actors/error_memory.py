"""Error memory: the latest errors, and statistics of all errors of the retention time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from vatwatch.events.event import Cursor
from vatwatch.monitoring.error_folding import Folded
from vatwatch.monitoring.error_statistics import ErrorStatistics
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.supervision import give_way

RECENT = 1_000
# Earlier records that are counted in one go; each takes some microseconds.
SLICE = 200


class ErrorMemory:
    """Answers questions about errors while the database is away. Changed in place by the error
    manager."""

    def __init__(self, retention: timedelta) -> None:
        self.retention = retention
        """How far back the statistics go."""
        self._recent: OrderedDict[UUID, ErrorRecord] = OrderedDict()
        self.statistics = ErrorStatistics(retention)

    def keep_for(self, retention: timedelta) -> None:
        """Set how far back the statistics go, from the next minute on."""
        self.retention = retention
        self.statistics.keep_for(retention)

    def add(self, folded: Folded) -> None:
        """Count what is new in a record, and let it replace the same record with a lower count."""
        self._keep(folded.record)
        self.statistics.add(folded.record, folded.added)

    def read(self, records: Iterable[ErrorRecord]) -> None:
        """Add records of an earlier process, in order of time."""
        for number, record in enumerate(records, 1):
            self._keep(record)
            self.statistics.add(record)
            if number % SLICE == 0:
                give_way()

    def take_over(self, table: Iterable[ErrorRecord], waiting: Iterable[ErrorRecord]) -> None:
        """Start over from the table's records and those that wait for it. Of one record the higher
        count wins."""
        every = {record.id: record for record in table}
        for record in (*self._recent.values(), *waiting):
            known = every.get(record.id)
            if known is None or known.count < record.count:
                every[record.id] = record
        self.statistics = ErrorStatistics(self.retention)
        self._recent.clear()
        self.read(sorted(every.values(), key=lambda record: record.cursor))

    def find(
        self, wanted: ErrorFilter, limit: int, after: Cursor | None
    ) -> tuple[ErrorRecord, ...]:
        """A page of the latest, the newest first."""
        found = [
            record
            for record in self._recent.values()
            if wanted.wants(record) and (after is None or record.cursor < after)
        ]
        found.sort(key=lambda record: record.cursor, reverse=True)
        return tuple(found[:limit])

    def _keep(self, record: ErrorRecord) -> None:
        self._recent[record.id] = record
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)

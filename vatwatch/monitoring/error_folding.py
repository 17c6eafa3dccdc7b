"""Folds repeats of one error into one record with a count, so a night-long outage is a few rows.

Weather (the feed, PostgreSQL or Redis is away) causes the same error at every poll. Its record
stays open: a repeat raises the count and the last time, and the row in the table is written again.
Other errors are folded only for a moment, since each may have its own cause.

An error is a repeat if it has the same fingerprint, severity and outcome. Errors of quarantined
snapshots are never folded across snapshots, so that the error of each snapshot can be found.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.monitoring.errors import ErrorRecord, fingerprint_of

# Errors that are folded separately: a service has a few dozen places where it can fail, and a
# dependency fails in two or three ways.
MOST_OPEN = 200
MANY_KINDS = "many kinds of errors at once"
# A row of weather ends after an hour, so that its two times still show when it happened.
LONGEST = timedelta(hours=1)
# An error that has not come for twenty polls (15 s) is over; the next one gets a new row.
OVER_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Folded:
    """A record that is new or has a higher count, and how many of them are new."""

    record: ErrorRecord
    added: int


class ErrorFolder:
    """The records that are being folded. Changed in place by its only owner, the error manager."""

    def __init__(self) -> None:
        self._moment: dict[str, Folded] = {}
        self._weather: OrderedDict[str, Folded] = OrderedDict()
        self._closed: list[Folded] = []

    def fold(self, record: ErrorRecord, *, weather: bool = False) -> None:
        """Add one error, or several that are already one record."""
        key = f"{record.fingerprint}/{record.severity}/{record.recovery}/{record.recovered}"
        if weather:
            self._fold_weather(key, record)
            return
        if record.recovery == "quarantine":
            key += f"/{record.correlation_id}"
        if key not in self._moment and len(self._moment) >= MOST_OPEN:
            key = fingerprint_of(record.service, MANY_KINDS, record.category, "")
            record = replace(record, operation=MANY_KINDS, fingerprint=key)
        self._moment[key] = _joined(self._moment.get(key), record)

    def take(self) -> tuple[Folded, ...]:
        """What is new since the last call, weather last. Closes the other records."""
        found = [*self._closed, *self._moment.values(), *self._weather.values()]
        self._closed.clear()
        self._moment.clear()
        for key, folded in self._weather.items():
            self._weather[key] = Folded(folded.record, 0)
        return tuple(folded for folded in found if folded.added)

    def close(self, service: str) -> None:
        """Note that this service works again: its next weather gets a new record."""
        for key, folded in [*self._weather.items()]:
            if folded.record.service == service:
                self._close(key)

    def _fold_weather(self, key: str, record: ErrorRecord) -> None:
        known = self._weather.get(key)
        if known is not None and _is_over(known.record, record.last_at):
            self._close(key)
        elif known is None and len(self._weather) >= MOST_OPEN:
            self._close(next(iter(self._weather)))
        self._weather[key] = _joined(self._weather.get(key), record)
        self._weather.move_to_end(key)

    def _close(self, key: str) -> None:
        self._closed.append(self._weather.pop(key))


def _joined(known: Folded | None, last: ErrorRecord) -> Folded:
    """Merge both records: the id, time and traceback of the first, the rest of the last."""
    if known is None:
        return Folded(last, last.count)
    first = known.record
    record = replace(
        last,
        id=first.id,
        time=first.time,
        count=first.count + last.count,
        traceback=first.traceback,
    )
    return Folded(record, known.added + last.count)


def _is_over(record: ErrorRecord, now: datetime) -> bool:
    return now - record.last_at > OVER_AFTER or now - record.time >= LONGEST

"""Folds repeats of one error into one record with a count: a night of weather is a few rows.

Weather (the feed, PostgreSQL or Redis is away) causes the same error at every poll. Its record
stays open: a repeat raises the count and the last time, and the row in the table is written again.
Every other error is folded for a moment only, as each may have its own cause.

An error is a repeat if it has the same fingerprint, severity and outcome. What is put in quarantine
is never folded over two snapshots, so that the error of each snapshot can be found.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.monitoring.errors import ErrorRecord, fingerprint_of

# Kinds of errors that are told apart, of the moment and of the weather: a service has a few dozen
# places where it can fail, and a dependency fails in two or three ways.
MOST_OPEN = 200
MANY_KINDS = "many kinds of errors at once"
# A row of weather ends after an hour, so that its two times still say when it was.
LONGEST = timedelta(hours=1)
# What has not come for twenty polls (15 s) is over; the next is a row of its own.
OVER_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Folded:
    """A record that is new or has a higher count, and how many of them are new."""

    record: ErrorRecord
    added: int


class ErrorFolder:
    """What is being folded. Changed in place by its one owner, the error manager."""

    def __init__(self) -> None:
        self._moment: dict[str, Folded] = {}
        self._weather: OrderedDict[str, Folded] = OrderedDict()
        self._closed: list[Folded] = []

    def fold(self, record: ErrorRecord, *, weather: bool = False) -> None:
        """Take one more error, or several that are one record already."""
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
        """What is new since the last time, weather last. It closes the records of the moment."""
        found = [*self._closed, *self._moment.values(), *self._weather.values()]
        self._closed.clear()
        self._moment.clear()
        for key, folded in self._weather.items():
            self._weather[key] = Folded(folded.record, 0)
        return tuple(folded for folded in found if folded.added)

    def close(self, service: str) -> None:
        """This service is well again: its next weather is a record of its own."""
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
    """One record of both: the id, time and traceback of the first, the rest of the last."""
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

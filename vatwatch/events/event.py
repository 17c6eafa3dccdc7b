"""Events: the event, its row in the table, filters, and the check against its schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from vatwatch.errors import EventRefused
from vatwatch.events.named import callsigns_in, cids_in
from vatwatch.events.payloads import check, decode
from vatwatch.wildcards import capitals, compiled

# PostgreSQL's texts hold no NUL, nor half a character, and logs no characters that control a
# terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The position of an event: its time, and its id if several have that time.
Cursor: TypeAlias = tuple[datetime, UUID]


class Event(Struct, frozen=True, gc=False):
    """One event. `payload` is of the type's schema (`payloads.PAYLOADS`)."""

    id: UUID
    type: str
    time: datetime
    source: str
    correlation_id: str
    payload: Struct

    @property
    def cursor(self) -> Cursor:
        """Among others, by time."""
        return self.time, self.id


class EventRow(Struct, frozen=True, gc=False):
    """An event as the table has it: its payload is JSON, perhaps of an older version's schema."""

    id: UUID
    type: str
    time: datetime
    source: str
    correlation_id: str
    payload: Raw

    @property
    def cursor(self) -> Cursor:
        """Among others, by time."""
        return self.time, self.id

    @classmethod
    def of(cls, event: Event) -> EventRow:
        """An event as the table will have it."""
        payload = Raw(msgspec.json.encode(event.payload))
        return cls(event.id, event.type, event.time, event.source, event.correlation_id, payload)

    def event(self) -> Event:
        """The event itself. Raises EventRefused: it does not fit the schema of today."""
        payload = decode(self.type, self.payload)
        return Event(self.id, self.type, self.time, self.source, self.correlation_id, payload)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A filter for events; empty fields match all."""

    types: frozenset[str] = frozenset()
    source: str = ""
    correlation_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    callsign: str = ""
    """One of those that the event names, in any case; or a pattern (`wildcards.py`)."""
    cid: int | None = None
    """One of those that the event names."""

    def wants(self, event: Event) -> bool:
        """Whether the event matches."""
        return (
            (not self.types or event.type in self.types)
            and (not self.source or event.source == self.source)
            and (not self.correlation_id or event.correlation_id == self.correlation_id)
            and (self.since is None or event.time >= self.since)
            and (self.until is None or event.time < self.until)
            and (self.cid is None or self.cid in cids_in(event.payload))
            and (not self.callsign or self._names(callsigns_in(event.payload)))
        )

    def _names(self, callsigns: tuple[str, ...]) -> bool:
        pattern = compiled(capitals(self.callsign))
        return any(pattern.fullmatch(capitals(one)) for one in callsigns)


def check_event(event: Event) -> None:
    """Check an event. Raises EventRefused, naming the field, if it does not fit its schema."""
    check(event.type, event.payload)
    if event.time.tzinfo is None:
        raise EventRefused(event.type, "time: it is in no time zone")
    for name in ("source", "correlation_id"):
        text = getattr(event, name)
        if not isinstance(text, str) or _CONTROL.search(text):
            raise EventRefused(event.type, f"{name}: expected a printable text")

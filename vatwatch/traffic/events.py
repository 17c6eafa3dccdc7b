"""Events, what of them somebody wants, and those that follow from a snapshot.

An event's id is computed from the snapshot and the subject, so an event derived twice is one event.
Its time is the feed's. The correlation id is the snapshot's `update_timestamp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from vatwatch.errors import EventRefused
from vatwatch.feed.correlation import correlation_id
from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.changes import Changes
from vatwatch.traffic.identity import event_id
from vatwatch.traffic.network_state import FiledPlan, Flight, Session
from vatwatch.traffic.payloads import (
    ControllerPayload,
    FlightPayload,
    FrequencyPayload,
    PositionPayload,
    check,
    decode,
)

SOURCE = "processor"

# Of an event among others: its time, and its id if several have that time.
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
    """What of the events somebody wants; empty is all."""

    types: frozenset[str] = frozenset()
    source: str = ""
    correlation_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""

    def wants(self, event: Event) -> bool:
        """Whether it is one of them."""
        return (
            (not self.types or event.type in self.types)
            and (not self.source or event.source == self.source)
            and (not self.correlation_id or event.correlation_id == self.correlation_id)
            and (self.since is None or event.time >= self.since)
            and (self.until is None or event.time < self.until)
        )


def check_event(event: Event) -> None:
    """Raises EventRefused, with the field, if it is not as the schemas say."""
    check(event.type, event.payload)
    if event.time.tzinfo is None:
        raise EventRefused(event.type, "time: it is in no time zone")
    for name in ("source", "correlation_id"):
        text = getattr(event, name)
        # PostgreSQL's texts hold no NUL, nor half a character.
        if not isinstance(text, str) or not (text == "" or text.isprintable()):
            raise EventRefused(event.type, f"{name}: expected a printable text")


def events_of(changes: Changes) -> list[Event]:
    """Everything that a snapshot's changes tell, leavers first."""
    snapshot = correlation_id(changes.general.update_timestamp)
    return [
        Event(
            event_id(snapshot, kind, subject),
            kind,
            changes.time,
            SOURCE,
            snapshot,
            payload,
        )
        for kind, subject, payload in _told(changes)
    ]


def _told(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    for flight in changes.flights.ended:
        kind = "FLIGHT_COMPLETED" if flight.flown else "FLIGHT_CANCELLED"
        yield kind, str(flight.flight_id), _flight(flight, "ended", flight.last_seen)
    for session in changes.sessions.gone:
        yield "CONTROLLER_LOGOFF", str(session.session_id), _controller(session, False)
    for flight in changes.flights.created:
        yield "FLIGHT_CREATED", str(flight.flight_id), _flight(flight, "created")
    yield from _updates(changes)
    for session in changes.sessions.created:
        yield "CONTROLLER_LOGON", str(session.session_id), _controller(session, False)
    back = {session.session_id for session in changes.sessions.returned}
    for session in changes.sessions.online:
        if session.session_id in back:
            yield "CONTROLLER_LOGON", str(session.session_id), _controller(session, True)
    for before, session in changes.sessions.frequencies_changed:
        yield "FREQUENCY_CHANGE", str(session.session_id), _frequency(before, session)
    yield "POSITION_UPDATE", "", PositionPayload(len(changes.flights.online), changes.flights.moved)


def _updates(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    """One FLIGHT_UPDATED a flight, though it may have both reconnected and amended its plan."""
    created = {flight.flight_id for flight in changes.flights.created}
    plans: dict[int, FiledPlan] = {
        plan.flight_id: plan for plan in changes.flights.plans_opened if plan.flight_id is not None
    }
    reconnected = {flight.flight_id for flight in changes.flights.reconnected}
    for flight in changes.flights.online:
        if flight.flight_id in created:
            continue
        if flight.flight_id in plans:
            yield "FLIGHT_UPDATED", str(flight.flight_id), _flight(flight, "plan")
        elif flight.flight_id in reconnected:
            yield "FLIGHT_UPDATED", str(flight.flight_id), _flight(flight, "reconnect")


def _flight(flight: Flight, reason: str, last_seen: datetime | None = None) -> FlightPayload:
    plan = flight.pilot.flight_plan or FlightPlan()
    return FlightPayload(
        flight_id=str(flight.flight_id),
        cid=flight.pilot.cid,
        callsign=flight.pilot.callsign,
        logon_time=flight.logon_time,
        departure=plan.departure,
        arrival=plan.arrival,
        aircraft=plan.aircraft_short,
        reconnects=flight.reconnects,
        reason=reason,
        last_seen=last_seen,
    )


def _controller(session: Session, reconnect: bool) -> ControllerPayload:
    controller = session.controller
    return ControllerPayload(
        session_id=str(session.session_id),
        cid=controller.cid,
        callsign=controller.callsign,
        facility=controller.facility,
        rating=controller.rating,
        frequency_hz=frequency_hz(controller.frequency),
        logon_time=session.logon_time,
        reconnect=reconnect,
    )


def _frequency(before: str, session: Session) -> FrequencyPayload:
    return FrequencyPayload(
        session_id=str(session.session_id),
        cid=session.controller.cid,
        callsign=session.controller.callsign,
        before_hz=frequency_hz(before),
        after_hz=frequency_hz(session.controller.frequency),
    )

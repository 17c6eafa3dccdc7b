"""The events that follow from a snapshot, each with a typed payload.

An event's id is computed from the snapshot and the subject, so an event derived twice is one event.
Its time is the feed's. The correlation id is the snapshot's `update_timestamp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.identity import event_id
from vatwatch.traffic.tracking import Changes, FiledPlan, Flight, Session

SOURCE = "processor"


class FlightPayload(Struct, frozen=True, gc=False):
    """Of every FLIGHT event. `flight_id` is a text, as JavaScript's numbers end at 2^53."""

    flight_id: str
    cid: int
    callsign: str
    logon_time: datetime
    departure: str = ""
    arrival: str = ""
    aircraft: str = ""
    reconnects: int = 0
    # created, plan, reconnect: why it is told; for the two endings: the last snapshot it was in.
    reason: str = ""
    last_seen: datetime | None = None


class ControllerPayload(Struct, frozen=True, gc=False):
    """Of CONTROLLER_LOGON and CONTROLLER_LOGOFF; facility 0 is an observer."""

    session_id: str
    cid: int
    callsign: str
    facility: int
    rating: int
    frequency_hz: int | None
    logon_time: datetime
    reconnect: bool = False


class FrequencyPayload(Struct, frozen=True, gc=False):
    """Of FREQUENCY_CHANGE: a controller's; none before it tuned the first one."""

    session_id: str
    cid: int
    callsign: str
    before_hz: int | None
    after_hz: int | None


class PositionPayload(Struct, frozen=True, gc=False):
    """Of POSITION_UPDATE, one a snapshot: how many flights moved, and how many there are."""

    flights: int
    moved: int


class DataPayload(Struct, frozen=True, gc=False):
    """Of DATA_FETCHED, DATA_PROCESSED, DATA_STORED and DATA_CACHED, one of each a snapshot."""

    update_timestamp: datetime
    pilots: int | None = None
    controllers: int | None = None
    atis: int | None = None
    prefiles: int | None = None
    quarantined: int | None = None
    bytes: int | None = None


class ServicePayload(Struct, frozen=True, gc=False):
    """Of SERVICE_STARTED, SERVICE_STOPPED and ERROR_OCCURRED."""

    path: str
    reason: str = ""
    error: str = ""
    restarts: int | None = None


class HealthPayload(Struct, frozen=True, gc=False):
    """Of HEALTH_CHECK: the state of the whole, and of each service."""

    health: str
    services: dict[str, str]


class Event(Struct, frozen=True, gc=False):
    """One event. `payload` fits the type's schema."""

    id: UUID
    type: str
    time: datetime
    source: str
    correlation_id: str
    payload: Struct


def events_of(changes: Changes) -> list[Event]:
    """Everything that a snapshot's changes tell, leavers first."""
    correlation_id = changes.general.update_timestamp
    return [
        Event(
            event_id(correlation_id, kind, subject),
            kind,
            changes.time,
            SOURCE,
            correlation_id,
            payload,
        )
        for kind, subject, payload in _told(changes)
    ]


def _told(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    for flight in changes.flights_ended:
        kind = "FLIGHT_COMPLETED" if flight.flown else "FLIGHT_CANCELLED"
        yield kind, str(flight.flight_id), _flight(flight, "ended", flight.last_seen)
    for session in changes.sessions_gone:
        yield "CONTROLLER_LOGOFF", str(session.session_id), _controller(session, False)
    for flight in changes.flights_created:
        yield "FLIGHT_CREATED", str(flight.flight_id), _flight(flight, "created")
    yield from _updates(changes)
    for session in changes.sessions_created:
        yield "CONTROLLER_LOGON", str(session.session_id), _controller(session, False)
    back = {session.session_id for session in changes.sessions_returned}
    for session in changes.sessions:
        if session.session_id in back:
            yield "CONTROLLER_LOGON", str(session.session_id), _controller(session, True)
    for before, session in changes.frequencies_changed:
        yield "FREQUENCY_CHANGE", str(session.session_id), _frequency(before, session)
    yield "POSITION_UPDATE", "", PositionPayload(len(changes.flights), changes.moved)


def _updates(changes: Changes) -> Iterator[tuple[str, str, Struct]]:
    """One FLIGHT_UPDATED a flight, though it may have both reconnected and amended its plan."""
    created = {flight.flight_id for flight in changes.flights_created}
    plans: dict[int, FiledPlan] = {
        plan.flight_id: plan for plan in changes.plans_opened if plan.flight_id is not None
    }
    reconnected = {flight.flight_id for flight in changes.flights_reconnected}
    for flight in changes.flights:
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

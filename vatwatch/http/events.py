"""Events: list, publish, schemas, statistics, and dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import falcon
import msgspec
from msgspec import Raw, Struct

from vatwatch.errors import EventRefused
from vatwatch.events.dead_letters import KINDS, DeadLetter, LetterFilter
from vatwatch.events.event import Event, EventFilter, check_event
from vatwatch.events.payloads import PAYLOADS, decode, schemas
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.near import near_match
from vatwatch.http.pages import send_newest
from vatwatch.http.params import (
    CURSOR,
    LIMIT,
    SINCE,
    UNTIL,
    Declared,
    Invalid,
    one_of,
    text,
    words,
)
from vatwatch.http.request_bodies import read_fields, require_no_fields
from vatwatch.messages import (
    AcceptEvent,
    DiscardDeadLetter,
    FindDeadLetter,
    FindDeadLetters,
    FindEvents,
    GetDeadLetter,
    GetDeadLetters,
    GetEventMetrics,
    GetEvents,
    RedeliverDeadLetter,
    Redelivery,
)


def _event_type(word: str) -> str:
    kind = word.upper()
    if kind not in PAYLOADS:
        raise Invalid(
            f"must name event types, and {kind} is not one; GET /api/events/schemas lists them",
            near_match(kind, PAYLOADS),
        )
    return kind


EVENT_TYPES = words("type", _event_type)
SOURCE = text("source")
CORRELATION_ID = text("correlation_id")
KIND = one_of("kind", KINDS)
RECEIVER = text("receiver")
# Types of messages are written like their classes, those of events in capitals.
ANY_TYPES = words("type")


class EventsResource(BaseResource):
    """The table of events; while the database is away, the ring of the event bus."""

    parameters: ClassVar[Declared] = {
        "GET": (EVENT_TYPES, SOURCE, CORRELATION_ID, SINCE, UNTIL, LIMIT, CURSOR)
    }

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        wanted = EventFilter(
            types=EVENT_TYPES.of(req),
            source=SOURCE.of(req),
            correlation_id=CORRELATION_ID.of(req),
            since=SINCE.of(req),
            until=UNTIL.of(req),
        )
        limit, after = LIMIT.of(req), CURSOR.of(req)
        send_newest(
            self._service,
            resp,
            "events",
            table=FindEvents(wanted, limit, after),
            keeper="event_bus",
            memory=GetEvents(wanted, limit, after),
            limit=limit,
        )

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Publish an event. If it does not match the schema of its type, the answer is a 422 with
        the reason."""
        who = self._service.authorization.require(req, "publish an event")
        event = _event(_body(req), f"api:{who}")
        self._service.ask("event_bus", AcceptEvent(event))
        resp.status = falcon.HTTP_ACCEPTED
        send_json(resp, {"id": event.id, "time": event.time})


class SchemasResource(BaseResource):
    """The schemas of the events."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """JSON schemas of the payloads, by type."""
        send_json(resp, {"schemas": schemas()})


class AnalyticsResource(BaseResource):
    """Statistics of the event bus."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Counts and times since the start, by type, source and handler."""
        send_json(resp, self._service.ask("event_bus", GetEventMetrics()))


class LettersResource(BaseResource):
    """Dead letters: the table; while the database is away, what is in memory."""

    parameters: ClassVar[Declared] = {
        "GET": (KIND, RECEIVER, ANY_TYPES, SINCE, UNTIL, LIMIT, CURSOR)
    }

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        kind = KIND.of(req)
        wanted = LetterFilter(
            kind=kind,
            receiver=RECEIVER.of(req),
            types=(EVENT_TYPES if kind == "event" else ANY_TYPES).of(req),
            since=SINCE.of(req),
            until=UNTIL.of(req),
        )
        limit, after = LIMIT.of(req), CURSOR.of(req)
        send_newest(
            self._service,
            resp,
            "dead_letters",
            table=FindDeadLetters(wanted, limit, after),
            keeper="event_bus",
            memory=GetDeadLetters(wanted, limit, after),
            limit=limit,
        )


class LetterResource(BaseResource):
    """One dead letter."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """By its id."""
        send_json(resp, _letter(self._service, letter_id))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """Discard it."""
        self._service.authorization.require(req, f"discard dead letter {letter_id}")
        letter = _letter(self._service, letter_id)
        self._service.ask("event_bus", DiscardDeadLetter(letter.id))
        resp.status = falcon.HTTP_NO_CONTENT


class RedeliverResource:
    """Redelivery of one dead letter."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_post(self, req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """Put it into its handler's queue again. It is removed from the list when it was
        handled."""
        self._service.authorization.require(req, f"redeliver dead letter {letter_id}")
        require_no_fields(req)
        letter = _letter(self._service, letter_id)
        try:
            became = self._service.ask("event_bus", RedeliverDeadLetter(letter))
        except EventRefused as error:
            raise falcon.HTTPConflict(
                description=f"The event does not match today's schema: {error}"
            ) from error
        if became is Redelivery.MESSAGE_GONE:
            raise falcon.HTTPConflict(
                description="The message is no longer in memory. Only a short text of it was kept."
            )
        resp.status = falcon.HTTP_ACCEPTED
        send_json(resp, {"id": letter.id, "status": became.value})


class _Given(Struct, frozen=True):
    """The body of a POST."""

    type: str
    payload: Raw
    correlation_id: str = ""


def _body(req: falcon.Request) -> _Given:
    try:
        return read_fields(req, _Given)
    except msgspec.ValidationError as error:
        raise falcon.HTTPUnprocessableEntity(description=f"Not a valid event: {error}.") from error


def _event(given: _Given, source: str) -> Event:
    try:
        payload = decode(given.type, given.payload)
        now = datetime.now(UTC)
        event = Event(uuid4(), given.type, now, source, given.correlation_id, payload)
        check_event(event)
    except EventRefused as error:
        raise falcon.HTTPUnprocessableEntity(description=error.reason) from error
    return event


def _letter(service: AppContext, letter_id: str) -> DeadLetter:
    """Raises falcon.HTTPNotFound."""
    missing = falcon.HTTPNotFound(description="There is no dead letter with this id.")
    try:
        key = UUID(letter_id)
    except ValueError as error:
        raise missing from error
    letter = service.ask("event_bus", GetDeadLetter(key)) or service.ask(
        "history", FindDeadLetter(key)
    )
    if letter is None:
        raise missing
    return letter

"""Events: list, publish, schemas, statistics, and dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID, uuid4

import falcon
import msgspec
from msgspec import Meta, Raw, Struct, defstruct

from vatwatch.access.scopes import Scope
from vatwatch.errors import EventRefused
from vatwatch.events.dead_letters import KINDS, DeadLetter, LetterFilter
from vatwatch.events.event import Event, EventFilter, EventRow, check_event
from vatwatch.events.payloads import PAYLOADS, decode, schemas
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.formats import LISTED, format_of, format_parameter, other_media
from vatwatch.http.near import near_match
from vatwatch.http.pages import Lines, NewestHead, send_newest
from vatwatch.http.params import (
    CURSOR,
    LIMIT,
    PRINTABLE,
    SINCE,
    UNTIL,
    Declared,
    Invalid,
    one_of,
    text,
    words,
)
from vatwatch.http.problems import InvalidField
from vatwatch.http.request_bodies import BadField, read_fields, require_no_fields
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
from vatwatch.messages.status import EventBusStatus


def _event_type(word: str) -> str:
    kind = word.upper()
    if kind not in PAYLOADS:
        raise Invalid(
            f"must name event types, and {kind} is not one; GET /api/events/schemas lists them",
            near_match(kind, PAYLOADS),
        )
    return kind


EVENT_TYPES = words(
    "type",
    _event_type,
    about="Only events of these types.",
    example="FLIGHT_DEPARTED",
    choices=tuple(PAYLOADS),
)
SOURCE = text("source", about="Only events that this part has published.", example="processor")
CORRELATION_ID = text(
    "correlation_id",
    about="Only events of one snapshot: its `update_timestamp` as sent.",
    example="2026-11-25T02:52:55.1238584Z",
)
FORMAT = format_parameter(LISTED)
KIND = one_of("kind", KINDS, about="Only dead letters of this kind.")
RECEIVER = text("receiver", about="Only what this one did not get.", example="store")
# Types of messages are written like their classes, those of events in capitals.
ANY_TYPES = words(
    "type",
    about="Only letters of these types: of events, or classes of messages.",
    example="FLIGHT_DEPARTED",
)


TITLE = "Not a valid event"
LETTER_ID = text(
    "letter_id",
    about="The `id` of a dead letter.",
    example="77bc3408-b8a8-5d1e-aa9a-590d47ce87dd",
)


class EventsPage(NewestHead, frozen=True, kw_only=True):
    """A page of events, the newest first."""

    events: tuple[EventRow, ...]


class Accepted(Struct, frozen=True):
    """An event that was published."""

    id: UUID
    time: datetime


class EventSchemas(Struct, frozen=True):
    """JSON Schemas of the payloads."""

    schemas: dict[str, dict[str, Any]]
    """By the type of the event."""


class LettersPage(NewestHead, frozen=True, kw_only=True):
    """A page of dead letters, the newest first."""

    dead_letters: tuple[DeadLetter, ...]


class Redelivered(Struct, frozen=True):
    """A dead letter that is tried again."""

    id: UUID
    status: str
    """`queued`, or `already queued`."""


class EventToPublish(Struct, frozen=True):
    """An event of a client."""

    type: str
    """One of GET /api/events/schemas."""
    payload: Raw
    """By the schema of the type."""
    correlation_id: str = ""


def _publishable() -> tuple[type[Struct], ...]:
    """The bodies that can be published: for each kind of payload, the types that have it."""
    types: dict[type[Struct], list[str]] = {}
    for kind, payload in PAYLOADS.items():
        types.setdefault(payload, []).append(kind)
    printable = Annotated[str, Meta(extra_json_schema={"pattern": PRINTABLE.replace("+$", "*$")})]
    return tuple(
        defstruct(
            payload.__name__.replace("Payload", "Event"),
            [
                ("type", Literal[tuple(kinds)]),
                ("payload", payload),
                ("correlation_id", printable, ""),
            ],
            namespace={"__doc__": f"To publish {', '.join(kinds)}."},
        )
        for payload, kinds in types.items()
    )


class EventsResource(BaseResource):
    """The table of events; while the database is away, the ring of the event bus."""

    parameters: ClassVar[Declared] = {
        "GET": (EVENT_TYPES, SOURCE, CORRELATION_ID, SINCE, UNTIL, LIMIT, CURSOR, FORMAT)
    }
    scopes: ClassVar[Scopes] = {"POST": Scope.EVENTS}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Events, the newest first.",
        tag=Tag.EVENTS,
        answers={200: (EventsPage, *other_media(LISTED))},
        problems=(406, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        form = format_of(req, LISTED)
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
            lambda page: EventsPage(**page.head(), events=tuple(map(_row, page.records))),
            table=FindEvents(wanted, limit, after),
            keeper="event_bus",
            memory=GetEvents(wanted, limit, after),
            limit=limit,
            lines=Lines(req, form, EventRow, _row),
        )

    @describe(
        "Publish an event.",
        tag=Tag.EVENTS,
        answers={202: Accepted},
        problems=(422, 503),
        body=_publishable(),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Publish an event. If it does not match the schema of its type, the answer is a 422 with
        the reason."""
        caller = self._service.authorization.require(req, "publish an event")
        event = _event(_body(req), f"api:{caller.who}")
        self._service.ask("event_bus", AcceptEvent(event))
        resp.status = falcon.HTTP_ACCEPTED
        send_json(resp, Accepted(event.id, event.time))


class SchemasResource(BaseResource):
    """The schemas of the events."""

    @describe(
        "The JSON Schemas of the events' payloads.", tag=Tag.EVENTS, answers={200: EventSchemas}
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """JSON schemas of the payloads, by type."""
        send_json(resp, EventSchemas(schemas()))


class AnalyticsResource(BaseResource):
    """Statistics of the event bus."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "What went over the event bus: published, handled, failed, retried and dead.",
        tag=Tag.EVENTS,
        answers={200: EventBusStatus},
        problems=(503,),
    )
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

    @describe(
        "What could not be delivered, the newest first.",
        tag=Tag.EVENTS,
        answers={200: LettersPage},
        problems=(503,),
    )
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
            lambda page: LettersPage(**page.head(), dead_letters=page.records),
            table=FindDeadLetters(wanted, limit, after),
            keeper="event_bus",
            memory=GetDeadLetters(wanted, limit, after),
            limit=limit,
        )


class LetterResource(BaseResource):
    """One dead letter."""

    scopes: ClassVar[Scopes] = {"DELETE": Scope.EVENTS}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "One dead letter.",
        tag=Tag.EVENTS,
        answers={200: DeadLetter},
        problems=(404, 503),
        path=(LETTER_ID,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """By its id."""
        send_json(resp, _letter(self._service, letter_id))

    @describe(
        "Discard a dead letter.",
        tag=Tag.EVENTS,
        answers={204: None},
        problems=(404, 503),
        path=(LETTER_ID,),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """Discard it."""
        self._service.authorization.require(req, f"discard dead letter {letter_id}")
        letter = _letter(self._service, letter_id)
        self._service.ask("event_bus", DiscardDeadLetter(letter.id))
        resp.status = falcon.HTTP_NO_CONTENT


class RedeliverResource:
    """Redelivery of one dead letter."""

    scopes: ClassVar[Scopes] = {"POST": Scope.EVENTS}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Deliver a dead letter once more.",
        tag=Tag.EVENTS,
        answers={202: Redelivered},
        problems=(404, 409, 503),
        path=(LETTER_ID,),
    )
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
        send_json(resp, Redelivered(letter.id, became.value))


def _row(event: Event | EventRow) -> EventRow:
    """An event in the form of the table, also if it comes from memory."""
    if isinstance(event, EventRow):
        return event
    payload = Raw(msgspec.json.encode(event.payload))
    return EventRow(event.id, event.type, event.time, event.source, event.correlation_id, payload)


def _body(req: falcon.Request) -> EventToPublish:
    try:
        return read_fields(req, EventToPublish)
    except BadField as error:
        raise InvalidField(TITLE, f"Not a valid event: {error}.", field=error.field) from error


def _event(given: EventToPublish, source: str) -> Event:
    if given.type not in PAYLOADS:
        close = near_match(given.type, PAYLOADS)
        hint = "GET /api/events/schemas lists them" if close is None else f"did you mean {close}?"
        raise InvalidField(
            TITLE, f"type: this is not a type of event; {hint}", field="type", did_you_mean=close
        )
    field = "payload"
    try:
        payload = decode(given.type, given.payload)
        field = "correlation_id"
        now = datetime.now(UTC)
        event = Event(uuid4(), given.type, now, source, given.correlation_id, payload)
        check_event(event)
    except EventRefused as error:
        raise InvalidField(TITLE, error.reason, field=field) from error
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

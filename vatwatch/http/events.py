"""Events: list, publish, schemas, statistics, and dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID, uuid4

import falcon
import msgspec
from msgspec import Meta, Raw, Struct, defstruct

from vatwatch.access.scopes import Scope
from vatwatch.errors import EventRefused
from vatwatch.events.event import Event, EventFilter, EventRow, check_event
from vatwatch.events.payloads import PAYLOADS, decode, schemas
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.event_filter import FILTER_PARAMETERS, SOURCE, event_filter_in
from vatwatch.http.formats import LISTED, format_of, format_parameter, other_media
from vatwatch.http.known_names import part_names, require_known
from vatwatch.http.near import near_match
from vatwatch.http.nodes import of_collector
from vatwatch.http.pages import Lines, NewestHead, send_newest
from vatwatch.http.params import (
    CURSOR,
    LIMIT,
    PRINTABLE,
    Declared,
)
from vatwatch.http.problems import InvalidField
from vatwatch.http.request_bodies import BadField, read_fields
from vatwatch.messages import (
    AcceptEvent,
    FindEvents,
    GetEventMetrics,
    GetEvents,
)
from vatwatch.messages.status import EventBusStatus

FORMAT = format_parameter(LISTED)
# How the sources of events begin that were published by a key.
CLIENTS = "api:"
TITLE = "Not a valid event"


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


@of_collector("POST")
class EventsResource(BaseResource):
    """The table of events; while the database is away, the ring of the event bus."""

    parameters: ClassVar[Declared] = {"GET": (*FILTER_PARAMETERS, LIMIT, CURSOR, FORMAT)}
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
        wanted = event_filter_in(req)
        limit, after = LIMIT.of(req), CURSOR.of(req)
        require_known(
            self._service,
            SOURCE.name,
            "part of the service",
            # Keys come and go, and have any name.
            () if wanted.source.startswith(CLIENTS) else filter(None, [wanted.source]),
            partial(part_names, self._service),
            lambda name: FindEvents(EventFilter(source=name), 1),
        )
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
        event = _event(_body(req), f"{CLIENTS}{caller.who}")
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


@of_collector("GET")
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

"""Events: what happened, what is told from outside, how the bus does, and what died on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import falcon
import msgspec
from msgspec import Raw, Struct

from vatwatch.errors import EventRefused, StorageError, SupervisionError
from vatwatch.http.bounds import read_body
from vatwatch.http.params import (
    cursor_for,
    cursor_of,
    limit_of,
    one_of,
    require_known,
    text_of,
    time_of,
    words_of,
)
from vatwatch.http.service import Resource, Service
from vatwatch.messages import (
    AcceptEvent,
    DiscardLetter,
    FindEvents,
    FindLetter,
    FindLetters,
    GetEventMetrics,
    GetEvents,
    GetLetter,
    GetLetters,
    RedeliverLetter,
    Redelivery,
)
from vatwatch.traffic.dead_letters import KINDS, DeadLetter, LetterFilter
from vatwatch.traffic.events import Event, EventFilter, Place, check_event
from vatwatch.traffic.payloads import PAYLOADS, decode, schemas


class EventsResource(Resource):
    """The table of events; while the database is away, the ring of the event bus."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        require_known(req, "type", "source", "correlation_id", "since", "until", "limit", "cursor")
        wanted = EventFilter(
            types=_types(req),
            source=text_of(req, "source"),
            correlation_id=text_of(req, "correlation_id"),
            since=time_of(req, "since"),
            until=time_of(req, "until"),
        )
        limit, beyond = limit_of(req), cursor_of(req)
        service = self._service
        source, events = _from_either(
            lambda: service.ask("history", FindEvents(wanted, limit, beyond)),
            lambda: service.ask("event_bus", GetEvents(wanted, limit, beyond)),
        )
        _page(resp, "events", source, events, limit)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Publish one, with a key; what does not fit its type's schema is a 422 that says why."""
        who = self._service.authorization.require(req, "publish an event")
        event = _event(_body(req), f"api:{who}")
        self._service.ask("event_bus", AcceptEvent(event))
        resp.status = falcon.HTTP_ACCEPTED
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"id": event.id, "time": event.time})


class SchemasResource(Resource):
    """What each type of event says."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """JSON schemas of the payloads, by type."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"schemas": schemas()})


class AnalyticsResource(Resource):
    """How the event bus does."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Counts and times since the start, by type, source and handler."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(self._service.ask("event_bus", GetEventMetrics()))


class LettersResource(Resource):
    """Dead letters: the table; while the database is away, what is in memory."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first; `next_cursor` leads to those before."""
        require_known(req, "kind", "receiver", "type", "since", "until", "limit", "cursor")
        kind = one_of(req, "kind", KINDS)
        # The types of messages are written as their classes, those of events in capitals.
        types = _types(req) if kind == "event" else frozenset(req.get_param_as_list("type") or ())
        wanted = LetterFilter(
            kind=kind,
            receiver=text_of(req, "receiver"),
            types=types,
            since=time_of(req, "since"),
            until=time_of(req, "until"),
        )
        limit, beyond = limit_of(req), cursor_of(req)
        service = self._service
        source, letters = _from_either(
            lambda: service.ask("history", FindLetters(wanted, limit, beyond)),
            lambda: service.ask("event_bus", GetLetters(wanted, limit, beyond)),
        )
        _page(resp, "dead_letters", source, letters, limit)


class LetterResource(Resource):
    """One dead letter."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """By its id."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(_letter(self._service, letter_id))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """Discard it."""
        self._service.authorization.require(req, f"discard dead letter {letter_id}")
        letter = _letter(self._service, letter_id)
        self._service.ask("event_bus", DiscardLetter(letter.id))
        resp.status = falcon.HTTP_NO_CONTENT


class RedeliverResource:
    """One dead letter, once more on its way."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_post(self, req: falcon.Request, resp: falcon.Response, letter_id: str) -> None:
        """Through its handler's lane again; it is gone from the list when it was handled."""
        self._service.authorization.require(req, f"redeliver dead letter {letter_id}")
        letter = _letter(self._service, letter_id)
        try:
            became = self._service.ask("event_bus", RedeliverLetter(letter))
        except EventRefused as error:
            raise falcon.HTTPConflict(
                description=f"The event does not fit today's schema: {error}"
            ) from error
        if became is Redelivery.MESSAGE_GONE:
            raise falcon.HTTPConflict(
                description="The message is no longer in memory; only its short text was kept."
            )
        resp.status = falcon.HTTP_ACCEPTED
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"id": letter.id, "status": became.value})


class _Given(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST."""

    type: str
    payload: Raw
    correlation_id: str = ""


def _body(req: falcon.Request) -> _Given:
    try:
        return msgspec.json.decode(read_body(req), type=_Given)
    except msgspec.ValidationError as error:
        raise falcon.HTTPUnprocessableEntity(description=f"No event: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise falcon.HTTPBadRequest(description=f"The body is no JSON: {error}.") from error


def _event(given: _Given, source: str) -> Event:
    try:
        payload = decode(given.type, given.payload)
        now = datetime.now(UTC)
        event = Event(uuid4(), given.type, now, source, given.correlation_id, payload)
        check_event(event)
    except EventRefused as error:
        raise falcon.HTTPUnprocessableEntity(description=error.reason) from error
    return event


def _types(req: falcon.Request) -> frozenset[str]:
    types = words_of(req, "type")
    unknown = sorted(types - PAYLOADS.keys())
    if unknown:
        raise falcon.HTTPInvalidParam(
            f"{unknown[0]} is no type of event; GET /api/events/schemas shows all of them.", "type"
        )
    return types


class _Placed(Protocol):
    @property
    def place(self) -> Place: ...


def _from_either(
    table: Callable[[], Sequence[_Placed]], memory: Callable[[], Sequence[_Placed]]
) -> tuple[str, Sequence[_Placed]]:
    """What the table says; what is in memory if it says nothing. Both with their name."""
    try:
        return "database", table()
    except (StorageError, SupervisionError):
        return "memory", memory()


def _page(
    resp: falcon.Response,
    name: str,
    source: str,
    items: Sequence[_Placed],
    limit: int,
) -> None:
    last = items[-1].place if len(items) == limit else None
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(
        {
            "source": source,
            "count": len(items),
            name: items,
            "next_cursor": None if last is None else cursor_for(last),
        }
    )


def _letter(service: Service, letter_id: str) -> DeadLetter:
    """Raises falcon.HTTPNotFound."""
    missing = falcon.HTTPNotFound(description="There is no dead letter of this id.")
    try:
        key = UUID(letter_id)
    except ValueError as error:
        raise missing from error
    letter = service.ask("event_bus", GetLetter(key)) or service.ask("history", FindLetter(key))
    if letter is None:
        raise missing
    return letter

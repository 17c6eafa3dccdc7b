"""Dead letters: list, one, discard, and deliver once more."""

from __future__ import annotations

from functools import partial
from typing import ClassVar
from uuid import UUID

import falcon
from msgspec import Struct

from vatwatch.access.scopes import Scope
from vatwatch.errors import EventRefused
from vatwatch.events.dead_letters import KINDS, DeadLetter, LetterFilter
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.event_filter import EVENT_TYPES
from vatwatch.http.known_names import letter_types, receivers, require_known
from vatwatch.http.nodes import of_collector
from vatwatch.http.pages import NewestHead, send_newest
from vatwatch.http.params import (
    CURSOR,
    LIMIT,
    SINCE,
    UNTIL,
    Declared,
    one_of,
    text,
    words,
)
from vatwatch.http.request_bodies import require_no_fields
from vatwatch.messages import (
    DiscardDeadLetter,
    FindDeadLetter,
    FindDeadLetters,
    GetDeadLetter,
    GetDeadLetters,
    RedeliverDeadLetter,
    Redelivery,
)

KIND = one_of("kind", KINDS, about="Only dead letters of this kind.")
RECEIVER = text("receiver", about="Only what this one did not get.", example="store")
# Types of messages are written like their classes, those of events in capitals.
ANY_TYPES = words(
    "type",
    about="Only letters of these types: of events, or classes of messages.",
    example="FLIGHT_DEPARTED",
)
LETTER_ID = text(
    "letter_id",
    about="The `id` of a dead letter.",
    example="77bc3408-b8a8-5d1e-aa9a-590d47ce87dd",
)


class LettersPage(NewestHead, frozen=True, kw_only=True):
    """A page of dead letters, the newest first."""

    dead_letters: tuple[DeadLetter, ...]


class Redelivered(Struct, frozen=True):
    """A dead letter that is tried again."""

    id: UUID
    status: str
    """`queued`, or `already queued`."""


@of_collector("GET")
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
        require_known(
            self._service,
            RECEIVER.name,
            "receiver of anything",
            filter(None, [wanted.receiver]),
            partial(receivers, self._service),
            lambda name: FindDeadLetters(LetterFilter(receiver=name), 1),
        )
        require_known(
            self._service,
            ANY_TYPES.name,
            "type of a letter",
            wanted.types,
            letter_types,
            lambda name: FindDeadLetters(LetterFilter(types=frozenset({name})), 1),
        )
        send_newest(
            self._service,
            resp,
            lambda page: LettersPage(**page.head(), dead_letters=page.records),
            table=FindDeadLetters(wanted, limit, after),
            keeper="event_bus",
            memory=GetDeadLetters(wanted, limit, after),
            limit=limit,
        )


@of_collector("GET", "DELETE")
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


@of_collector("POST")
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

"""How an undelivered event or message is written down as a dead letter. Pure."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from vatwatch.events.dead_letters import DeadLetter, letter_id
from vatwatch.events.event import Event, EventRow
from vatwatch.redaction import storable
from vatwatch.supervision import DeadLetterReason, Tell

# The receiver of events that PostgreSQL refuses.
TABLE = "store"
# Of a message; its repr may be megabytes.
MESSAGE_CHARS = 300
VALUE_CHARS = 60


def of_event(event: Event, handler: str, reason: str, error: str, attempts: int) -> DeadLetter:
    """The dead letter of an event that a handler did not get. Its id is the same each time."""
    return DeadLetter(
        id=letter_id(event.id, handler),
        kind="event",
        receiver=handler,
        type=event.type,
        reason=reason,
        error=storable(error),
        attempts=attempts,
        time=datetime.now(UTC),
        event=EventRow.of(event),
    )


def of_refused_event(event: Event, error: str) -> DeadLetter:
    """The dead letter of an event that PostgreSQL refuses. It holds only a description, since the
    other table would refuse the event, too."""
    letter = of_event(event, TABLE, "refused", error, 1)
    return msgspec.structs.replace(
        letter, event=None, message=storable(repr(event))[:MESSAGE_CHARS]
    )


def of_message(path: str, message: Tell, reason: DeadLetterReason) -> DeadLetter:
    """The dead letter of a message that the actor at `path` did not get. It holds only a short
    description, since a message may hold anything."""
    return DeadLetter(
        id=uuid4(),
        kind="message",
        receiver=path,
        type=type(message).__name__,
        reason=reason,
        error="",
        attempts=1,
        time=datetime.now(UTC),
        message=_in_short(message),
    )


def _in_short(message: Tell) -> str:
    """The values of short fields, and the types of the others."""
    if not is_dataclass(message):
        return type(message).__name__  # not one of ours: pykka's refs take anything
    values = ", ".join(f"{f.name}={_value(getattr(message, f.name))}" for f in fields(message))
    return storable(f"{type(message).__name__}({values})"[:MESSAGE_CHARS])


def _value(value: object) -> str:
    if value is None or isinstance(value, int | float | datetime | UUID):
        return str(value)
    if isinstance(value, str | bytes):
        return repr(value[:VALUE_CHARS])
    return f"<{type(value).__name__}>"

"""Dead letters: events, messages and alerts that could not be delivered, kept until they are
delivered again or deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, get_args
from uuid import UUID, uuid5

from msgspec import Struct

from vatwatch.events.event import Cursor, EventRow

LetterKind: TypeAlias = Literal["event", "message", "alert"]
KINDS: tuple[LetterKind, ...] = get_args(LetterKind)

# Any UUID; that of the letters about events.
_LETTERS = UUID("b1d3c1a5-0c57-5b0e-8d5f-0b6f2a1f7c42")


class DeadLetter(Struct, frozen=True, gc=False):
    """A dead letter. Of a message between actors only a short text is kept, since it may contain
    anything."""

    id: UUID
    kind: LetterKind
    receiver: str
    """An event's: the name of the actor that should have handled it; a message's: its path; an
    alert's: the webhook."""
    type: str
    """Of the event or the message; an alert's: its rule."""
    reason: str
    """Why it was not delivered, in a word or two."""
    error: str
    """Its type first; empty if there was none."""
    attempts: int
    time: datetime
    """When the last attempt was, by the wall clock."""
    event: EventRow | None = None
    message: str = ""
    """Of a message some words, of an alert the whole notification as JSON."""

    @property
    def cursor(self) -> Cursor:
        """Its position in a list by time."""
        return self.time, self.id


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """A filter for dead letters; empty fields match all."""

    kind: str = ""
    receiver: str = ""
    types: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""

    def wants(self, letter: DeadLetter) -> bool:
        """Whether the dead letter matches."""
        return (
            (not self.kind or letter.kind == self.kind)
            and (not self.receiver or letter.receiver == self.receiver)
            and (not self.types or letter.type in self.types)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
        )


def letter_id(subject_id: UUID, receiver: str) -> UUID:
    """The computed id: an event or alert that fails twice for one receiver is one dead letter."""
    return uuid5(_LETTERS, f"{subject_id}\x1f{receiver}")

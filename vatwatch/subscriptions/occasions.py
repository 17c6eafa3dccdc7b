"""Occasions: what is told to somebody who has a subscription, and what is remembered of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID, uuid5

from msgspec import Struct

# Any UUID; that of all occasions.
_OCCASIONS = UUID("3f5e0d1c-8c7e-5b0e-9d53-0f7c6a1be2d4")

Fact: TypeAlias = str | int | float | None


class Subject(Struct, frozen=True, gc=False):
    """Somebody or something that a watch waits for, and that is there now."""

    key: str
    """The same in each snapshot, also after a reconnect."""
    session: str
    """Which session or flight it is: it is told once."""
    called: str
    """What people call it: a callsign."""
    news: str
    """`NewsKind`, or `ahead`."""
    text: str
    """What is told when it begins: a sentence."""
    facts: dict[str, Fact]


class Occasion(Struct, frozen=True):
    """Something that a subscription has waited for has begun, or has ended."""

    id: UUID
    """Of the message: made from the subscription, the subject and its session, and `event`. The
    same occasion has the same id, however often it is derived."""
    occasion: UUID
    """The same of the beginning and the end."""
    event: Literal["began", "ended", "test"]
    news: str
    subject: str
    session: str
    at: datetime
    """The snapshot that showed it; of an end, the one with which it was certain."""
    text: str
    facts: dict[str, Fact]
    correlation_id: str = ""
    """The snapshot's."""


def began(subscription: UUID, subject: Subject, at: datetime, correlation_id: str = "") -> Occasion:
    """The occasion that a subject gives in the snapshot of a time."""
    occasion = occasion_id(subscription, subject.key, subject.session)
    return Occasion(
        message_id(occasion, "began"),
        occasion,
        "began",
        subject.news,
        subject.called,
        subject.session,
        at,
        subject.text,
        subject.facts,
        correlation_id,
    )


def test_occasion(new_id: UUID, name: str, now: datetime) -> Occasion:
    """A message by which its owner sees that a subscription's messages arrive."""
    text = f"This is a test of the subscription {name}." if name else "This is a test."
    return Occasion(new_id, new_id, "test", "test", name, "", now, text, {})


def occasion_id(subscription: UUID, key: str, session: str) -> UUID:
    """The id of one occasion, always the same."""
    return uuid5(_OCCASIONS, f"{subscription}\x1f{key}\x1f{session}")


def message_id(occasion: UUID, event: str) -> UUID:
    """The id of the message about its beginning, or its end."""
    return uuid5(occasion, event)


class SeenSubject(Struct, frozen=True, gc=False, array_like=True):
    """What is remembered of a subject."""

    session: str
    called: str
    news: str
    held: int
    """In how many snapshots in a row it was seen, up to `HELD_SNAPSHOTS`."""
    told: bool = False
    silent: bool = False
    """It was there when the subscription was made, so it is no news."""
    missing_since: datetime | None = None
    """The last snapshot that showed it; None while it is there."""
    over: bool = False
    """It is told that it has ended. It is kept as long as it may go on."""

    @property
    def is_settled(self) -> bool:
        """Whether it needs no telling any more."""
        return self.told or self.silent


class CountSeen(Struct, frozen=True, gc=False, array_like=True):
    """What is remembered of a count."""

    above: int = 0
    """In how many snapshots in a row it was high enough, up to `HELD_SNAPSHOTS`."""
    below: int = 0
    """In how many in a row it was low enough to end it."""
    since: datetime | None = None
    """The first of those in which it was high enough."""
    told: bool = False
    last_told: datetime | None = None


class SubscriptionState(Struct, frozen=True):
    """What a subscription remembers between two snapshots. It can be stored as JSON."""

    time: datetime | None = None
    """The snapshot that was judged last; None before the first one."""
    seen: dict[str, SeenSubject] = {}
    """By the subject's key."""
    count: CountSeen = CountSeen()

"""Scopes: what a key may be used for."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum


class Scope(Enum):
    """A right that a key has or has not. `ABOUT` says what each is for."""

    READ = "read"
    EVENTS = "events"
    SUBSCRIPTIONS = "subscriptions"
    ADMIN = "admin"


ABOUT = {
    Scope.READ: "Read what is not public: exports, and everything if VATWATCH_PUBLIC_READS is off.",
    Scope.EVENTS: "Publish events; redeliver and discard dead letters.",
    Scope.SUBSCRIPTIONS: "Have subscriptions, whose notifications are sent.",
    Scope.ADMIN: "Everything, such as restarting a part, and making and revoking keys.",
}

ALL = frozenset(Scope)


def allows(held: Collection[Scope], needed: Scope) -> bool:
    """Whether these scopes are enough for what needs `needed`. `admin` is enough for everything."""
    return needed in held or Scope.ADMIN in held

"""Judging all subscriptions at once, in a native thread, and what waits for its transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from vatwatch.storage.subscription_table import ReadSubscriptions, write_judgement
from vatwatch.subscriptions.judgement import judge
from vatwatch.subscriptions.occasions import Occasion, SubscriptionState
from vatwatch.subscriptions.records import KnownSubscription, MessageToUser, messages_for
from vatwatch.subscriptions.view import NetworkView

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# Messages that may wait for the database; beyond that the oldest are dropped. More than a day of
# it for subscriptions of a thousand stations.
MOST_UNSAVED = 10_000


class JudgedAll(NamedTuple):
    """What one snapshot means for all subscriptions."""

    states: Mapping[UUID, SubscriptionState]
    occasions: Mapping[UUID, tuple[Occasion, ...]]
    """Of those that have any."""


def judge_all(view: NetworkView, known: Sequence[KnownSubscription]) -> JudgedAll:
    """Judge one snapshot for each of them. It only computes."""
    states, occasions = {}, {}
    for one in known:
        subscription = one.subscription
        judged = judge(
            subscription.id,
            subscription.watch,
            one.state,
            view,
            tell_present=subscription.tell_present,
        )
        states[subscription.id] = judged.state
        if judged.occasions:
            occasions[subscription.id] = judged.occasions
    return JudgedAll(states, occasions)


def caught_up(state: SubscriptionState, judged_at: datetime | None) -> SubscriptionState:
    """The state after a snapshot that changed nothing else in it, which is not stored."""
    if state.time is None or judged_at is None or state.time >= judged_at:
        return state
    return replace(state, time=judged_at)


def as_of(found: ReadSubscriptions) -> dict[UUID, KnownSubscription]:
    """Those of the database, by id, as they were when snapshots were judged last."""
    return {
        one.subscription.id: replace(one, state=caught_up(one.state, found.judged_at))
        for one in found.known
    }


@dataclass(slots=True)
class Unsaved:
    """What was judged, and is not in the database yet."""

    judged_at: datetime | None = None
    states: dict[UUID, SubscriptionState] = field(default_factory=dict)
    messages: deque[MessageToUser] = field(default_factory=lambda: deque(maxlen=MOST_UNSAVED))
    dropped: int = 0

    def write(self, conn: connection) -> None:
        """Write it, as of now. For `Database.run`."""
        if self.judged_at is not None:
            write_judgement(conn, self.judged_at, self.states, self.messages, datetime.now(UTC))

    def add(self, known: Mapping[UUID, KnownSubscription], judged: JudgedAll, at: datetime) -> None:
        """Add what a snapshot has changed."""
        self.judged_at = at
        for subscription_id, state in judged.states.items():
            before = known[subscription_id].state
            changed = state.seen is not before.seen or state.count is not before.count
            if changed or before.time is None:
                self.states[subscription_id] = state
        for subscription_id, occasions in judged.occasions.items():
            for message in messages_for(known[subscription_id].subscription, occasions):
                self.dropped += len(self.messages) == MOST_UNSAVED
                self.messages.append(message)

    def forget(self, subscription_id: UUID) -> None:
        """Leave out one that was deleted, or begins anew."""
        self.states.pop(subscription_id, None)

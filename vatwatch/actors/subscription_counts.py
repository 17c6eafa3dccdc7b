"""How many subscriptions there are, and what waits for their targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from vatwatch.actors.postman import Postman
from vatwatch.actors.subscription_judge import Unsaved
from vatwatch.messages.subscription_status import SubscriptionsStatus
from vatwatch.subscriptions.records import KnownSubscription


def counts_of(
    known: Mapping[UUID, KnownSubscription], unsaved: Unsaved, postman: Postman
) -> SubscriptionsStatus:
    """The counts as of now; the rest of the status is the actor's own."""
    now = datetime.now(UTC)
    return SubscriptionsStatus(
        subscriptions=len(known),
        active=sum(one.subscription.is_active(now) for one in known.values()),
        unsaved=len(unsaved.messages),
        dropped=unsaved.dropped,
        waiting=postman.waiting,
        delivered=postman.delivered,
        undelivered=postman.undelivered,
    )

"""What a subscription must be to be kept, beyond what its own text says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.counting import counted
from vatwatch.errors import SubscriptionRefused
from vatwatch.subscriptions.allowed import AllowedTargets
from vatwatch.subscriptions.records import StreamTarget, UserSubscription
from vatwatch.subscriptions.view import unknown_place

if TYPE_CHECKING:
    from vatwatch.config.subscriptions import SubscriptionSettings
    from vatwatch.traffic.areas.known_areas import KnownAreas


def check_subscription(
    now: UserSubscription,
    before: UserSubscription | None,
    owned: int,
    settings: SubscriptionSettings,
    areas: KnownAreas,
) -> None:
    """Check what is new in a subscription.

    Args:
        now: as it is to be
        before: as it was; None if it is new
        owned: how many its owner has
        settings: how many that may be, and where messages may go
        areas: the FIRs that can be watched

    Raises:
        SubscriptionRefused: it cannot be had
    """
    if before is None and owned >= settings.limit:
        most = counted(settings.limit, "subscription")
        raise SubscriptionRefused("", f"One key may have {most} (VATWATCH_SUBSCRIPTION_LIMIT).")
    if before is None or before.watch != now.watch:
        unknown = unknown_place(now.watch, areas)
        if unknown is not None:
            field, must, close = unknown
            raise SubscriptionRefused(f"watch.{field}", must, close)
    is_new = before is None or before.target != now.target
    if is_new and not isinstance(now.target, StreamTarget):
        fault = AllowedTargets(settings.hosts, settings.networks).fault_of(now.target.url)
        if fault is not None:
            raise SubscriptionRefused("target.url", fault)

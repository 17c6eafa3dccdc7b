"""What a subscription must be to be kept, beyond what its own text says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.counting import counted
from vatwatch.errors import FirsUnknown, SubscriptionRefused
from vatwatch.subscriptions.allowed import AllowedTargets
from vatwatch.subscriptions.records import StreamTarget, UserSubscription
from vatwatch.subscriptions.view import fir_of, unknown_place
from vatwatch.traffic.areas.known_areas import NO_AREAS

if TYPE_CHECKING:
    from vatwatch.config.areas import AreaSettings
    from vatwatch.config.subscriptions import SubscriptionSettings
    from vatwatch.messages import NetworkMoved
    from vatwatch.traffic.areas.known_areas import KnownAreas

NO_FIRS_YET = (
    "Which FIRs there are is not known yet: no file that VATWATCH_POSITIONS_DATA names is "
    "in use. /api/services/areas/health says how they are."
)


def check_subscription(
    now: UserSubscription,
    before: UserSubscription | None,
    owned: int,
    settings: SubscriptionSettings,
    areas: KnownAreas | None,
) -> None:
    """Check what is new in a subscription.

    Args:
        now: as it is to be
        before: as it was; None if it is new
        owned: how many its owner has
        settings: how many that may be, and where messages may go
        areas: the FIRs that can be watched; None: files name some, and none is in use yet

    Raises:
        SubscriptionRefused: it cannot be had
        FirsUnknown: nobody can say whether it can
    """
    if before is None and owned >= settings.limit:
        most = counted(settings.limit, "subscription")
        raise SubscriptionRefused("", f"One key may have {most} (VATWATCH_SUBSCRIPTION_LIMIT).")
    if before is None or before.watch != now.watch:
        if areas is None and fir_of(now.watch) is not None:
            raise FirsUnknown("", NO_FIRS_YET)
        unknown = unknown_place(now.watch, NO_AREAS if areas is None else areas)
        if unknown is not None:
            field, must, close = unknown
            raise SubscriptionRefused(f"watch.{field}", must, close)
    is_new = before is None or before.target != now.target
    if is_new and not isinstance(now.target, StreamTarget):
        fault = AllowedTargets(settings.hosts, settings.networks).fault_of(now.target.url)
        if fault is not None:
            raise SubscriptionRefused("target.url", fault)


def goes_on(before: UserSubscription, now: UserSubscription) -> bool:
    """Whether what was remembered is of use: it waits for the same, and was not paused."""
    return before.watch == now.watch and before.enabled and now.enabled


def areas_in_use(network: NetworkMoved | None, settings: AreaSettings) -> KnownAreas | None:
    """Those of the latest snapshot; None: files name some, and none has come with one yet."""
    areas = NO_AREAS if network is None else network.areas
    return None if settings.positions_data and not areas.areas else areas

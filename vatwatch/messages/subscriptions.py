"""To the subscriptions: the network as it is now, and what users have made, changed and asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from vatwatch.messages.shared import DatabaseReturned, SettingsChanged, UseRole
from vatwatch.subscriptions.records import DeliveryRecord, UserSubscription
from vatwatch.supervision import Ask, Latest
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.network_state import NetworkState


@dataclass(frozen=True, slots=True)
class NetworkMoved(Latest):
    """processor → subscriptions: this is the live state now, from a snapshot that was fetched since
    the start."""

    state: NetworkState
    areas: KnownAreas


@dataclass(frozen=True, slots=True)
class ListSubscriptions(Ask[tuple[UserSubscription, ...]]):
    """http → subscriptions: those of an owner, or all, the oldest first. DatabaseUnavailable: they
    were not read yet."""

    owner: str | None


@dataclass(frozen=True, slots=True)
class SaveSubscription(Ask[None]):
    """http → subscriptions: keep this one, which is new, or was changed.

    SubscriptionRefused: it cannot be had; FirsUnknown: nobody can say; DatabaseUnavailable.
    """

    subscription: UserSubscription
    is_new: bool


@dataclass(frozen=True, slots=True)
class DeleteSubscription(Ask[None]):
    """http → subscriptions: forget it, and its messages. DatabaseUnavailable."""

    subscription_id: UUID


@dataclass(frozen=True, slots=True)
class SendTestMessage(Ask[UUID]):
    """http → subscriptions: send its target a message that says that it is a test; answered with
    the message's id. DatabaseUnavailable."""

    subscription_id: UUID


@dataclass(frozen=True, slots=True)
class DeliverAgain(Ask[bool]):
    """http → subscriptions: try this message again, which was given up; answered with whether there
    is one. DatabaseUnavailable."""

    subscription_id: UUID
    message_id: UUID


@dataclass(frozen=True, slots=True)
class FindDeliveries(Ask[tuple[DeliveryRecord, ...]]):
    """http → subscriptions: its latest messages, the newest first. DatabaseUnavailable."""

    subscription_id: UUID
    limit: int


ToSubscriptions: TypeAlias = (
    NetworkMoved
    | ListSubscriptions
    | SaveSubscription
    | DeleteSubscription
    | SendTestMessage
    | DeliverAgain
    | FindDeliveries
    | DatabaseReturned
    | SettingsChanged
    | UseRole
)

"""Records: a subscription as its owner has made it, and a message on its way to its target."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from msgspec import Meta, Struct

from vatwatch.subscriptions.occasions import Occasion, SubscriptionState
from vatwatch.subscriptions.watches import UserWatch

Url: TypeAlias = Annotated[str, Meta(min_length=8, max_length=2000)]
Secret: TypeAlias = Annotated[
    str, Meta(max_length=200, pattern=r"^([!-~]{16,200})?$", description="16 to 200 characters.")
]
HeaderName: TypeAlias = Annotated[str, Meta(max_length=100, pattern=r"^[A-Za-z0-9-]+$")]
HeaderValue: TypeAlias = Annotated[str, Meta(max_length=1000, pattern=r"^[ -~]*$")]


class StreamTarget(Struct, frozen=True, tag_field="kind", tag="stream", forbid_unknown_fields=True):
    """An event of the service, SUBSCRIPTION_MATCHED: whoever follows the events hears of it."""


class WebhookTarget(
    Struct, frozen=True, tag_field="kind", tag="webhook", forbid_unknown_fields=True
):
    """A server of the user, which is posted each message, signed."""

    url: Url
    secret: Secret = ""
    """Signs the messages (Standard Webhooks). One is drawn if it is not given."""
    headers: dict[HeaderName, HeaderValue] = {}
    """Sent with each message; they take the place of vatwatch's own."""
    template: Annotated[str, Meta(max_length=10_000)] = ""
    """The body, with `{{text}}` and the like in it; empty: the message as JSON."""
    tell_end: bool = False
    """Whether the end of an occasion is sent, too."""


class DiscordTarget(
    Struct, frozen=True, tag_field="kind", tag="discord", forbid_unknown_fields=True
):
    """A channel of Discord, by its webhook. The message is edited when its occasion ends."""

    url: Url
    mention: Annotated[str, Meta(max_length=30, pattern=r"^(<@&?[0-9]{1,20}>)?$")] = ""
    """Who is notified of it: `<@user id>` or `<@&role id>`; nobody if it is empty."""


Target: TypeAlias = StreamTarget | WebhookTarget | DiscordTarget


class UserSubscription(Struct, frozen=True):
    """A subscription. Times are of the wall clock, in UTC."""

    id: UUID
    owner: str
    """Who made it: the key, as the audit log names it."""
    name: str
    watch: UserWatch
    target: Target
    enabled: bool
    tell_present: bool
    """Whether what is there when it is judged for the first time is told."""
    until: datetime | None
    """From then on nothing is judged; None: for ever."""
    created_at: datetime
    changed_at: datetime

    def is_active(self, now: datetime) -> bool:
        """Whether snapshots are judged for it."""
        return self.enabled and (self.until is None or now < self.until)


class KnownSubscription(Struct, frozen=True):
    """A subscription, and what it remembers."""

    subscription: UserSubscription
    state: SubscriptionState


class MessageToUser(Struct, frozen=True):
    """A message about an occasion, as it waits for its delivery."""

    subscription_id: UUID
    occasion: Occasion


MessageState: TypeAlias = Literal["waiting", "delivered", "undelivered"]


class DeliveryRecord(Struct, frozen=True):
    """What became of a message. Times are of the wall clock."""

    id: UUID
    subscription_id: UUID
    state: MessageState
    attempts: int
    last_error: str
    created_at: datetime
    done_at: datetime | None
    occasion: Occasion
    receipt: str = ""
    """What the target calls the message, where it is changed later."""


def messages_for(
    subscription: UserSubscription, occasions: tuple[Occasion, ...]
) -> list[MessageToUser]:
    """What is sent of these occasions: the beginnings, and the ends where the target wants them."""
    return [
        MessageToUser(subscription.id, occasion)
        for occasion in occasions
        if occasion.event == "began" or wants_ends(subscription.target)
    ]


def wants_ends(target: Target) -> bool:
    """Whether a target is told of the end of an occasion, too."""
    return target.tell_end if isinstance(target, WebhookTarget) else True

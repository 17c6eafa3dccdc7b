"""Targets of users: sends one message to a webhook or to Discord. `courier.py` retries."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from vatwatch.actors.posting import Outgoing, post
from vatwatch.subscriptions.allowed import AllowedTargets
from vatwatch.subscriptions.letters import (
    discord_body,
    discord_url,
    webhook_body,
    webhook_headers,
)
from vatwatch.subscriptions.occasions import Occasion
from vatwatch.subscriptions.records import (
    DeliveryRecord,
    DiscordTarget,
    UserSubscription,
    WebhookTarget,
)


class _MadeMessage(Struct, frozen=True):
    """What Discord answers."""

    id: str = ""


def send_to_webhook(
    name: str,
    subscription: UserSubscription,
    target: WebhookTarget,
    occasion: Occasion,
    *,
    timeout_s: float,
    allowed: AllowedTargets,
) -> None:
    """Send it once, signed now. `name` is what errors call it. Raises what `post` raises."""
    body = webhook_body(subscription, target, occasion)
    headers = webhook_headers(target, occasion, body, datetime.now(UTC))
    post(Outgoing(name, target.url, body, headers), timeout_s=timeout_s, allowed=allowed)


def send_to_discord(
    name: str,
    subscription: UserSubscription,
    target: DiscordTarget,
    occasion: Occasion,
    began: DeliveryRecord | None,
    *,
    timeout_s: float,
    allowed: AllowedTargets,
) -> str:
    """Make a message, or edit the one of `began`. Returns what Discord calls it; empty if it does
    not say so. Raises what `post` raises."""
    body = discord_body(subscription, target, occasion, None if began is None else began.occasion)
    receipt = "" if began is None else began.receipt
    answer = post(
        Outgoing(
            name,
            discord_url(target.url, receipt),
            body,
            method="PATCH" if receipt else "POST",
        ),
        timeout_s=timeout_s,
        allowed=allowed,
    )
    try:
        made = msgspec.json.decode(answer, type=_MadeMessage)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return receipt
    # It becomes a part of an address.
    return made.id if made.id.isascii() and made.id.isdigit() else receipt

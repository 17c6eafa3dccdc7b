"""Letters: a message as its target gets it: a signed webhook, an embed of Discord.

Webhooks are signed as the specification of Standard Webhooks 1.0 says: `webhook-signature` is `v1,`
and the HMAC-SHA256 of `id.timestamp.body`, in base64.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from vatwatch.feed.times import time_text
from vatwatch.subscriptions.occasions import Fact, Occasion
from vatwatch.subscriptions.records import DiscordTarget, UserSubscription, WebhookTarget

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with
# Set by vatwatch, or by the connection; a user cannot.
OWN_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
)
MOST_HEADERS = 20
# Discord's own limit of an embed's description.
TEXT_LIMIT = 4096
GREEN, GREY, BLUE = 0x2E7D32, 0x9E9E9E, 0x1565C0
_FIELD = re.compile(r"\{\{\s*(\w+)\s*\}\}")
NAMES = ("id", "occasion_id", "event", "news", "subject", "session", "at", "text",
         "subscription_id", "subscription", "callsign", "cid", "frequency", "facility",
         "session_id", "logon_time", "latitude", "longitude", "flight_id", "aircraft",
         "departure", "arrival", "altitude", "groundspeed", "time", "fir", "flight", "minutes",
         "place", "of", "count", "at_least", "since")  # fmt: skip
"""What a template may have between its braces."""


class WebhookMessage(Struct, frozen=True):
    """The body of a webhook without a template."""

    id: str
    occasion_id: str
    event: str
    news: str
    subscription: dict[str, str]
    """Its `id` and `name`."""
    subject: str
    session: str
    at: datetime
    text: str
    facts: dict[str, Fact]


def webhook_body(
    subscription: UserSubscription, target: WebhookTarget, occasion: Occasion
) -> bytes:
    """The body of a webhook: by the user's template, or as JSON."""
    if target.template:
        return filled(target.template, _values(subscription, occasion)).encode()
    return msgspec.json.encode(
        WebhookMessage(
            str(occasion.id),
            str(occasion.occasion),
            occasion.event,
            occasion.news,
            {"id": str(subscription.id), "name": subscription.name},
            occasion.subject,
            occasion.session,
            occasion.at,
            occasion.text,
            occasion.facts,
        )
    )


def webhook_headers(
    target: WebhookTarget, occasion: Occasion, body: bytes, now: datetime
) -> dict[str, str]:
    """The user's headers, and those of the signature."""
    message_id, timestamp = str(occasion.id), str(int(now.timestamp()))
    return {
        **target.headers,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(target.secret, message_id, timestamp, body),
    }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key_of(secret), signed, "sha256")
    return f"v1,{b64encode(digest).decode()}"


def key_of(secret: str) -> bytes:
    """The bytes that sign: what is behind `whsec_` in base64, or else the text itself."""
    if secret.startswith(SECRET_PREFIX):
        try:
            return b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            pass  # a text that only begins so
    return secret.encode()


def fault_of_webhook(target: WebhookTarget) -> tuple[str, str] | None:
    """What is wrong with a webhook beside its address: a field, and what it must be."""
    if len(target.headers) > MOST_HEADERS:
        return "headers", f"must be {MOST_HEADERS} at most"
    for name in target.headers:
        if name.lower() in OWN_HEADERS:
            return "headers", f"must not have {name}, which vatwatch sets"
    for name in _FIELD.findall(target.template):
        if name not in NAMES:
            return "template", f"must have only known names in its braces: {', '.join(NAMES)}"
    return None


def filled(template: str, values: Mapping[str, Fact]) -> str:
    """A template with its values, each written so that it can stand in a text of JSON. What is not
    known is empty."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        text = "" if value is None else str(value)
        return msgspec.json.encode(text).decode()[1:-1]

    return _FIELD.sub(value_of, template)


def _values(subscription: UserSubscription, occasion: Occasion) -> dict[str, Fact]:
    return {
        **occasion.facts,
        "id": str(occasion.id),
        "occasion_id": str(occasion.occasion),
        "event": occasion.event,
        "news": occasion.news,
        "subject": occasion.subject,
        "session": occasion.session,
        "at": time_text(occasion.at),
        "text": occasion.text,
        "subscription_id": str(subscription.id),
        "subscription": subscription.name,
    }


# --- Discord -------------------------------------------------------------------------------------


def discord_body(
    subscription: UserSubscription,
    target: DiscordTarget,
    occasion: Occasion,
    began: Occasion | None = None,
) -> bytes:
    """The message in Discord's form.

    `began`: of an end, the occasion whose message is edited; its facts stay.
    """
    colour = {"began": GREEN, "ended": GREY}.get(occasion.event, BLUE)
    embed: dict[str, Any] = {
        "title": subscription.name or "vatwatch",
        "description": occasion.text[:TEXT_LIMIT],
        "color": colour,
        "timestamp": time_text(occasion.at if began is None else began.at),
        "fields": [
            {"name": name, "value": str(value), "inline": True}
            for name, value in _shown((began or occasion).facts)
        ],
        "footer": {"text": "vatwatch"},
    }
    body: dict[str, Any] = {
        "embeds": [embed],
        # A text that happens to contain @everyone must not notify everybody.
        "allowed_mentions": {"parse": [], **_mentioned(target.mention)},
    }
    if began is None:
        body["username"] = "vatwatch"
        body["content"] = target.mention
    return msgspec.json.encode(body)


def _shown(facts: Mapping[str, Fact]) -> list[tuple[str, Fact]]:
    wanted: Collection[str] = ("frequency", "cid", "aircraft", "departure", "arrival", "count")
    return [(name, facts[name]) for name in wanted if facts.get(name) not in (None, "")]


def _mentioned(mention: str) -> dict[str, list[str]]:
    number = mention.strip("<@&>")
    if not number:
        return {}
    return {"roles" if mention.startswith("<@&") else "users": [number]}


def discord_url(url: str, message_id: str = "") -> str:
    """The address that makes a message and answers with it; with its id, the one that edits it."""
    parts = urlsplit(url)
    if message_id:
        path = f"{parts.path.rstrip('/')}/messages/{message_id}"
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    query = "&".join(part for part in (parts.query, urlencode({"wait": "true"})) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))

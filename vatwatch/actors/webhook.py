"""Sends one notification of an alert to a webhook, in the form that it expects.

`posting.py` sends, `courier.py` retries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from vatwatch.actors.posting import Outgoing, post
from vatwatch.monitoring.notifications import Notification
from vatwatch.redaction import redact

Form: TypeAlias = Literal["json", "discord"]

DISCORD_HOSTS = ("discord.com", "discordapp.com")
DISCORD_PATH = "/api/webhooks/"
# Discord's own limits of an embed.
TITLE_LIMIT, TEXT_LIMIT = 256, 4096
COLOURS = {"critical": 0xD32F2F, "warning": 0xF9A825, "resolved": 0x2E7D32}


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to send. `name` holds no secret, unlike the path of the address."""

    name: str
    url: str
    form: Form

    @classmethod
    def at(cls, url: str, number: int) -> Webhook:
        """The webhook with this address, at this position in the settings."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        of_discord = host in DISCORD_HOSTS or host.endswith(tuple(f".{h}" for h in DISCORD_HOSTS))
        known = of_discord and parts.path.startswith(DISCORD_PATH)
        return cls(f"webhook {number} ({host})", url, "discord" if known else "json")


def body_of(notification: Notification, form: Form) -> bytes:
    """The body to send. Many people may read it, so secrets of the settings are masked."""
    notification = structs.replace(
        notification,
        summary=redact(notification.summary),
        reason=redact(notification.reason),
        subject=redact(notification.subject),
    )
    if form == "json":
        return msgspec.json.encode(notification)
    resolved = notification.event == "resolved"
    embed = {
        "title": _cut(
            f"{'Resolved' if resolved else 'Alert'}: {notification.summary}", TITLE_LIMIT
        ),
        "description": _cut(notification.reason, TEXT_LIMIT),
        "color": COLOURS["resolved" if resolved else notification.severity],
        "timestamp": notification.at,
        "fields": [
            {"name": "rule", "value": notification.rule, "inline": True},
            {"name": "severity", "value": notification.severity, "inline": True},
            *(
                [{"name": "about", "value": _cut(notification.subject, 1024), "inline": True}]
                if notification.subject
                else []
            ),
        ],
        "footer": {"text": f"{notification.source} {notification.version}"},
    }
    # A text that happens to contain @everyone must not notify everybody.
    content = {"username": "vatwatch", "embeds": [embed], "allowed_mentions": {"parse": []}}
    return msgspec.json.encode(content)


def send(webhook: Webhook, notification: Notification, *, timeout_s: float) -> None:
    """Send it once. Raises what `post` raises."""
    body = body_of(notification, webhook.form)
    post(Outgoing(webhook.name, webhook.url, body), timeout_s=timeout_s)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

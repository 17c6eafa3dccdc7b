"""Sends one notification to a webhook, in the form that it expects. `courier.py` retries."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import gevent
import msgspec
import requests
import urllib3.exceptions
from msgspec import structs

from vatwatch import __version__
from vatwatch.errors import WebhookRefused, WebhookUnavailable
from vatwatch.monitoring.notifications import Notification
from vatwatch.redaction import redact
from vatwatch.supervision.failures import system_words

Form: TypeAlias = Literal["json", "discord"]

DISCORD_HOSTS = ("discord.com", "discordapp.com")
DISCORD_PATH = "/api/webhooks/"
# Discord's own limits of an embed.
TITLE_LIMIT, TEXT_LIMIT = 256, 4096
COLOURS = {"critical": 0xD32F2F, "warning": 0xF9A825, "resolved": 0x2E7D32}
# Status codes that are worth another try: the server says so, or is overloaded.
LATER = frozenset({408, 425, 429})


# What requests and its libraries raise for a bad server, name or address. A RequestException is an
# OSError; errors of codecs and parsers are ValueErrors.
UNSENT = (OSError, ValueError, urllib3.exceptions.HTTPError, http.client.HTTPException)


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
    """Send it once.

    Raises:
        WebhookRefused: the webhook will never accept it
        WebhookUnavailable: no answer in time, or not now
    """
    # The library's own timeout is for each read: with a byte a second it would never end. And it
    # closes a connecting socket only for an OSError.
    timer = gevent.Timeout(timeout_s, TimeoutError())
    timer.start()
    try:
        code, retry_after = _post(webhook, body_of(notification, webhook.form), timeout_s)
    except UNSENT as error:
        # Its text contains the whole address, and so does its cause's.
        why = system_words(error) or type(error).__name__
        if not timer.pending:
            why = f"no answer within {timeout_s:g} s"
        raise WebhookUnavailable(f"{webhook.name}: {why}") from None
    finally:
        timer.close()
    if 200 <= code < 300:
        return
    if code in LATER or code >= 500:
        raise WebhookUnavailable(f"{webhook.name}: HTTP {code}", _seconds(retry_after))
    raise WebhookRefused(f"{webhook.name}: HTTP {code}")


def _post(webhook: Webhook, body: bytes, timeout_s: float) -> tuple[int, str]:
    headers = {"Content-Type": "application/json", "User-Agent": f"vatwatch/{__version__}"}
    # The session must outlive the answer: closed earlier, it would leave the socket open.
    with (
        requests.Session() as session,
        session.post(
            webhook.url,
            data=body,
            headers=headers,
            timeout=timeout_s,
            allow_redirects=False,
            stream=True,
        ) as response,
    ):
        return response.status_code, response.headers.get("Retry-After", "")


def _seconds(retry_after: str) -> float | None:
    """A date is allowed too (RFC 9110, 10.2.3); nobody sends one here."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        return None


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

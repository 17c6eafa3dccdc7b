"""Notifications: what is told to the operator's webhooks, and how the alerts are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class AlertRule(Struct, frozen=True):
    """A rule: what, how bad, and how long it must hold or be gone."""

    name: str
    severity: str
    summary: str
    hold_s: float
    clear_s: float


class AlertNow(Struct, frozen=True):
    """An alert that is pending, fires, or clears. Times are the wall clock."""

    key: str
    rule: str
    subject: str
    severity: str
    state: str
    reason: str
    since: datetime


class Notification(Struct, frozen=True):
    """What is told: an alert fires, or is resolved. The body of a generic webhook."""

    id: str
    event: Literal["firing", "resolved"]
    key: str
    rule: str
    subject: str
    severity: str
    summary: str
    reason: str
    at: datetime
    fired_at: datetime
    source: str
    version: str
    alert_id: str = ""  # the alert's, in /api/alerts; the same when it fires and when it is over


class WebhookNow(Struct, frozen=True):
    """How the delivery to one webhook goes; its name says nothing secret."""

    name: str
    form: str
    waiting: int = 0
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""

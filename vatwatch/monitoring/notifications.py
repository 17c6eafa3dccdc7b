"""Notifications: what is sent to the operator's webhooks, and how alerts are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class AlertRule(Struct, frozen=True):
    """A rule: its subject, severity, and how long its condition must hold or be gone."""

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
    """An alert fires or is resolved. This is the body of a generic webhook."""

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
    alert_id: str = ""  # the alert's id in /api/alerts, the same when it fires and when it is over


class WebhookNow(Struct, frozen=True):
    """The state of deliveries to one webhook; its name holds no secret."""

    name: str
    form: str
    waiting: int = 0
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""

"""Alert records: what is kept about a fired alert, also long after it is over. Pure.

A record is written again whenever it changes, with a higher `revision`, so an older one that comes
late changes nothing. Notifications for webhooks are made from the record alone, so the same
notification always has the same id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from vatwatch import __version__
from vatwatch.monitoring.notifications import AlertNow, AlertRule, Notification, WebhookNow

TellKind: TypeAlias = Literal["firing", "resolved"]
DeliveryState: TypeAlias = Literal["none", "waiting", "delivered", "undelivered"]
"""`none`: there is no webhook."""


class AlertDelivery(Struct, frozen=True):
    """The delivery of one notification to one webhook."""

    webhook: str
    event: TellKind
    state: DeliveryState
    at: datetime
    """When it came into this state, by the wall clock."""
    attempts: int = 0
    error: str = ""


class AlertRecord(Struct, frozen=True):
    """An alert that has fired. Times are of the wall clock, in UTC."""

    id: UUID
    key: str
    rule: str
    subject: str
    severity: str
    summary: str
    cause: str
    since: datetime
    """When its condition began to hold."""
    fired_at: datetime
    until: datetime | None = None
    """When it was resolved (its condition was gone for the rule's time); null while it is
    active."""
    notified: int = 0
    """How often it was sent to the log and the webhooks: when it fired, and when it was over."""
    delivery: DeliveryState = "none"
    """The worst of its deliveries: undelivered before waiting before delivered."""
    deliveries: tuple[AlertDelivery, ...] = ()
    revision: int = 0

    @property
    def cursor(self) -> tuple[datetime, UUID]:
        """Its position in the list."""
        return self.fired_at, self.id

    def told(self, event: TellKind, webhooks: Iterable[str], now: datetime) -> AlertRecord:
        """The same record, now sent to these webhooks: it fires, or is over."""
        waiting = tuple(AlertDelivery(name, event, "waiting", now) for name in webhooks)
        return replace(
            _with(self, (*self.deliveries, *waiting)),
            notified=self.notified + 1,
            until=now if event == "resolved" else None,
        )

    def with_cause(self, cause: str) -> AlertRecord:
        """The same record with another cause."""
        if cause == self.cause:
            return self
        return replace(self, cause=cause, revision=self.revision + 1)

    def ended(self, now: datetime) -> AlertRecord:
        """The same record, ended without a notification, because another record continues it."""
        return replace(self, until=now, revision=self.revision + 1)

    def waiting(self) -> tuple[AlertDelivery, ...]:
        """The deliveries that are not finished."""
        return tuple(each for each in self.deliveries if each.state == "waiting")

    def delivered(self, delivery: AlertDelivery) -> AlertRecord:
        """The same record with the new state of a delivery."""
        others = [
            each
            for each in self.deliveries
            if (each.webhook, each.event) != (delivery.webhook, delivery.event)
        ]
        return _with(self, (*others, delivery))

    def notification(self, event: TellKind) -> Notification:
        """The notification to send."""
        at = self.until if event == "resolved" and self.until is not None else self.fired_at
        return Notification(
            id=str(uuid5(self.id, event)),
            event=event,
            key=self.key,
            rule=self.rule,
            subject=self.subject,
            severity=self.severity,
            summary=self.summary,
            reason=self.cause,
            at=at,
            fired_at=self.fired_at,
            source="vatwatch",
            version=__version__,
            alert_id=str(self.id),
        )


class Alerts(Struct, frozen=True):
    """The current alerts, and the history."""

    rules: tuple[AlertRule, ...]
    alerts: tuple[AlertNow, ...]
    active: tuple[AlertRecord, ...]  # the latest first
    history: tuple[Notification, ...]
    webhooks: tuple[WebhookNow, ...]


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """A filter for alerts; an empty text matches any."""

    state: str = ""
    """active or past."""
    rule: str = ""
    severity: str = ""
    since: datetime | None = None
    """Alerts that were not over before this time."""
    until: datetime | None = None
    """Alerts that fired before this time (exclusive)."""

    def wants(self, record: AlertRecord) -> bool:
        """Whether the record matches."""
        return (
            self.state in ("", "active" if record.until is None else "past")
            and self.rule in ("", record.rule)
            and self.severity in ("", record.severity)
            and (self.since is None or record.until is None or record.until >= self.since)
            and (self.until is None or record.fired_at < self.until)
        )


ALERT_STATES = ("active", "past")
_GRAVEST: tuple[DeliveryState, ...] = ("undelivered", "waiting", "delivered")


def _with(record: AlertRecord, deliveries: tuple[AlertDelivery, ...]) -> AlertRecord:
    states = {each.state for each in deliveries}
    gravest: DeliveryState = next((state for state in _GRAVEST if state in states), "none")
    return replace(record, deliveries=deliveries, delivery=gravest, revision=record.revision + 1)

"""Notifier: sends alerts to the webhooks (a `courier` for each), and notes the outcome in the
alert's record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias
from uuid import UUID

import gevent
import msgspec
from gevent.event import Event as Signal

from vatwatch.actors.alert_history import AlertHistory
from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.courier import Courier, DeliveryEnded, TargetQueue
from vatwatch.actors.service import Service
from vatwatch.actors.webhook import Webhook, send
from vatwatch.config.alerts import AlertSettings
from vatwatch.config.breaker import BreakerSettings
from vatwatch.errors import WebhookUnavailable
from vatwatch.events.dead_letters import DeadLetter, letter_id
from vatwatch.messages import DeleteDeadLetter, StoreDeadLetter
from vatwatch.monitoring.alert_records import AlertDelivery, AlertRecord, TellKind
from vatwatch.monitoring.notifications import Notification, WebhookNow
from vatwatch.redaction import storable
from vatwatch.supervision import CircuitBreaker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that waits, and the dead letter that it was made from, if any."""

    notification: Notification
    letter: DeadLetter | None = None

    @property
    def item_id(self) -> str:
        """The notification's."""
        return self.notification.id


WebhookQueue: TypeAlias = TargetQueue[Waiting]


# How long a stop waits for notifications that are being sent.
STOP_S = 3.0


def webhooks_of(settings: AlertSettings) -> list[Webhook]:
    """The webhooks in the order of the settings, numbered from 1."""
    return [Webhook.at(url.get_secret_value(), n) for n, url in enumerate(settings.webhooks, 1)]


class Notifier:
    """Has a courier for each webhook. Its greenlets belong to the alerter."""

    def __init__(
        self,
        alerter: Service,
        settings: AlertSettings,
        breaker: BreakerSettings,
        history: AlertHistory,
        outboxes: dict[str, WebhookQueue],
        *,
        changed: Callable[[], None],
    ) -> None:
        """Args:
        alerter: the actor whose breakers, recoveries, greenlets and messages are used
        settings: the webhooks, and how patient to be with them
        breaker: the settings of their breakers
        history: where the deliveries are entered
        outboxes: what waits for each webhook; it outlives the notifier
        changed: called after each delivery
        """
        self._alerter = alerter
        self._history = history
        self._outboxes = outboxes
        self._changed = changed
        self._stopping = Signal()
        self._settings = settings
        self._webhooks: dict[str, Webhook] = {}
        self._couriers: dict[str, Courier[Waiting]] = {}
        self._running: dict[str, gevent.Greenlet[..., object]] = {}
        self._engage(settings, breaker)

    def _engage(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        """Start a courier for each webhook that has none."""
        self._settings = settings
        for webhook in webhooks_of(settings):
            if webhook.name not in self._couriers:
                self._webhooks[webhook.name] = webhook
                self._couriers[webhook.name] = Courier(
                    self._alerter,
                    webhook.name,
                    self._outboxes.setdefault(webhook.name, TargetQueue()),
                    self._breaker_of(webhook, breaker),
                    send=partial(self._send, webhook),
                    within_s=lambda: self._settings.deliver_within_s,
                    stopping=self._stopping,
                    ended=self._delivery_ended,
                )

    def _breaker_of(self, webhook: Webhook, breaker: BreakerSettings) -> CircuitBreaker:
        return self._alerter.circuit_breaker(
            webhook.name,
            dependency_policy(breaker),
            failure_types=WebhookUnavailable,
            kind="webhook",
        )

    def _send(self, webhook: Webhook, waiting: Waiting) -> None:
        send(webhook, waiting.notification, timeout_s=self._settings.timeout_s)

    def change(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        """Use the webhooks, timeouts and tries of these settings from now on."""
        self._settings = settings
        wanted = {webhook.name: webhook for webhook in webhooks_of(settings)}
        for name, courier in [*self._couriers.items()]:
            if wanted.get(name) == self._webhooks[name]:
                self._breaker_of(self._webhooks[name], breaker)  # with its policy of now
                courier.try_now()
            else:
                del self._couriers[name]
                self._running.pop(name).kill()
        self._engage(settings, breaker)
        self.start()

    @property
    def webhooks(self) -> Iterable[str]:
        """The names of the webhooks."""
        return self._couriers.keys()

    def start(self) -> None:
        """Start to deliver what waits. What waits for webhooks that were removed becomes a dead
        letter."""
        for name in self._outboxes.keys() - self._couriers.keys():
            for waiting in self._outboxes.pop(name).waiting:
                gone = "it was removed from the settings"
                self._delivery_ended(DeliveryEnded(name, waiting, 0, "unavailable", gone))
        for name, courier in self._couriers.items():
            if name not in self._running:
                self._running[name] = self._alerter.spawn(courier.run)

    def stop(self) -> None:
        """Let the current deliveries finish: one that is killed while it connects would leave a
        socket open."""
        self._stopping.set()
        for courier in self._couriers.values():
            courier.wake()
        gevent.joinall([*self._running.values()], timeout=STOP_S)

    def kill(self) -> None:
        """Stop at once. What waits stays in the outboxes."""
        gevent.killall([*self._running.values()])

    def tell(self, record: AlertRecord, event: TellKind) -> None:
        """Send it to every webhook. Does not wait."""
        for courier in self._couriers.values():
            courier.put(Waiting(record.notification(event)))

    def tell_again(self, letter: DeadLetter) -> None:
        """Send a dead letter to its webhook again."""
        courier = self._couriers.get(letter.receiver)
        if courier is None:
            log.warning(
                "The dead letter %s cannot be delivered again: its receiver, %s, no longer exists.",
                letter.id,
                letter.receiver,
            )
        elif not self._holds(letter):
            notification = msgspec.json.decode(letter.message, type=Notification)
            courier.put(Waiting(notification, letter))

    def _holds(self, letter: DeadLetter) -> bool:
        """Whether the notification of this dead letter is in the queue again already."""
        waiting = self._outboxes[letter.receiver].waiting
        return any(each.letter is not None and each.letter.id == letter.id for each in waiting)

    def resume(self, records: Iterable[AlertRecord]) -> None:
        """Send the notifications that the previous process did not finish."""
        for record in records:
            for delivery in record.waiting():
                courier = self._couriers.get(delivery.webhook)
                if courier is not None:
                    courier.put(Waiting(record.notification(delivery.event)))
                else:
                    gone = msgspec.structs.replace(
                        delivery, state="undelivered", error="this webhook is no longer configured"
                    )
                    self._enter(record.notification(delivery.event), gone)

    def now(self) -> tuple[WebhookNow, ...]:
        """The state of each webhook."""
        return tuple(
            WebhookNow(
                name,
                self._webhooks[name].form,
                len(box.waiting),
                box.delivered,
                box.undelivered,
                box.last_error,
            )
            for name in self._couriers
            for box in (self._outboxes[name],)
        )

    def _delivery_ended(self, ended: DeliveryEnded[Waiting]) -> None:
        """Called by a courier: the webhook has the notification, or will not get it."""
        notification, before = ended.item.notification, ended.item.letter
        if ended.reason:
            log.warning(
                'The alert "%s" could not be delivered to %s: %s. It is kept as a dead letter.',
                f"{notification.summary} ({notification.subject})".removesuffix(" ()"),
                ended.target,
                ended.error.removeprefix(f"{ended.target}: "),
            )
            self._alerter.send("event_bus", StoreDeadLetter(_letter(ended)))
        elif before is not None:
            self._alerter.send("event_bus", DeleteDeadLetter(before.id))
        self._enter(
            notification,
            AlertDelivery(
                ended.target,
                notification.event,
                "undelivered" if ended.reason else "delivered",
                datetime.now(UTC),
                ended.attempts + (0 if before is None else before.attempts),
                ended.error,
            ),
        )
        self._changed()

    def _enter(self, notification: Notification, delivery: AlertDelivery) -> None:
        # A dead letter of an earlier version does not name its alert.
        record = self._history.get(UUID(notification.alert_id)) if notification.alert_id else None
        if record is not None:
            self._history.put(record.delivered(delivery))


def _letter(ended: DeliveryEnded[Waiting]) -> DeadLetter:
    """The dead letter of an undelivered notification. Its id is computed, so it is the same each
    time."""
    notification, before = ended.item.notification, ended.item.letter
    return DeadLetter(
        id=letter_id(UUID(notification.id), ended.target),
        kind="alert",
        receiver=ended.target,
        type=notification.rule,
        reason=ended.reason,
        error=storable(ended.error),
        attempts=ended.attempts + (0 if before is None else before.attempts),
        time=datetime.now(UTC),
        message=storable(msgspec.json.encode(notification).decode()),
    )

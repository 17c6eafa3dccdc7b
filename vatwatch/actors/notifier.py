"""Notifier: sends alerts to the webhooks (a `courier` for each), and notes the outcome in the
alert's record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from uuid import UUID

import gevent
import msgspec
from gevent.event import Event as Signal

from vatwatch.actors.alert_history import AlertHistory
from vatwatch.actors.courier import Courier, DeliveryEnded, Waiting, WebhookQueue
from vatwatch.actors.service import Service
from vatwatch.actors.webhook import Webhook
from vatwatch.config.alerts import AlertSettings
from vatwatch.config.breaker import BreakerSettings
from vatwatch.events.dead_letters import DeadLetter
from vatwatch.messages import DeleteDeadLetter, StoreDeadLetter
from vatwatch.monitoring.alert_records import AlertDelivery, AlertRecord, TellKind
from vatwatch.monitoring.notifications import Notification, WebhookNow

log = logging.getLogger(__name__)

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
        self._couriers: dict[str, Courier] = {}
        self._running: dict[str, gevent.Greenlet[..., object]] = {}
        self._engage(settings, breaker)

    def _engage(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        """Start a courier for each webhook that has none."""
        for webhook in webhooks_of(settings):
            if webhook.name not in self._couriers:
                self._couriers[webhook.name] = Courier(
                    self._alerter,
                    webhook,
                    self._outboxes.setdefault(webhook.name, WebhookQueue()),
                    settings,
                    breaker,
                    stopping=self._stopping,
                    ended=self._delivery_ended,
                )

    def change(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        """Use the webhooks, timeouts and tries of these settings from now on."""
        wanted = {webhook.name: webhook for webhook in webhooks_of(settings)}
        for name, courier in [*self._couriers.items()]:
            if wanted.get(name) == courier.webhook:
                courier.change(settings, breaker)
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
        elif not courier.holds(letter):
            notification = msgspec.json.decode(letter.message, type=Notification)
            courier.put(Waiting(notification, letter))

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
        return tuple(courier.now() for courier in self._couriers.values())

    def _delivery_ended(self, ended: DeliveryEnded) -> None:
        """Called by a courier: the webhook has the notification, or will not get it."""
        notification, before = ended.waiting.notification, ended.waiting.letter
        if ended.reason:
            log.warning(
                'The alert "%s" could not be delivered to %s: %s. It is kept as a dead letter.',
                f"{notification.summary} ({notification.subject})".removesuffix(" ()"),
                ended.webhook,
                ended.error.removeprefix(f"{ended.webhook}: "),
            )
            self._alerter.send("event_bus", StoreDeadLetter(ended.letter()))
        elif before is not None:
            self._alerter.send("event_bus", DeleteDeadLetter(before.id))
        self._enter(
            notification,
            AlertDelivery(
                ended.webhook,
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

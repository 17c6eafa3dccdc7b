"""Postman: takes the messages that wait in the database to their targets, the oldest first.

Its greenlets belong to the actor `subscriptions`: one asks the event bus for the stream, and each
other subscription that has messages has a courier. What is delivered is noted in the message's row;
if the process ends in between, it is delivered again, with the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import gevent
from gevent.event import Event as Signal

from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.courier import WAITING, Courier, DeliveryEnded, TargetQueue
from vatwatch.actors.service import Service
from vatwatch.actors.user_targets import send_to_discord, send_to_webhook
from vatwatch.errors import (
    EventRefused,
    StorageError,
    SupervisionError,
    WebhookRefused,
    WebhookUnavailable,
)
from vatwatch.events.event import Event
from vatwatch.events.payloads import SubscriptionPayload
from vatwatch.messages import AcceptEvent
from vatwatch.redaction import storable
from vatwatch.storage.subscription_table import find_beginning, finish_delivery, read_waiting
from vatwatch.subscriptions.allowed import AllowedTargets
from vatwatch.subscriptions.records import (
    DeliveryRecord,
    DiscordTarget,
    StreamTarget,
    UserSubscription,
    WebhookTarget,
)

if TYPE_CHECKING:
    from vatwatch.actors.database import Database
    from vatwatch.config.breaker import BreakerSettings
    from vatwatch.config.subscriptions import SubscriptionSettings

# Messages that are read from the table at once.
CHUNK = 100
ASK_TIMEOUT_S = 10.0
# After a failure.
RETRY_S = 2.0
# How long a stop waits for messages that are being sent.
STOP_S = 3.0


class Addressees(Protocol):
    """Who knows whose a message is."""

    def subscription(self, subscription_id: UUID) -> UserSubscription | None:
        """The subscription; None if it is gone."""


@dataclass(slots=True)
class Parcel:
    """A message on its way, and what its target answered."""

    record: DeliveryRecord
    receipt: str = ""

    @property
    def item_id(self) -> str:
        """The message's."""
        return str(self.record.id)


class Postman:
    """Delivers what waits, until its actor ends."""

    def __init__(
        self,
        actor: Service,
        addressees: Addressees,
        database: Database,
        settings: SubscriptionSettings,
        breaker: BreakerSettings,
        *,
        changed: Callable[[], None],
    ) -> None:
        """Args:
        actor: whose greenlets, breakers and messages these are
        addressees: whose messages they are
        database: where they wait
        settings: where they may go, and how patient to be
        breaker: the settings of the breakers of targets
        changed: called after each delivery
        """
        self._actor = actor
        self._addressees = addressees
        self._database = database
        self._settings, self._breaker = settings, breaker
        self._changed = changed
        self._news = Signal()
        self._stopping = Signal()
        self._couriers: dict[UUID, Courier[Parcel]] = {}
        self._queues: dict[UUID, TargetQueue[Parcel]] = {}
        self._running: list[gevent.Greenlet[..., object]] = []
        self.delivered = self.undelivered = 0

    @property
    def waiting(self) -> int:
        """The messages that are on their way to servers of users."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    def start(self) -> None:
        """Begin to deliver."""
        self._running.append(self._actor.spawn(self._run))

    def stop(self) -> None:
        """Let the current deliveries finish: one that is killed while it connects would leave a
        socket open."""
        self._stopping.set()
        self._news.set()
        for courier in self._couriers.values():
            courier.wake()
        gevent.joinall(self._running, timeout=STOP_S)

    def look(self) -> None:
        """There may be messages. Does not wait."""
        self._news.set()

    def change(self, settings: SubscriptionSettings, breaker: BreakerSettings) -> None:
        """Use these settings from now on; what waits for its next try is tried at once."""
        self._settings, self._breaker = settings, breaker
        for courier in self._couriers.values():
            courier.try_now()

    def target_changed(self, subscription_id: UUID) -> None:
        """A subscription has another target, or is gone: what waits for it is tried at once."""
        courier = self._couriers.get(subscription_id)
        if courier is not None:
            courier.try_now()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            try:
                while not self._stopping.is_set() and self._deliver_some():
                    pass
            except (StorageError, SupervisionError):
                gevent.sleep(RETRY_S)
                self._news.set()
            self._changed()

    def _deliver_some(self) -> bool:
        """Deliver those that wait longest, or give them to their couriers. Returns whether there
        may be more."""
        records = self._database.run(
            partial(read_waiting, limit=CHUNK, but=self._in_hand(), but_of=self._full())
        )
        for record in records:
            subscription = self._addressees.subscription(record.subscription_id)
            if subscription is None:
                continue  # it was deleted a moment ago, and its messages with it
            if isinstance(subscription.target, StreamTarget):
                self._publish(record, subscription)
            else:
                self._courier_of(subscription).put(Parcel(record))
        return len(records) == CHUNK

    def _in_hand(self) -> list[UUID]:
        return [parcel.record.id for queue in self._queues.values() for parcel in queue.waiting]

    def _full(self) -> list[UUID]:
        """Subscriptions for which enough waits in memory; the rest of theirs stays in the table."""
        return [key for key, queue in self._queues.items() if len(queue.waiting) > WAITING // 2]

    # --- the stream --------------------------------------------------------------------------

    def _publish(self, record: DeliveryRecord, subscription: UserSubscription) -> None:
        """Raises StorageError, SupervisionError: it still waits, and so do those after it."""
        try:
            event = event_of(record, subscription, datetime.now(UTC))
            self._actor.address("event_bus").ask(AcceptEvent(event), timeout_s=ASK_TIMEOUT_S)
        except EventRefused as error:
            self._finish(record, 1, error=error.reason)
        else:
            self._finish(record, 1)

    def _finish(
        self, record: DeliveryRecord, attempts: int, *, error: str = "", receipt: str = ""
    ) -> None:
        self._database.run(
            partial(
                finish_delivery,
                message_id=record.id,
                state="undelivered" if error else "delivered",
                attempts=attempts,
                error=storable(error),
                receipt=receipt,
                now=datetime.now(UTC),
            )
        )
        if error:
            self.undelivered += 1
        else:
            self.delivered += 1

    # --- servers of users --------------------------------------------------------------------

    def _courier_of(self, subscription: UserSubscription) -> Courier[Parcel]:
        known = self._couriers.get(subscription.id)
        if known is None:
            host = host_of(subscription)
            queue = self._queues[subscription.id] = TargetQueue[Parcel]()
            known = self._couriers[subscription.id] = Courier(
                self._actor,
                host,
                queue,
                # One for each host: many subscriptions may have one, and it is away for all.
                self._actor.circuit_breaker(
                    f"subscriptions ({host})",
                    dependency_policy(self._breaker),
                    failure_types=WebhookUnavailable,
                    kind="webhook",
                ),
                send=self._send,
                within_s=lambda: self._settings.deliver_within_s,
                stopping=self._stopping,
                ended=self._ended,
            )
            self._running.append(self._actor.spawn(known.run))
        return known

    def _send(self, parcel: Parcel) -> None:
        """Send a message once, to the target that its subscription has now."""
        record = parcel.record
        subscription = self._addressees.subscription(record.subscription_id)
        if subscription is None:
            raise WebhookRefused("its subscription was deleted")
        name, timeout_s = host_of(subscription), self._settings.timeout_s
        allowed = AllowedTargets(self._settings.hosts, self._settings.networks)
        match subscription.target:
            case WebhookTarget():
                send_to_webhook(
                    name,
                    subscription,
                    subscription.target,
                    record.occasion,
                    timeout_s=timeout_s,
                    allowed=allowed,
                )
            case DiscordTarget():
                began = None
                if record.occasion.event == "ended":
                    found = self._database.run(
                        partial(find_beginning, occasion=record.occasion.occasion)
                    )
                    if found is None or not found.receipt:
                        raise WebhookRefused("there is no message that it could change")
                    began = found
                parcel.receipt = send_to_discord(
                    name,
                    subscription,
                    subscription.target,
                    record.occasion,
                    began,
                    timeout_s=timeout_s,
                    allowed=allowed,
                )
            case StreamTarget():
                event = event_of(record, subscription, datetime.now(UTC))
                self._actor.address("event_bus").ask(AcceptEvent(event), timeout_s=ASK_TIMEOUT_S)

    def _ended(self, ended: DeliveryEnded[Parcel]) -> None:
        """Note it. While the database is away its courier waits here: the message stays in hand."""
        parcel = ended.item
        error = ended.error if ended.reason else ""
        while True:
            try:
                self._finish(parcel.record, ended.attempts, error=error, receipt=parcel.receipt)
            except StorageError:
                gevent.sleep(RETRY_S)
            else:
                break
        self._news.set()  # there may be more of it in the table
        self._changed()


def host_of(subscription: UserSubscription) -> str:
    """The host of its target, without what may be a secret."""
    target = subscription.target
    return "" if isinstance(target, StreamTarget) else urlsplit(target.url).hostname or ""


def event_of(record: DeliveryRecord, subscription: UserSubscription, now: datetime) -> Event:
    """The event about an occasion. Its id is the message's, so that twice is once."""
    occasion = record.occasion
    payload = SubscriptionPayload(
        subscription_id=str(subscription.id),
        occasion_id=str(occasion.occasion),
        event=occasion.event,
        news=occasion.news,
        subject=occasion.subject,
        session=occasion.session,
        at=occasion.at,
        text=occasion.text,
        facts=occasion.facts,
    )
    return Event(
        occasion.id, "SUBSCRIPTION_MATCHED", now, "subscriptions", occasion.correlation_id, payload
    )

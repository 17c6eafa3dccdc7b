"""Courier: delivers notifications to one webhook in order, with retries and a breaker, in its own
greenlet."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import msgspec
from gevent.event import Event as Signal

from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.webhook import Webhook, send
from vatwatch.config.alerts import AlertSettings
from vatwatch.config.breaker import BreakerSettings
from vatwatch.errors import BreakerOpen, WebhookRefused, WebhookUnavailable
from vatwatch.events.dead_letters import DeadLetter, letter_id
from vatwatch.monitoring.notifications import Notification, WebhookNow
from vatwatch.redaction import storable
from vatwatch.supervision import Actor, Backoff, Recovery, Retry, WithBreaker

# Notifications that may wait for one webhook; beyond that the oldest becomes a dead letter.
WAITING = 200
# Quick tries within one attempt. Between attempts a webhook that is away is left alone for longer.
QUICK = Backoff(base_s=0.2, cap_s=1.0)
QUICK_TRIES = 2
PATIENT = Backoff(base_s=1.0, cap_s=60.0)
MIN_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that waits, and the dead letter that it was made from, if any."""

    notification: Notification
    letter: DeadLetter | None = None


@dataclass(slots=True)
class WebhookQueue:
    """The notifications that wait for one webhook, and its figures. The first one is being
    delivered."""

    waiting: deque[Waiting] = field(default_factory=deque)
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryEnded:
    """How a delivery has ended: `reason` is empty if the webhook took it."""

    webhook: str
    waiting: Waiting
    attempts: int
    reason: str = ""
    error: str = ""

    def letter(self) -> DeadLetter:
        """The dead letter of an undelivered notification. Its id is computed, so it is the same
        each time."""
        notification, before = self.waiting.notification, self.waiting.letter
        return DeadLetter(
            id=letter_id(UUID(notification.id), self.webhook),
            kind="alert",
            receiver=self.webhook,
            type=notification.rule,
            reason=self.reason,
            error=storable(self.error),
            attempts=self.attempts + (0 if before is None else before.attempts),
            time=datetime.now(UTC),
            message=storable(msgspec.json.encode(notification).decode()),
        )


class Courier:
    """The way to one webhook: its queue, its breaker and its tries."""

    def __init__(
        self,
        alerter: Actor,
        webhook: Webhook,
        outbox: WebhookQueue,
        settings: AlertSettings,
        breaker: BreakerSettings,
        *,
        stopping: Signal,
        ended: Callable[[DeliveryEnded], None],
    ) -> None:
        """Args:
        alerter: the actor whose breaker and recovery are used
        webhook: where to send to
        outbox: what waits; it outlives the courier
        settings: how long a webhook may take, and for how long it is tried
        breaker: the settings of its breaker
        stopping: set when the alerter stops
        ended: called after each delivery; must not wait
        """
        self.webhook = webhook
        self._outbox = outbox
        self._settings = settings
        self._stopping = stopping
        self._ended = ended
        self._signal = Signal()
        self._roused = Signal()
        """Ends a pause between two tries."""
        self._circuit_breaker = alerter.circuit_breaker(
            webhook.name,
            dependency_policy(breaker),
            failure_types=WebhookUnavailable,
            kind="webhook",
        )
        again = Retry(QUICK_TRIES, QUICK, on=_is_worth_a_quick_try)
        self._recovery: Recovery = alerter.recovery(
            f"notify {webhook.name}", WithBreaker(self._circuit_breaker), again
        )

    def change(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        """Use these settings' timeouts and tries. What waits for its next try is tried at once."""
        self._settings = settings
        self._roused.set()
        self._circuit_breaker.use_policy(dependency_policy(breaker))

    def put(self, waiting: Waiting) -> None:
        """Add a notification to the queue. Does not wait."""
        queue = self._outbox.waiting
        queue.append(waiting)
        if len(queue) > WAITING:
            # Not the first one: it is being delivered.
            dropped = queue[1]
            del queue[1]
            self._give_up(dropped, 0, "overflow", f"more than {WAITING} wait")
        self._signal.set()

    def holds(self, letter: DeadLetter) -> bool:
        """Whether the notification of this dead letter is in the queue again already."""
        return any(
            each.letter is not None and each.letter.id == letter.id for each in self._outbox.waiting
        )

    def wake(self) -> None:
        """Look whether to stop."""
        self._signal.set()
        self._roused.set()

    def run(self) -> None:
        """Deliver one after another until the alerter stops."""
        queue = self._outbox.waiting
        while not self._stopping.is_set():
            if queue:
                if self._bring(queue[0]):
                    queue.popleft()
            else:
                self._signal.clear()
                self._signal.wait()

    def now(self) -> WebhookNow:
        """How it goes."""
        box = self._outbox
        return WebhookNow(
            self.webhook.name,
            self.webhook.form,
            len(box.waiting),
            box.delivered,
            box.undelivered,
            box.last_error,
        )

    def _bring(self, waiting: Waiting) -> bool:
        """Try until the webhook takes it, refuses it, or it is too late. Returns False if we stop
        before."""
        outbox, notification = self._outbox, waiting.notification
        began, attempt = monotonic(), 0
        while True:
            try:
                self._recovery.call(
                    lambda: send(self.webhook, notification, timeout_s=self._settings.timeout_s),
                    correlation_id=notification.id,
                )
            except WebhookRefused as error:
                self._give_up(waiting, attempt + 1, "refused", str(error))
                return True
            except BreakerOpen as error:
                pause_s = error.retry_in_s
            except WebhookUnavailable as error:
                outbox.last_error = str(error)
                attempt += 1
                pause_s = error.retry_after_s or PATIENT.delay(attempt, random.random)
            else:
                outbox.delivered += 1
                outbox.last_error = ""
                self._ended(DeliveryEnded(self.webhook.name, waiting, attempt + 1))
                return True
            pause_s = max(pause_s, MIN_PAUSE_S)
            # By the settings of now: they may have changed while it was tried.
            if monotonic() + pause_s > began + self._settings.deliver_within_s:
                self._give_up(waiting, attempt, "unavailable", outbox.last_error or "away")
                return True
            self._roused.clear()
            if not self._stopping.is_set():
                self._roused.wait(pause_s)
            if self._stopping.is_set():
                return False

    def _give_up(self, waiting: Waiting, attempts: int, reason: str, error: str) -> None:
        self._outbox.undelivered += 1
        self._outbox.last_error = error
        self._ended(DeliveryEnded(self.webhook.name, waiting, attempts, reason, error))


def _is_worth_a_quick_try(error: Exception) -> bool:
    """Not if the server asks us to wait (Retry-After)."""
    return isinstance(error, WebhookUnavailable) and error.retry_after_s is None

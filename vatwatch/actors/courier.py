"""Courier: delivers items to one target in order, with retries and a breaker, in its own greenlet.

Alerts (`notifier.py`) and messages to users (`postman.py`) go by couriers.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, Protocol, TypeVar

from gevent.event import Event as Signal

from vatwatch.errors import BreakerOpen, WebhookBusy, WebhookRefused, WebhookUnavailable
from vatwatch.supervision import Actor, Backoff, CircuitBreaker, Recovery, Retry, WithBreaker

# Items that may wait for one target; beyond that the oldest is given up.
WAITING = 200
# Quick tries within one attempt. Between attempts a target that is away is left alone for longer.
QUICK = Backoff(base_s=0.2, cap_s=1.0)
QUICK_TRIES = 2
PATIENT = Backoff(base_s=1.0, cap_s=60.0)
MIN_PAUSE_S = 0.05


class Item(Protocol):
    """What is delivered."""

    @property
    def item_id(self) -> str:
        """Its id, for errors and the log."""


I = TypeVar("I", bound=Item)  # noqa: E741 - the letter of an item


@dataclass(slots=True)
class TargetQueue(Generic[I]):
    """The items that wait for one target, and its figures. The first one is being delivered."""

    waiting: deque[I] = field(default_factory=deque)
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryEnded(Generic[I]):
    """How a delivery has ended: `reason` is empty if the target took it."""

    target: str
    item: I
    attempts: int
    reason: str = ""
    error: str = ""


class Courier(Generic[I]):
    """The way to one target: its queue, its breaker and its tries."""

    def __init__(
        self,
        actor: Actor,
        name: str,
        outbox: TargetQueue[I],
        breaker: CircuitBreaker,
        *,
        send: Callable[[I], None],
        within_s: Callable[[], float],
        stopping: Signal,
        ended: Callable[[DeliveryEnded[I]], None],
    ) -> None:
        """Args:
        actor: whose recovery is used
        name: what errors call the target; it holds no secret
        outbox: what waits; it outlives the courier
        breaker: stops trying while the target is away; several targets may share one
        send: sends one item once; raises as `posting.post`
        within_s: for how long one item is tried, by the settings of now
        stopping: set when the actor stops
        ended: called after each delivery, in the courier's greenlet, or in that of `put`
        """
        self.name = name
        self._outbox = outbox
        self._send = send
        self._within_s = within_s
        self._stopping = stopping
        self._ended = ended
        self._signal = Signal()
        self._roused = Signal()
        """Ends a pause between two tries."""
        again = Retry(QUICK_TRIES, QUICK, on=_is_worth_a_quick_try)
        self._recovery: Recovery = actor.recovery(f"notify {name}", WithBreaker(breaker), again)

    def try_now(self) -> None:
        """What waits for its next try is tried at once: the settings have changed."""
        self._roused.set()

    def put(self, item: I) -> None:
        """Add an item to the queue. Does not wait."""
        queue = self._outbox.waiting
        queue.append(item)
        if len(queue) > WAITING:
            # Not the first one: it is being delivered.
            dropped = queue[1]
            del queue[1]
            self._give_up(dropped, 0, "overflow", f"more than {WAITING} wait")
        self._signal.set()

    def wake(self) -> None:
        """Look whether to stop."""
        self._signal.set()
        self._roused.set()

    def run(self) -> None:
        """Deliver one after another until the actor stops."""
        queue = self._outbox.waiting
        while not self._stopping.is_set():
            if queue:
                if self._bring(queue[0]):
                    queue.popleft()
            else:
                self._signal.clear()
                self._signal.wait()

    def _bring(self, item: I) -> bool:
        """Try until the target takes it, refuses it, or it is too late. Returns False if we stop
        before."""
        outbox = self._outbox
        began, attempt = monotonic(), 0
        while True:
            try:
                self._recovery.call(lambda: self._send(item), correlation_id=item.item_id)
            except WebhookRefused as error:
                self._give_up(item, attempt + 1, "refused", str(error))
                return True
            except BreakerOpen as error:
                pause_s = error.retry_in_s
            except (WebhookUnavailable, WebhookBusy) as error:
                outbox.last_error = str(error)
                attempt += 1
                pause_s = error.retry_after_s or PATIENT.delay(attempt, random.random)
            else:
                outbox.delivered += 1
                outbox.last_error = ""
                self._ended(DeliveryEnded(self.name, item, attempt + 1))
                return True
            pause_s = max(pause_s, MIN_PAUSE_S)
            # By the settings of now: they may have changed while it was tried.
            if monotonic() + pause_s > began + self._within_s():
                self._give_up(item, attempt, "unavailable", outbox.last_error or "away")
                return True
            self._roused.clear()
            if not self._stopping.is_set():
                self._roused.wait(pause_s)
            if self._stopping.is_set():
                return False

    def _give_up(self, item: I, attempts: int, reason: str, error: str) -> None:
        self._outbox.undelivered += 1
        self._outbox.last_error = error
        self._ended(DeliveryEnded(self.name, item, attempts, reason, error))


def _is_worth_a_quick_try(error: Exception) -> bool:
    """Not if the server asks us to wait (Retry-After)."""
    return isinstance(error, WebhookUnavailable) and error.retry_after_s is None

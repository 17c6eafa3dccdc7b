"""Event bus: delivers what happened to whoever subscribed, and sees to it that nothing is lost.

Receives  Publish, AcceptEvent, Subscribe, Unsubscribe, Replay, GetEvents, GetEventMetrics,
          MessageUndelivered, StoreDeadLetter, DeleteDeadLetter, GetDeadLetters, GetDeadLetter,
          RedeliverDeadLetter, DiscardDeadLetter, EventsStored, StoreStarted, FlushEvents,
          EvictHistory
Asks      subscribers Delivered, history FindEvents: each from a lane of its own, so the bus itself
          waits for nobody
Sends     StoreEvents to store (but for events that a snapshot's own transaction writes),
          MirrorEvents to cache, NotifyAgain to alerter, SnapshotFailed to journal, ServiceReport
Holds     in a memory that its successor gets: the ring, the subscriptions, what is on its way to
          handlers and to the table, dead letters; in the outbox file a copy of what is not in the
          table, and after an ordered stop of what was not delivered
Restart   costs nothing: what a handler had in hand comes to it again, and the publication on which
          the bus crashed comes back as a dead letter, once. If the successor fails, too, it costs
          the ring, subscriptions by message, the counts, and what was on its way to handlers; what
          is on its way to the table is read from the outbox file again
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias, assert_never
from uuid import UUID, uuid4

import gevent
import msgspec

from vatwatch.actors.breakers import handler_policy
from vatwatch.actors.event_backlog import EventBacklog
from vatwatch.actors.event_lane import BETWEEN_TRIES, Lane
from vatwatch.actors.event_memory import (
    BusMemory,
    Delivery,
    DeliveryCounts,
    HeldLetter,
    LaneMemory,
    ReplayState,
    Subscription,
)
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.events import EventSettings
from vatwatch.errors import DatabaseUnavailable, EventRefused, MailboxFull
from vatwatch.messages import (
    AcceptEvent,
    DeleteDeadLetter,
    DiscardDeadLetter,
    EventsStored,
    EvictHistory,
    GetDeadLetter,
    GetDeadLetters,
    GetEventMetrics,
    GetEvents,
    MessageUndelivered,
    MirrorEvents,
    NotifyAgain,
    Publish,
    RedeliverDeadLetter,
    Redelivery,
    Replay,
    StoreDeadLetter,
    StoreEvents,
    StoreStarted,
    Subscribe,
    Unsubscribe,
)
from vatwatch.messages.event_bus import ToEventBus
from vatwatch.messages.status import DeliveryMetrics, EventBusStatus, HandlerStatus
from vatwatch.monitoring.health import Health
from vatwatch.supervision import (
    Backoff,
    DeadLetterReason,
    FailureHandled,
    Reply,
    Tell,
    describe_error,
    give_way,
)
from vatwatch.traffic.dead_letters import DeadLetter, LetterFilter, letter_id, storable
from vatwatch.traffic.events import Cursor, Event, EventFilter, EventRow, check_event


@dataclass(frozen=True, slots=True)
class FlushEvents(Tell):
    """See whether the store still owes an answer."""


Received: TypeAlias = ToEventBus | FlushEvents

# Events that are taken at once: to check and to keep one takes 10 to 15 µs, and nobody else runs
# meanwhile. (A first snapshot of 2,000 pilots has 2,200: 25 to 33 ms.)
SLICE = 50
# How long the store may owe an answer. It holds only the latest that it was sent, so that the same
# can be sent again at any time.
RESEND_S = 5.0
# A status of a busy bus is told at most this often.
REPORT_S = 0.5
# The handler of events that PostgreSQL refuses.
TABLE = "store"
# What delivers dead letters. One about them is counted only: they would breed.
OF_LETTERS = (
    MessageUndelivered,
    DeleteDeadLetter,
    NotifyAgain,
    StoreEvents,
    EventsStored,
    FlushEvents,
    StoreStarted,
)
# Of a message that died; its repr may be megabytes.
MESSAGE_CHARS = 300
VALUE_CHARS = 60


class EventBusActor(Service):
    """Keeper of who wants to know what."""

    def __init__(
        self,
        settings: EventSettings,
        breaker: BreakerSettings,
        subscriptions: Sequence[Subscription] = (),
        *,
        keeps_own: bool = True,
        outbox: Path | None = None,
        resend_s: float = RESEND_S,
        backoff: Backoff = BETWEEN_TRIES,
    ) -> None:
        """`subscriptions`: those of the tree itself; others come by message.

        `keeps_own`: what the services tell of themselves goes to the table; `outbox`: the file with
        a copy of what is not there yet; `resend_s`: how long the store may owe an answer;
        `backoff`: between two tries of one event.
        """
        super().__init__()
        self._settings = settings
        self._breaker = breaker
        self._keeps_own = keeps_own
        self._resend_s = resend_s
        self._backoff = backoff
        self._declared = subscriptions
        self._outbox = outbox
        self._begin_with(
            BusMemory(
                max_history_size=settings.max_history_size,
                max_dead_letter_size=settings.max_dead_letter_size,
            )
        )
        self._lanes: dict[str, Lane] = {}
        self._running: list[gevent.Greenlet] = []
        self._outstanding: StoreEvents | None = None
        self._sent_at = 0.0
        self._discarding: dict[UUID, list[Reply[None]]] = {}
        self._flush_due = self._report_due = False

    def _begin_with(self, memory: BusMemory) -> None:
        self._memory = memory
        self._backlog = EventBacklog(
            memory,
            size=self._settings.backlog_size,
            path=self._outbox,
            given_up=self._not_discarded,
        )

    def on_start(self) -> None:
        if inherited := self.inherited(BusMemory):
            self._begin_with(inherited)
        for subscription in self._declared:
            self._memory.subscriptions.setdefault(subscription.subscriber, subscription)
        if not self._memory.loaded:
            self._backlog.load()
            self._memory.loaded = True
        # Handlers are shown with their figures before the first event.
        for handler in [*self._memory.lanes, *self._memory.subscriptions]:
            self._lane(handler)
        self._flush()
        self._report()

    def on_stop(self) -> None:
        gevent.killall(self._running)
        self._backlog.put_away()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        if isinstance(in_hand, Publish):
            self.blame_if_at_fault(in_hand.entry_id, error)
        self._backlog.close()

    def hand_over(self) -> BusMemory:
        gevent.killall(self._running)  # they change it
        return self._memory

    def on_receive(self, message: Received) -> Any:
        match message:
            case Publish():
                self._publish(message)
            case AcceptEvent(event):
                check_event(event)
                self._publish(Publish((event,), checked=True))
            case Subscribe(subscriber, types, source):
                self._memory.subscriptions[subscriber] = Subscription(subscriber, types, source)
                self._lane(subscriber)
            case Unsubscribe(subscriber):
                self._memory.subscriptions.pop(subscriber, None)
            case Replay():
                self._replay(message)
            case GetEvents(wanted, limit, after):
                return self._from_ring(wanted, limit, after)
            case GetEventMetrics():
                return self._status()
            case MessageUndelivered(path, letter, reason):
                self._undelivered(path, letter, reason)
            case StoreDeadLetter(kept):
                self._keep(kept)
            case DeleteDeadLetter(letter_id):
                self._forget(letter_id)
            case GetDeadLetters(wanted, limit, after):
                return self._from_letters(wanted, limit, after)
            case GetDeadLetter(letter_id):
                return next((x for x in self._memory.all_letters() if x.id == letter_id), None)
            case RedeliverDeadLetter(letter):
                return self._redeliver(letter)
            case DiscardDeadLetter(letter_id):
                self._discard(letter_id)
            case EventsStored(written, refused):
                self._stored(written, dict(refused))
            case StoreStarted():
                self._outstanding = None
                self._flush()
            case FlushEvents():
                self._flush_again()
            case EvictHistory(size):
                self._memory.shorten(size)
            case _:
                assert_never(message)
        return None

    # --- publishing --------------------------------------------------------------------------

    def _publish(self, message: Publish) -> None:
        """All of them, slice by slice: a first snapshot has more than the hub can wait for."""
        new = []
        for number, event in enumerate(message.events, 1):
            if (message.checked or self._fits(event)) and self._accept_new(
                event, stored=message.stored
            ):
                new.append(event)
            if number % SLICE == 0:
                give_way()
        if new:
            self.address("cache").tell(MirrorEvents(tuple(new)))
        self._flush()
        self._report_soon()

    def _accept_new(self, event: Event, *, stored: bool) -> bool:
        """Between two waits, so that whoever is killed has accepted it or has not."""
        is_new = self._memory.is_new(event)
        if is_new:
            self._accept(event, stored=stored)
        return is_new

    def _accept(self, event: Event, *, stored: bool) -> None:
        memory = self._memory
        if not stored and self._keeps_own:
            self._backlog.add_event(event)
        memory.history.append(event)
        memory.by_type[event.type] += 1
        memory.by_source[event.source] += 1
        for subscription in memory.subscriptions.values():
            if subscription.wants(event):
                self._lane(subscription.subscriber).put(Delivery(event))

    def _fits(self, event: Event) -> bool:
        try:
            check_event(event)
        except EventRefused as error:
            self._memory.refused += 1
            self.notify(
                FailureHandled(
                    path=event.source,
                    operation="publish an event",
                    correlation_id=event.correlation_id,
                    tried=(),
                    recovered=False,
                    elapsed_s=0.0,
                    **describe_error(error, ""),
                )
            )
            return False
        return True

    # --- lanes -------------------------------------------------------------------------------

    def _lane(self, handler: str) -> Lane:
        if handler not in self._lanes:
            memory = self._memory.lanes.setdefault(handler, LaneMemory())
            policy = handler_policy(self._breaker, self._settings)
            lane = Lane(
                self,
                memory,
                self._memory,
                self.address(handler),
                self.address("history"),
                self.circuit_breaker(f"event handler {handler}", policy, kind="handler"),
                self.recovery,
                self._settings,
                self._backoff,
                lambda: self.tree_is_stopping,
            )
            self._lanes[handler] = lane
            self._running.append(self.spawn(lane.run))
        return self._lanes[handler]

    def delivered(self, handler: str, delivery: Delivery) -> None:
        """A lane's: it was handled."""
        if delivery.redelivery:
            self._forget(letter_id(delivery.event.id, handler))
        self._report_soon()

    def undeliverable(self, handler: str, delivery: Delivery, reason: str, error: str) -> None:
        """A lane's: it is given up."""
        for counts in (
            self._memory.lanes[handler].counts,
            self._memory.counts_of(delivery.event.type),
        ):
            counts.dead += 1
        self._keep(_dead_letter_of(delivery.event, handler, reason, error, delivery.attempts))
        self._report_soon()

    def _replay(self, wish: Replay) -> None:
        lane = self._lane(wish.subscriber)
        until = wish.until or datetime.now(UTC)
        state = ReplayState(
            wish.types, wish.since, until, waits_for=set(self._memory.unstored.keys())
        )
        lane.memory.replays.append(state)
        lane.wake()

    # --- what is told ------------------------------------------------------------------------

    def _from_ring(
        self, wanted: EventFilter, limit: int, after: Cursor | None
    ) -> tuple[Event, ...]:
        found = [
            event
            for event in self._memory.history
            if wanted.wants(event) and (after is None or event.cursor < after)
        ]
        found.sort(key=lambda event: event.cursor, reverse=True)
        return tuple(found[:limit])

    def _from_letters(
        self, wanted: LetterFilter, limit: int, after: Cursor | None
    ) -> tuple[DeadLetter, ...]:
        found = [
            letter
            for letter in self._memory.all_letters()
            if wanted.wants(letter) and (after is None or letter.cursor < after)
        ]
        found.sort(key=lambda letter: letter.cursor, reverse=True)
        return tuple(found[:limit])

    # --- dead letters ------------------------------------------------------------------------

    def _undelivered(self, path: str, message: Tell, reason: DeadLetterReason) -> None:
        self._memory.dead_messages += 1
        if self.is_own_report(message):
            return  # to tell of it would make the next one
        if isinstance(message, Publish):
            # Its events are what must not be lost, and they have come here after all.
            self._publish(message)
        elif isinstance(message, StoreDeadLetter):
            self._keep(message.letter)
        elif not isinstance(message, OF_LETTERS):
            letter = DeadLetter(
                id=uuid4(),
                kind="message",
                receiver=path,
                type=type(message).__name__,
                reason=reason,
                error="",
                attempts=1,
                time=datetime.now(UTC),
                message=_in_short(message),
            )
            self._keep(letter, message)
        self._report_soon()

    def _keep(self, letter: DeadLetter, message: Tell | None = None) -> None:
        self._memory.hold(HeldLetter(letter, message))
        if self._keeps_own:
            self._backlog.add_letter(letter)
            self._flush()

    def _forget(self, key: UUID) -> None:
        self._memory.letters.pop(key, None)
        if self._keeps_own:
            self._backlog.forget_letter(key)
            self._flush()

    def _redeliver(self, letter: DeadLetter) -> Redelivery:
        if letter.kind == "alert":
            # The alerter says when it can be forgotten.
            self.spawn(self._send, "alerter", NotifyAgain(letter))
            return Redelivery.QUEUED
        if letter.event is None:
            held = self._memory.letters.get(letter.id)
            if held is None or held.message is None:
                return Redelivery.MESSAGE_GONE
            self._forget(letter.id)
            self.spawn(self._send_again, letter.receiver.rpartition("/")[2], held)
            return Redelivery.QUEUED
        event = letter.event.event()
        lane = self._lane(letter.receiver)
        in_hand = [] if lane.memory.in_hand is None else [lane.memory.in_hand]
        if any(d.event.id == event.id for d in (*in_hand, *lane.memory.queue)):
            return Redelivery.ALREADY_QUEUED
        lane.put(Delivery(event, letter.attempts, redelivery=True))
        return Redelivery.QUEUED

    def _send_again(self, receiver: str, held: HeldLetter) -> None:
        assert held.message is not None
        if not self.address(receiver).offer(held.message):
            self._keep(held.letter, held.message)

    def _discard(self, key: UUID) -> None:
        self._forget(key)
        if key in self._memory.unwritten:
            self._discarding.setdefault(key, []).append(self.reply_later())

    def _not_discarded(self, key: UUID) -> None:
        """The backlog's: the wish is given up for what came later, and the table has the letter."""
        for reply in self._discarding.pop(key, ()):
            reply.fail(
                DatabaseUnavailable(
                    "The database is away, and too much waits for it: the letter is kept."
                )
            )

    # --- the way to the table ----------------------------------------------------------------

    def _flush(self) -> None:
        """Send the store what it does not have, unless it has not answered yet."""
        if self._outstanding is not None:
            return
        self._outstanding = self._backlog.next()
        if self._outstanding is not None:
            self._sent_at = monotonic()
            # A full mailbox must not hold up the bus.
            self.spawn(self._send, "store", self._outstanding)
            self._flush_later()

    def _send(self, receiver: str, message: Tell) -> None:
        with suppress(MailboxFull):  # it is sent again: by us, soon, or by whoever wants it
            self.address(receiver).tell(message)

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self.after(self._resend_s, FlushEvents())

    def _flush_again(self) -> None:
        self._flush_due = False
        if self._outstanding is None:
            return
        if monotonic() - self._sent_at >= self._resend_s:
            self._outstanding = None
            self._flush()
        else:
            self._flush_later()

    def _stored(self, written: StoreEvents, refused: dict[UUID, str]) -> None:
        for key in self._backlog.written(written):
            for reply in self._discarding.pop(key, ()):
                reply.set(None)
        for event in written.events:
            if event.id in refused:
                self._keep(_dead_letter_of_refused(event, refused[event.id]))
        # An answer to what was sent before the latest counts, but does not end the waiting.
        if written is self._outstanding:
            self._outstanding = None
        self._backlog.clear()
        for lane in self._lanes.values():
            if lane.memory.replays:
                lane.wake()
        self._flush()
        self._report_soon()

    # --- how it is ---------------------------------------------------------------------------

    def _report_soon(self) -> None:
        if not self._report_due:
            self._report_due = True
            self.spawn(self._report_then)

    def _report_then(self) -> None:
        gevent.sleep(REPORT_S)
        self._report_due = False
        self._report()

    def _report(self) -> None:
        status = self._status()
        if status.given_up:
            reason = f"{status.given_up} events or letters were given up: the database is away"
        elif status.outbox_error:
            reason = f"the outbox cannot be written: {status.outbox_error}"
        else:
            reason = ""
        self.report(Health.DEGRADED if reason else Health.HEALTHY, reason, status)

    def _status(self) -> EventBusStatus:
        memory = self._memory
        handlers = {name: self._handler(name) for name in sorted(self._lanes)}
        return EventBusStatus(
            published=memory.by_type.total(),
            handled=sum(lane.counts.handled for lane in memory.lanes.values()),
            failed=sum(lane.counts.failed for lane in memory.lanes.values()),
            retried=sum(lane.counts.retried for lane in memory.lanes.values()),
            dead=sum(lane.counts.dead for lane in memory.lanes.values()),
            refused=memory.refused,
            repeated=memory.repeated,
            by_type=dict(memory.by_type),
            by_source=dict(memory.by_source),
            types={kind: _metrics(counts) for kind, counts in memory.types.items()},
            handlers=handlers,
            dead_messages=memory.dead_messages,
            dead_letters=len(memory.letters),
            unstored=len(self._backlog),
            given_up=memory.given_up,
            outbox_error=self._backlog.error,
        )

    def _handler(self, name: str) -> HandlerStatus:
        lane = self._lanes[name]
        subscription = self._memory.subscriptions.get(name)
        in_hand = lane.memory.in_hand
        return HandlerStatus(
            types=() if subscription is None else tuple(sorted(subscription.types)),
            source="" if subscription is None else subscription.source,
            subscribed=subscription is not None,
            depth=len(lane.memory.queue),
            high_water=lane.memory.high_water,
            in_hand="" if in_hand is None else in_hand.event.type,
            replays=len(lane.memory.replays),
            breaker=lane.circuit_breaker.state.value,
            metrics=_metrics(lane.memory.counts),
        )


def _metrics(counts: DeliveryCounts) -> DeliveryMetrics:
    latency = counts.latency.info()
    return DeliveryMetrics(
        handled=counts.handled,
        failed=counts.failed,
        retried=counts.retried,
        dead=counts.dead,
        p50_s=None if latency is None else latency.p50_s,
        p99_s=None if latency is None else latency.p99_s,
        max_s=None if latency is None else latency.max_s,
    )


def _dead_letter_of(
    event: Event, handler: str, reason: str, error: str, attempts: int
) -> DeadLetter:
    return DeadLetter(
        id=letter_id(event.id, handler),
        kind="event",
        receiver=handler,
        type=event.type,
        reason=reason,
        error=storable(error),
        attempts=attempts,
        time=datetime.now(UTC),
        event=EventRow.of(event),
    )


def _dead_letter_of_refused(event: Event, error: str) -> DeadLetter:
    """Only in words: what the one table refuses, the other would refuse, too."""
    letter = _dead_letter_of(event, TABLE, "refused", error, 1)
    return msgspec.structs.replace(
        letter, event=None, message=storable(repr(event))[:MESSAGE_CHARS]
    )


def _in_short(message: Tell) -> str:
    """The fields that are short; of the others the type."""
    if not is_dataclass(message):
        return type(message).__name__  # not one of ours: pykka's refs take anything
    values = ", ".join(f"{f.name}={_value(getattr(message, f.name))}" for f in fields(message))
    return storable(f"{type(message).__name__}({values})"[:MESSAGE_CHARS])


def _value(value: object) -> str:
    if value is None or isinstance(value, int | float | datetime | UUID):
        return str(value)
    if isinstance(value, str | bytes):
        return repr(value[:VALUE_CHARS])
    return f"<{type(value).__name__}>"

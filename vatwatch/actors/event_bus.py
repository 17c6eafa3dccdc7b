"""Event bus: keeps what happened, and delivers it to the subscribers.

Receives  Publish, AcceptEvent, GetEvents, GetEventMetrics, MessageUndelivered, StoreDeadLetter,
          DeleteDeadLetter, GetDeadLetters, GetDeadLetter, RedeliverDeadLetter, DiscardDeadLetter,
          EventsStored, StoreStarted, FlushEvents, EvictHistory, EventsFollowed, UseRole,
          SettingsChanged
Asks      subscribers Delivered, each from a greenlet of its own: the bus itself waits for nobody
Sends     StoreEvents to store (but for events that a snapshot's own transaction writes),
          MirrorEvents to cache, StreamEvents to stream, NotifyAgain to alerter, SnapshotFailed to
          journal, ServiceReport
Holds     in a memory that its successor gets: the latest events, what is on its way to handlers
          (`EventDeliveries`) and to the table (`EventsToStore`), dead letters; in the outbox file a
          copy of what is not in the table, and after an ordered stop of what was not delivered
Restart   costs nothing: what a handler had in hand comes to it again, and the publication on which
          the bus crashed comes back as a dead letter, once. If the successor fails, too, it costs
          the latest events in memory, the counts, and what was on its way to handlers; what is on
          its way to the table is read from the outbox file again
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, assert_never
from uuid import UUID

import gevent

from vatwatch.actors import dead_letter_forms
from vatwatch.actors.bus_status import bus_status
from vatwatch.actors.delivery_queue import BETWEEN_TRIES
from vatwatch.actors.event_deliveries import EventDeliveries
from vatwatch.actors.event_memory import BusMemory, HeldLetter, Subscription
from vatwatch.actors.events_to_store import EventsToStore
from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.owed_answer import RESEND_S
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.events import EventSettings
from vatwatch.counting import counted
from vatwatch.errors import EventRefused, MailboxFull
from vatwatch.events.dead_letters import DeadLetter, letter_id
from vatwatch.events.event import Event, check_event
from vatwatch.messages import (
    AcceptEvent,
    DeleteDeadLetter,
    DiscardDeadLetter,
    EventsFollowed,
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
    SettingsChanged,
    StoreDeadLetter,
    StoreEvents,
    StoreStarted,
    StreamEvents,
    UseRole,
)
from vatwatch.messages.event_bus import ToEventBus
from vatwatch.messages.status import EventBusStatus
from vatwatch.monitoring.health import Health
from vatwatch.supervision import (
    Backoff,
    DeadLetterReason,
    FailureHandled,
    Tell,
    describe_error,
    give_way,
)


@dataclass(frozen=True, slots=True)
class FlushEvents(Tell):
    """See whether the store still owes an answer."""


Received: TypeAlias = ToEventBus | FlushEvents

# Events accepted in one slice: to check and keep one takes 10 to 15 µs, and no other greenlet runs
# meanwhile. (A first snapshot of 2,000 pilots has 2,200 events: 25 to 33 ms.)
SLICE = 50
# A busy bus reports its status at most this often.
REPORT_S = 0.5
# Messages that deliver dead letters. If one of them is undelivered, it is only counted: a dead
# letter about it would cause the next one.
OF_LETTERS = (
    MessageUndelivered,
    DeleteDeadLetter,
    NotifyAgain,
    StoreEvents,
    EventsStored,
    FlushEvents,
    StoreStarted,
    MirrorEvents,
    StreamEvents,
)


class EventBusActor(Service):
    """Accepts published events, stores them in the table, and delivers them to the handlers."""

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
        several_nodes: bool = False,
    ) -> None:
        """`keeps_own`: whether events about the service itself go to the table; `outbox`: the file
        with a copy of what is not there yet; `resend_s`: how long the store may owe an answer;
        `backoff`: between two tries of one event; `several_nodes`: whether others may collect.
        """
        super().__init__()
        self._settings, self._breaker = settings, breaker
        self._subscriptions = subscriptions
        self._keeps_own = keeps_own
        self._outbox = outbox
        self._resend_s, self._backoff = resend_s, backoff
        self._report_due, self._several_nodes = False, several_nodes
        self._begin_with(
            BusMemory(
                max_history_size=settings.max_history_size,
                max_dead_letter_size=settings.max_dead_letter_size,
            )
        )

    def _begin_with(self, memory: BusMemory) -> None:
        self._memory = memory
        self._bound_memory()
        self._table = EventsToStore(
            memory,
            size=self._settings.backlog_size,
            outbox=self._outbox,
            resend_s=self._resend_s,
            send=self._send_to_store,
            check_later=self._check_later,
        )

    def _bound_memory(self) -> None:
        self._memory.bound(
            max_history_size=self._settings.max_history_size,
            max_dead_letter_size=self._settings.max_dead_letter_size,
        )

    def _change(self, settings: EventSettings, breaker: BreakerSettings) -> None:
        self._settings, self._breaker = settings, breaker
        self._bound_memory()
        self._table.bound(settings.backlog_size)
        self._deliveries.change(settings, breaker)
        self._report()

    def on_start(self) -> None:
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=self._several_nodes)
        if inherited := self.inherited(BusMemory):
            self._begin_with(inherited)
        if not self._memory.loaded:
            self._table.load()
            self._memory.loaded = True
        self._deliveries = EventDeliveries(
            self,
            self._memory,
            self._settings,
            self._breaker,
            self._subscriptions,
            backoff=self._backoff,
            redelivered=lambda event, handler: self._forget(letter_id(event.id, handler)),
            undelivered=self._keep_event,
            changed=self._report_soon,
        )
        self._deliveries.start()
        self._table.flush()
        self._report()

    def on_stop(self) -> None:
        self._deliveries.stop()
        self._table.put_away()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        if isinstance(in_hand, Publish):
            self.blame_if_at_fault(in_hand.entry_id, error)
        self._table.close()

    def hand_over(self) -> BusMemory:
        self._deliveries.stop()  # its greenlets change the memory
        return self._memory

    def on_receive(self, message: Received) -> Any:
        match message:
            case Publish():
                self._publish(message)
            case EventsFollowed(events):
                self._follow(events)
            case UseRole(collects):
                self._role.use(collects=collects)
            case AcceptEvent(event):
                check_event(event)
                self._publish(Publish((event,), checked=True))
            case GetEvents(wanted, limit, after):
                return self._memory.find_events(wanted, limit, after)
            case GetEventMetrics():
                return self._status()
            case MessageUndelivered(path, letter, reason):
                self._undelivered(path, letter, reason)
            case StoreDeadLetter(kept):
                self._keep(kept)
            case DeleteDeadLetter(key):
                self._forget(key)
            case GetDeadLetters(wanted, limit, after):
                return self._memory.find_letters(wanted, limit, after)
            case GetDeadLetter(key):
                return next((x for x in self._memory.all_letters() if x.id == key), None)
            case RedeliverDeadLetter(letter):
                return self._redeliver(letter)
            case DiscardDeadLetter(key):
                self._discard(key)
            case EventsStored(written, refused):
                self._stored(written, dict(refused))
            case StoreStarted():
                self._table.store_started()
            case FlushEvents():
                self._table.check()
            case EvictHistory(size):
                self._memory.shorten(size)
            case SettingsChanged():
                self._change(message.settings.events, message.settings.breaker)
            case _:
                assert_never(message)
        return None

    def _publish(self, message: Publish) -> None:
        """Accept all events, slice by slice: those of a first snapshot would block the hub for too
        long."""
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
            self.address("stream").tell(StreamEvents(tuple(new), self._memory.by_type.total()))
        self._table.flush()
        self._report_soon()

    def _follow(self, events: Sequence[Event]) -> None:
        """Keep what the node that collects has stored and delivered. It is no news to anybody."""
        if self._role.collects:
            return
        for event in events:
            if self._memory.is_new(event):
                self._memory.keep(event)
        self._report_soon()

    def _accept_new(self, event: Event, *, stored: bool) -> bool:
        """Accept one event. Never yields, so a kill comes before or after it, not in the middle."""
        is_new = self._memory.is_new(event)
        if is_new:
            self._accept(event, stored=stored)
        return is_new

    def _accept(self, event: Event, *, stored: bool) -> None:
        if not stored and self._keeps_own:
            self._table.add_event(event)
        self._memory.keep(event)
        self._deliveries.deliver(event)

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

    def _undelivered(self, path: str, message: Tell, reason: DeadLetterReason) -> None:
        self._memory.dead_messages += 1
        if self.is_own_report(message):
            return  # reporting it would cause the next one
        if isinstance(message, Publish):
            # Its events must not be lost, and they have arrived here after all.
            self._publish(message)
        elif isinstance(message, StoreDeadLetter):
            self._keep(message.letter)
        elif not isinstance(message, OF_LETTERS):
            self._keep(dead_letter_forms.of_message(path, message, reason), message)
        self._report_soon()

    def _keep_event(
        self, event: Event, handler: str, reason: str, error: str, attempts: int
    ) -> None:
        self._keep(dead_letter_forms.of_event(event, handler, reason, error, attempts))

    def _keep(self, letter: DeadLetter, message: Tell | None = None) -> None:
        self._memory.hold(HeldLetter(letter, message))
        if self._keeps_own:
            self._table.add_letter(letter)

    def _forget(self, key: UUID) -> None:
        self._memory.letters.pop(key, None)
        if self._keeps_own:
            self._table.delete_letter(key)

    def _redeliver(self, letter: DeadLetter) -> Redelivery:
        if letter.kind == "alert":
            # The alerter says when the dead letter can be deleted.
            self.spawn(self._send, "alerter", NotifyAgain(letter))
            return Redelivery.QUEUED
        if letter.event is None:
            held = self._memory.letters.get(letter.id)
            if held is None or held.message is None:
                return Redelivery.MESSAGE_GONE
            self._forget(letter.id)
            self.spawn(self._send_again, letter.receiver.rpartition("/")[2], held)
            return Redelivery.QUEUED
        return self._deliveries.redeliver(letter)

    def _send_again(self, receiver: str, held: HeldLetter) -> None:
        assert held.message is not None
        if not self.address(receiver).offer(held.message):
            self._keep(held.letter, held.message)

    def _discard(self, key: UUID) -> None:
        """Delete a dead letter. The ask is answered once it is deleted from the table."""
        self._memory.letters.pop(key, None)
        if self._keeps_own:
            self._table.delete_letter(key, self.reply_later())

    def _send_to_store(self, message: StoreEvents) -> None:
        self.spawn(self._send, "store", message)  # a full mailbox must not hold up the bus

    def _check_later(self, seconds: float) -> None:
        self.after(seconds, FlushEvents())

    def _send(self, receiver: str, message: Tell) -> None:
        with suppress(MailboxFull):  # we send it again soon, or the asker does
            self.address(receiver).tell(message)

    def _stored(self, written: StoreEvents, refused: dict[UUID, str]) -> None:
        for event in written.events:
            if event.id in refused:
                self._keep(dead_letter_forms.of_refused_event(event, refused[event.id]))
        self._table.stored(written)
        self._report_soon()

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
            reason = (
                "the database is away; given up: "
                f"{counted(status.given_up, 'event or dead letter', 'events or dead letters')}"
            )
        elif status.outbox_error:
            reason = f"the outbox cannot be written: {status.outbox_error}"
        else:
            reason = ""
        self.report(Health.DEGRADED if reason else Health.HEALTHY, reason, status)

    def _status(self) -> EventBusStatus:
        return bus_status(self._memory, self._table, self._deliveries)

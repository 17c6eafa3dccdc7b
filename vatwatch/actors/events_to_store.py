"""Events to store: sends events and dead letters to the store until it has acknowledged them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from vatwatch.actors.event_backlog import EventBacklog
from vatwatch.actors.event_memory import BusMemory
from vatwatch.actors.owed_answer import OwedAnswer
from vatwatch.errors import DatabaseUnavailable
from vatwatch.events.dead_letters import DeadLetter
from vatwatch.events.event import Event
from vatwatch.messages import StoreEvents
from vatwatch.supervision import Reply


class EventsToStore:
    """The events and dead letters that the tables do not have yet."""

    def __init__(
        self,
        memory: BusMemory,
        *,
        size: int,
        outbox: Path | None,
        resend_s: float,
        send: Callable[[StoreEvents], None],
        check_later: Callable[[float], None],
    ) -> None:
        """Args:
        size: how many events, and how many dead letters, may wait; the oldest is dropped beyond
        outbox: the file with a copy; None: no copy
        resend_s: how long the store may owe an answer, in seconds
        send: sends the store a message, and does not wait for it
        check_later: has `check` called after so many seconds
        """
        self._backlog = EventBacklog(memory, size=size, path=outbox, given_up=self._given_up)
        self._resend_s = resend_s
        self._send = send
        self._check_later = check_later
        self._owed = OwedAnswer[StoreEvents](resend_s)
        self._check_due = False
        self._deleting: dict[UUID, list[Reply[None]]] = {}

    def bound(self, size: int) -> None:
        """Set how many events, and how many dead letters, may wait."""
        self._backlog.size = size

    def __len__(self) -> int:
        return len(self._backlog)

    @property
    def error(self) -> str:
        """Why there is no copy; empty if there is one, or none is wanted."""
        return self._backlog.error

    def load(self) -> None:
        """Load what the last process left."""
        self._backlog.load()

    def put_away(self) -> None:
        """At a stop: write all that is on its way to the file, for the next process."""
        self._backlog.put_away()

    def close(self) -> None:
        """Give the file back."""
        self._backlog.close()

    def add_event(self, event: Event) -> None:
        """Queue an event for the table; `flush` sends it."""
        self._backlog.add_event(event)

    def add_letter(self, letter: DeadLetter) -> None:
        """Queue a dead letter for the table, as it is now."""
        self._backlog.add_letter(letter)
        self.flush()

    def delete_letter(self, letter_id: UUID, reply: Reply[None] | None = None) -> None:
        """Have a dead letter deleted from the table. `reply` is answered when that is done, or
        fails if it will not be done."""
        if reply is not None:
            self._deleting.setdefault(letter_id, []).append(reply)
        self._backlog.forget_letter(letter_id)
        self.flush()

    def flush(self) -> None:
        """Send the store what the tables lack, unless the store still owes an answer."""
        message = None if self._owed.is_awaited else self._backlog.next()
        if message is not None:
            self._owed.sent(message)
            self._send(message)
            self._check()

    def store_started(self) -> None:
        """The store has restarted and forgotten everything: send it again."""
        self._owed.give_up()
        self.flush()

    def check(self) -> None:
        """Send again what the store has not answered for too long."""
        self._check_due = False
        if self._owed.is_awaited:
            self._check()
        else:
            self.flush()

    def stored(self, written: StoreEvents) -> None:
        """The store has written these, or never will."""
        for key in self._backlog.written(written):
            for reply in self._deleting.pop(key, ()):
                reply.set(None)
        self._owed.take(written)
        self._backlog.clear()
        self.flush()

    def _check(self) -> None:
        if not self._check_due:
            self._check_due = True
            self._check_later(self._resend_s)

    def _given_up(self, key: UUID) -> None:
        """The deletion was dropped because too much came later: the table still has the dead
        letter."""
        for reply in self._deleting.pop(key, ()):
            reply.fail(
                DatabaseUnavailable(
                    "The database is away and too much waits for it: the dead letter is kept."
                )
            )

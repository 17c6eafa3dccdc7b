"""Mailbox: the three message queues (lanes) of one child. It survives restarts of the actor.

Orders and probes use the urgent lane, messages between parts of the tree the normal one, and
questions from outside (HTTP) the public one. Questions take no room from the other lanes and at
most every second turn, however many there are. The normal and the public lane are bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from gevent import Greenlet, get_hub, getcurrent
from gevent.hub import Waiter
from pykka.messages import _ActorStop

from vatwatch.counting import counted
from vatwatch.errors import ActorUnavailable, MailboxFull
from vatwatch.supervision.envelope import Envelope, News, Question, Undeliverable
from vatwatch.supervision.message import BestEffort, Latest, Probe
from vatwatch.supervision.public_lane import PublicLane
from vatwatch.supervision.vocabulary import DeadLetterReason, MailboxPolicy, UndeliverableReason
from vatwatch.supervision.waiting_senders import WaitingSenders

# These are for the current incarnation, not for its successor.
_FOR_ONE_READER = frozenset({_ActorStop, Probe})


class Mailbox:
    """The lanes of one child, which outlive its incarnations.

    The urgent lane (orders, probes) is unbounded and always read first. The normal one (what the
    parts of the tree tell and ask) holds `capacity`, in the order of sending. The public one
    (`PublicLane`) takes turns with the normal one.

    One reader at a time; any number of senders. Use it from the thread whose hub created it. There
    is no lock, since nothing here yields in the middle of a change.
    """

    __slots__ = (
        "_blocked",
        "_closed_because",
        "_hub",
        "_limit",
        "_news",
        "_normal",
        "_public",
        "_questions",
        "_reader",
        "_senders",
        "_undeliverable",
        "_urgent",
        "admission_check",
        "block_s",
        "capacity",
        "closed",
        "dropped",
        "high_water",
        "owner",
        "policy",
        "refused",
    )

    def __init__(
        self,
        capacity: int,
        policy: MailboxPolicy,
        undeliverable: Undeliverable,
        *,
        block_s: float = 5.0,
    ) -> None:
        """Make it open and empty.

        Args:
            capacity: messages in the normal lane, those in the actor's hand not counted
            policy: what happens to a message when the lane is full
            undeliverable: called at once with each undeliverable envelope and the reason; it must
                not block, since it runs in the sender, in the reader, or in the hub
            block_s: how long the sender of a tell waits for room under the policy BLOCK, in
                seconds. 5 s is longer than any short delay of a healthy receiver, and far shorter
                than the 60 s after which a handler counts as hung, so the sender does not count as
                hung
        """
        self.capacity = capacity
        self.policy = policy
        self.block_s = block_s
        self.closed = False
        self._closed_because: UndeliverableReason = "stopped"
        self.admission_check: Callable[[], bool] | None = None
        """If set, it decides for each message whether it is admitted: the actor is suspended or on
        trial. Set it by `set_admission_check`."""
        self.high_water = 0
        self.dropped = 0
        self.refused = 0
        self.owner: Greenlet[..., None] | None = None
        """The greenlet that reads; as a sender it must not wait for itself."""
        self._undeliverable = undeliverable
        self._hub = get_hub()
        # 0 while closed or checked, so that the fast path needs only one comparison.
        self._limit = capacity
        self._urgent: deque[Envelope] = deque()
        self._normal: deque[Envelope] = deque()
        self._public = PublicLane()
        # The same deque: the inner loop only checks whether it is empty.
        self._questions = self._public.questions
        # The news in the normal lane, by topic.
        self._news: dict[tuple[type[Latest], str], News] = {}
        self._senders = WaitingSenders(self._hub)
        # The inner loop only checks whether there are any.
        self._blocked = self._senders.queue
        self._reader: Waiter[None] | None = None

    @property
    def depth(self) -> int:
        """Messages in the normal lane."""
        return len(self._normal)

    @property
    def public_depth(self) -> int:
        """Questions in the public lane."""
        return len(self._questions)

    @property
    def public_refused(self) -> int:
        """Questions that were refused because there was no room."""
        return self._public.refused

    def empty(self) -> bool:
        """Whether there is nothing to read."""
        return not (self._urgent or self._normal or self._questions)

    def put(self, envelope: Envelope, timeout_s: float | None = None) -> None:
        """Put a message into the normal lane; if that is full, follow the policy.

        May wait, under the policy BLOCK. If the mailbox is closed, or the admission check refuses
        the envelope, it is undeliverable; nothing is raised.

        Args:
            envelope: the message
            timeout_s: how long to wait for room; None: `block_s`; 0: not at all

        Raises:
            MailboxFull: no room, or none in time; the sender still has the message
        """
        depth = len(self._normal)
        if depth >= self._limit:
            self._put_without_room(envelope, timeout_s)
            return
        self._normal.append(envelope)
        if depth >= self.high_water:
            self.high_water = depth + 1
        if self._reader is not None:
            self._wake_reader()

    def put_unbounded(self, envelope: Envelope) -> None:
        """Put a message into the normal lane, ignoring the bound: never waits, never raises.

        For messages that are few and must not get lost: an actor's own timers, and orders to stop.
        """
        if self.closed:
            self._undeliverable(envelope, self._closed_because)
            return
        self._normal.append(envelope)
        self.high_water = max(self.high_water, len(self._normal))
        if self._reader is not None:
            self._wake_reader()

    def put_latest(self, message: Latest, request_id: str = "") -> None:
        """Put a `Latest` message, replacing the waiting one of its topic; ignores the bound.

        Also while the actor is suspended: then it finds the latest one when it is back.
        """
        news = News(message, request_id)
        waiting = self._news.get(news.topic)
        if waiting is not None:
            waiting.message, waiting.request_id = message, request_id
            return
        if not self.closed:
            self._news[news.topic] = news
        self.put_unbounded(news)

    def put_public(self, question: Question) -> None:
        """Put a question into the public lane. Never waits for room.

        Raises:
            TooManyQuestions: there is no room, even after removing questions whose askers have gone
        """
        if self.closed:
            self._undeliverable(question, self._closed_because)
            return
        if self.admission_check is not None and not self.admission_check():
            self._undeliverable(question, "suspended")
            return
        self._public.put(question)
        if self._reader is not None:
            self._wake_reader()

    def withdraw(self, envelope: Envelope) -> None:
        """Remove an ask whose asker has gone. It may have been read already."""
        lane: deque[Any] = self._questions if isinstance(envelope, Question) else self._normal
        try:
            lane.remove(envelope)
        except ValueError:
            return
        if self._blocked:
            self._admit()

    def requeue(self, envelope: Envelope) -> None:
        """Put back a message that was taken out: it is read next, before all others of the normal
        lane."""
        if self.closed:
            self._undeliverable(envelope, self._closed_because)
            return
        if isinstance(envelope, News):
            if envelope.topic in self._news:
                return  # a newer one waits
            self._news[envelope.topic] = envelope
        self._normal.appendleft(envelope)
        self.high_water = max(self.high_water, len(self._normal))
        if self._reader is not None:
            self._wake_reader()

    def put_urgent(self, envelope: Envelope) -> None:
        """Put a message into the urgent lane, also of a closed mailbox. Never blocks."""
        self._urgent.append(envelope)
        if self._reader is not None:
            self._wake_reader()

    def get(self) -> Envelope:
        """Take the next message out, or wait for one. Only for the reader."""
        while True:
            if self._urgent:
                return self._urgent.popleft()
            if self._questions:
                question = self._public.take(others_wait=bool(self._normal))
                if question is not None:
                    return question
            if self._normal:
                envelope = self._normal.popleft()
                if envelope.__class__ is News:
                    del self._news[envelope.topic]
                if self._blocked:
                    self._admit()
                return envelope
            waiter: Waiter[None] = Waiter(self._hub)
            self._reader = waiter
            try:
                waiter.get()
            finally:
                self._reader = None

    def drain(self, reason: DeadLetterReason) -> None:
        """Empty the normal and the public lane; queued messages become undeliverable."""
        queued = [*self._normal, *self._questions]
        self._normal.clear()
        self._questions.clear()
        self._news.clear()
        for envelope in queued:
            self._undeliverable(envelope, reason)
        self._admit()

    def close(self, *, standby: bool = False) -> None:
        """Refuse messages from now on; those that are queued, or wait for room, become
        undeliverable.

        Args:
            standby: the reason for later messages is that the actor is on standby; what was queued
                was sent to an actor that was to run, and is undeliverable as at any other stop
        """
        self.closed = True
        self._closed_because = "standby" if standby else "stopped"
        self._limit = 0
        self.dismiss_orders()
        waiting = self._senders.release_all()
        self.drain("stopped")
        for envelope in waiting:
            self._undeliverable(envelope, "stopped")
        self._forget_urgent()

    def reopen(self) -> None:
        """Accept messages again, and empty the urgent lane, which was for the previous reader."""
        self._forget_urgent()
        self.closed = False
        self._limit = self.capacity if self.admission_check is None else 0

    def set_admission_check(self, admission_check: Callable[[], bool] | None) -> None:
        """Let `admission_check` decide which messages are admitted; None: only the bound decides
        again.

        Queued messages stay, except asks, whose askers must not wait for so long. Senders that wait
        for room are refused, too.
        """
        self.admission_check = admission_check
        if admission_check is None:
            self._limit = 0 if self.closed else self.capacity
            return
        self._limit = 0
        asks = [envelope for envelope in self._normal if envelope.reply_to is not None]
        asks += self._questions
        self._questions.clear()
        self._normal = deque(envelope for envelope in self._normal if envelope.reply_to is None)
        for envelope in (*asks, *self._senders.release_all()):
            self._undeliverable(envelope, "suspended")

    def dismiss_orders(self) -> None:
        """The reader has ended: drop stop orders and probes, which were only for it.

        A stop order may be queued behind messages that are kept, and the successor must not obey
        it. The askers get an answer: the actor that should stop has ended, and a probed actor
        cannot answer.
        """
        for lane in (self._urgent, self._normal):
            orders = [each for each in lane if each.message.__class__ in _FOR_ONE_READER]
            if not orders:
                continue
            kept = [each for each in lane if each.message.__class__ not in _FOR_ONE_READER]
            lane.clear()
            lane.extend(kept)
            for order in orders:
                self._dismiss(order)
        if self._blocked:
            self._admit()

    def _forget_urgent(self) -> None:
        urgent, self._urgent = self._urgent, deque()
        for envelope in urgent:
            self._dismiss(envelope)

    def _dismiss(self, envelope: Envelope) -> None:
        reply = envelope.reply_to
        if reply is None:
            return
        if envelope.message.__class__ is _ActorStop:
            reply.set(None)
        else:
            reply.fail(ActorUnavailable("the actor has ended"))

    def _put_without_room(self, envelope: Envelope, timeout_s: float | None) -> None:
        # Pykka's own refs stop an actor with a message, which a full mailbox must accept.
        if isinstance(envelope.message, _ActorStop):
            self.put_urgent(envelope)
        elif self.closed:
            self._undeliverable(envelope, self._closed_because)
        elif self.admission_check is not None:
            if self.admission_check():
                self.put_unbounded(envelope)
            else:
                self._undeliverable(envelope, "suspended")
        elif self.policy is MailboxPolicy.DROP_OLDEST:
            self._drop_oldest()
            self._normal.append(envelope)
        elif self._must_not_wait(envelope):
            self.refused += 1
            raise MailboxFull(counted(self.capacity, "message is", "messages are") + " waiting")
        else:
            self._wait_for_room(envelope, self.block_s if timeout_s is None else timeout_s)

    def _drop_oldest(self) -> None:
        """Drop the oldest message of the normal lane, but no `Latest` one: there are few of
        these."""
        for index, envelope in enumerate(self._normal):
            if envelope.__class__ is not News:
                del self._normal[index]
                self.dropped += 1
                self._undeliverable(envelope, "overflow")
                return

    def _must_not_wait(self, envelope: Envelope) -> bool:
        return (
            self.policy is MailboxPolicy.REFUSE
            or isinstance(envelope.message, BestEffort)
            or getcurrent() in (self._hub, self.owner)
        )

    def _wait_for_room(self, envelope: Envelope, timeout_s: float) -> None:
        if not self._senders.wait(envelope, timeout_s):
            self.refused += 1
            raise MailboxFull(f"no room among {self.capacity} messages within {timeout_s} s")

    def _admit(self) -> None:
        """Accept the messages of waiting senders, in their order, while there is room."""
        while self._blocked and len(self._normal) < self._limit:
            self._normal.append(self._senders.release_first())
        if self._normal and self._reader is not None:
            self._wake_reader()

    def _wake_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            self._hub.loop.run_callback(reader.switch, None)

"""Address: actors know each other by name, not by reference."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from vatwatch.errors import (
    ActorOnStandby,
    ActorSuspended,
    ActorUnavailable,
    AskTimeout,
    MailboxFull,
)
from vatwatch.logs.context import current_request_id
from vatwatch.supervision.envelope import Envelope, Question
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.message import Ask, BestEffort, Latest, Probe, Tell
from vatwatch.supervision.reply import Reply
from vatwatch.supervision.vocabulary import DeadLetterReason, MailboxPolicy, State

R = TypeVar("R")
T = TypeVar("T")


class Receiver(Protocol):
    """The receiver behind a name: a worker's place in the tree, whichever incarnation is there."""

    @property
    def name(self) -> str:
        """Unique in the tree: `store`."""

    @property
    def path(self) -> str:
        """Its place in the tree: `vatwatch/data/store`."""

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox; the same one for as long as the tree lives."""

    @property
    def state(self) -> State:
        """What it is doing."""

    @property
    def alive(self) -> bool:
        """Whether an actor runs there (it has started and not ended)."""

    @property
    def shared(self) -> object | None:
        """What the incarnation that runs, or ran last, shows to all who look."""

    @property
    def breaker_retry_in_s(self) -> float:
        """Seconds until its breaker allows a trial; 0 if it has no breaker, or if that is not
        open."""


class Address:
    """Reaches an actor, whichever incarnation lives. Use it in the tree's thread."""

    __slots__ = ("_look_up", "_put", "_receiver", "_undeliverable", "name")

    def __init__(
        self,
        name: str,
        look_up: Callable[[str], Receiver | None],
        undeliverable: Callable[[str, Tell, DeadLetterReason], None],
    ) -> None:
        """Made by `Directory.address`.

        Args:
            name: the worker's name; there need not be one yet
            look_up: finds the receiver of a name, if there is one
            undeliverable: called for a message to an unknown name
        """
        self.name = name
        self._look_up = look_up
        self._undeliverable = undeliverable
        self._receiver: Receiver | None = None
        # The mailbox's method, which never changes: saves two look-ups on each tell.
        self._put: Callable[[Envelope], None] | None = None
        self._find()

    def __repr__(self) -> str:
        return f"Address({self.name!r})"

    def tell(self, message: Tell) -> None:
        """Send a message that is not answered. It is handled after those that were sent before it.

        The sender does not learn whether it was handled. If the actor is suspended, stopped for
        good or unknown, the message becomes a dead letter and no error is raised. If the actor is
        on standby, the message is dropped and counted (`MailboxInfo`). If the actor is
        being restarted, the message waits for the next incarnation. `BestEffort` messages never
        wait for room, and raise nothing. What the receiver logs while it handles the message has
        the id of the HTTP request that the sender works for, if any.

        Raises:
            MailboxFull: there was no room, and the mailbox policy of the child says so: at once, or
                after 5 s of waiting
        """
        if isinstance(message, BestEffort):
            self.offer(message)
        elif self._put is not None:
            self._put(Envelope(message, None, current_request_id()))
        else:
            self._tell_unknown(message)

    def offer(self, message: Tell) -> bool:
        """Tell, but never wait for room.

        Returns:
            False if the mailbox has refused the message; then the sender must keep it
        """
        receiver = self._receiver or self._find()
        try:
            if receiver is None:
                self._tell_unknown(message)
            elif isinstance(message, Latest):
                receiver.mailbox.put_latest(message, current_request_id())
            else:
                receiver.mailbox.put(Envelope(message, None, current_request_id()), 0.0)
        except MailboxFull:
            return False
        return True

    def ask(
        self,
        message: Ask[R],
        *,
        timeout_s: float,
        public: bool = False,
        asker_is_gone: Callable[[], bool] | None = None,
    ) -> R:
        """Send a message and wait for the answer; a restart meanwhile is waited for as well.

        Ask downstream only: two actors that ask each other wait for each other. An ask whose
        timeout passes while it is queued is not handled. One that has begun is handled to its end,
        and its answer is lost.

        Args:
            message: what is asked; its type says what the answer is
            timeout_s: for everything, including waiting for room
            public: the ask comes from outside the tree (HTTP). It waits in a separate lane, so it
                takes no room from the parts of the tree
            asker_is_gone: for public asks; called before the ask is handled, in the receiver's
                greenlet, so it must be quick and must not raise. If it says yes, the ask is dropped

        Raises:
            TooManyQuestions: the public lane is full
            ActorUnavailable: the actor is stopped or unknown, died while handling the ask, or was
                not back from a restart in time
            ActorOnStandby: the actor is on standby; raised at once
            AskTimeout: no answer in time
            MailboxFull: the mailbox refused the ask, or dropped it for a later message
            Exception: what the handler raised
        """
        receiver = self._receiver or self._find()
        if receiver is None:
            raise ActorUnavailable(f"{self.name}: no actor has this name")
        reply: Reply[R] = Reply()
        reply.request_id = current_request_id()
        envelope: Envelope
        deadline = time.monotonic() + timeout_s
        try:
            if public:
                reply.public = True
                envelope = question = Question(message, reply, asker_is_gone)
                receiver.mailbox.put_public(question)
            else:
                envelope = Envelope(message, reply)
                receiver.mailbox.put(envelope, timeout_s)
            if reply.wait(deadline - time.monotonic()):
                return reply.get()
        except MailboxFull:
            if receiver.mailbox.policy is not MailboxPolicy.BLOCK or time.monotonic() < deadline:
                raise
        finally:
            # Answered, timed out or killed: from here on nothing waits for the answer.
            reply.abandoned = True
            if not reply.answered:
                receiver.mailbox.withdraw(envelope)
        if receiver.state not in (State.RUNNING, State.STOPPING):
            raise ActorUnavailable(
                f"{receiver.path}: {receiver.state.value}, not up within {timeout_s} s"
            )
        raise AskTimeout(
            f"{receiver.path}: no reply to {type(message).__name__} within {timeout_s} s"
        )

    def shared(self, kind: type[T]) -> T | None:
        """What the actor shows to all who look (`Actor.share`), without a message.

        Returns:
            the value; None if no actor runs there, or if it shows no `kind`
        """
        receiver = self._receiver or self._find()
        if receiver is None or not receiver.alive:
            return None
        value = receiver.shared
        return value if isinstance(value, kind) else None

    def probe(self, *, timeout_s: float) -> Any:
        """Ask the actor for its state, bypassing a full mailbox, after the message in hand.

        Returns:
            what `Actor.on_probe` returns

        Raises:
            ActorUnavailable, ActorSuspended, ActorOnStandby: it does not run
            AskTimeout: no answer in time: what it has in hand takes longer
        """
        receiver = self._receiver or self._find()
        if receiver is None:
            raise ActorUnavailable(f"{self.name}: no actor has this name")
        if receiver.state is State.SUSPENDED:
            raise ActorSuspended(receiver.path, receiver.breaker_retry_in_s)
        if receiver.state is State.STANDBY:
            raise ActorOnStandby(receiver.path)
        if receiver.state is not State.RUNNING:
            raise ActorUnavailable(f"{receiver.path}: {receiver.state.value}")
        reply: Reply[Any] = Reply()
        receiver.mailbox.put_urgent(Envelope(Probe(), reply))
        if not reply.wait(timeout_s):
            raise AskTimeout(f"{receiver.path}: no answer to a probe within {timeout_s} s")
        return reply.get()

    def alive(self) -> bool:
        """Whether the actor runs now."""
        receiver = self._receiver or self._find()
        return receiver is not None and receiver.alive

    def _tell_unknown(self, message: Tell) -> None:
        """Put the first message to this name, which may not exist."""
        self._find()
        if self._put is None:
            self._undeliverable(self.name, message, "unknown")
        else:
            self._put(Envelope(message, None, current_request_id()))

    def _find(self) -> Receiver | None:
        self._receiver = receiver = self._look_up(self.name)
        if receiver is not None:
            self._put = receiver.mailbox.put
        return receiver

"""Directory and addresses: a name, not a reference, is what one actor knows of another."""

from __future__ import annotations

import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from gevent import get_hub

from vatwatch.errors import ActorSuspended, ActorUnavailable, AskTimeout, MailboxFull
from vatwatch.supervision.breaker import BreakerPolicy
from vatwatch.supervision.envelope import Envelope, Question
from vatwatch.supervision.faults import Faults
from vatwatch.supervision.guard import BreakerInfo, Guard, GuardKind
from vatwatch.supervision.introspection import NodeInfo, State
from vatwatch.supervision.mailbox import MailboxPolicy
from vatwatch.supervision.message import Ask, BestEffort, Latest, Probe, Tell
from vatwatch.supervision.notices import DeadLettered, DeadLetterReason, Notice
from vatwatch.supervision.reply import Reply

if TYPE_CHECKING:
    from vatwatch.supervision.slot import Slot

R = TypeVar("R")

Observer = Callable[[Notice], None]


class Directory:
    """The names of one tree's workers, its guards and faults, and who wants to know of it all."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.dead_letters = 0
        """How many there have been."""
        self.stopping = False
        """Whether the whole tree was ordered to stop: who has gone will not come back."""
        self.kept: dict[str, Any] = {}
        """What workers leave to their successors, by their names: counts, and nothing that could
        make the successor fail as well."""
        self.faults = Faults()
        self.snapshot: Callable[[], NodeInfo]
        """The whole tree (`Tree.snapshot`), for actors that look after the others."""
        self.breakers: Callable[[], tuple[BreakerInfo, ...]]
        """Every breaker (`Tree.breakers`)."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._guards: dict[str, Guard] = {}
        self._slots: dict[str, Slot] = {}
        self._observers: list[Observer] = []
        self._notices: deque[Notice] = deque()
        self._announcing = False
        self._scheduled = False

    def address(self, name: str) -> Address:
        """The address of a worker; an unknown name shows when the address is used."""
        return Address(name, self)

    def guard(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        counts: type[Exception] | tuple[type[Exception], ...] = Exception,
        kind: GuardKind = "dependency",
    ) -> Guard:
        """The guard of this name; made at the first use, and the same ever after."""
        if name not in self._guards:
            self._guards[name] = Guard(
                name,
                policy,
                self._clock,
                counts=counts,
                kind=kind,
                wall_clock=self._wall_clock,
                observe=self.notify,
                before_call=self.faults.fails,
            )
        return self._guards[name]

    def guards(self) -> tuple[Guard, ...]:
        """All of them, but for those of the tree's own nodes."""
        return tuple(self._guards.values())

    def observe(self, callback: Observer) -> None:
        """Call `callback(notice)` for everything that happens from now on, in order.

        It runs in the hub, soon after the fact, and must not block: a tell to a full mailbox raises
        `MailboxFull` at once. What it raises is printed to stderr. A message that it sends and that
        becomes a dead letter is counted but not announced: else dead letters would breed for ever.
        """
        self._observers.append(callback)

    def register(self, slot: Slot) -> None:
        """For the tree: make a worker known by its name."""
        self._slots[slot.name] = slot

    def find(self, name: str) -> Slot | None:
        """For addresses: the slot of that name."""
        return self._slots.get(name)

    def node(self, name: str) -> NodeInfo | None:
        """What is known of this worker now; None if there is none. Cheaper than the whole tree."""
        slot = self.find(name)
        return None if slot is None else slot.info()

    def dead_letter(self, path: str, message: Tell, reason: DeadLetterReason) -> None:
        """For the runtime: count a message that nobody will handle, and announce it."""
        self.dead_letters += 1
        if not self._announcing:
            self.notify(DeadLettered(path, message, reason))

    def notify(self, notice: Notice) -> None:
        """For the runtime: announce a notice. Never blocks."""
        if not self._observers:
            return
        self._notices.append(notice)
        if not self._scheduled:
            self._scheduled = True
            get_hub().loop.run_callback(self._announce)

    def _announce(self) -> None:
        self._announcing = True
        try:
            while self._notices:
                notice = self._notices.popleft()
                for observer in self._observers:
                    self._tell_observer(observer, notice)
        finally:
            self._announcing = self._scheduled = False

    def _tell_observer(self, observer: Observer, notice: Notice) -> None:
        try:
            observer(notice)
        except Exception:  # noqa: BLE001 - one observer's bug must not cost the others the notice
            # Not logging: its handlers may have to wait for a lock, and the hub cannot wait.
            sys.stderr.write(f"vatwatch: an observer failed at {notice!r}\n")
            traceback.print_exc()


class Address:
    """Where to reach an actor, whichever incarnation lives. To be used in the tree's thread."""

    __slots__ = ("_directory", "_put", "_slot", "name")

    def __init__(self, name: str, directory: Directory) -> None:
        self.name = name
        self._directory = directory
        self._slot: Slot | None = None
        # The way into the mailbox, which is the slot's for ever: saves two look-ups on each tell.
        self._put: Callable[[Envelope], None] | None = None
        self._find()

    def __repr__(self) -> str:
        return f"Address({self.name!r})"

    def tell(self, message: Tell) -> None:
        """Send a message that is not answered.

        If the actor is stopped for good, or unknown, the message is a dead letter: no error.
        `BestEffort` news is not waited for either, and raises nothing.

        Raises:
            MailboxFull: as the child's mailbox policy says
        """
        if isinstance(message, BestEffort):
            self.offer(message)
        elif self._put is not None:
            self._put(Envelope(message))
        else:
            self._tell_unknown(message)

    def offer(self, message: Tell) -> bool:
        """Tell, without waiting for room: False if there is none now."""
        slot = self._slot or self._find()
        try:
            if slot is None:
                self._tell_unknown(message)
            elif isinstance(message, Latest):
                slot.mailbox.put_news(message)
            else:
                slot.mailbox.put(Envelope(message), 0.0)
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

        An ask whose time is up while it is still queued will not be handled. `public`: it comes
        from outside of the tree, and waits in a lane that takes no room from others;
        `asker_is_gone()`, which must be quick, is asked before it is handled.

        Raises:
            TooManyQuestions: the public lane is full
            ActorUnavailable: the actor is stopped or unknown, died while handling the ask, or was
                not back from a restart in time
            AskTimeout: no answer in time
            MailboxFull: the mailbox refused the ask, or dropped it for a later message
            Exception: what the handler raised
        """
        slot = self._slot or self._find()
        if slot is None:
            raise ActorUnavailable(f"{self.name}: no actor has this name")
        reply: Reply[R] = Reply()
        reply.public = public
        envelope = Question(message, reply, asker_is_gone) if public else Envelope(message, reply)
        deadline = time.monotonic() + timeout_s
        try:
            if isinstance(envelope, Question):
                slot.mailbox.put_public(envelope)
            else:
                slot.mailbox.put(envelope, timeout_s)
            if reply.wait(deadline - time.monotonic()):
                return reply.get()
        except MailboxFull:
            if slot.mailbox.policy is not MailboxPolicy.BLOCK or time.monotonic() < deadline:
                raise
        finally:
            # In time, or not, or killed meanwhile: from here on nobody waits.
            reply.abandoned = True
            if not reply.answered:
                slot.mailbox.withdraw(envelope)
        if slot.state not in (State.RUNNING, State.STOPPING):
            raise ActorUnavailable(f"{slot.path}: {slot.state.value}, not up within {timeout_s} s")
        raise AskTimeout(f"{slot.path}: no reply to {type(message).__name__} within {timeout_s} s")

    def probe(self, *, timeout_s: float) -> Any:
        """Ask the actor how it is (`Actor.on_probe`): past a full mailbox, after the one in hand.

        Raises:
            ActorUnavailable, ActorSuspended: it does not run
            AskTimeout: no answer in time: what it has in hand takes longer
        """
        slot = self._slot or self._find()
        if slot is None:
            raise ActorUnavailable(f"{self.name}: no actor has this name")
        if slot.state is State.SUSPENDED:
            raise ActorSuspended(slot.path, 0.0 if slot.guard is None else slot.guard.retry_in_s)
        if slot.state is not State.RUNNING:
            raise ActorUnavailable(f"{slot.path}: {slot.state.value}")
        reply: Reply[Any] = Reply()
        slot.mailbox.put_urgent(Envelope(Probe(), reply))
        if not reply.wait(timeout_s):
            raise AskTimeout(f"{slot.path}: no answer to a probe within {timeout_s} s")
        return reply.get()

    def alive(self) -> bool:
        """Whether the actor runs now."""
        slot = self._slot or self._find()
        life = None if slot is None else slot.life
        return life is not None and life.started and not life.dead

    def _tell_unknown(self, message: Tell) -> None:
        """The first message to this name, which may be nobody's."""
        self._find()
        if self._put is None:
            self._directory.dead_letter(self.name, message, "unknown")
        else:
            self._put(Envelope(message))

    def _find(self) -> Slot | None:
        self._slot = slot = self._directory.find(self.name)
        if slot is not None:
            self._put = slot.mailbox.put
        return slot

"""Actor: what every service is made of. A pykka actor on a gevent runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple, Unpack

import pykka
from gevent import Greenlet
from pykka.messages import _ActorStop

from vatwatch.errors import SupervisionError
from vatwatch.supervision.address import Address
from vatwatch.supervision.breaker import BreakerPolicy
from vatwatch.supervision.child_node import ChildNode
from vatwatch.supervision.circuit_breaker import BreakerInfo, CircuitBreaker, CircuitBreakers
from vatwatch.supervision.directory import Directory
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.incarnation import Incarnation, tell_later
from vatwatch.supervision.introspection import NodeInfo
from vatwatch.supervision.mailbox import Mailbox
from vatwatch.supervision.message import Tell
from vatwatch.supervision.notices import Notice
from vatwatch.supervision.recovery import Recovery, Remedy
from vatwatch.supervision.reply import Reply
from vatwatch.supervision.spec import ChildSpec
from vatwatch.supervision.timer import Timer
from vatwatch.supervision.vocabulary import (
    BreakerKind,
    DeadLetterReason,
    ExitReason,
    MailboxPolicy,
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Actor(pykka.Actor):
    """Handles one message at a time, in a greenlet of its own.

    A service is a subclass. Its supervisor makes it by the child spec, and makes a new one after
    each failure; nobody else starts an actor, and nobody holds one: others reach it by its name,
    through an `Address`.

    In `__init__` keep what you are given and do nothing else: the actor has no place in the tree
    yet, so `name`, `path`, `directory` and the tools below are for `on_start` and later. All
    methods are for the thread of the tree. The hooks (`on_...`, `hand_over`) are called by the
    runtime, in the actor's own greenlet, one at a time; the tools are called by the actor, from
    its hooks or from greenlets that it has spawned.
    """

    name: str
    """Short and unique in the tree: `store`."""
    path: str
    """Where it is in the tree: `vatwatch/data/store`."""
    directory: Directory
    ended_by: ExitReason | None = None
    """Why it ends, for `on_crash` and `on_stop`; None while it lives.

    `crash`, `hang`, `start`: by its own fault, and the message in hand may be the cause.
    `shutdown`: by order of its supervisor; no message is to blame. `exit`: by `stop()`.
    """
    _incarnation: Incarnation
    _node: ChildNode

    # -- hooks

    def on_start(self) -> None:
        """Come to a stable state, with or without the outside world, before the first message.

        It may wait, for `start_s` of the child spec at most (30 s by default): its siblings after
        it are started when it has returned. What it raises, and taking longer, is a failed start.
        At the very first start of the tree that ends the whole, as in OTP: so a database that is
        away is no reason to raise.
        """

    def on_stop(self) -> None:
        """Give back what was taken, when the actor stops in order, after its last message.

        Together with the message in hand it has `shutdown_s` of the child spec (5 s by default);
        then the actor is killed, and `on_crash` called. What it raises is a failure.
        """

    def on_receive(self, message: Any) -> Any:
        """Handle one message. The type of the message says what its failure costs.

        Args:
            message: a `Tell` or an `Ask` of those that the actor knows; any other is a bug

        Returns:
            the answer to an `Ask`, unless `reply_later` was called; of a `Tell` it is ignored

        Raises:
            Exception: for a `Tell`, the actor fails and is restarted; for an `Ask`, the asker gets
                the error and the actor lives
        """
        raise NotImplementedError(f"{self.path} does not handle {type(message).__name__}")

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        """Give back what was taken, when the actor fails or is killed; `on_stop` is not called.

        Also if `on_start` has not returned. It has 5 s, which its successor waits for. Its own
        failure is announced (`CrashHookFailed`) and changes nothing. Pykka's `on_failure` is called
        before it, but only if the actor failed or hung.

        Args:
            error: what ended it; of a kill, the reason that the supervisor gave
            in_hand: the message that was being handled, if any; `ended_by` says whether that may be
                to blame
        """

    def hand_over(self) -> object:
        """What the successor is to know; None: nothing. For state that is worth more than a fresh
        start and is nowhere else.

        Called after `on_stop` or `on_crash` of an actor that had started, in the dying actor, with
        5 s to end in; not if the whole tree stops. The greenlets that it spawned may still run for
        a moment: give a value that neither they nor the actor change any more, such as a copy.

        The successor gets it from `inherited`. If that fails, too, before it has run for a whole
        period of its supervisor, its own successor begins without (`hand_over.py`), which is
        announced (`HandOverDiscarded`): say in the class's docstring what is lost then.
        """
        return None

    def on_probe(self) -> Any:
        """Answer a probe (`Address.probe`), between two messages. To be quick; nothing is logged.

        Probes get past a full mailbox, so an answer says that the actor handles its messages. What
        it raises is the actor's failure, and the probe goes unanswered.
        """
        return None

    # -- tools

    def inherited(self, kind: type[T]) -> T | None:
        """What the predecessor handed over (`hand_over`); for `on_start`, once.

        Returns:
            the value, which is this actor's own from now on; None for the first incarnation, if the
            predecessor gave nothing, and if it was thrown away

        Raises:
            TypeError: the value is no `kind`, which is a bug
        """
        value = self._node.hand_over.value
        if value is None or isinstance(value, kind):
            return value
        raise TypeError(f"{self.path}: {type(value).__name__} was handed over, no {kind.__name__}")

    def address(self, name: str) -> Address:
        """The address of another actor of the tree. A name that nobody has shows at its use."""
        return self.directory.address(name)

    def circuit_breaker(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        failure_types: type[Exception] | tuple[type[Exception], ...] = Exception,
        kind: BreakerKind = "dependency",
    ) -> CircuitBreaker:
        """The breaker around a dependency; it belongs to the tree and outlives the actor.

        Args:
            name: what it is around, for people: `PostgreSQL (store)`. The same name is the same
                breaker, in all actors
            policy: when it opens; a later one takes effect at once
            failure_types: the errors that speak against the dependency. Any other counts as an
                answer: a `KeyError` in our own code must not open the breaker of a database
            kind: how it is listed
        """
        return self.circuit_breakers.get(name, policy, failure_types=failure_types, kind=kind)

    @property
    def circuit_breakers(self) -> CircuitBreakers:
        """Those of the whole tree's dependencies."""
        return self._node.runtime.circuit_breakers

    def recovery(self, operation: str, *remedies: Remedy) -> Recovery:
        """What is done about failures of an operation (`recovery.py`).

        Args:
            operation: its name in errors and notices: `mirror`
            remedies: the first is the outermost, so `WithBreaker(...), Retry(...)` counts a call
                with all its retries as one
        """
        return Recovery(
            self.path, operation, remedies, self.notify, self._incarnation.correlation_id
        )

    def notify(self, notice: Notice) -> None:
        """Tell the observers of the tree. Never blocks."""
        self._node.runtime.observers.notify(notice)

    def after(self, seconds: float, message: Tell) -> Timer:
        """Tell itself `message` in so many seconds.

        It comes through the normal lane, past its bound: a timer cannot be refused. It does not
        outlive this incarnation, unless it waits in the mailbox already.

        Returns:
            the timer; `cancel` it if the message is no longer wanted

        Raises:
            ActorUnavailable: the actor has ended
        """
        return tell_later(self._incarnation, seconds, message)

    def spawn(self, fn: Callable[[Unpack[Ts]], T], *args: *Ts) -> Greenlet[..., T | None]:
        """Run `fn(*args)` in a greenlet that is killed when the actor ends.

        What it raises is the actor's failure: the actor is killed with that error, wherever it
        stands. If the greenlet is killed, nothing follows. It runs between the actor's messages, at
        each of their waits, so what both change must hold at each wait.

        Returns:
            the greenlet; its `value` is what `fn` returned, None if it was killed

        Raises:
            ActorUnavailable: the actor has ended
        """
        return self._incarnation.spawn(fn, args)

    def reply_later(self) -> Reply[Any]:
        """Answer the ask in hand after the handler has returned.

        Returns:
            the reply: call `set(value)` or `fail(error)` once, from this thread; what the handler
            returns is ignored. If the actor dies first, the asker gets `ActorUnavailable`

        Raises:
            SupervisionError: the message in hand is not an ask
        """
        return self._incarnation.reply_later()

    def take_longer(self, seconds: float) -> None:
        """Let the message in hand take so much longer than `handler_deadline_s` of the spec."""
        self._incarnation.take_longer(seconds)

    def stop(self) -> None:
        """Stop after the message in hand, before those that are queued.

        A permanent child is started again, which counts as a failure; a transient or temporary one
        is not.
        """
        self._node.mailbox.put_urgent(Envelope(_ActorStop()))

    # -- what an actor that looks after others sees of the tree; nothing of it waits

    def tree_info(self) -> NodeInfo:
        """The whole tree, as `Tree.snapshot` gives it."""
        return self._node.root.info()

    def node_info(self, name: str) -> NodeInfo | None:
        """What is known of this worker now; None if there is none. Cheaper than the whole tree."""
        return self._node.root.info_of_worker(name)

    def breakers(self) -> tuple[BreakerInfo, ...]:
        """Every breaker of the tree, as `Tree.breakers` gives them."""
        return self._node.breakers()

    @property
    def restarts(self) -> int:
        """How many incarnations there were before this one; 0 for the first."""
        return self._node.starts - 1

    @property
    def tree_is_stopping(self) -> bool:
        """Whether the whole tree was ordered to stop: what has ended will not come back."""
        return self._node.runtime.stopping

    def lasting(self, make: Callable[[], T]) -> T:
        """What `make` gave at its first use; all incarnations of this actor share it.

        Only for counts, which cannot make an actor fail.
        """
        return self._node.lasting(make)

    # -- the gevent runtime, as pykka wants it

    def _bind(self, node: ChildNode, incarnation: Incarnation) -> None:
        """Give the actor its place; the mailbox is the node's, and was its predecessor's."""
        self.name = node.name
        self.path = node.path
        self.directory = node.runtime.directory
        self._node = node
        self._incarnation = incarnation
        # Ours reads pykka's envelopes, but writes its own, which are no subclass.
        self.actor_inbox = node.mailbox  # type: ignore[assignment]
        self._actor_ref = pykka.ActorRef(self)

    def _stop_ordered(self) -> None:
        """For the supervisor: it may be waiting for something in the middle of a handler."""

    @staticmethod
    def _create_actor_inbox() -> Mailbox:  # type: ignore[override]
        return Mailbox(1, MailboxPolicy.REFUSE, _nowhere)

    @staticmethod
    def _create_future() -> Reply[Any]:
        return Reply()

    def _start_actor_loop(self) -> None:
        if "_incarnation" not in self.__dict__:
            # Actor.start() has put it there.
            pykka.ActorRegistry.unregister(self.actor_ref)
            raise SupervisionError(f"{type(self).__name__}: actors are started by a supervisor")
        if isinstance(self._node.spec, ChildSpec):
            # Workers only: pykka's `stop_all` and `broadcast` must not reach the supervisors, which
            # start the workers again.
            pykka.ActorRegistry.register(self.actor_ref)
        self._incarnation.begin()

    def _retire(self) -> None:
        """For the runtime: the actor is dead to pykka from here on, and its refs say so."""
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()


def _nowhere(envelope: Envelope, reason: DeadLetterReason) -> None:
    """An actor outside of a tree has no mailbox: nothing gets here."""

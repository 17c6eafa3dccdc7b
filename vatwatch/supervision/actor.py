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
    """Handles one message at a time, in a greenlet of its own; supervisors start it, nobody else.

    `name`, `path`, `directory` and the tools below are for `on_start` and later: in `__init__` the
    actor has no place in the tree yet.
    """

    name: str
    """Short and unique in the tree: `store`."""
    path: str
    """Where it is in the tree: `vatwatch/data/store`."""
    directory: Directory
    ended_by: ExitReason | None = None
    """Why it ends, for `on_crash` and `on_stop`; None while it lives.

    `crash`, `hang`, `start`: by its own fault, and the message in hand may be the cause.
    `shutdown`: by order of its supervisor, which is nobody's fault. `exit`: by `stop()`.
    """
    _incarnation: Incarnation
    _node: ChildNode

    # -- hooks

    def on_start(self) -> None:
        """Come to a stable state, before the first message; what it raises is a failed start."""

    def on_stop(self) -> None:
        """Give back what was taken, after the last message, when the actor stops in order."""

    def on_receive(self, message: Any) -> Any:
        """Handle a message; what it returns answers an ask. `Tell` and `Ask`: how it may fail."""
        raise NotImplementedError(f"{self.path} does not handle {type(message).__name__}")

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        """Give back what was taken, when the actor fails or is killed; `on_stop` is not called.

        Runs in the dying actor and is to be quick. `in_hand`: the message that was being handled;
        whether that is to blame says `ended_by`.
        Its own failure is announced (`CrashHookFailed`), and changes nothing. Pykka's `on_failure`
        is called before it if the actor failed or hung; this one in any case.
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
        """How the actor is, for whoever probes it; between two messages, and to be quick."""
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
        """The address of another actor of the tree."""
        return self.directory.address(name)

    def circuit_breaker(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        failure_types: type[Exception] | tuple[type[Exception], ...] = Exception,
        kind: BreakerKind = "dependency",
    ) -> CircuitBreaker:
        """The breaker of this name, made at its first use; the actor's restarts leave it alone."""
        return self.circuit_breakers.get(name, policy, failure_types=failure_types, kind=kind)

    @property
    def circuit_breakers(self) -> CircuitBreakers:
        """Those of the whole tree's dependencies."""
        return self._node.runtime.circuit_breakers

    def recovery(self, operation: str, *remedies: Remedy) -> Recovery:
        """What is done about failures of an operation; the first remedy is the outermost."""
        return Recovery(
            self.path, operation, remedies, self.notify, self._incarnation.correlation_id
        )

    def notify(self, notice: Notice) -> None:
        """Tell the observers of the tree. Never blocks."""
        self._node.runtime.observers.notify(notice)

    def after(self, seconds: float, message: Tell) -> Timer:
        """Tell itself `message` in `seconds`; past the mailbox's bound; not after its death."""
        return tell_later(self._incarnation, seconds, message)

    def spawn(self, fn: Callable[[Unpack[Ts]], T], *args: *Ts) -> Greenlet[..., T | None]:
        """Run `fn(*args)` in a greenlet that is killed when the actor ends.

        If it raises, the actor fails with that error, wherever it stands. If it is killed, not.
        """
        return self._incarnation.spawn(fn, args)

    def reply_later(self) -> Reply[Any]:
        """Answer the ask in hand later: by `.set(value)` or `.fail(error)`, once, from anywhere.

        What the handler returns is then ignored. If the actor dies first, the asker gets
        `ActorUnavailable`.
        """
        return self._incarnation.reply_later()

    def take_longer(self, seconds: float) -> None:
        """Let the message in hand take so much longer than the child spec's deadline."""
        self._incarnation.take_longer(seconds)

    def stop(self) -> None:
        """Stop after the message in hand, before the queued ones. A permanent child comes back."""
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
            # No supervisor: `stop_all` and `broadcast` are for those who do the work, and whoever
            # starts them again is not to be stopped by it.
            pykka.ActorRegistry.register(self.actor_ref)
        self._incarnation.begin()

    def _retire(self) -> None:
        """For the runtime: from here on it is dead to pykka, and whoever holds its ref knows."""
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()


def _nowhere(envelope: Envelope, reason: DeadLetterReason) -> None:
    """An actor outside of a tree has no mailbox: nothing gets here."""

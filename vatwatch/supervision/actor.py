"""Actor: the base class of every service, a pykka actor on a gevent runtime."""

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
    ExitReason,
    MailboxPolicy,
    State,
    UndeliverableReason,
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Actor(pykka.Actor):
    """Handles one message at a time, in its own greenlet. A service is a subclass. Its supervisor
    creates it from the child spec, and a new one after each failure. Nothing else starts an actor
    or keeps a reference to one: others reach it by its name, through an `Address`.

    In `__init__` only store the arguments: the actor has no place in the tree
    yet, so `name`, `path`, `directory` and the tools below are for `on_start` and later. Call all
    methods from the tree's thread. The hooks (`on_...`, `hand_over`) are called by the runtime, in
    the actor's own greenlet, one at a time; the tools are called by the actor, from its hooks or
    from greenlets that it has spawned.
    """

    name: str
    """Short and unique in the tree: `store`."""
    path: str
    """Its place in the tree: `vatwatch/data/store`."""
    directory: Directory
    ended_by: ExitReason | None = None
    """Why it ends, for `on_crash` and `on_stop`; None while it lives.

    `crash`, `hang`, `start`: its own fault; the message in hand may be the cause. `shutdown`:
    stopped by its supervisor; no message is to blame. `exit`: by `stop()`.
    """
    _incarnation: Incarnation
    _node: ChildNode

    # -- hooks

    def on_start(self) -> None:
        """Reach a stable state before the first message, even if dependencies are away.

        It may wait, for `start_s` of the child spec at most (30 s by default); later siblings start
        when it has returned. If it raises or takes longer, the start has failed. At the very first
        start of the tree that ends the whole, as in OTP, so do not raise because a database is
        away.
        """

    def on_stop(self) -> None:
        """Release resources when the actor stops in order, after its last message.

        This and the message in hand may take `shutdown_s` of the child spec (5 s by default). After
        that the actor is killed and `on_crash` is called. Raising counts as a failure.
        """

    def on_receive(self, message: Any) -> Any:
        """Handle one message. Its type says what happens if that fails.

        Args:
            message: a `Tell` or an `Ask` that the actor knows; any other is a bug

        Returns:
            the answer to an `Ask`, unless `reply_later` was called; of a `Tell` it is ignored

        Raises:
            Exception: for a `Tell`, the actor fails and is restarted; for an `Ask`, the asker gets
                the error and the actor lives
        """
        raise NotImplementedError(f"{self.path} does not handle {type(message).__name__}")

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        """Release resources when the actor fails or is killed; `on_stop` is not called.

        Called even if `on_start` has not returned. It may take 5 s, and the successor waits for it.
        If it fails, that is announced (`CrashHookFailed`) and changes nothing. Pykka's `on_failure`
        is called before it, but only if the actor failed or hung.

        Args:
            error: what ended the actor; for a kill, the reason that the supervisor gave
            in_hand: the message that was being handled, if any; `ended_by` says whether that may be
                to blame
        """

    def hand_over(self) -> object:
        """Return state for the successor; None: no state.

        For state that is worth more than a fresh start and is stored nowhere else. Called in the
        dying actor, after `on_stop` or `on_crash`, if the actor had started and the whole tree is
        not stopping. It may take 5 s. Greenlets that the actor spawned may still run for a moment,
        so return a value that nothing changes any more, such as a copy.

        The successor gets it from `inherited`. If the successor fails, too, before it has run for a
        whole period of its supervisor, the next one starts without the state (`hand_over.py`), and
        `HandOverDiscarded` is announced. Say in the class's docstring what is lost then.
        """
        return None

    def on_probe(self) -> Any:
        """Answer a probe (`Address.probe`), between two messages. Must be quick; nothing is logged.

        Probes bypass a full mailbox, so an answer shows that the actor handles its messages. If
        this raises, the actor fails and the probe is not answered.
        """
        return None

    # -- tools

    def inherited(self, kind: type[T]) -> T | None:
        """The state that the predecessor handed over (`hand_over`); call it once, in `on_start`.

        Returns:
            the value, which is this actor's own from now on; None for the first incarnation, if the
            predecessor gave nothing, or if it was thrown away

        Raises:
            TypeError: the value is not a `kind`, which is a bug
        """
        value = self._node.hand_over.value
        if value is None or isinstance(value, kind):
            return value
        raise TypeError(f"{self.path}: {type(value).__name__} was handed over, no {kind.__name__}")

    def share(self, value: object) -> None:
        """Show a value to all who look (`Address.shared`), until this actor ends or shows another.

        As a table of OTP's ETS: its owner alone writes it, others read it without a message, and it
        goes with its owner. For what is read far more often than it changes. Nothing may change the
        value afterwards. Who reads it does not learn whether the actor hangs.
        """
        self._node.shared = value

    def address(self, name: str) -> Address:
        """The address of another actor of the tree. An unknown name is noticed only when the
        address is used."""
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
            name: what it protects, for people: `PostgreSQL (store)`. The same name gives the same
                breaker in all actors
            policy: when it opens; a later policy takes effect at once
            failure_types: the errors that speak against the dependency. Any other counts as an
                answer: a `KeyError` in our own code must not open the breaker of a database
            kind: how it is listed
        """
        return self.circuit_breakers.get(name, policy, failure_types=failure_types, kind=kind)

    @property
    def circuit_breakers(self) -> CircuitBreakers:
        """The breakers around all dependencies of the tree."""
        return self._node.runtime.circuit_breakers

    def recovery(self, operation: str, *remedies: Remedy) -> Recovery:
        """Declare what is done about failures of an operation (`recovery.py`).

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
        """Tell itself `message` in `seconds`.

        The message goes into the normal lane, even if that is full: a timer cannot be refused. It
        is dropped with this incarnation, unless it waits in the mailbox already.

        Returns:
            the timer; `cancel` it if the message is no longer wanted

        Raises:
            ActorUnavailable: the actor has ended
        """
        return tell_later(self._incarnation, seconds, message)

    def spawn(self, fn: Callable[[Unpack[Ts]], T], *args: *Ts) -> Greenlet[..., T | None]:
        """Run `fn(*args)` in a greenlet that is killed when the actor ends.

        If it raises, the actor fails: it is killed with that error, whatever it is doing. If the
        greenlet is killed, nothing else happens. It runs between the actor's messages and whenever
        a handler waits, so state that both change must be consistent at each wait.

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
        """Let the message in hand take `seconds` longer than the spec's `handler_deadline_s`."""
        self._incarnation.take_longer(seconds)

    def stop(self) -> None:
        """Stop after the message in hand, before those that are queued.

        A permanent child is started again, which counts as a failure; a transient or temporary one
        is not.
        """
        self._node.mailbox.put_urgent(Envelope(_ActorStop()))

    # -- what a monitoring actor sees of the tree; none of these waits

    def tree_info(self) -> NodeInfo:
        """The whole tree, as `Tree.snapshot` gives it."""
        return self._node.root.info()

    def node_info(self, name: str) -> NodeInfo | None:
        """What is known of this worker now; None if there is no such worker. Cheaper than the whole
        tree."""
        return self._node.root.info_of_worker(name)

    def worker_state(self, name: str) -> State | None:
        """The state of this worker now; None if there is no such worker."""
        node = self._node.root.worker(name)
        return None if node is None else node.state

    def breakers(self) -> tuple[BreakerInfo, ...]:
        """Every breaker of the tree, as `Tree.breakers` gives them."""
        return self._node.breakers()

    @property
    def restarts(self) -> int:
        """How many incarnations there were before this one; 0 for the first."""
        return self._node.starts - 1

    @property
    def tree_is_stopping(self) -> bool:
        """Whether the whole tree was ordered to stop, so that nothing is restarted."""
        return self._node.runtime.stopping

    def lasting(self, make: Callable[[], T]) -> T:
        """The value that `make` returned at its first use; all incarnations of this actor share it.

        Only for counts, which cannot make an actor fail.
        """
        return self._node.lasting(make)

    # -- the gevent runtime behind pykka's interface

    def _bind(self, node: ChildNode, incarnation: Incarnation) -> None:
        """Give the actor its place. The mailbox belongs to the node; the predecessor used it,
        too."""
        self.name = node.name
        self.path = node.path
        self.directory = node.runtime.directory
        self._node = node
        self._incarnation = incarnation
        # Ours reads pykka's envelopes but writes its own, which is not a subclass.
        self.actor_inbox = node.mailbox  # type: ignore[assignment]
        self._actor_ref = pykka.ActorRef(self)

    def _stop_ordered(self) -> None:
        """The actor was told to stop. A supervisor may be waiting in the middle of a handler."""

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
        """For the runtime: from here on pykka and its refs treat the actor as dead."""
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()


def _nowhere(envelope: Envelope, reason: UndeliverableReason) -> None:
    """An actor outside a tree has no mailbox, so no message gets here."""

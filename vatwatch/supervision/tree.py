"""Tree: a supervision tree from its declaration to its end. There are no globals, so two can
run."""

from __future__ import annotations

import random as random_module
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import gevent
from gevent.event import Event

from vatwatch.errors import ActorOnStandby, StartFailed, SupervisionError
from vatwatch.logs.context import current_request_id
from vatwatch.supervision.child_node import ChildNode
from vatwatch.supervision.circuit_breaker import BreakerInfo, CircuitBreakers
from vatwatch.supervision.directory import Directory
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.faults import Faults
from vatwatch.supervision.incarnation import Incarnation
from vatwatch.supervision.introspection import NodeInfo
from vatwatch.supervision.notices import ChildStopped
from vatwatch.supervision.observers import Observer, Observers
from vatwatch.supervision.runtime import Runtime
from vatwatch.supervision.spec import AnySpec, SupervisorSpec
from vatwatch.supervision.supervisors import RestartOrdered, Supervisor, WantsOrdered
from vatwatch.supervision.vocabulary import State

# How long a killed root may take to kill all others.
_KILL_GRACE_S = 10.0


def _now_utc() -> datetime:
    return datetime.now(UTC)


class Tree:
    """One tree. Start it once and stop it once, from the thread that created it."""

    def __init__(
        self,
        spec: SupervisorSpec,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = _now_utc,
        random: Callable[[], float] = random_module.random,
        hang_check_s: float = 1.0,
        on_exhausted: Callable[[str], None] | None = None,
    ) -> None:
        """Make the nodes; nothing runs before `start`.

        Args:
            spec: the root supervisor, with all below it
            clock: seconds that never go back, for uptimes, handler times, restart windows and
                breakers. Waits always use real time
            wall_clock: the time in UTC, for what is shown
            random: draws from [0, 1), for the jitter of backoffs
            hang_check_s: how often hung handlers are looked for, in seconds
            on_exhausted: called with the reason, in the hub, when the root gives up; it must not
                block. Then the tree is down, and its owner should end the process

        Raises:
            ValueError: two nodes have the same name, or the root is to be on standby
        """
        if spec.standby:
            raise ValueError(f"{spec.name}: the root is always wanted")
        self._runtime = runtime = Runtime(clock, wall_clock, random, hang_check_s)
        self.directory: Directory = runtime.directory
        """The addresses of the workers."""
        self.observers: Observers = runtime.observers
        self.faults: Faults = runtime.faults
        self.circuit_breakers: CircuitBreakers = runtime.circuit_breakers
        """The breakers around dependencies; `breakers()` also includes those of the nodes."""
        self.failed = Event()
        """Set when the root has given up: the tree is down."""
        self._on_exhausted = on_exhausted
        self._spec = spec
        self._root = ChildNode(spec, runtime)
        self._incarnation: Incarnation | None = None
        self._changed = Event()
        names = Counter(node.name for node in self._root.walk())
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ValueError(f"names of more than one node: {', '.join(twice)}")
        for node in self._root.walk():
            if not isinstance(node.spec, SupervisorSpec):
                self.directory.register(node)

    def start(self) -> None:
        """Start all, in order, and return when all run.

        Raises:
            StartFailed: a child did not; those before it have been stopped, in reverse
        """
        if self._incarnation is not None:
            raise SupervisionError("a tree is started once")
        root = Supervisor(self._root, self._spec)
        self._incarnation = self._root.incarnation = incarnation = Incarnation(
            root, self._root, self._watch_root
        )
        root._bind(self._root, incarnation)
        self._root.starting()
        root._start_actor_loop()
        try:
            self._wait(lambda: incarnation.started or incarnation.dead)
        except BaseException:
            incarnation.kill("shutdown")
            raise
        if not incarnation.started:
            error = None if incarnation.exit is None else incarnation.exit.error
            if isinstance(error, StartFailed):
                raise error
            raise StartFailed(f"{self._root.path}: {error!r}") from error
        self._root.running()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Stop all in reverse order, and kill the rest when the time is up.

        Messages in hand are finished; queued ones become dead letters. Returns whether all ended in
        order. Does nothing if the tree does not run.
        """
        incarnation = self._incarnation
        if incarnation is None or incarnation.dead:
            return True
        self._root.state = State.STOPPING
        self._runtime.stopping = True
        incarnation.order_stop(for_good=True)
        in_order = self._wait(lambda: incarnation.dead, timeout_s)
        if not in_order:
            incarnation.kill("shutdown")
            left = [(node.path, node.incarnation) for node in self._root.walk() if node.alive]
            gevent.joinall([one.greenlet for _, one in left if one], timeout=_KILL_GRACE_S)
            for path, one in reversed(left):
                if path != self._root.path and one is not None and one.dead:
                    self.observers.notify(ChildStopped(path, killed=True))
        # The observers are told of the end before the caller continues.
        gevent.sleep(0)
        return in_order

    def snapshot(self) -> NodeInfo:
        """The state of the whole tree. Never waits, even if parts hang."""
        return self._root.info()

    def node(self, name: str) -> NodeInfo | None:
        """The worker of this name; None if there is none."""
        return self._root.info_of_worker(name)

    def find(self, path: str) -> NodeInfo | None:
        """The node with this path, and the nodes below; None if there is none."""
        node = self._find(path)
        return None if node is None else node.info()

    def breakers(self) -> tuple[BreakerInfo, ...]:
        """Every breaker: of the nodes, and those around dependencies."""
        return self._root.breakers()

    @property
    def stopping(self) -> bool:
        """Whether it was ordered to stop, so that nothing is restarted."""
        return self._runtime.stopping

    def observe(self, callback: Observer) -> None:
        """Call `callback` for everything that happens from now on (`Observers.observe`)."""
        self.observers.observe(callback)

    def restart(self, path: str) -> None:
        """Order the restart of a node, with the siblings that its strategy takes along. Does not
        wait for it.

        Raises:
            SupervisionError: there is no such node, it is the root, or its supervisor does not run
            ActorOnStandby: it is not wanted now, or is below a supervisor that is not
        """
        node = self._known(path)
        if node.parent is None:
            raise SupervisionError(f"{path} is the root: it is restarted by restarting the service")
        if (unwanted := node.stood_by) is not None:
            raise ActorOnStandby(unwanted.path)
        if node.parent.state is not State.RUNNING:
            raise SupervisionError(f"{node.parent.path} is {node.parent.state.value}")
        # Kept at the child: if its supervisor ends before it gets to this, its successor does it.
        node.restart_ordered = True
        node.parent.mailbox.put_urgent(Envelope(RestartOrdered(), None, current_request_id()))

    def want(self, path: str, *, wanted: bool) -> None:
        """Order that a node runs, with all below it that is wanted; or that it does not run.

        Does not wait for it, and can be called at any time, from an actor and in the hub, also
        before `start`. A node that is not wanted is stopped in order, as for good; what was queued
        is handled first if the spec drains it (`drain_on_stop`), else it is undeliverable. Then
        the node is on standby: tells to it are dropped and counted, asks fail at once with
        `ActorOnStandby`, and nothing starts it but this. When it is wanted again it starts afresh:
        without a hand-over, with a closed breaker, and without restarting its siblings. If it was
        not wanted only for a moment it is stopped all the same, and started again.

        What is wanted outlives the node's supervisors, and `use_spec`. Below a node that does not
        run it is remembered, and holds when that starts.

        Raises:
            SupervisionError: there is no such node, or it is the root
        """
        node = self._known(path)
        parent = node.parent
        if parent is None:
            raise SupervisionError(f"{path} is the root: it is wanted as long as the service runs")
        if not node.want.change(wanted=wanted):
            return
        if not wanted:
            node.restart_ordered = False
        # Without an incarnation there is nobody to tell: the next one looks by itself.
        if parent.incarnation is not None:
            parent.mailbox.put_urgent(Envelope(WantsOrdered(), None, current_request_id()))

    def use_spec(self, spec: SupervisorSpec) -> None:
        """Use another declaration of the same tree; no actor is stopped for it.

        The time limits, intensities, backoffs and breakers of `spec` hold at once. The arguments
        are those of each actor's next start: running actors have to be told of the change by a
        message. Mailboxes and strategies stay as they were, and so does what is wanted.

        Raises:
            ValueError: it declares other nodes, or another order; then nothing is changed
        """
        mine, given = [*_shape(self._spec)], [*_shape(spec)]
        if mine != given:
            raise ValueError(f"another tree: {', '.join(given)} instead of {', '.join(mine)}")
        self._spec = spec
        self._root.use_spec(spec)

    def wait_exhausted(self, timeout_s: float | None = None) -> bool:
        """Wait until the root gives up. Returns False if it has not within `timeout_s`."""
        return bool(self.failed.wait(timeout_s))

    def _known(self, path: str) -> ChildNode:
        node = self._find(path)
        if node is None:
            raise SupervisionError(f"there is no node {path}")
        return node

    def _find(self, path: str) -> ChildNode | None:
        return next((node for node in self._root.walk() if node.path == path), None)

    def _wait(self, done: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait until `done`, for `timeout_s` at most (None: without end). Returns whether it is
        done."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not done():
            left_s = None if until is None else until - time.monotonic()
            if left_s is not None and left_s <= 0:
                return False
            self._changed.clear()
            self._changed.wait(left_s)
        return True

    def _watch_root(self, incarnation: Incarnation) -> None:
        """In the hub: the root runs, or has ended."""
        self._changed.set()
        if not incarnation.dead:
            self._runtime.has_started = True
            return
        assert incarnation.exit is not None
        ordered = incarnation.stop_ordered or not incarnation.started
        self._root.close(State.STOPPED if ordered else State.FAILED)
        if not ordered:
            self.failed.set()
            if self._on_exhausted is not None:
                self._on_exhausted(str(incarnation.exit.error))


def _shape(spec: AnySpec, above: str = "") -> Iterator[str]:
    """The path of each node. A supervisor's has a slash; a mark shows that there is no breaker."""
    path = f"{above}{spec.name}"
    mark = "" if spec.breaker is not None else " (no breaker)"
    if isinstance(spec, SupervisorSpec):
        yield f"{path}/{mark}"
        for child in spec.children:
            yield from _shape(child, f"{path}/")
    else:
        yield path + mark

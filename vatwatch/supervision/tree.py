"""Tree: a supervision tree from its declaration to its end. There are no globals: two can run."""

from __future__ import annotations

import random as random_module
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import gevent
from gevent.event import Event

from vatwatch.errors import StartFailed, SupervisionError
from vatwatch.supervision.directory import Directory
from vatwatch.supervision.envelope import Envelope
from vatwatch.supervision.faults import Faults
from vatwatch.supervision.guard import BreakerInfo, Guards
from vatwatch.supervision.introspection import NodeInfo
from vatwatch.supervision.life import Life
from vatwatch.supervision.observers import Observer, Observers
from vatwatch.supervision.runtime import Runtime
from vatwatch.supervision.slot import Slot
from vatwatch.supervision.spec import AnySpec, SupervisorSpec
from vatwatch.supervision.supervisors import RestartOrdered, Supervisor
from vatwatch.supervision.vocabulary import State

# For a root that was killed to take all others along.
_KILL_GRACE_S = 10.0


def _now_utc() -> datetime:
    return datetime.now(UTC)


class Tree:
    """One tree, to be started once and stopped once, from the thread that made it."""

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
        """`on_exhausted(why)` is called in the hub when the root gives up; it must not block.

        `clock` gives uptimes, handler times and restart windows in seconds; `random` draws from
        [0, 1) for the jitter; hung handlers are looked for every `hang_check_s`.

        Raises:
            ValueError: two nodes have the same name
        """
        self._runtime = runtime = Runtime(clock, wall_clock, random, hang_check_s)
        self.directory: Directory = runtime.directory
        """The addresses of the workers."""
        self.observers: Observers = runtime.observers
        self.faults: Faults = runtime.faults
        self.guards: Guards = runtime.guards
        """The breakers around dependencies; `breakers()` tells of those of the nodes, too."""
        self.failed = Event()
        """Set when the root has given up: the tree is down."""
        self._on_exhausted = on_exhausted
        self._spec = spec
        self._root = Slot(spec, runtime)
        self._life: Life | None = None
        self._changed = Event()
        names = Counter(slot.name for slot in self._root.walk())
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ValueError(f"names of more than one node: {', '.join(twice)}")
        for slot in self._root.walk():
            if not isinstance(slot.spec, SupervisorSpec):
                self.directory.register(slot)

    def start(self) -> None:
        """Start all, in order, and return when all run.

        Raises:
            StartFailed: a child did not; those before it have been stopped, in reverse
        """
        if self._life is not None:
            raise SupervisionError("a tree is started once")
        root = Supervisor(self._root, self._spec)
        self._life = self._root.life = life = Life(root, self._root, self._watch_root)
        root._bind(self._root, life)
        self._root.starting()
        root._start_actor_loop()
        try:
            self._wait(lambda: life.started or life.dead)
        except BaseException:
            life.kill("shutdown")
            raise
        if not life.started:
            error = None if life.exit is None else life.exit.error
            if isinstance(error, StartFailed):
                raise error
            raise StartFailed(f"{self._root.path}: {error!r}") from error
        self._root.running()

    def stop(self, timeout_s: float = 30.0) -> bool:
        """Stop all in reverse order, and kill what is left when the time is up.

        What is in hand is finished; what is queued becomes dead letters. Returns whether it ended
        in order. Does nothing to a tree that does not run.
        """
        life = self._life
        if life is None or life.dead:
            return True
        self._root.state = State.STOPPING
        self._runtime.stopping = True
        life.order_stop(for_good=True)
        with gevent.Timeout(timeout_s, False):
            self._wait(lambda: life.dead)
        in_order = life.dead
        if not in_order:
            life.kill("shutdown")
            lives = [slot.life for slot in self._root.walk() if slot.life is not None]
            gevent.joinall([life.greenlet for life in lives], timeout=_KILL_GRACE_S)
        # The observers hear of the end before the caller goes on.
        gevent.sleep(0)
        return in_order

    def snapshot(self) -> NodeInfo:
        """Everything there is to know about the tree now. Never waits, whatever hangs."""
        return self._root.info()

    def node(self, name: str) -> NodeInfo | None:
        """The worker of this name; None if there is none."""
        return self._root.info_of_worker(name)

    def find(self, path: str) -> NodeInfo | None:
        """The node of this path, and what is below it; None if there is none."""
        slot = self._find(path)
        return None if slot is None else slot.info()

    def breakers(self) -> tuple[BreakerInfo, ...]:
        """Every breaker: of the nodes, and of what actors guard."""
        return self._root.breakers()

    @property
    def stopping(self) -> bool:
        """Whether it was ordered to stop: what has ended will not come back."""
        return self._runtime.stopping

    def observe(self, callback: Observer) -> None:
        """Tell `callback` of everything that happens from now on (`Observers.observe`)."""
        self.observers.observe(callback)

    def restart(self, path: str) -> None:
        """Order a node to be stopped and started again, with those that go with it; not waited for.

        Raises:
            SupervisionError: there is no such node, it is the root, or its supervisor does not run
        """
        slot = self._find(path)
        if slot is None:
            raise SupervisionError(f"there is no node {path}")
        if slot.parent is None:
            raise SupervisionError(f"{path} is the root: it is restarted by restarting the service")
        if slot.parent.state is not State.RUNNING:
            raise SupervisionError(f"{slot.parent.path} is {slot.parent.state.value}")
        # Kept at the child: if its supervisor ends before it comes to this, its successor does.
        slot.restart_ordered = True
        slot.parent.mailbox.put_urgent(Envelope(RestartOrdered()))

    def use_spec(self, spec: SupervisorSpec) -> None:
        """Go on by another declaration of the same tree; nobody is stopped for it.

        The time limits, intensities, backoffs and breakers of `spec` hold at once. The arguments
        are those of each actor's next start: who runs has to be told of the change by a message.
        Mailboxes and strategies stay as they were.

        Raises:
            ValueError: it declares other nodes, or in another order; then nothing is changed
        """
        mine, given = [*_shape(self._spec)], [*_shape(spec)]
        if mine != given:
            raise ValueError(f"another tree: {', '.join(given)} instead of {', '.join(mine)}")
        self._spec = spec
        self._root.use_spec(spec)

    def wait_exhausted(self, timeout_s: float | None = None) -> bool:
        """Wait until the root gives up; False when it has not within `timeout_s`."""
        return bool(self.failed.wait(timeout_s))

    def _find(self, path: str) -> Slot | None:
        return next((slot for slot in self._root.walk() if slot.path == path), None)

    def _wait(self, done: Callable[[], bool]) -> None:
        while not done():
            self._changed.clear()
            self._changed.wait()

    def _watch_root(self, life: Life) -> None:
        """In the hub: the root runs, or has ended."""
        self._changed.set()
        if not life.dead:
            return
        assert life.exit is not None
        ordered = life.stop_ordered or not life.started
        self._root.close(State.STOPPED if ordered else State.FAILED)
        if not ordered:
            self.failed.set()
            if self._on_exhausted is not None:
                self._on_exhausted(str(life.exit.error))


def _shape(spec: AnySpec, above: str = "") -> Iterator[str]:
    """The path of each node; a supervisor ends in a slash, who has no breaker in a mark."""
    path = f"{above}{spec.name}"
    mark = "" if spec.breaker is not None else " (no breaker)"
    if isinstance(spec, SupervisorSpec):
        yield f"{path}/{mark}"
        for child in spec.children:
            yield from _shape(child, f"{path}/")
    else:
        yield path + mark

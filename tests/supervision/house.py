"""A house of supervisors without greenlets: carries decisions out at once, on a clock of its own.

It knows the law from the documents, not from the code under test: who may be stopped for what,
when a breaker opens, when a supervisor gives up. Whatever it is told to do against that, it fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from vatwatch.supervision import BreakerState, ChildSpec, Restart, Strategy, SupervisorSpec, orders
from vatwatch.supervision import child_events as events
from vatwatch.supervision.breaker import Breaker
from vatwatch.supervision.decision import decide
from vatwatch.supervision.group import Group, Mode, Phase
from vatwatch.supervision.want import Want


class Failed(Exception):
    """A supervisor has given up, or does not start."""


@dataclass(eq=False)
class Node:
    """A place in the house. `life` counts its incarnations, and is 0 when nobody is left in it."""

    spec: ChildSpec | SupervisorSpec
    parent: Supervised | None
    index: int
    alive: bool = False
    life: int = 0
    lives: int = 0
    ordered: bool = False
    closed: bool = False
    breaker: Breaker | None = None
    started_at: float = 0.0
    attempts: int = 0
    """Failures since it last ran for a whole period, or was restarted by order."""
    failures: list[float] = field(default_factory=list)
    """Those that count towards opening its breaker."""
    is_off: bool = False
    """Whether its supervisor has been told that it is not wanted."""

    def __post_init__(self) -> None:
        self.want = Want(wanted=not self.spec.standby)
        self.is_off = self.spec.standby
        if self.spec.breaker is not None:
            self.breaker = Breaker(self.spec.breaker)

    @property
    def phase(self) -> Phase:
        assert self.parent is not None
        return self.parent.group.children[self.index].phase

    @property
    def on_trial(self) -> bool:
        return self.breaker is not None and self.breaker.state is not BreakerState.CLOSED

    def start_afresh(self) -> None:
        self.attempts = 0
        self.failures.clear()

    def forget_past(self) -> None:
        self.start_afresh()
        if self.breaker is not None and self.on_trial:
            self.breaker = self.breaker.reset()

    def stand_ready(self) -> None:
        self.closed = False

    def live(self, now: float) -> None:
        assert not self.alive, "one is started beside another"
        self.alive = True
        self.started_at = now
        self.closed = False
        self.lives += 1
        self.life = self.lives

    def close(self) -> None:
        self.closed = True

    def kill(self) -> bool:
        """End it; False if it does not die."""
        self.alive = False
        return True


@dataclass(eq=False)
class Worker(Node):
    broken: bool = False
    """Whether it does not start."""
    immortal: bool = False
    """Whether it survives being killed."""
    killed: bool = False

    def live(self, now: float) -> None:
        super().live(now)
        self.killed = False

    def kill(self) -> bool:
        self.killed = True
        if not self.immortal:
            self.alive = False
        return not self.alive


@dataclass(eq=False)
class Supervised(Node):
    """A supervisor."""

    house: House = None  # type: ignore[assignment]
    children: list[Node] = field(default_factory=list)
    group: Group = None  # type: ignore[assignment]
    inbox: deque[Callable[[], events.ChildEvent | None]] = field(default_factory=deque)
    strays: list[float] = field(default_factory=list)
    """Failures of children without a breaker, in this life."""
    may_stop: set[int] = field(default_factory=set)
    may_start_temporary: set[int] = field(default_factory=set)
    """Temporary children that are to be started, as they were ordered, or with the supervisor."""

    def __post_init__(self) -> None:
        super().__post_init__()
        assert isinstance(self.spec, SupervisorSpec)
        self.group = Group.of(self.spec)
        for index, child in enumerate(self.spec.children):
            if isinstance(child, SupervisorSpec):
                self.children.append(Supervised(child, self, index, house=self.house))
            else:
                self.children.append(Worker(child, self, index))

    def walk(self) -> Iterator[Node]:
        for child in self.children:
            yield child
            if isinstance(child, Supervised):
                yield from child.walk()

    def close(self) -> None:
        self.closed = True
        for child in self.children:
            child.close()

    def kill(self) -> bool:
        self.alive = False
        for child in reversed(self.children):
            child.kill()
        return True

    def forget_past(self) -> None:
        super().forget_past()
        self.group = Group.of(self.spec)  # type: ignore[arg-type]
        for child in self.children:
            child.forget_past()

    def stand_ready(self) -> None:
        super().stand_ready()
        for child in self.children:
            if child.want.wanted:
                child.stand_ready()

    # -- what happens

    def begin(self) -> events.Begin:
        """Its first event: it looks at what was ordered while it did not run."""
        anew = {child.index for child in self.children if child.want.take_let_go()}
        return events.Begin(
            self.is_first,
            self.take_orders() | anew,
            frozenset(child.index for child in self.children if not child.want.wanted),
        )

    @property
    def is_first(self) -> bool:
        """Whether this is the very first start, which is all or nothing."""
        return self.lives == 1 and not self.house.has_started

    def handle_next(self) -> None:
        event = self.inbox.popleft()()
        if event is None:
            return
        try:
            self.follow(event)
        except Failed:
            self.kill()
            self.house.ended(self, normal=False)

    def follow(self, event: events.ChildEvent | None) -> None:
        house = self.house
        self.may_stop = set()
        self._ordered = -1
        while event is not None:
            self._expect(event)
            children = tuple(
                replace(known, breaker=child.breaker)
                for known, child in zip(self.group.children, self.children, strict=True)
            )
            group = replace(self.group, children=children)
            before, escalates = self.group, self._escalates
            self.group, decided = decide(group, event, house.now, house.random)
            assert any(isinstance(order, orders.Escalate) for order in decided) == escalates
            if isinstance(event, events.RestartRequested) and self.children[event.child].is_off:
                assert decided == ()
                assert self.group.children == before.children
            self._check_suspensions(event, before, decided)
            self._check(event)
            event = None
            for order in decided:
                assert event is None, "an order after one whose outcome is awaited"
                event = self._carry_out(order)

    def _strategy(self, child: int) -> set[int]:
        assert isinstance(self.spec, SupervisorSpec)
        everybody = range(len(self.children))
        return {
            Strategy.ONE_FOR_ONE: {child},
            Strategy.ONE_FOR_ALL: set(everybody),
            Strategy.REST_FOR_ONE: {i for i in everybody if i >= child},
        }[self.spec.strategy]

    def _expect(self, event: events.ChildEvent) -> None:
        """Work out what the event may cost, by the documents."""
        assert isinstance(self.spec, SupervisorSpec)
        self._escalates = False
        self._opens: int | None = None
        everybody = set(range(len(self.children)))
        house_now = self.house.now
        match event:
            case events.Begin():
                self.strays.clear()
                self.may_start_temporary |= everybody
                for node in self.children:
                    node.is_off = node.index in event.unwanted
                    if node.index in event.ordered:
                        node.start_afresh()
            case events.WantsChanged(child, wanted):
                self.children[child].is_off = not wanted
                if wanted:
                    self.may_start_temporary.add(child)
                else:
                    self.may_stop.add(child)
            case events.Finish() | events.StartInterrupted():
                self.may_stop |= everybody
            case events.RestartRequested(child) if not self.children[child].is_off:
                self.may_stop |= self._strategy(child)
                self.may_start_temporary.add(child)
                self.children[child].start_afresh()
                self._ordered = child
            case events.Ended(child, normal) if self.children[child].phase is Phase.RUNNING:
                node = self.children[child]
                restart = node.spec.restart
                if house_now - node.started_at >= self.spec.period_s:
                    node.attempts = 0
                if restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and not normal):
                    self._count(child)
            case events.NotStarted(child):
                has_breaker = self.children[child].breaker is not None
                if self.group.mode is Mode.BEGINNING and (self.is_first or not has_breaker):
                    self.may_stop |= everybody
                elif self.children[child].spec.restart is not Restart.TEMPORARY:
                    self._count(child)

    def _count(self, child: int) -> None:
        assert isinstance(self.spec, SupervisorSpec)
        now, period_s = self.house.now, self.spec.period_s
        node = self.children[child]
        failures = self.strays if node.breaker is None else node.failures
        failures.append(now)
        too_many = sum(now - at <= period_s for at in failures) > self.spec.intensity
        if node.breaker is None and too_many:
            self._escalates = True
            self.may_stop |= set(range(len(self.children)))
        elif node.on_trial:
            self._opens = child
        else:
            self._opens = child if too_many else None
            self.may_stop |= self._strategy(child)

    def _check(self, event: events.ChildEvent) -> None:
        """What must be so at once."""
        match event:
            case events.Begin():
                ordered = event.ordered - event.unwanted
                breakers = [self.group.children[child].breaker for child in ordered]
                assert all(b is None or b.state is BreakerState.CLOSED for b in breakers)
            case events.WantsChanged(child, wanted):
                # It starts at once, whatever it was; and it does not wait for itself.
                allowed = (Phase.READY,) if wanted else (Phase.LEAVING, Phase.STANDBY)
                assert self.group.children[child].phase in allowed
            case events.RestartRequested(child) if not self.children[child].is_off:
                assert not self.group.waited_for_by(child)
                assert self.group.children[child].phase in (Phase.LEAVING, Phase.READY)
            case events.Stopped(child) if child == self._ordered:
                assert self.group.children[child].phase is Phase.READY
            case events.Started(child) if child == self._ordered:
                self._ordered = -1

    def _check_suspensions(
        self, event: events.ChildEvent, before: Group, decided: tuple[orders.Order, ...]
    ) -> None:
        opened = [o.child for o in decided if isinstance(o, orders.Suspend) and o.reason]
        assert opened == ([] if self._opens is None else [self._opens])
        if self._opens is not None:
            self.children[self._opens].failures.clear()

    # -- orders

    def _carry_out(self, order: orders.Order) -> events.ChildEvent | None:
        phases = self.group.children
        match order:
            case orders.Start(child):
                assert all(c.phase is not Phase.LEAVING for c in phases)
                ahead = [i for i, c in enumerate(phases[:child]) if c.phase is Phase.READY]
                assert all(self.group.waited_for_by(i) for i in ahead), "started out of order"
                return self._start(self.children[child])
            case orders.Stop(child, for_good):
                later = phases[child + 1 :]
                assert all(c.phase is not Phase.LEAVING for c in later), "stopped out of order"
                assert child in self.may_stop, "disturbed by nobody's failure or order"
                assert for_good or not self.children[child].is_off
                return self._stop(self.children[child], for_good=for_good)
            case orders.Release(child):
                self._release(self.children[child])
            case orders.Close(child):
                self.children[child].close()
            case orders.Try(child, breaker):
                assert breaker.state is BreakerState.HALF_OPEN, "tried before its time"
                assert not breaker.trials, "a trial of somebody else counts"
                self.children[child].breaker = breaker
            case orders.StandBy(child):
                node = self.children[child]
                assert node.is_off, "put aside though it is wanted"
                assert not node.alive or not node.kill(), "put aside while it runs"
                node.close()
                node.forget_past()
                assert self.group.children[child].breaker == node.breaker or not node.breaker
            case orders.StandReady(child):
                self.children[child].stand_ready()
            case orders.Suspend(child, breaker) | orders.Reset(child, breaker):
                self.children[child].breaker = breaker
            case orders.Delay(child, attempt, delay_s):
                assert attempt == self.children[child].attempts
                assert phases[child].due_at == self.house.now + delay_s
                self.children[child].attempts += 1
            case orders.GiveUp() | orders.RefuseToStart():
                raise Failed
            case orders.Report() | orders.TellStopped() | orders.Escalate():
                pass
        return None

    def _release(self, child: Node) -> None:
        if not child.alive:
            child.life = 0

    def _start(self, child: Node) -> events.ChildEvent:
        assert not child.is_off, "started though it is not wanted"
        if child.spec.restart is Restart.TEMPORARY and child.lives:
            assert child.index in self.may_start_temporary, "a temporary child came back"
        self.may_start_temporary.discard(child.index)
        if child.breaker is not None:
            assert child.breaker.state is not BreakerState.OPEN, "tried before its time"
        self.house.meanwhile()
        if child.alive and not child.kill():
            return events.NotStarted(child.index, "the one before it does not die")
        if isinstance(child, Worker) and child.broken:
            child.life = 0
            return events.NotStarted(child.index, "broken")
        child.live(self.house.now)
        if isinstance(child, Supervised):
            child.inbox.clear()
            try:
                child.follow(child.begin())
            except Failed:
                child.kill()
                child.life = 0
                return events.NotStarted(child.index, "a child of it does not start")
        return events.Started(child.index)

    def _stop(self, child: Node, *, for_good: bool) -> events.ChildEvent:
        self.house.meanwhile()
        if child.alive:
            if isinstance(child, Supervised):
                child.follow(events.Finish(for_good))
                child.alive = False
            else:
                child.kill()
        self._release(child)
        return events.Stopped(child.index)

    def take_change(self) -> events.WantsChanged | None:
        for child in self.children:
            let_go = child.want.take_let_go()
            if let_go and not child.is_off:
                return events.WantsChanged(child.index, wanted=False)
            if child.is_off and child.want.wanted:
                return events.WantsChanged(child.index, wanted=True)
        return None

    def take_orders(self, at_most: int | None = None) -> frozenset[int]:
        ordered = [child for child in self.children if child.ordered][:at_most]
        for child in ordered:
            child.ordered = False
        return frozenset(child.index for child in ordered)


class House:
    """The whole. Each method that lets something happen leaves the consequences in the inboxes."""

    def __init__(self, spec: SupervisorSpec, random: Callable[[], float]) -> None:
        self.now = 1000.0
        self.random = random
        self.during: deque[Callable[[], None]] = deque()
        """What happens while the next child is started or stopped."""
        self.exhausted = False
        self.root = Supervised(spec, None, 0, house=self)
        self.root.live(self.now)
        self.has_started = False
        self.root.follow(self.root.begin())
        self.has_started = True

    def meanwhile(self) -> None:
        while self.during:
            self.during.popleft()()

    @property
    def workers(self) -> list[Worker]:
        return [node for node in self.root.walk() if isinstance(node, Worker)]

    @property
    def supervisors(self) -> list[Supervised]:
        below = [node for node in self.root.walk() if isinstance(node, Supervised)]
        return [self.root, *below]

    def ended(self, node: Node, *, normal: bool) -> None:
        parent, life = node.parent, node.life
        if parent is None:
            self.exhausted = True
            return

        def told() -> events.ChildEvent | None:
            same = node.life == life and not node.alive
            return events.Ended(node.index, normal, "why") if same else None

        parent.inbox.append(told)

    def order(self, node: Node) -> None:
        """As `Tree.restart`: refused while the supervisor does not run, and on standby."""
        parent = node.parent
        if parent is None or not parent.alive or not node.want.wanted:
            return
        node.ordered = True

        def take() -> events.ChildEvent | None:
            if parent.group.mode is not Mode.WORKING:
                return None
            for child in parent.take_orders(1):
                parent.inbox.append(take)
                return events.RestartRequested(child)
            return None

        parent.inbox.append(take)

    def want(self, node: Node, *, wanted: bool) -> None:
        """As `Tree.want`: never refused."""
        parent = node.parent
        if parent is None or not node.want.change(wanted=wanted):
            return
        if not wanted:
            node.ordered = False

        def take() -> events.ChildEvent | None:
            if parent.group.mode is not Mode.WORKING:
                return None
            change = parent.take_change()
            if change is not None:
                parent.inbox.append(take)
            return change

        parent.inbox.append(take)

    def fire(self, parent: Supervised, child: int) -> None:
        """A timer of the state as it is now."""
        due_at = parent.group.children[child].due_at

        def told() -> events.ChildEvent | None:
            still = due_at is not None and parent.group.children[child].due_at == due_at
            return events.TimeCome(child) if still else None

        parent.inbox.append(told)

    def expire_trials(self) -> None:
        for worker in self.workers:
            if worker.alive and worker.phase is Phase.RUNNING and worker.on_trial:
                assert worker.breaker is not None
                worker.breaker = worker.breaker.expire(self.now)
                if worker.breaker.state is BreakerState.OPEN and worker.kill():
                    self.ended(worker, normal=False)

    def fire_due(self) -> None:
        for parent in self.supervisors:
            for child, known in enumerate(parent.group.children):
                if parent.alive and known.due_at is not None and known.due_at <= self.now:
                    self.fire(parent, child)

    def wait_until_handled(self) -> None:
        """Let everything follow that follows without time."""
        for _ in range(1000):
            busy = [each for each in self.supervisors if each.alive and each.inbox]
            if not busy or self.exhausted:
                return
            busy[-1].handle_next()
        raise AssertionError("no end of events, though no time has passed")

    def next_due(self) -> float | None:
        times = [
            known.due_at
            for parent in self.supervisors
            if parent.alive
            for known in parent.group.children
            if known.due_at is not None
        ]
        return min(times, default=None)

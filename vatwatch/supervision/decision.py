"""What a supervisor decides: a state and an event go in, a new state and orders come out. Pure.

The law that all of this serves:

    In the end every permanent child runs, or its breaker is open and the time of its next trial is
    known; nobody runs twice; a healthy child is disturbed only by its strategy.

How it is kept:

- What is to happen to a child is part of its state (`Phase`), not of a message or a timer that
  could get lost. A child that is to be started is READY and stays so until it was; one that waits
  for its backoff or its breaker carries the time in `due_at`. Timers are made from the state.
- At most one child is started or stopped at a time: the last that is LEAVING is stopped, and only
  when none is left the first that is READY is started. So children stop in reverse and start in
  order, whatever led to it.
- A child that waits is waited for by those that its strategy starts after it: with `rest_for_one`
  by the later ones, as in OTP, with `one_for_all` by all. Nobody waits
  for a suspended child.
- A child with a breaker never makes its supervisor fail: it is suspended and tried again. A trial
  that fails concerns the child alone, for its siblings were started without it.
- A restart that is ordered ends the wait of everybody who goes with the child or before it.

`supervisors.py` carries out the orders and says how they ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias, assert_never

from vatwatch.supervision.backoff import Backoff
from vatwatch.supervision.breaker import Breaker, BreakerState
from vatwatch.supervision.intensity import RestartWindow
from vatwatch.supervision.spec import Restart, Strategy, SupervisorSpec


class Phase(Enum):
    """What is to happen to a child next."""

    DOWN = "down"
    """Nothing: not begun yet, finished, or stopped for good."""
    FAILED = "failed"
    """Nothing: it failed, and is not to be started again."""
    READY = "ready"
    """It is to be started when its turn comes; if its breaker is not closed, for a trial."""
    WAITING = "waiting"
    """Its backoff ends at `due_at`."""
    SUSPENDED = "suspended"
    """Its breaker is open; the trial is at `due_at`."""
    RUNNING = "running"
    LEAVING = "leaving"
    """It runs and is to be stopped; then it is READY, or DOWN if it does not come back."""


class Mode(Enum):
    """What the supervisor is doing."""

    BEGINNING = "beginning"
    """It starts its children for the first time."""
    WORKING = "working"
    NOT_BEGUN = "not_begun"
    """A child did not start: stop those that did, then fail to start."""
    GIVING_UP = "giving_up"
    """Too many failures: stop all, then fail."""
    ENDING = "ending"
    """It was told to stop."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child, as far as decisions need to know."""

    restart: Restart
    failing: RestartWindow
    """Failures that count towards opening the breaker."""
    breaker: Breaker | None = None
    """None: its failures are counted by the supervisor."""
    phase: Phase = Phase.DOWN
    due_at: float | None = None
    """While WAITING or SUSPENDED."""
    attempt: int = 0
    """Failures since it last ran for a whole period; the backoff grows with it."""
    started_at: float = 0.0
    comes_back: bool = True
    """While LEAVING: whether it is started again."""

    @property
    def on_trial(self) -> bool:
        """Whether its breaker waits for the outcome of a start and of the messages after it."""
        return self.breaker is not None and self.breaker.state is not BreakerState.CLOSED


@dataclass(frozen=True, slots=True)
class Group:
    """A supervisor's state. `children` are in the order of their start."""

    strategy: Strategy
    backoff: Backoff
    window: RestartWindow
    """Failures of children without a breaker."""
    children: tuple[Child, ...]
    mode: Mode = Mode.BEGINNING
    first: bool = True
    """While it begins: whether this is the very first time."""
    for_good: bool = False
    """While it ends: whether nobody will come back."""

    @classmethod
    def of(cls, spec: SupervisorSpec) -> Group:
        """The state before the first start."""
        window = RestartWindow(spec.intensity, spec.period_s)
        children = tuple(
            Child(
                child.restart,
                failing=window,
                breaker=None if child.breaker is None else Breaker(child.breaker),
            )
            for child in spec.children
        )
        return cls(spec.strategy, spec.backoff, window, children)

    def affected_by(self, child: int) -> range:
        """Those that go with this child when it fails, itself included."""
        match self.strategy:
            case Strategy.ONE_FOR_ONE:
                return range(child, child + 1)
            case Strategy.ONE_FOR_ALL:
                return range(len(self.children))
            case Strategy.REST_FOR_ONE:
                return range(child, len(self.children))

    def waited_for_by(self, child: int) -> tuple[int, ...]:
        """The waiting siblings that must run before this child is started."""
        match self.strategy:
            case Strategy.ONE_FOR_ONE:
                before = range(0)
            case Strategy.ONE_FOR_ALL:
                before = range(len(self.children))
            case Strategy.REST_FOR_ONE:
                before = range(child)
        return tuple(i for i in before if self.children[i].phase is Phase.WAITING and i != child)

    def starts_at(self, child: int, now: float) -> float | None:
        """When this child will be started, as far as is known now; None if it will not be."""
        known = self.children[child]
        if known.phase in (Phase.WAITING, Phase.SUSPENDED):
            own = known.due_at
        elif known.phase is Phase.READY:
            own = now
        else:
            return None
        times = [self.children[i].due_at for i in self.waited_for_by(child)]
        return max(time for time in (own, *times) if time is not None)


# -- events


@dataclass(frozen=True, slots=True)
class Begin:
    """The supervisor starts. Its predecessor's state comes with the group."""

    first: bool
    """Whether it has never run."""
    ordered: frozenset[int] = frozenset()
    """Children whose restart was ordered, and not carried out by the predecessor."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A child has ended, without having been told to by this supervisor."""

    child: int
    normal: bool
    """Whether it stopped by itself."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """The time of `due_at` has come, or a timer says so."""

    child: int


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """Somebody wants this child restarted, in order, with those that go with it."""

    child: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The supervisor was told to stop."""

    for_good: bool


@dataclass(frozen=True, slots=True)
class Started:
    """`Start` went well."""

    child: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    """`Start` failed: the constructor or `on_start` raised, it took too long, or the predecessor
    does not die."""

    child: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """`Start` was broken off, as the supervisor was told to stop."""

    child: int
    runs: bool
    """Whether there is somebody who has to be stopped."""
    for_good: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """`Stop` is over. Also said of a child that was killed and does not die."""

    child: int


Event: TypeAlias = (
    Begin | Ended | Due | RestartRequested | Finish | Started | NotStarted | Interrupted | Stopped
)


# -- orders


@dataclass(frozen=True, slots=True)
class Start:
    """Start the child, and say how it went: `Started`, `NotStarted` or `Interrupted`."""

    child: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the child, and say when it is over: `Stopped`."""

    child: int
    for_good: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Tell that the child has failed."""

    child: int


@dataclass(frozen=True, slots=True)
class TellStopped:
    """Tell that the child has stopped by itself, as it may."""

    child: int


@dataclass(frozen=True, slots=True)
class Release:
    """Decide about the message that the dead child had in hand: the successor may retry it."""

    child: int
    retry: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Nobody will handle the child's messages any more."""

    child: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Suspend:
    """Its breaker has opened: nothing gets in."""

    child: int
    breaker: Breaker
    reason: str


@dataclass(frozen=True, slots=True)
class Try:
    """Its breaker is half open: the next messages are trials."""

    child: int
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Reset:
    """Its breaker is closed by order."""

    child: int
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Delay:
    """Tell that the child is started again in `delay_s`."""

    child: int
    attempt: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Escalate:
    """Tell that there were too many failures; all children are stopped next."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """All children have stopped: fail."""


@dataclass(frozen=True, slots=True)
class RefuseToStart:
    """All children have stopped: fail to start, for the reason that the last child gave."""


OrderAtOnce: TypeAlias = Report | TellStopped | Release | Close | Suspend | Try | Reset | Delay
Order: TypeAlias = Start | Stop | OrderAtOnce | Escalate | GiveUp | RefuseToStart


def decide(
    group: Group, event: Event, now: float, random: Callable[[], float]
) -> tuple[Group, tuple[Order, ...]]:
    """Tell what follows from the event.

    The orders are to be carried out in their order. `Start` and `Stop` come last and one at a time:
    their outcome is the next event. `now` is the clock of the breakers; `random` draws from [0, 1).
    """
    turn = _Turn(group, now, random)
    match event:
        case Begin(first, ordered):
            turn.begin(first=first, ordered=ordered)
        case Ended(child, normal, reason):
            turn.ended(child, reason, normal=normal)
        case Due(child):
            turn.due(child)
        case RestartRequested(child):
            turn.restart_requested(child)
        case Finish(for_good):
            turn.finish(for_good=for_good)
        case Started(child):
            turn.change(child, phase=Phase.RUNNING, started_at=now)
        case NotStarted(child, reason):
            turn.not_started(child, reason)
        case Interrupted(child, runs, for_good):
            turn.interrupted(child, runs=runs, for_good=for_good)
        case Stopped(child):
            turn.stopped(child)
        case _:
            assert_never(event)
    turn.go_on()
    return turn.group, tuple(turn.orders)


class _Turn:
    """One decision in the making."""

    def __init__(self, group: Group, now: float, random: Callable[[], float]) -> None:
        self.group = group
        self.orders: list[Order] = []
        self._now = now
        self._random = random

    def change(self, child: int, **changes: object) -> None:
        """Change a child. A time that was due belongs to the phase, and goes with it."""
        if "phase" in changes:
            changes.setdefault("due_at", None)
        children = list(self.group.children)
        children[child] = replace(children[child], **changes)  # type: ignore[arg-type]
        self.group = replace(self.group, children=tuple(children))

    # -- events

    def begin(self, *, first: bool, ordered: Iterable[int]) -> None:
        """Start all, but for those whose breaker is open: they wait for their trial."""
        fresh = replace(self.group.window, restarts=())
        self.group = replace(
            self.group, window=fresh, mode=Mode.BEGINNING, first=first, for_good=False
        )
        for child in range(len(self.group.children)):
            self._be_ready(child)
        for child in ordered:
            self._start_afresh(child)
            self.change(child, phase=Phase.READY)

    def ended(self, child: int, reason: str, *, normal: bool) -> None:
        known = self.group.children[child]
        if known.phase is not Phase.RUNNING:
            # It was killed, did not die, and now has; what follows was decided then.
            comes_back = known.phase in (Phase.READY, Phase.WAITING)
            self.orders.append(Release(child, retry=comes_back))
            return
        if normal and known.restart is not Restart.PERMANENT:
            self.orders += [
                Release(child, retry=False),
                Close(child, failed=False),
                TellStopped(child),
            ]
            self.change(child, phase=Phase.DOWN)
            return
        self.orders.append(Report(child))
        if known.restart is Restart.TEMPORARY:
            self._fail_for_good(child)
            return
        if self._now - known.started_at >= self.group.window.period_s:
            self.change(child, attempt=0)
        self._recover(child, reason)

    def not_started(self, child: int, reason: str) -> None:
        """At the beginning it fails the supervisor, as in OTP: whoever starts that is told why.

        But once the supervisor has run, a child with a breaker is suspended as at any other time.
        """
        group = self.group
        has_breaker = group.children[child].breaker is not None
        if group.mode is Mode.BEGINNING and (group.first or not has_breaker):
            self._stop_all(Mode.NOT_BEGUN)
            self._be_ready(child)
        elif group.children[child].restart is Restart.TEMPORARY:
            self._fail_for_good(child)
        else:
            self._recover(child, reason)

    def interrupted(self, child: int, *, runs: bool, for_good: bool) -> None:
        begun = self.group.mode is not Mode.BEGINNING
        self.change(child, phase=Phase.RUNNING if runs else Phase.READY)
        self.group = replace(self.group, for_good=for_good)
        self._stop_all(Mode.ENDING if begun else Mode.NOT_BEGUN)

    def due(self, child: int) -> None:
        known = self.group.children[child]
        if known.phase is Phase.WAITING:
            self.change(child, phase=Phase.READY)
        elif known.phase is Phase.SUSPENDED and (
            known.breaker is None or known.breaker.retry_in_s(self._now) <= 0
        ):
            # Else the timer was early by a hair: the phase stays, and so does its time.
            self.change(child, phase=Phase.READY)

    def restart_requested(self, child: int) -> None:
        """Also whoever waits and must run before the child is started now."""
        if self.group.mode is not Mode.WORKING:
            return  # all are stopped anyway
        for other in self.group.waited_for_by(child):
            self.change(other, phase=Phase.READY)
        self._start_afresh(child)
        for other in self.group.affected_by(child):
            self._go_along(other, comes_back=other == child)
        if self.group.children[child].phase is not Phase.LEAVING:
            self.change(child, phase=Phase.READY)

    def finish(self, *, for_good: bool) -> None:
        self.group = replace(self.group, for_good=for_good)
        self._stop_all(Mode.ENDING)

    def stopped(self, child: int) -> None:
        if self.group.for_good or not self.group.children[child].comes_back:
            self.orders.append(Close(child, failed=False))
            self.change(child, phase=Phase.DOWN)
        else:
            self._be_ready(child)

    # -- what follows

    def go_on(self) -> None:
        """Stop or start the next one. Nobody is started while somebody is to be stopped."""
        group = self.group
        leaving = [i for i, known in enumerate(group.children) if known.phase is Phase.LEAVING]
        if leaving:
            self.orders.append(Stop(leaving[-1], group.for_good))
        elif group.mode is Mode.GIVING_UP:
            self.orders.append(GiveUp())
        elif group.mode is Mode.NOT_BEGUN:
            self.orders.append(RefuseToStart())
        elif group.mode is not Mode.ENDING:
            self._start_next()

    def _start_next(self) -> None:
        ready = [i for i, known in enumerate(self.group.children) if known.phase is Phase.READY]
        child = next((i for i in ready if not self.group.waited_for_by(i)), None)
        if child is None:
            self.group = replace(self.group, mode=Mode.WORKING)
            return
        breaker = self.group.children[child].breaker
        if breaker is not None and breaker.state is not BreakerState.CLOSED:
            breaker = breaker.half_open(self._now).restart_trials()
            self.change(child, breaker=breaker)
            self.orders.append(Try(child, breaker))
        self.orders.append(Start(child))

    def _recover(self, child: int, reason: str) -> None:
        """It failed, and is to live: restart those who go with it, or give up."""
        known = self.group.children[child]
        if known.breaker is None:
            self.group = replace(self.group, window=self.group.window.add(self._now))
            if self.group.window.exceeded:
                self.orders += [Release(child, retry=False), Escalate()]
                self.change(child, phase=Phase.READY)
                self._stop_all(Mode.GIVING_UP)
                return
            suspended = False
        else:
            suspended = self._opens(child, known, known.breaker, reason)
        if not suspended:
            self.orders.append(Release(child, retry=True))
            self._delay(child)
        if known.on_trial:
            return
        for other in self.group.affected_by(child):
            if other != child:
                self._go_along(other, waits_no_longer=not suspended)

    def _fail_for_good(self, child: int) -> None:
        self.orders += [Release(child, retry=False), Close(child, failed=True)]
        self.change(child, phase=Phase.FAILED)

    def _opens(self, child: int, known: Child, breaker: Breaker, reason: str) -> bool:
        """Count one failure more. If the breaker opens, suspend the child, and say so."""
        failing = known.failing.add(self._now)
        if known.on_trial:
            reason = f"a trial failed: {reason}"
        elif failing.exceeded:
            reason = f"over {failing.intensity} failures in {failing.period_s:g} s: {reason}"
        else:
            self.change(child, failing=failing)
            return False
        self.change(child, failing=replace(failing, restarts=()), breaker=breaker.trip(self._now))
        self.orders.append(Release(child, retry=False))
        self._suspend(child, reason)
        return True

    def _suspend(self, child: int, reason: str = "") -> None:
        breaker = self.group.children[child].breaker
        assert breaker is not None
        self.change(child, phase=Phase.SUSPENDED, due_at=breaker.opened_at + breaker.timeout_s)
        self.orders.append(Suspend(child, breaker, reason))

    def _delay(self, child: int) -> None:
        attempt = self.group.children[child].attempt
        delay_s = self.group.backoff.delay(attempt, self._random)
        self.change(child, phase=Phase.WAITING, due_at=self._now + delay_s, attempt=attempt + 1)
        self.orders.append(Delay(child, attempt, delay_s))

    def _go_along(
        self, child: int, *, comes_back: bool = False, waits_no_longer: bool = True
    ) -> None:
        """A sibling's restart takes this one along, unless it is down for its own reasons."""
        known = self.group.children[child]
        temporary = known.restart is Restart.TEMPORARY and not comes_back
        match known.phase:
            case Phase.RUNNING | Phase.LEAVING:
                self.change(child, phase=Phase.LEAVING, comes_back=not temporary)
            case Phase.WAITING if waits_no_longer:
                self.change(child, phase=Phase.READY)
            case Phase.DOWN if not temporary:
                self.change(child, phase=Phase.READY)
            case _:
                pass

    def _stop_all(self, mode: Mode) -> None:
        self.group = replace(self.group, mode=mode)
        for child, known in enumerate(self.group.children):
            if known.phase in (Phase.RUNNING, Phase.LEAVING):
                # The supervisor's successor, if there is one, starts all of them.
                self.change(child, phase=Phase.LEAVING, comes_back=True)
            elif self.group.for_good:
                self.orders.append(Close(child, failed=False))
                self.change(child, phase=Phase.DOWN)

    def _be_ready(self, child: int) -> None:
        """To be started next, or when its breaker says so."""
        breaker = self.group.children[child].breaker
        if breaker is not None and breaker.state is BreakerState.OPEN:
            self._suspend(child)
        else:
            self.change(child, phase=Phase.READY)

    def _start_afresh(self, child: int) -> None:
        """Whoever orders a restart has mended something: what was counted is forgotten."""
        known = self.group.children[child]
        self.change(child, attempt=0, failing=replace(known.failing, restarts=()))
        if known.breaker is not None and known.on_trial:
            breaker = known.breaker.reset()
            self.change(child, breaker=breaker)
            self.orders.append(Reset(child, breaker))

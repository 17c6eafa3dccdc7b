"""Group: what a supervisor knows about its children. A frozen value; `decision.py` makes the next
one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vatwatch.supervision.backoff import Backoff
from vatwatch.supervision.breaker import Breaker, BreakerState
from vatwatch.supervision.restart_intensity import RestartWindow
from vatwatch.supervision.spec import SupervisorSpec
from vatwatch.supervision.vocabulary import Restart, Strategy


class Phase(Enum):
    """What happens to a child next."""

    DOWN = "down"
    """Nothing: not started yet, finished, or stopped for good."""
    FAILED = "failed"
    """Nothing: it failed and will not be started again."""
    READY = "ready"
    """It is started when its turn comes; if its breaker is not closed, for a trial."""
    WAITING = "waiting"
    """Its backoff ends at `due_at`."""
    SUSPENDED = "suspended"
    """Its breaker is open; the trial is at `due_at`."""
    STANDBY = "standby"
    """Nothing, until it is wanted."""
    RUNNING = "running"
    LEAVING = "leaving"
    """It runs and will be stopped. Then it is READY, or STANDBY if it is not wanted any more, or
    DOWN if it does not come back."""


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
    """It was ordered to stop."""


@dataclass(frozen=True, slots=True)
class Child:
    """What decisions need to know about a child."""

    restart: Restart
    failing: RestartWindow
    """Failures that count towards opening the breaker."""
    breaker: Breaker | None = None
    """None: the supervisor counts its failures."""
    wanted: bool = True
    """Whether it is to run. If not, it is on STANDBY or on the way there, or the supervisor
    ends."""
    phase: Phase = Phase.DOWN
    due_at: float | None = None
    """While WAITING or SUSPENDED."""
    attempt: int = 0
    """Failures since it last ran for a whole period; the backoff grows with them."""
    started_at: float = 0.0
    comes_back: bool = True
    """While LEAVING: whether it is started again."""

    @property
    def on_trial(self) -> bool:
        """Whether its breaker waits for the outcome of a start and of the messages that follow."""
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
    """While it starts: whether this is the very first start."""
    for_good: bool = False
    """While it stops: whether no child will come back."""

    @classmethod
    def of(cls, spec: SupervisorSpec) -> Group:
        """The state before the first start."""
        window = RestartWindow(spec.intensity, spec.period_s)
        children = tuple(
            Child(
                child.restart,
                failing=window,
                breaker=None if child.breaker is None else Breaker(child.breaker),
                wanted=not child.standby,
            )
            for child in spec.children
        )
        return cls(spec.strategy, spec.backoff, window, children)

    def affected_by(self, child: int) -> range:
        """The children that are restarted when this child fails, itself included."""
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

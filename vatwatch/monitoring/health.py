"""Health of each part and of the whole, with its history. Pure.

A part is a service of the tree, or a dependency outside. Three sources describe a service: its
supervisor (does it run?), a probe (does it answer?), and the service itself. A dependency is
described by the service that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from vatwatch.monitoring.alerts import Condition, fold
from vatwatch.supervision import State

TRANSITIONS = 20
# Without it there is nothing to serve, even if all else is healthy.
VITAL = "cache"
# Without one of them nothing is collected, even if the rest is served.
COLLECTING = ("journal", "store", "processor", "fetcher")
# A restart takes a moment, or with its delay a few seconds. A service that is not back by then is
# down.
DOWN_S = 30.0


class Health(Enum):
    """The health of a part or of the whole."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    STANDBY = "standby"
    """Of a part: it is off on purpose, which counts neither for nor against the whole."""


SEVERITY = {Health.HEALTHY: 0, Health.STANDBY: 0, Health.DEGRADED: 1, Health.UNHEALTHY: 2}


@dataclass(frozen=True, slots=True)
class Observation:
    """What one source says. The reason must not contain changing numbers, or it would change all
    the time."""

    health: Health = Health.HEALTHY
    reason: str = ""
    by_order: bool = False
    """It is being started or stopped; that is not a failure."""
    unproven: bool = False
    """It looks well, and has not been tried since the process began."""


WELL = Observation()
ON_STANDBY = Observation(Health.STANDBY, "it is on standby")


@dataclass(frozen=True, slots=True)
class Failing:
    """Since when a part is not healthy, and the first reason."""

    since: datetime
    reason: str
    at_start: bool
    """Whether it has never been healthy before."""
    down: bool
    """Whether it did not work when it was last seen outside an order, or has crashed since."""
    carried: bool = False
    """The previous process has reported it. It is over when the part has proven to work."""


@dataclass(frozen=True, slots=True)
class HealthRegained:
    """A part is healthy again: the reason why it was not, and for how many seconds."""

    reason: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What an observation has changed."""

    changed: bool
    """Whether the part's health has changed."""
    regained: HealthRegained | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change from one health to another."""

    at: datetime
    before: Health | None
    """None: it was not known before."""
    after: Health
    reason: str


@dataclass(frozen=True, slots=True)
class PartHealth:
    """The health of a part. `since` is when its health changed last; its reason may be newer."""

    health: Health
    reason: str
    since: datetime
    transitions: tuple[Change, ...]
    """The latest last."""
    failure: Failing | None = None
    """Set while it is not healthy, unless the reason is an order."""

    @property
    def is_ordered(self) -> bool:
        """Whether it is down only because it is being stopped or started by order.

        A part that was only degraded before counts, too.
        """
        return self.health is Health.UNHEALTHY and not (self.failure and self.failure.down)

    @classmethod
    def first(cls, observation: Observation, now: datetime) -> PartHealth:
        """The health of a part that is seen for the first time."""
        change = Change(now, None, observation.health, observation.reason)
        part = cls(observation.health, observation.reason, now, (change,))
        return replace(part, failure=part.failure_after(observation, now, at_start=True))

    def observe(self, observation: Observation, now: datetime) -> PartHealth:
        """The health of the same part, seen again."""
        failure = self.failure_after(observation, now)
        if observation.health is self.health:
            if (observation.reason, failure) == (self.reason, self.failure):
                return self
            return replace(self, reason=observation.reason, failure=failure)
        change = Change(now, self.health, observation.health, observation.reason)
        kept = (*self.transitions, change)[-TRANSITIONS:]
        return PartHealth(observation.health, observation.reason, now, kept, failure)

    def failure_after(
        self, observation: Observation, now: datetime, *, at_start: bool = False
    ) -> Failing | None:
        """The failure that continues or begins with this observation."""
        if observation.health is Health.HEALTHY:
            goes_on = self.failure and self.failure.carried and observation.unproven
            return self.failure if goes_on else None
        if observation.health is Health.STANDBY:
            return None
        if observation.by_order:
            return self.failure
        down = observation.health is Health.UNHEALTHY
        if self.failure is None:
            return Failing(now, observation.reason, at_start, down)
        return replace(self.failure, down=down, carried=False)

    def regained(self, now: datetime) -> HealthRegained | None:
        """The recovery, if this part is healthy from now on; None if it was healthy before.

        A part that is not healthy in its first moments is still starting, and has not failed.
        """
        failure = self.failure
        if failure is None:
            return None
        duration_s = (now - failure.since).total_seconds()
        if failure.at_start and duration_s < DOWN_S:
            return None
        return HealthRegained(failure.reason, duration_s)


@dataclass(slots=True)
class HealthRegistry:
    """The health of every part and of the whole, as it was last seen."""

    parts: dict[str, PartHealth] = field(default_factory=dict)
    whole: PartHealth | None = None
    carried: dict[str, Failing] = field(default_factory=dict)
    """Failures of the previous process, of parts that have not been seen yet."""

    def carry(self, failing: Mapping[str, Failing]) -> None:
        """Start with the failures of the previous process: a part that is healthy now has
        recovered."""
        self.carried = {name: replace(each, carried=True) for name, each in failing.items()}

    def failing(self) -> dict[str, Failing]:
        """The failures that were reported and are not over, by part."""
        seen = {name: part.failure for name, part in self.parts.items() if part.failure}
        return self.carried | seen

    def observe(self, name: str, observation: Observation, now: datetime) -> Seen:
        """Add an observation of a part. Returns what has changed."""
        known = self.parts.get(name)
        if known is None:
            first = PartHealth.first(observation, now)
            known = replace(first, failure=self.carried.pop(name, None))
            seen = first if known.failure is None else known.observe(observation, now)
            changed = True
        else:
            seen = known.observe(observation, now)
            changed = known.health is not seen.health
        self.parts[name] = seen
        # A part on standby does not fail any more; that is not to say that it works again.
        over = seen.failure is None and seen.health is not Health.STANDBY
        return Seen(changed, known.regained(now) if over else None)

    def fail(self, name: str, reason: str, now: datetime) -> None:
        """Note that a part has failed, though it may be healthy again before the next look."""
        known = self.parts.get(name)
        if known is not None:
            failure = known.failure or Failing(now, reason, at_start=False, down=True)
            failure = replace(failure, down=True, carried=False)
            self.parts[name] = replace(known, failure=failure)

    def set_overall(self, observation: Observation, now: datetime) -> PartHealth:
        """Set the health of the whole service. Returns it with its latest changes."""
        whole = self.whole
        self.whole = (
            PartHealth.first(observation, now) if whole is None else whole.observe(observation, now)
        )
        return self.whole


def worst(observations: Iterable[Observation]) -> Observation:
    """The worst observation; of equals, the first."""
    return max(observations, key=lambda observation: SEVERITY[observation.health], default=WELL)


def of_state(state: State, last_failure: str = "") -> Observation:
    """The observation that follows from a service's state under its supervisor."""
    after = f" after: {last_failure}" if last_failure else ""
    match state:
        case State.RUNNING:
            return WELL
        case State.SUSPENDED:
            return Observation(Health.UNHEALTHY, f"it failed too often, its breaker is open{after}")
        case State.RESTARTING:
            return Observation(Health.UNHEALTHY, f"it is being restarted{after}")
        case State.FAILED:
            return Observation(Health.UNHEALTHY, f"it does not run ({state.value})")
        case State.STANDBY:
            return ON_STANDBY
        case State.STARTING | State.STOPPING | State.STOPPED:
            return Observation(Health.UNHEALTHY, f"it does not run ({state.value})", by_order=True)


def is_down(state: State, since_s: float) -> bool:
    """Whether a service is down for longer than a usual restart takes.

    `since_s`: for how long it has not been seen running.
    """
    match state:
        case State.RUNNING | State.STANDBY:
            return False
        case State.SUSPENDED | State.STOPPED | State.FAILED:
            return True
        case State.STARTING | State.STOPPING | State.RESTARTING:
            return since_s >= DOWN_S


def overall(
    parts: Mapping[str, Observation],
    *,
    serving: bool,
    cannot_work: Mapping[str, str] | None = None,
    because_of: Mapping[str, tuple[str, ...]] | None = None,
) -> Observation:
    """The health of the whole, and the reason.

    It is unhealthy if it cannot serve or cannot collect, and degraded if another part is not
    healthy. A part on standby does not count, but for the vital one: without it nothing is served,
    whatever the reason. `cannot_work`: collecting parts that cannot work, with the reason.
    `because_of`: for parts that are not healthy, the keys of the conditions that would explain it
    (`alerts.Condition`); each cause is named once.
    """
    vital = parts.get(VITAL, Observation(Health.UNHEALTHY, "it has not reported yet"))
    if vital.health in (Health.UNHEALTHY, Health.STANDBY):
        return Observation(Health.UNHEALTHY, f"{VITAL}: {vital.reason}")
    if cannot_work:
        stopped = [f"{name}: {why}" for name, why in sorted(cannot_work.items())]
        return Observation(Health.UNHEALTHY, f"nothing is collected: {'; '.join(stopped)}")
    if not serving:
        return Observation(Health.UNHEALTHY, "there is no live state to serve yet")
    causes = because_of or {}
    not_well = [
        Condition(
            observation.health.value, name, observation.reason, because_of=causes.get(name, ())
        )
        for name, observation in sorted(parts.items())
        if SEVERITY[observation.health]
    ]
    reasons = [f"{condition.subject}: {condition.reason}" for condition in fold(not_well)]
    return Observation(Health.DEGRADED, "; ".join(reasons)) if reasons else WELL

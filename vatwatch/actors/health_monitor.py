"""Health monitor: probes every part, and receives their reports when something changes.

Receives  ServiceReport, NodeChanged, Delivered, GetReports, CheckHealth, TellHealth, Probed,
          DependencyInspected, SettingsChanged
Asks      every service (a probe), history InspectDatabase, cache InspectCache; each in a greenlet
          of its own, so that one that hangs delays nobody
Sends     Publish (HEALTH_CHECK, also soon after a change; SERVICE_RECOVERED) to event_bus
Subscribed to ERROR_OCCURRED: it probes the part at once
Holds     a record of what is known, which it hands over to its successor; of what fails there is a
          copy in a file, for the next process to tell when it is well again
Restart   costs nothing: it asks at once. If the successor fails, too, it costs since when each part
          is as it is; each service says again how it is when it is probed
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias, assert_never

import gevent

from vatwatch.actors.conditions import causes_of
from vatwatch.actors.deadlines import busy_limits_s
from vatwatch.actors.health_observations import (
    can_serve,
    cannot_work,
    of_dependency,
    of_feeds,
    of_service,
)
from vatwatch.actors.health_records import FailureFile, Records
from vatwatch.actors.service import Service
from vatwatch.config.service import ServiceSettings
from vatwatch.config.settings import Settings
from vatwatch.errors import ActorUnavailable, VatwatchError
from vatwatch.events.event import Event
from vatwatch.events.payloads import HealthPayload, RecoveryPayload, ServicePayload
from vatwatch.messages import (
    Delivered,
    GetReports,
    InspectCache,
    InspectDatabase,
    NodeChanged,
    Reports,
    ServiceReport,
    SettingsChanged,
)
from vatwatch.messages.health_monitor import ToHealthMonitor
from vatwatch.monitoring.health import (
    COLLECTING,
    WELL,
    Health,
    HealthRegained,
    HealthRegistry,
    Observation,
    is_down,
    overall,
    worst,
)
from vatwatch.supervision import NodeInfo, State, Tell, Timer
from vatwatch.supervision.failures import text_of


@dataclass(frozen=True, slots=True)
class CheckHealth(Tell):
    """Probe all parts, and publish the result."""


@dataclass(frozen=True, slots=True)
class TellHealth(Tell):
    """Publish what has changed."""


@dataclass(frozen=True, slots=True)
class Probed(Tell):
    """A service has answered, or (with what is known of it) has not."""

    service: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class DependencyInspected(Tell):
    """The answer of a dependency, or why there is none."""

    name: str
    health: Health
    reason: str = ""


Received: TypeAlias = ToHealthMonitor | CheckHealth | TellHealth | Probed | DependencyInspected

# Changes come in bursts: one event reports all that change within this time.
TELL_S = 0.1
# Unhealthy services are probed more often.
AGAIN_S = 5.0
# Services whose reports also describe a dependency; the dependency is probed as well.
SPEAKERS = {"store": "postgresql", "cache": "redis"}


class HealthMonitorActor(Service):
    """Finds out the health of each part and of the whole."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        busy_limits_s: Mapping[str, float],
        outbox: Path | None = None,
    ) -> None:
        """`busy_limits_s`: how long an actor may handle one message and be healthy, by name;
        `outbox`: the file of failures for the next process."""
        super().__init__()
        self._failures = FailureFile(outbox)
        self._records = Records()
        self._settings = settings
        self._busy_limits_s = busy_limits_s
        self._timer: Timer | None = None
        self._missing: dict[str, str] = {}
        self._asked: set[str] = set()
        self._asked_again_soon: set[str] = set()
        self._checked_at: datetime | None = None
        self._ran_at: dict[str, float] = {}
        self._changed: dict[str, str] = {}
        self._change_due = False

    def on_start(self) -> None:
        self._records = self.inherited(Records) or self._failures.records()
        self._look_at_all()
        self._check_in(0)

    @property
    def _registry(self) -> HealthRegistry:
        return self._records.registry

    def hand_over(self) -> Records:
        return self._records

    def on_receive(self, message: Received) -> Any:
        match message:
            case ServiceReport(service):
                before = self._records.reports.get(service)
                self._records.reports[service] = message
                if service in SPEAKERS:
                    self._hear_of(SPEAKERS[service], before, message)
                self._look_at(service)
            case NodeChanged(service, started, failure):
                if started:
                    self._missing.pop(service, None)
                if failure:
                    self._registry.fail(service, failure, datetime.now(UTC))
                self._look_at(service)
            case Delivered(event):
                self._hear(event)
            case TellHealth():
                self._change_due = False
                self._tell()
            case GetReports():
                self._look_at_all()  # what is read here must be true now
                return self._answer()
            case CheckHealth():
                self._check()
            case Probed(service, missing):
                self._probed(service, missing)
            case DependencyInspected(name, health, reason):
                self._records.outside[name] = Observation(health, reason)
                self._observe(name, self._observation_of_dependency(name))
                self._conclude()
            case SettingsChanged():
                self._change(message.settings)
            case _:
                assert_never(message)
        return None

    def _hear(self, event: Event) -> None:
        """A part had an error: probe it at once instead of at its next turn."""
        if isinstance(event.payload, ServicePayload):
            name = event.payload.path.rpartition("/")[2]
            if self.node_info(name) is not None:
                self._ask_once(name, self._probe)

    # --- asking ------------------------------------------------------------------------------

    def _check(self) -> None:
        self._checked_at = datetime.now(UTC)
        for name, node in self._nodes().items():
            if node.state is not State.STANDBY:
                self._ask_once(name, self._probe)
        self._ask_once("postgresql", self._inspect_database)
        self._ask_once("redis", self._inspect_redis)
        self._look_at_all()
        self._tell()
        self._check_in(self._settings.health_check_interval_s)

    def _check_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.after(seconds, CheckHealth())

    def _change(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings.service
        self._busy_limits_s = busy_limits_s(settings)
        if before.health_check_interval_s != self._settings.health_check_interval_s:
            self._check_in(self._settings.health_check_interval_s)

    def _ask_once(self, name: str, ask: Callable[[str], None]) -> None:
        """Probe a service in a greenlet, unless the last probe is still unanswered."""
        if name not in self._asked and name != self.name:
            self._asked.add(name)
            self.spawn(self._asking, name, ask)

    def _asking(self, name: str, ask: Callable[[str], None]) -> None:
        try:
            ask(name)
        finally:
            self._asked.discard(name)

    def _probe(self, service: str) -> None:
        missing = ""
        limit_s = self._busy_limits_s.get(service, self._settings.probe_timeout_s)
        try:
            self.address(service).probe(timeout_s=limit_s)
        except VatwatchError as error:
            # If it has stopped meanwhile, perhaps to start again, its node's state tells it.
            missing = "" if isinstance(error, ActorUnavailable) else text_of(error)
        self.after(0, Probed(service, missing))

    def _inspect_database(self, name: str) -> None:
        timeout_s = self._settings.probe_timeout_s
        try:
            missing = self.address("history").ask(InspectDatabase(), timeout_s=timeout_s).error
        except ActorUnavailable:
            return  # that says nothing about the database; the history's own health tells it
        except VatwatchError as error:
            missing = text_of(error)
        health = Health.UNHEALTHY if missing else Health.HEALTHY
        self.after(0, DependencyInspected(name, health, missing))

    def _inspect_redis(self, name: str) -> None:
        """Probe Redis. Without REDIS_URL there is no such part."""
        timeout_s = self._settings.probe_timeout_s
        try:
            found = self.address("cache").ask(InspectCache(), timeout_s=timeout_s)
        except ActorUnavailable:
            return  # that says nothing about Redis; the cache's own health tells it
        except VatwatchError as error:
            if name in self._records.outside:
                self.after(0, DependencyInspected(name, Health.UNHEALTHY, text_of(error)))
            return
        if found.redis_error:
            self.after(0, DependencyInspected(name, Health.UNHEALTHY, found.redis_error))
        elif found.redis_latency_ms is not None:
            self.after(0, DependencyInspected(name, Health.HEALTHY))

    def _probed(self, service: str, missing: str) -> None:
        node = self.node_info(service) if missing else None
        if node is not None and node.state is State.RUNNING:
            in_hand = f", it has {node.handling} in hand" if node.handling else ""
            self._missing[service] = f"it does not answer{in_hand}"
        else:
            self._missing.pop(service, None)
        self._look_at(service)
        rarely_asked = self._settings.health_check_interval_s > AGAIN_S
        if missing and rarely_asked and service not in self._asked_again_soon:
            self._asked_again_soon.add(service)
            self.spawn(self._probe_later, service)

    def _probe_later(self, service: str) -> None:
        gevent.sleep(AGAIN_S)
        self._asked_again_soon.discard(service)
        self._ask_once(service, self._probe)

    # --- judging -----------------------------------------------------------------------------

    def _nodes(self) -> dict[str, NodeInfo]:
        return {node.name: node for node in self.tree_info().walk() if node.kind == "worker"}

    def _look_at_all(self) -> None:
        for name, node in self._nodes().items():
            self._observe(name, self._observation_of(node))
        self._look_at_feeds()
        self._conclude()

    def _look_at_feeds(self) -> None:
        on_standby = self.worker_state("fetcher") is State.STANDBY
        report, known = self._records.reports.get("fetcher"), self._registry.parts
        for name, observation in of_feeds(report, known if on_standby else ()):
            self._observe(name, observation)

    def _look_at(self, service: str) -> None:
        if (node := self.node_info(service)) is None:
            return  # not the name of a service in the tree
        self._observe(service, self._observation_of(node))
        if service == "fetcher":
            self._look_at_feeds()
        self._conclude()

    def _hear_of(self, name: str, before: ServiceReport | None, now: ServiceReport) -> None:
        """A service reports on a dependency. That it is away is believed at once; that it is back
        is first checked by a probe."""
        was, is_now = of_dependency(before), of_dependency(now)
        if is_now is not WELL or name in self._records.outside:
            self._observe(name, self._observation_of_dependency(name))
        if was is not WELL and is_now is WELL:
            inspect = self._inspect_database if name == "postgresql" else self._inspect_redis
            self._ask_once(name, inspect)

    def _observation_of_dependency(self, name: str) -> Observation:
        """The worst of the probe's result and what the service that needs the dependency says."""
        speaker = next(service for service, of in SPEAKERS.items() if of == name)
        said = of_dependency(self._records.reports.get(speaker))
        return worst((said, self._records.outside.get(name, WELL)))

    def _observation_of(self, node: NodeInfo) -> Observation:
        """The worst of what the supervisor, the probe and the service itself say."""
        # The health monitor itself runs, or this code would not.
        state = State.RUNNING if node.name == self.name else node.state
        if state is State.STANDBY:
            # What it said while it ran is true no more, and would be judged as if it ran.
            self._records.reports.pop(node.name, None)
        said = self._records.reports.get(node.name)
        gravest = of_service(node, state, self._missing.get(node.name), said)
        return replace(gravest, unproven=self._records.just_began)

    def _observe(self, name: str, observation: Observation) -> None:
        seen = self._registry.observe(name, observation, datetime.now(UTC))
        if seen.regained is not None:
            self._tell_recovery(name, seen.regained)
        if seen.changed:
            self._changed[name] = observation.health.value
            if not self._change_due:
                self._change_due = True
                self.after(TELL_S, TellHealth())

    def _tell_recovery(self, name: str, regained: HealthRegained) -> None:
        node = self.node_info(name)
        path, kind = (name, "dependency") if node is None else (node.path, "service")
        payload = RecoveryPayload(path, kind, regained.reason, round(regained.duration_s, 3))
        self.publish("SERVICE_RECOVERED", payload)

    def _tell(self) -> None:
        """Publish the health of all parts, and which of them have changed since the last time."""
        whole = self._registry.whole
        assert whole is not None
        services = {name: part.health.value for name, part in self._registry.parts.items()}
        changed, self._changed = self._changed, {}
        self.publish("HEALTH_CHECK", HealthPayload(whole.health.value, services, changed))

    def _conclude(self) -> None:
        observations = {
            name: Observation(p.health, p.reason) for name, p in self._registry.parts.items()
        }
        causes = {
            name: causes_of(name, self._records.reports, self._registry.parts)
            for name, observation in observations.items()
            if observation.health is not Health.HEALTHY
        }
        whole = overall(
            observations,
            serving=can_serve(self._records.reports.get("cache")),
            cannot_work=dict(self._cannot_work()),
            because_of=causes,
        )
        self._registry.set_overall(whole, datetime.now(UTC))
        self._failures.write(self._registry)

    def _cannot_work(self) -> Iterator[tuple[str, str]]:
        """Which collecting services cannot work. A dependency that is away does not count."""
        for name in COLLECTING:
            state = self.worker_state(name)
            if state is None or state is State.STANDBY:
                continue  # it is not to work here: there is no fetcher, or it is off on purpose
            now_s = monotonic()
            if state is State.RUNNING:
                self._ran_at[name] = now_s
            report = self._records.reports.get(name)
            status = None if report is None else report.status
            if is_down(state, now_s - self._ran_at.setdefault(name, now_s)):
                part = self._registry.parts.get(name)
                yield name, "it does not run" if part is None else part.reason
            elif name in self._missing:
                yield name, self._missing[name]
            elif report is not None and cannot_work(status):
                yield name, report.reason

    def _answer(self) -> Reports:
        whole = self._registry.whole
        assert whole is not None
        return Reports(
            whole.health,
            whole.reason,
            dict(self._records.reports),
            dict(self._registry.parts),
            whole,
            self._checked_at,
        )

"""Health monitor: asks everybody how they are, and hears it from them when it changes.

Receives  ServiceReport, LookAgain, GetReports, CheckHealth, Probed, DependencyInspected
Asks      every service (a probe), history InspectDatabase, cache InspectCache; each in a greenlet
          of its own, so that one that hangs delays nobody
Sends     Publish (HEALTH_CHECK) to event_bus, HealthChanged to alerter
Holds     a record of what is known, which outlives it: a service that has nothing new to say (the
          feed stands still) would not be heard again
Restart   costs nothing: it asks at once
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, assert_never

import gevent

from vatwatch.actors.service import Service
from vatwatch.errors import VatwatchError
from vatwatch.messages import (
    CheckHealth,
    DependencyInspected,
    GetReports,
    Health,
    HealthChanged,
    InspectCache,
    InspectDatabase,
    LookAgain,
    Probed,
    Reports,
    ServiceReport,
)
from vatwatch.operations.health import Ledger, Sign, of_state, overall, worst
from vatwatch.operations.status import CacheStatus, FetcherStatus
from vatwatch.supervision import NodeInfo, State
from vatwatch.traffic.payloads import HealthPayload

Received = ServiceReport | LookAgain | GetReports | CheckHealth | Probed | DependencyInspected

# Whoever is not well is asked again sooner.
AGAIN_S = 5.0


@dataclass(slots=True)
class Records:
    """What is known; made once, and given to each incarnation."""

    ledger: Ledger = field(default_factory=Ledger)
    reports: dict[str, ServiceReport] = field(default_factory=dict)
    outside: dict[str, Sign] = field(default_factory=dict)


class HealthMonitorActor(Service):
    """Keeper of how everybody is."""

    def __init__(
        self,
        records: Records,
        *,
        interval_s: float,
        probe_timeout_s: float,
        patience_s: Mapping[str, float],
    ) -> None:
        """`patience_s`: who may have a message in hand for longer than `probe_timeout_s`."""
        super().__init__()
        self._records = records
        self._ledger = records.ledger
        self._interval_s = interval_s
        self._probe_timeout_s = probe_timeout_s
        self._patience_s = patience_s
        self._missing: dict[str, str] = {}
        self._asked: set[str] = set()
        self._checked_at: datetime | None = None

    def on_start(self) -> None:
        self._look_at_all()
        self.after(0, CheckHealth())

    def on_receive(self, message: Received) -> Any:
        match message:
            case ServiceReport(service):
                self._records.reports[service] = message
                self._look_at(service)
            case LookAgain(service, started):
                if started:
                    self._missing.pop(service, None)
                self._look_at(service)
            case GetReports():
                self._look_at_all()  # what is read here must be true now
                return self._answer()
            case CheckHealth():
                self._check()
            case Probed(service, missing):
                self._probed(service, missing)
            case DependencyInspected(name, health, reason):
                self._records.outside[name] = Sign(health, reason)
                self._observe(name, Sign(health, reason))
                self._conclude()
            case _:
                assert_never(message)
        return None

    # --- asking ------------------------------------------------------------------------------

    def _check(self) -> None:
        self._checked_at = datetime.now(UTC)
        for name in self._nodes():
            self._ask_once(name, self._probe)
        self._ask_once("postgresql", self._inspect_database)
        self._ask_once("redis", self._inspect_redis)
        self._look_at_all()
        parts = self._ledger.parts
        services = {name: part.health.value for name, part in parts.items()}
        assert self._ledger.whole is not None
        self.publish("HEALTH_CHECK", HealthPayload(self._ledger.whole.health.value, services))
        self.after(self._interval_s, CheckHealth())

    def _ask_once(self, name: str, ask: Callable[[str], None]) -> None:
        """In a greenlet; whoever has not answered yet is not asked again meanwhile."""
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
        limit_s = self._patience_s.get(service, self._probe_timeout_s)
        try:
            self.address(service).probe(timeout_s=limit_s)
        except VatwatchError as error:
            missing = str(error)
        except Exception as error:  # noqa: BLE001 - what its on_probe raised is its own bug
            missing = f"its probe failed: {type(error).__name__}: {error}"
        self.after(0, Probed(service, missing))

    def _inspect_database(self, name: str) -> None:
        try:
            missing = (
                self.address("history")
                .ask(InspectDatabase(), timeout_s=self._probe_timeout_s)
                .error
            )
        except VatwatchError as error:
            missing = str(error)
        health = Health.UNHEALTHY if missing else Health.HEALTHY
        self.after(0, DependencyInspected(name, health, missing))

    def _inspect_redis(self, name: str) -> None:
        """In-process, there is no such part."""
        try:
            found = self.address("cache").ask(InspectCache(), timeout_s=self._probe_timeout_s)
        except VatwatchError as error:
            if name in self._records.outside:
                self.after(0, DependencyInspected(name, Health.UNHEALTHY, str(error)))
            return
        if found.redis_error:
            self.after(0, DependencyInspected(name, Health.UNHEALTHY, found.redis_error))
        elif found.redis_latency_ms is not None:
            self.after(0, DependencyInspected(name, Health.HEALTHY))

    def _probed(self, service: str, missing: str) -> None:
        node = self.directory.node(service)
        if missing and node is not None and node.state is State.RUNNING:
            in_hand = f", it has {node.handling} in hand" if node.handling else ""
            self._missing[service] = f"it does not answer{in_hand}"
        else:
            self._missing.pop(service, None)
        self._look_at(service)
        if missing and self._interval_s > AGAIN_S:
            self.spawn(self._probe_later, service)

    def _probe_later(self, service: str) -> None:
        gevent.sleep(AGAIN_S)
        self._ask_once(service, self._probe)

    # --- judging -----------------------------------------------------------------------------

    def _nodes(self) -> dict[str, NodeInfo]:
        return {
            node.name: node for node in self.directory.snapshot().walk() if node.kind == "worker"
        }

    def _look_at_all(self) -> None:
        for name, node in self._nodes().items():
            self._observe(name, self._sign_of(node))
        for name, sign in self._feeds():
            self._observe(name, sign)
        self._conclude()

    def _look_at(self, service: str) -> None:
        node = self.directory.node(service)
        if node is None:
            return  # a name that is none of the tree's
        self._observe(service, self._sign_of(node))
        if service == "fetcher":
            for name, sign in self._feeds():
                self._observe(name, sign)
        self._conclude()

    def _sign_of(self, node: NodeInfo) -> Sign:
        """The gravest of what its supervisor, the probe and it itself say."""
        failure = node.last_failure
        why = "" if failure is None else f"{failure.error_type}: {failure.error_text}"
        said = self._records.reports.get(node.name)
        # Of its own state it knows that it runs: else nobody would look.
        state = State.RUNNING if node.name == self.name else node.state
        signs = [of_state(state, why.strip(": "))]
        if node.name in self._missing:
            signs.append(Sign(Health.UNHEALTHY, self._missing[node.name]))
        if said is not None:
            signs.append(Sign(said.health, said.reason))
        return worst(signs)

    def _feeds(self) -> Iterator[tuple[str, Sign]]:
        said = self._records.reports.get("fetcher")
        if said is None or not isinstance(said.status, FetcherStatus):
            return
        status = said.status
        if status.last_error:
            yield "feed", Sign(Health.UNHEALTHY, status.last_error)
        elif status.frozen:
            yield "feed", Sign(Health.DEGRADED, "it stands still")
        else:
            yield "feed", Sign()
        if status.transceivers_frozen:
            yield "transceivers", Sign(Health.DEGRADED, "it stands still")
        else:
            yield "transceivers", Sign()

    def _observe(self, name: str, sign: Sign) -> None:
        if self._ledger.observe(name, sign, datetime.now(UTC)):
            self.address("alerter").tell(HealthChanged())

    def _conclude(self) -> None:
        cache = self._records.reports.get("cache")
        serving = (
            cache is not None
            and isinstance(cache.status, CacheStatus)
            and cache.status.update_timestamp is not None
        )
        signs = {name: Sign(p.health, p.reason) for name, p in self._ledger.parts.items()}
        self._ledger.conclude(overall(signs, serving=serving), datetime.now(UTC))

    def _answer(self) -> Reports:
        whole = self._ledger.whole
        assert whole is not None
        return Reports(
            whole.health,
            whole.reason,
            dict(self._records.reports),
            dict(self._ledger.parts),
            whole,
            self._checked_at,
        )

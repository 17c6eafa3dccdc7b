"""The tree's own subscribers: their deliveries have time limits and breakers, and no alert depends
on the bus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.actors.harness import KEY, Running, running, until
from tests.actors.hook_server import HookServer
from tests.actors.test_alerter import FAST, told
from tests.actors.test_snapshot import NOWHERE
from vatwatch.messages import DatabaseReturned
from vatwatch.messages.status import ResourceStatus
from vatwatch.supervision import Fault, FaultKind, State


def handler(service: Running, name: str) -> dict[str, Any]:
    answer = service.http.simulate_get("/api/events/analytics")
    found: dict[str, Any] = answer.json["handlers"][name]
    return found


def test_a_handler_that_hangs_costs_its_own_deliveries_and_opens_its_own_breaker(
    tmp_path: Path,
) -> None:
    settings = {
        "EVENT_BUS_HANDLER_TIMEOUT": 0.2,
        "EVENT_BUS_RETRY_ATTEMPTS": 1,
        "CIRCUIT_BREAKER_TIMEOUT": 600,
    }
    with running(tmp_path, NOWHERE, **settings) as service:
        until(lambda: handler(service, "alerter")["metrics"]["handled"])
        service.tree.faults.inject(
            Fault(FaultKind.HANG, "alerter", seconds=600, message_type="Delivered")
        )
        until(lambda: handler(service, "alerter")["breaker"] == "open")
        metrics = handler(service, "alerter")["metrics"]
        assert (metrics["failed"] > 0, metrics["retried"] > 0, metrics["dead"] > 0) == (
            True,
            True,
            True,
        )
        assert handler(service, "error_manager")["breaker"] == "closed"
        letters = service.http.simulate_get("/api/events/dead-letters?receiver=alerter").json
        reasons = {letter["reason"] for letter in letters["dead_letters"]}
        assert "timeout" in reasons
        breakers = service.http.simulate_get("/api/errors/circuit-breakers").json["breakers"]
        assert ("event handler alerter", "open") in {(b["name"], b["state"]) for b in breakers}


def test_an_alert_fires_and_is_resolved_though_the_bus_is_down_all_the_while(
    tmp_path: Path, hook: HookServer
) -> None:
    settings = {**FAST, "CIRCUIT_BREAKER_TIMEOUT": 600, "VATWATCH_ALERT_WEBHOOKS": hook.url}
    with running(tmp_path, NOWHERE, **settings) as service:
        until(lambda: told(hook, "firing", "not_serving"))
        service.suspend("event_bus")
        # Of nothing that happens now does the alerter hear from the bus.
        until(lambda: told(hook, "firing", "breaker_open:vatwatch/core/event_bus"))
        service.tree.restart("vatwatch/core/event_bus")
        until(lambda: service.node("event_bus").state is State.RUNNING)
        until(lambda: told(hook, "resolved", "breaker_open:vatwatch/core/event_bus"))
        assert len(told(hook, "firing", "breaker_open:vatwatch/core/event_bus")) == 1


def test_events_lost_with_a_bus_that_was_begun_afresh_lose_no_alert(
    tmp_path: Path, hook: HookServer
) -> None:
    settings = {**FAST, "CIRCUIT_BREAKER_TIMEOUT": 600, "VATWATCH_ALERT_WEBHOOKS": hook.url}
    with running(tmp_path, NOWHERE, **settings) as service:
        service.tree.faults.inject(
            Fault(FaultKind.DROP, "event_bus", count=1000, message_type="Publish")
        )
        service.suspend("history")
        until(lambda: told(hook, "firing", "breaker_open:vatwatch/data/history"))


def publish_error(service: Running, path: str, category: str) -> None:
    event = {"type": "ERROR_OCCURRED", "payload": {"path": path, "category": category}}
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = service.http.simulate_post("/api/events", json=event, headers=headers)
    assert answer.status_code == 202, answer.text


def test_a_failure_for_want_of_a_resource_has_the_limits_looked_at_at_once(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE, VATWATCH_RESOURCE_INTERVAL=3600) as service:
        until(lambda: service.status("resource_monitor", ResourceStatus).readings)
        service.tree.faults.inject(
            Fault(FaultKind.CRASH, "resource_monitor", message_type="MeasureResources")
        )
        publish_error(service, "vatwatch/data/journal", "timeout")
        publish_error(service, "vatwatch/data/journal", "resource")
        until(lambda: service.node("resource_monitor").restarts_total == 1)


def test_a_part_that_had_an_error_is_probed_at_once(tmp_path: Path) -> None:
    settings = {"SERVICE_HEALTH_CHECK_INTERVAL": 3600, "VATWATCH_PROBE_TIMEOUT": 0.2}
    with running(tmp_path, NOWHERE, **settings) as service:
        until(lambda: "history" in service.reports().parts)
        service.tree.faults.inject(Fault(FaultKind.HANG, "history", seconds=600))
        service.tree.directory.address("history").tell(DatabaseReturned())
        until(lambda: service.node("history").handling)
        publish_error(service, "vatwatch/data/history", "unknown")
        until(lambda: "does not answer" in service.reports().parts["history"].reason)

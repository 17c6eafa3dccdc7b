"""The metrics, as JSON and for Prometheus."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from falcon import testing
from prometheus_client.parser import text_string_to_metric_families

from tests.actors.harness import PATIENCE_S, until
from tests.supervision.helpers import Fail, Notices, root, running, scribe, wait_until_handled
from vatwatch.actors.health_monitor import HealthMonitorActor
from vatwatch.config.service import ServiceSettings
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.messages import GetReports, ServiceReport
from vatwatch.messages.status import FetcherStatus, StoreStatus
from vatwatch.monitoring.health import Health
from vatwatch.supervision import BreakerPolicy, ChildStarted, Tree, worker

Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def house() -> Iterator[tuple[Tree, Notices]]:
    spec = root(
        scribe("store", [], breaker=BreakerPolicy()),
        worker(
            "health_monitor",
            HealthMonitorActor,
            ServiceSettings(SERVICE_HEALTH_CHECK_INTERVAL=3600),
            busy_limits_s={},
        ),
    )
    with running(spec) as (tree, notices):
        monitor = tree.directory.address("health_monitor")
        store = StoreStatus(kind="embedded", stored=7, last_write_ms=12.5)
        monitor.tell(ServiceReport("store", Health.HEALTHY, "", store))
        fetcher = FetcherStatus(outcomes={"advanced": 5, "timeout": 2}, frozen=True)
        monitor.tell(ServiceReport("fetcher", Health.DEGRADED, "frozen", fetcher))
        # A question of a client has a lane of its own, and need not wait for what was told.
        until(lambda: "fetcher" in monitor.ask(GetReports(), timeout_s=PATIENCE_S).services)
        yield tree, notices


@pytest.fixture
def client(house: tuple[Tree, Notices]) -> testing.TestClient:
    authorization = WriteAuthorization([], rate="1/minute")
    return testing.TestClient(create_app(AppContext(house[0], datetime.now(UTC), authorization)))


def scrape(client: testing.TestClient) -> dict[Sample, float]:
    """Every sample by its name and labels; the text is read by Prometheus' own parser."""
    result = client.simulate_get("/metrics")
    assert result.headers["content-type"].startswith("text/plain")
    found: dict[Sample, float] = {}
    for family in text_string_to_metric_families(result.text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def test_the_metrics_show_every_node_of_the_tree(
    client: testing.TestClient, house: tuple[Tree, Notices]
) -> None:
    tree, notices = house
    wait_until_handled(tree, "store")
    tree.directory.address("store").tell(Fail(OSError("down")))
    notices.wait(ChildStarted, "root/store", count=2)
    samples = scrape(client)
    path = (("path", "root/store"),)
    assert samples["vatwatch_node_running", path] == 1
    assert samples["vatwatch_node_restarts_total", path] == 1
    assert samples["vatwatch_node_failures_total", path] == 1
    assert samples["vatwatch_handler_seconds_count", path] == 1
    took_s = samples["vatwatch_handler_seconds_sum", path]
    assert took_s > 0
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in samples.items()
        if name == "vatwatch_handler_seconds_bucket" and dict(labels)["path"] == "root/store"
    }
    assert {bound: int(took_s < bound) for bound in buckets} == buckets
    assert math.inf in buckets
    state = (("kind", "child"), ("name", "root/store"), ("vatwatch_breaker_state", "closed"))
    assert samples["vatwatch_breaker_state", state] == 1


def test_the_metrics_show_what_the_services_report(client: testing.TestClient) -> None:
    samples = scrape(client)
    assert samples["vatwatch_snapshots_stored_total", ()] == 7
    assert samples["vatwatch_database_last_write_seconds", ()] == 0.0125
    assert samples["vatwatch_fetches_total", (("outcome", "timeout"),)] == 2
    assert samples["vatwatch_feed_frozen", ()] == 1
    health = (("service", "fetcher"), ("vatwatch_service_health", "degraded"))
    assert samples["vatwatch_service_health", health] == 1
    assert samples["process_resident_memory_bytes", ()] > 0


def test_the_supervisors_figures_are_shown_also_without_the_health_monitor(
    client: testing.TestClient, house: tuple[Tree, Notices]
) -> None:
    tree, _ = house
    tree.stop()
    samples = scrape(client)
    assert samples["vatwatch_node_running", (("path", "root/store"),)] == 0
    assert ("vatwatch_snapshots_stored_total", ()) not in samples


def test_requests_are_counted_by_route_not_by_path(client: testing.TestClient) -> None:
    for path in ("/healthz", "/healthz", "/api/flights/ABC1", "/api/flights/ABC2", "/nowhere/1"):
        client.simulate_get(path)
    samples = scrape(client)
    requests = {
        dict(labels)["route"]: value
        for (name, labels), value in samples.items()
        if name == "vatwatch_http_requests_total"
    }
    assert requests["/healthz"] == 2
    assert requests["/api/flights/{callsign}"] == 2
    assert requests["none"] == 1
    routes = {r["route"]: r for r in client.simulate_get("/api/metrics/performance").json["http"]}
    assert routes["/healthz"]["by_status"] == {"200": 2}
    assert routes["/healthz"]["latency"]["max_s"] > 0


def test_performance_names_the_stages_of_the_pipeline(client: testing.TestClient) -> None:
    body = client.simulate_get("/api/metrics/performance").json
    assert body["snapshots_stored"] == 7
    assert [stage["actor"] for stage in body["pipeline"]] == ["store"]


@pytest.mark.parametrize("subject", ["errors", "events", "database", "cache"])
def test_each_subject_has_its_own_page(client: testing.TestClient, subject: str) -> None:
    result = client.simulate_get(f"/api/metrics/{subject}")
    assert result.status_code == 200
    if subject == "database":
        assert result.json["store"]["stored"] == 7
        assert result.json["breakers"] == []

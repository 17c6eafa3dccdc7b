"""What the endpoints say while parts fail: the real tree, faults injected, cables cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import gevent
import pytest

from tests.actors.harness import PATIENCE_S, Poison, Running, running, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_cache_and_bus import redis_at
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import DATA, FeedServer, status
from vatwatch.actors import health_monitor
from vatwatch.actors.health_monitor import HealthMonitorActor
from vatwatch.config.service import ServiceSettings
from vatwatch.events.event import Event
from vatwatch.events.payloads import ServicePayload
from vatwatch.messages import Delivered
from vatwatch.monitoring.health import Health
from vatwatch.storage import redis_connection
from vatwatch.supervision import Actor, Fault, FaultKind, State, Tree, supervisor, worker

GIVEN = updates(2)


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with healthy(tmp_path, database_url) as service:
        yield service


@contextmanager
def healthy(home: Path, database_url: str, **settings: object) -> Iterator[Running]:
    with running(home, database_url, **settings) as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        service.until_stored(time_of(GIVEN[0]))
        yield service


def get(service: Running, path: str) -> tuple[int, dict[str, Any]]:
    answer = service.http.simulate_get(path)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.status_code == 200 or answer.headers["Retry-After"].isdecimal()
    return answer.status_code, answer.json


def well(service: Running) -> bool:
    return get(service, "/api/services/health")[1]["status"] == "healthy"


def test_while_all_is_well_every_endpoint_says_so_with_its_figures(service: Running) -> None:
    until(lambda: well(service), "all is well")
    until(
        lambda: "postgresql" in get(service, "/api/services/health")[1]["dependencies"],
        "PostgreSQL was asked",
    )
    code, services = get(service, "/api/services/health")
    assert (code, services["reason"]) == (200, "")
    assert set(services["services"]) >= {"store", "cache", "resource_monitor", "alerter"}
    assert {part["health"] for part in services["services"].values()} == {"healthy"}
    assert "redis" not in services["dependencies"]  # in-process there is none

    code, store = get(service, "/api/services/store/health")
    assert (code, store["state"], store["health"]) == (200, "running", "healthy")
    assert store["transitions"][-1]["after"] == "healthy"
    assert store["since"] == store["transitions"][-1]["at"]
    assert store["status"]["stored"] == 1

    code, database = get(service, "/api/database/health")
    assert (code, database["status"], database["kind"]) == (200, "healthy", "external")
    assert database["latency_ms"] > 0
    assert database["size_bytes"] > 1_000_000
    assert 1 <= database["connections"] <= database["max_connections"]
    assert database["migrations"][0] == "tables"
    assert database["reader_pool"]["opened"] >= 1
    assert database["writer_pool"]["opened"] >= 1
    until(lambda: get(service, "/api/database/health")[1]["lag"]["pending"] == 0)

    code, status = get(service, "/api/status")
    assert (code, status["status"]) == (200, "healthy")
    assert status["resources"]["readings"]["memory"] > 10
    for name, listed in services["dependencies"].items():
        code, one = get(service, f"/api/services/{name}/health")
        assert (code, one["name"]) == (200, name)
        assert (one["health"], one["reason"]) == (listed["health"], listed["reason"])
        assert one["transitions"]
    missing = service.http.simulate_get("/api/services/nobody/health")
    assert missing.status_code == 404
    assert "store" in missing.json["detail"]
    assert "postgresql" in missing.json["detail"]


def test_the_services_are_listed_in_their_order_with_their_starts_and_dependencies(
    service: Running,
) -> None:
    until(lambda: well(service))
    until(lambda: "postgresql" in service.reports().parts)
    code, body = get(service, "/api/services")
    assert (code, body["status"], body["reason"]) == (200, "healthy", "")
    workers = [node for node in service.tree.snapshot().walk() if node.kind == "worker"]
    assert [one["name"] for one in body["services"]] == [node.name for node in workers]
    assert body["count"] == len(workers)
    # The pipeline starts when it is known that no other process collects.
    rest = [one for one in body["services"] if "/pipeline/" not in one["path"]]
    starts = [one["last_start_at"] for one in rest]
    assert starts == sorted(starts)
    listed = {one["name"]: one for one in body["services"]}
    for one in body["services"]:
        assert (one["state"], one["health"], one["restarts"]) == ("running", "healthy", 0)
        assert one["uptime_s"] > 0
        assert one["last_start_s"] >= 0
        assert one["retry_at"] is None
    processor = dict.fromkeys(("journal", "store", "cache", "subscriptions"), "healthy")
    assert listed["processor"]["dependencies"] == processor
    # In-process there is no Redis, and with DATABASE_URL no PostgreSQL of its own.
    assert listed["cache"]["dependencies"] == {}
    assert listed["store"]["dependencies"] == {"postgresql": "healthy"}

    one = get(service, "/api/services/store/health")[1]
    assert one["dependencies"] == {"postgresql": "healthy"}
    assert one["needed_by"] == ["event_bus", "error_manager", "processor", "alerter"]
    assert one["last_start_at"] == listed["store"]["last_start_at"]
    needed_by = get(service, "/api/services/postgresql/health")[1]["needed_by"]
    assert needed_by == ["store", "history", "keys", "subscriptions"]

    before = listed["store"]
    service.tree.directory.address("store").tell(Poison())

    def restarted() -> dict[str, Any]:
        lines = {line["name"]: line for line in get(service, "/api/services")[1]["services"]}
        return lines["store"] if lines["store"]["restarts"] == 1 else {}

    after = until(restarted)
    until(lambda: restarted()["state"] == "running")
    assert restarted()["last_start_at"] > before["last_start_at"]
    assert after["restarts"] == 1


def test_a_question_is_a_hit_if_there_is_a_live_state_to_answer_from(service: Running) -> None:
    before = get(service, "/api/cache/health")[1]
    for _ in range(3):
        assert service.http.simulate_get("/api/flights/NOBODY").status_code == 404
    assert service.http.simulate_get("/api/flights").status_code == 200
    code, after = get(service, "/api/cache/health")
    assert (code, after["backend"], after["redis_latency_ms"]) == (200, "in-process", None)
    # "Offline" is an answer, too.
    assert after["hits"] - before["hits"] == 4
    assert after["misses"] == before["misses"]
    assert (after["process_hits"], after["process_misses"]) == (after["hits"], after["misses"])
    assert after["hit_rate"] == round(after["hits"] / (after["hits"] + after["misses"]), 4)
    assert after["bytes"] > 1000


@pytest.fixture
def impatient(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """Which takes a part for hung that is late."""
    with healthy(tmp_path, database_url, VATWATCH_PROBE_TIMEOUT=0.3) as service:
        yield service


def test_a_hanging_service_is_noticed_and_delays_no_other(impatient: Running) -> None:
    service = impatient
    until(lambda: well(service))
    service.tree.faults.inject(Fault(FaultKind.HANG, "error_manager"))
    service.tree.directory.address("store").tell(Poison())  # its failure is told to it
    until(
        lambda: "does not answer" in get(service, "/api/services/error_manager/health")[1]["reason"]
    )
    code, one = get(service, "/api/services/error_manager/health")
    assert (code, one["health"], one["handling"]) == (503, "unhealthy", "SupervisionNoticed")
    assert one["state"] == "running"  # its supervisor has not noticed yet: the deadline is not over
    code, everybody = get(service, "/api/services/health")
    assert (code, everybody["status"]) == (200, "degraded")
    # The others were asked meanwhile.
    until(lambda: service.node("store").state is State.RUNNING)
    until(lambda: get(service, "/api/services/store/health")[0] == 200)
    service.tree.restart("vatwatch/core/error_manager")
    until(lambda: well(service), "the hung one is restarted")
    transitions = get(service, "/api/services/error_manager/health")[1]["transitions"]
    assert [change["after"] for change in transitions[-2:]] == ["unhealthy", "healthy"]


def test_a_service_that_fails_too_often_is_unhealthy_while_its_breaker_is_open(
    service: Running,
) -> None:
    until(lambda: well(service))
    service.tree.faults.inject(Fault(FaultKind.CRASH, "history", count=100))
    service.suspend("history")
    until(lambda: get(service, "/api/services/history/health")[1]["state"] == "suspended")
    code, one = get(service, "/api/services/history/health")
    assert (code, one["health"], one["breaker"]) == (503, "unhealthy", "open")
    assert "failed too often" in one["reason"]
    assert "InjectedFault" in one["last_failure"]
    # Readers of the history get an error; readers of the live state notice nothing.
    assert get(service, "/api/database/health")[0] == 503
    assert service.http.simulate_get("/api/flights").status_code == 200
    assert get(service, "/api/status")[1]["status"] == "degraded"


@pytest.mark.parametrize(("asked", "dependency"), [("history", "postgresql"), ("cache", "redis")])
def test_a_suspended_part_says_nothing_about_its_dependency(
    asked: str,
    dependency: str,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Redis answers, if late on a slow machine.
    monkeypatch.setattr(redis_connection, "TIMEOUT_S", PATIENCE_S)
    with running(tmp_path, database_url, REDIS_URL=redis_url) as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        path = f"/api/services/{dependency}/health"
        until(lambda: service.http.simulate_get(path).json.get("health") == "healthy", "it is seen")
        service.tree.faults.inject(Fault(FaultKind.CRASH, asked, count=100))
        service.suspend(asked)
        since = service.reports().checked_at
        assert since is not None
        enough = since + timedelta(seconds=3 * service.settings.service.health_check_interval_s)
        until(lambda: (service.reports().checked_at or since) > enough, "everybody is asked again")
        assert get(service, path)[1]["health"] == "healthy"


def test_the_monitor_itself_asks_at_once_after_a_restart_and_knows_since_when(
    service: Running,
) -> None:
    until(lambda: well(service))
    before = get(service, "/api/services/store/health")[1]
    restarts = service.node("health_monitor").restarts_total
    service.tree.directory.address("health_monitor").tell(Poison())
    until(lambda: service.node("health_monitor").restarts_total > restarts)
    until(lambda: well(service))
    after = get(service, "/api/services/store/health")[1]
    assert (after["since"], after["transitions"]) == (before["since"], before["transitions"])
    assert after["status"] is not None


def test_while_the_database_is_away_its_health_is_503_and_counts_what_waits(
    tmp_path: Path, postgresql: str, database_url: str
) -> None:
    given = updates(4)
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        running(tmp_path, proxy.dsn, look_at=database_url) as service,
    ):
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        until(lambda: get(service, "/api/database/health")[0] == 200)
        proxy.cut()
        for publication in given[1:]:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
        until(lambda: get(service, "/api/database/health")[1]["lag"]["pending"] == 3)
        code, away = get(service, "/api/database/health")
        assert (code, away["status"], away["latency_ms"]) == (503, "unhealthy", None)
        assert away["reason"]
        assert away["lag"]["pending_bytes"] > 0
        assert away["lag"]["oldest_age_s"] > 0
        until(lambda: service.reports().parts["postgresql"].health is Health.UNHEALTHY)
        until(lambda: "store" in get(service, "/api/status")[1]["reason"])
        said = get(service, "/api/status")[1]["reason"]
        assert said.startswith("postgresql: ")
        why = get(service, "/api/services/postgresql/health")[1]["reason"]
        assert said.count(why) == 1, "one cause is told once"
        assert "Therefore also:" in said
        assert service.http.simulate_get("/api/flights").status_code == 200
        proxy.mend()
        until(lambda: get(service, "/api/database/health")[1]["status"] == "healthy")
        until(lambda: get(service, "/api/database/health")[1]["lag"]["pending"] == 0)
        until(lambda: service.reports().parts["postgresql"].health is Health.HEALTHY)


def test_a_redis_that_is_away_degrades_the_cache_and_what_is_asked_says_so(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:
        with redis_at(path):
            service.hand_in(GIVEN[0])
            service.until_served(time_of(GIVEN[0]))
            until(lambda: get(service, "/api/cache/health")[1]["status"] == "healthy")
            here = get(service, "/api/cache/health")[1]
            assert here["backend"] == "redis"
            assert here["redis_server"] == str(path)
            assert here["redis_latency_ms"] > 0
            assert here["redis_used_bytes"] > 100_000
            until(lambda: service.reports().parts["redis"].health is Health.HEALTHY)
        until(lambda: service.reports().parts["redis"].health is Health.UNHEALTHY)
        code, away = get(service, "/api/cache/health")
        assert (code, away["status"], away["redis_latency_ms"]) == (200, "degraded", None)
        assert away["redis_error"]
        assert service.http.simulate_get("/api/flights").status_code == 200
        path.unlink(missing_ok=True)
        with redis_at(path):
            until(lambda: service.reports().parts["redis"].health is Health.HEALTHY)


def test_before_anything_is_to_be_served_the_endpoints_answer_503_with_their_bodies(
    tmp_path: Path,
) -> None:
    with running(tmp_path, NOWHERE) as service:
        assert get(service, "/api/status")[0] == 200
        for path in ("/api/services/health", "/api/cache/health"):
            code, body = get(service, path)
            assert (path, code, body["status"]) == (path, 503, "unhealthy")
            assert "no live state" in body["reason"]
        code, database = get(service, "/api/database/health")
        assert (code, database["status"]) == (503, "unhealthy")
        assert get(service, "/api/services/journal/health")[0] == 200


def test_a_feed_that_fails_is_a_part_of_its_own(tmp_path: Path, database_url: str) -> None:
    with FeedServer(pilots=10) as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        # It may stop meanwhile; it continues when the test says so.
        until(lambda: service.reports().parts["feed"].health is not Health.UNHEALTHY)
        feeds.say(DATA, always=status("500 Broken"))
        until(lambda: service.reports().parts["feed"].health is Health.UNHEALTHY)
        code, body = get(service, "/api/services/health")
        assert (code, body["status"]) == (200, "degraded")
        assert "500" in body["dependencies"]["feed"]["reason"] or "breaker" in str(body)
        feeds.say(DATA)
        until(lambda: service.reports().parts["feed"].health is not Health.UNHEALTHY)


class Slow(Actor):
    """Takes longer to answer a probe than anybody waits for it, and notes when it is probed."""

    def __init__(self, probed_at: list[float]) -> None:
        super().__init__()
        self._probed_at = probed_at

    def on_probe(self) -> None:
        self._probed_at.append(monotonic())
        gevent.sleep(0.1)


def test_a_part_that_does_not_answer_is_probed_no_more_often_for_having_failed_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health_monitor, "AGAIN_S", 1.0)
    probed_at: list[float] = []
    settings = ServiceSettings(SERVICE_HEALTH_CHECK_INTERVAL=3600, VATWATCH_PROBE_TIMEOUT=0.01)
    children = [
        worker("slow", Slow, probed_at),
        worker("health_monitor", HealthMonitorActor, settings, busy_limits_s={}),
    ]
    tree = Tree(supervisor("root", children=children))
    tree.start()
    try:
        payload = ServicePayload("root/slow")
        failed = Event(uuid4(), "ERROR_OCCURRED", datetime.now(UTC), "test", "", payload)
        for _ in range(8):
            before = len(probed_at)
            tree.directory.address("health_monitor").ask(Delivered(failed), timeout_s=PATIENCE_S)
            until(lambda before=before: len(probed_at) > before)
            gevent.sleep(0.1)
        told = len(probed_at)
        until(lambda: len(probed_at) >= told + 6)
        # Five pauses of a second, or more if the machine is busy.
        assert probed_at[told + 5] - probed_at[told] > 2.5
    finally:
        tree.stop()


def test_parts_on_standby_count_neither_for_nor_against_the_whole(service: Running) -> None:
    until(lambda: well(service), "all is well")
    off = {"subscriptions", "processor", "history"}
    for path in ("analysis", "pipeline", "data/history"):
        service.tree.want(f"vatwatch/{path}", wanted=False)
    until(lambda: all(service.node(name).state is State.STANDBY for name in off), "they are off")

    code, health = get(service, "/api/services/health")
    assert (code, health["status"], health["reason"]) == (200, "healthy", "")
    shown = {name for name, part in health["services"].items() if part["health"] == "standby"}
    assert shown == off
    lines = {line["name"]: line for line in get(service, "/api/services")[1]["services"]}
    assert {name for name, line in lines.items() if line["state"] == "standby"} == off
    assert lines["processor"]["reason"] == "it is on standby"
    code, history = get(service, "/api/services/history/health")
    assert (code, history["health"], history["status"]) == (200, "standby", None)
    assert get(service, "/api/alerts")[1]["active"] == []
    metrics = service.http.simulate_get("/metrics").text
    assert 'vatwatch_node_standby{path="vatwatch/pipeline/processor"} 1.0' in metrics
    assert 'vatwatch_node_standby{path="vatwatch/data/store"} 0.0' in metrics

    asked_for = "/api/history/flights/1/contacts"
    asked = service.http.simulate_get(asked_for)
    assert asked.status_code == 503
    assert "vatwatch/data/history is on standby" in asked.json["detail"]
    # Nothing was lost meanwhile: what the journal kept is read when the pipeline is wanted.
    service.hand_in(GIVEN[1])
    for path in ("analysis", "pipeline", "data/history"):
        service.tree.want(f"vatwatch/{path}", wanted=True)
    service.until_stored(time_of(GIVEN[1]))
    until(lambda: well(service), "all is well again")
    healths = get(service, "/api/services/health")[1]["services"].values()
    assert {part["health"] for part in healths} == {"healthy"}
    assert service.http.simulate_get(asked_for).status_code != 503


def test_what_a_part_reported_before_it_was_on_standby_is_forgotten(service: Running) -> None:
    until(lambda: "history" in service.reports().services, "it has reported")
    service.tree.want("vatwatch/data/history", wanted=False)
    until(lambda: "history" not in service.reports().services, "its report is forgotten")
    service.tree.want("vatwatch/data/history", wanted=True)
    until(lambda: "history" in service.reports().services, "it reports anew")

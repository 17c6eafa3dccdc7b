"""Each recovery is an event, in the history and for the subscribers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.actors.harness import KEY, Running, eventually, running, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_cache_and_bus import redis_at
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import DATA, FeedServer, status
from vatwatch.monitoring.health import Health
from vatwatch.supervision import Fault, FaultKind


def get(service: Running, path: str) -> Any:
    answer = service.http.simulate_get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def recoveries(service: Running) -> list[dict[str, Any]]:
    """The payloads of the events in the table, the oldest first."""
    # While the parts around the history restart it is a 503.
    found = eventually(lambda: get(service, "/api/events?type=SERVICE_RECOVERED&limit=1000"))
    if found["source"] != "database":
        return []
    return [event["payload"] for event in reversed(found["events"])]


def of(service: Running, path: str) -> list[dict[str, Any]]:
    return [payload for payload in recoveries(service) if payload["path"] == path]


def test_a_part_that_crashed_and_runs_again_is_a_recovery_in_the_history(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        service.tree.faults.inject(Fault(FaultKind.CRASH, "cache", message_type="LiveChanged"))
        service.next_update()
        (told,) = until(lambda: of(service, "vatwatch/data/cache"))
        assert (told["kind"], told["duration_s"] >= 0) == ("service", True)
        assert "injection" in told["reason"] or "restarted" in told["reason"]


def test_a_restart_that_was_ordered_is_no_recovery(tmp_path: Path, database_url: str) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        before = service.node("cache").last_start_at
        answer = service.http.simulate_post(
            "/api/supervision/vatwatch/data/cache/restart",
            headers={"Authorization": f"Bearer {KEY}"},
        )
        assert answer.status_code == 202
        until(lambda: service.node("cache").last_start_at != before and service.served())
        service.until_next_is_through()
        assert of(service, "vatwatch/data/cache") == []


def test_a_database_that_is_back_and_its_breaker_are_recoveries_in_the_history(
    tmp_path: Path, database_url: str
) -> None:
    given = updates(3)
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        FeedServer() as feeds,
        running(tmp_path, proxy.dsn, look_at=database_url, feeds=feeds) as service,
    ):
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        proxy.cut()
        service.hand_in(given[1])
        until(lambda: get(service, "/api/status")["database"]["store"]["breaker"] == "open")
        proxy.mend()
        (told,) = until(lambda: of(service, "postgresql"))
        assert (told["kind"], told["duration_s"] > 0, bool(told["reason"])) == (
            "dependency",
            True,
            True,
        )
        (breaker,) = until(lambda: of(service, "breaker/PostgreSQL (store)"))
        assert (breaker["kind"], breaker["duration_s"] > 0) == ("breaker", True)
        until(lambda: of(service, "vatwatch/data/store"))


def test_a_feed_that_fails_for_a_while_is_few_rows_with_every_poll_and_one_recovery(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer(pilots=5) as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        feeds.say(DATA, always=status("503 Service Unavailable"))

        def failed() -> int:
            errors = get(service, "/api/errors?service=fetcher&limit=1000")["errors"]
            return sum(error["count"] for error in errors)

        until(lambda: failed() >= 20)
        rows = get(service, "/api/errors?service=fetcher&limit=1000")["errors"]
        # The request itself, and the breaker that lets nothing through.
        assert len({row["fingerprint"] for row in rows}) == len(rows)
        feeds.say(DATA, always=None)
        service.until_next_is_through()
        until(lambda: of(service, "feed"))
        until(lambda: of(service, "vatwatch/pipeline/fetcher"))
        counted = get(service, "/api/errors/analytics")["by_service"]["fetcher"]
        until(lambda: failed() == counted)


def test_a_redis_that_is_back_is_a_recovery_though_no_new_snapshot_comes(
    tmp_path: Path, database_url: str
) -> None:
    socket = tmp_path / "redis.sock"
    with (
        FeedServer(pilots=5) as feeds,
        running(tmp_path, database_url, feeds=feeds, REDIS_URL=f"unix://{socket}") as service,
    ):
        service.until_next_is_through()
        until(lambda: service.reports().parts["redis"].health is Health.UNHEALTHY)
        # It has been away from the start: that is an outage only when it has lasted.
        with redis_at(socket):
            until(lambda: service.reports().parts["redis"].health is Health.HEALTHY)
            service.until_next_is_through()
        service.until_next_is_through()
        until(lambda: service.reports().parts["redis"].health is Health.UNHEALTHY)
        with redis_at(socket):
            # The feed is frozen, so only the events can be written.
            (told,) = until(lambda: of(service, "redis"))
            assert told["kind"] == "dependency"
            until(lambda: of(service, "vatwatch/data/cache"))


def test_handlers_are_shown_with_their_figures_from_the_start(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        handlers = until(lambda: get(service, "/api/events/analytics")["handlers"])
        assert {name: handler["subscribed"] for name, handler in handlers.items()} == {
            "alerter": True,
            "error_manager": True,
            "health_monitor": True,
            "resource_monitor": True,
        }
        until(
            lambda: get(service, "/api/events/analytics")["handlers"]["alerter"]["metrics"][
                "handled"
            ]
        )
        metrics = get(service, "/api/events/analytics")["handlers"]["alerter"]["metrics"]
        assert metrics["p50_s"] > 0
        # What was handled first may have been of another type.
        until(
            lambda: (
                get(service, "/api/events/analytics")["types"]
                .get("HEALTH_CHECK", {})
                .get("handled")
            )
        )

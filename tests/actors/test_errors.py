"""Errors of the running service: faults go in, the API says what they were and what was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import gevent
import psycopg2
import pytest

from tests.actors.harness import KEY, Poison, Running, running, until
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import DATA, FeedServer, status
from vatwatch.actors import error_manager
from vatwatch.actors.store import RetryWrite
from vatwatch.feed.times import parse_time
from vatwatch.messages import SupervisionNoticed
from vatwatch.monitoring import error_folding
from vatwatch.supervision import AskFailed, Fault, FaultKind, State, describe_error

STORM = 10_000

BEARER = {"Authorization": f"Bearer {KEY}"}


def get(service: Running, path: str) -> Any:
    answer = service.http.simulate_get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def errors(service: Running, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(service, f"/api/errors?{query}")["errors"]
    return found


def inject(service: Running, kind: FaultKind, target: str, **more: Any) -> None:
    service.tree.faults.inject(Fault(kind, target, **more))


def test_a_crash_is_reported_with_its_context_and_its_recovery(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        inject(service, FaultKind.CRASH, "cache", message_type="LiveChanged")
        hit = service.until_next_is_through()
        (error,) = until(lambda: errors(service, "service=cache"))
        # It belongs to the snapshot, as its events do.
        snapshot = get(service, "/api/events?type=DATA_STORED")["events"][0]
        assert parse_time(snapshot["correlation_id"]) == hit
        assert error["correlation_id"] == snapshot["correlation_id"]
        assert errors(service, f"correlation_id={quote(error['correlation_id'])}") == [error]
        assert (error["path"], error["operation"]) == ("vatwatch/data/cache", "LiveChanged")
        assert (error["error_type"], error["severity"]) == ("InjectedFault", "high")
        assert (error["recovery"], error["recovered"]) == ("restart", True)
        assert error["recovery_s"] > 0
        assert error["traceback"] == ""  # it is for operators
        whole = service.http.simulate_get("/api/errors?service=cache", headers=BEARER)
        assert "injection" in whole.json["errors"][0]["traceback"]
        analytics = get(service, "/api/errors/analytics")
        assert analytics["by_service"]["cache"] == 1
        assert analytics["recovery_success_rate"] == 1.0
        restarts = get(service, "/api/errors/recovery")["strategies"]["restart"]
        assert restarts["tries"] == restarts["successes"] == 1
        trends = get(service, "/api/errors/trends")
        assert trends["per_minute"][-1][1] + trends["per_minute"][-2][1] >= 1
        told = get(service, "/api/events?type=ERROR_OCCURRED")["events"]
        assert "vatwatch/data/cache" in {event["payload"]["path"] for event in told}


def test_a_failing_dependency_is_reported_with_its_breaker(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        inject(service, FaultKind.FAIL, "PostgreSQL (store)", count=4)
        service.until_next_is_through()

        def breaker() -> dict[str, Any]:
            breakers = get(service, "/api/errors/circuit-breakers")["breakers"]
            return next(b for b in breakers if b["name"] == "PostgreSQL (store)")

        until(lambda: breaker()["state"] == "closed" and breaker()["opened"] >= 1)
        assert "injection" in breaker()["last_failure"]
        assert [t["after"] for t in breaker()["transitions"]][:2] == ["open", "half_open"]
        found = until(lambda: errors(service, "service=store&category=database"))
        assert {error["severity"] for error in found} == {"high"}
        assert get(service, "/api/errors/recovery")["strategies"]["breaker"]["successes"] >= 1


def test_a_poll_that_fails_once_is_retried_and_reported_as_recovered(
    tmp_path: Path, database_url: str
) -> None:
    with (
        FeedServer() as feeds,
        running(
            tmp_path,
            database_url,
            feeds=feeds,
            VATSIM_API_RETRY_ATTEMPTS=3,
            VATSIM_POLL_INTERVAL=5,
        ) as service,
    ):
        feeds.say(DATA, status("503 Service Unavailable"))
        service.until_next_is_through()
        found = until(lambda: errors(service, "service=fetcher"))
        assert (found[0]["recovery"], found[0]["recovered"]) == ("retry", True)
        assert (found[0]["category"], found[0]["severity"]) == ("api", "low")


def test_a_storm_of_errors_is_a_few_rows_and_does_no_harm(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        manager = service.tree.directory.address("error_manager")
        notice = AskFailed(
            path="vatwatch/data/history",
            message_type="FindTrack",
            **describe_error(KeyError("bug"), ""),
        )
        for _ in range(STORM):
            manager.tell(SupervisionNoticed(notice))
        service.until_next_is_through()
        until(lambda: sum(e["count"] for e in errors(service, "service=history")) == STORM)
        assert len(errors(service, "service=history")) < 20
        told = get(service, "/api/events?type=ERROR_OCCURRED&limit=1000")["events"]
        assert len([e for e in told if e["payload"]["path"] == notice.path]) == 1


def test_the_statistics_outlive_a_restart_of_the_service(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, database_url) as service:
        inject(service, FaultKind.CRASH, "cache", message_type="GetLive")
        service.http.simulate_get("/readyz")
        until(lambda: errors(service, "service=cache"))
    with running(tmp_path, database_url) as service:
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("cache") == 1)


def test_without_a_database_the_list_shows_the_errors_in_memory(tmp_path: Path) -> None:
    with running(tmp_path, "host=/nowhere user=nobody dbname=nothing") as service:
        until(lambda: get(service, "/api/errors")["count"] > 0)
        assert get(service, "/api/errors")["source"] == "memory"


def test_switched_off_nothing_is_kept_everything_recovers_and_its_endpoints_say_so(
    tmp_path: Path, database_url: str
) -> None:
    with (
        FeedServer() as feeds,
        running(tmp_path, database_url, feeds=feeds, ERROR_MANAGER_ENABLED="false") as service,
    ):
        inject(service, FaultKind.CRASH, "processor")
        service.until_next_is_through()
        assert service.sql("SELECT count(*) FROM errors") == [(0,)]
        for path in ("", "/analytics", "/recovery", "/trends", "?limit=5"):
            answer = service.http.simulate_get(f"/api/errors{path}")
            assert answer.status_code == 404
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json["type"] == "urn:vatwatch:problem:error-manager-off"
            assert answer.json["title"] == "The error manager is off"
            assert "ERROR_MANAGER_ENABLED=true" in answer.json["detail"]
        # The breakers are the supervisors' own.
        breakers = get(service, "/api/errors/circuit-breakers")
        assert breakers["count"] > 0
        assert breakers["error_manager"] == "off"

        said = get(service, "/api/metrics/errors")["error_manager"]
        assert said["failures"] >= 1
        assert said["enabled"] is False
        assert "ERROR_MANAGER_ENABLED=false" in said["note"]
        for path in ("/api/status", "/api/services/health"):
            part = get(service, path)["services"]["error_manager"]
            assert (part["state"], part["health"]) == ("off", "healthy")
            assert "ERROR_MANAGER_ENABLED=false" in part["reason"]
        assert get(service, "/api/services/error_manager/health")["state"] == "off"
        assert "error_manager" not in get(service, "/api/status")["reason"]


def test_switched_on_the_breakers_say_so_too(tmp_path: Path) -> None:
    with running(tmp_path, "host=/nowhere user=nobody dbname=nothing") as service:
        assert get(service, "/api/errors/circuit-breakers")["error_manager"] == "on"


@pytest.mark.parametrize(
    "query",
    [
        "severity=bad",
        "category=none",
        "limit=0",
        "cursor=x",
        "since=yesterday",
        "colour=red",
        "recovered=perhaps",
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(query: str, tmp_path: Path) -> None:
    with running(tmp_path, "host=/nowhere user=nobody dbname=nothing") as service:
        answer = service.http.simulate_get(f"/api/errors?{query}")
        assert answer.status_code == 400
        assert query.split("=")[0] in answer.text
        assert service.http.simulate_get("/api/errors/analytics?window=1y").status_code == 400


def test_a_hanging_store_with_a_full_mailbox_does_not_stop_the_reporting_of_errors(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        inject(service, FaultKind.HANG, "store", seconds=8.0)
        store = service.tree.directory.address("store")
        until(lambda: service.node("store").handling is not None)
        while store.offer(RetryWrite()):
            pass
        manager = service.tree.directory.address("error_manager")
        notice = AskFailed(
            path="vatwatch/data/history",
            message_type="FindTrack",
            **describe_error(KeyError("bug"), ""),
        )
        manager.tell(SupervisionNoticed(notice))
        # It still answers while the store accepts nothing, and the errors are written later.
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("history") == 1)
        assert service.node("store").handling is not None
        assert service.node("error_manager").restarts_total == 0
        until(lambda: errors(service, "service=history"))


def fail_to_answer(service: Running, kind: str, *, of: str = "history") -> None:
    """Let the error manager hear of an error, of this operation and actor."""
    notice = AskFailed(path=f"vatwatch/data/{of}", message_type=kind,
                       **describe_error(KeyError("bug"), ""))  # fmt: skip
    service.tree.observers.notify(notice)


def test_errors_of_the_last_moment_and_of_a_time_without_database_are_in_the_table_later(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, NOWHERE) as service:
        fail_to_answer(service, "FindTrack")
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("history"))
    with running(tmp_path, NOWHERE) as service:
        # It came from the file; the last one was not sent to the store before the stop.
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("history"))
        fail_to_answer(service, "FindEvents")
    with running(tmp_path, database_url) as service:
        until(lambda: len(stored_errors(service)) == 2)
        assert stored_errors(service) == [("FindEvents", 1), ("FindTrack", 1)]
        until(lambda: get(service, "/api/metrics/errors")["error_manager"]["unwritten"] == 0)
    assert (tmp_path / "home" / "errors.outbox").read_bytes() == b""


def stored_errors(service: Running) -> list[tuple[Any, ...]]:
    try:
        return service.sql(
            "SELECT operation, count FROM errors"
            " WHERE service = 'history' AND error_type = 'KeyError' ORDER BY operation"
        )
    except psycopg2.errors.UndefinedTable:
        return []  # at the very start


def test_a_database_that_comes_late_is_asked_for_the_errors_before_all_the_same(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(error_manager, "RELOAD_S", 0.1)
    with running(tmp_path, database_url) as service:
        fail_to_answer(service, "FindTrack", of="cache")
        until(lambda: errors(service, "service=cache"))
    with running(tmp_path, database_url) as service:
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("cache") == 1)
        inject(service, FaultKind.CRASH, "history", message_type="FindErrors")
        service.tree.directory.address("error_manager").tell(Poison())
        # The one question after its start is not answered.
        until(lambda: service.node("history").restarts_total == 1)
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("cache") == 1)


def test_errors_of_more_kinds_than_are_kept_apart_are_all_counted(
    tmp_path: Path, database_url: str
) -> None:
    kinds = 3 * error_folding.MOST_OPEN
    with running(tmp_path, database_url) as service:
        for number in range(kinds):
            fail_to_answer(service, f"Find{number}")
        until(lambda: sum(count for _, count in stored_errors(service)) == kinds)
        many = dict(stored_errors(service))[error_folding.MANY_KINDS]
        assert many >= 1
        assert get(service, "/api/errors/analytics")["by_service"]["history"] == kinds


def test_an_error_manager_that_crashes_forgets_no_error(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, database_url) as service:
        for number in range(5):
            fail_to_answer(service, f"Find{number}")
        service.tree.directory.address("error_manager").tell(Poison())
        until(lambda: len(stored_errors(service)) == 5)
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("history") == 5)


def test_a_message_that_an_actor_will_not_get_is_among_the_errors(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url) as service:
        service.tree.directory.address("nobody").tell(RetryWrite())
        until(lambda: "nobody" in [each["service"] for each in errors(service)])
        (error,) = errors(service, "service=nobody")
        assert (error["error_type"], error["message"]) == ("DeadLetter", "unknown")
        assert (error["operation"], error["severity"]) == ("RetryWrite", "medium")


def test_reporting_to_a_suspended_health_monitor_does_not_cause_endless_errors(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url, CIRCUIT_BREAKER_TIMEOUT=600) as service:
        inject(service, FaultKind.CRASH, "health_monitor", count=1000)
        until(lambda: service.node("health_monitor").state is State.SUSPENDED)
        fail_to_answer(service, "FindTrack")
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("history"))
        handled = service.node("error_manager").handled
        gevent.sleep(3 * error_manager.FOLD_S)
        # Each message that it handled on its own account would have made the next one.
        assert service.node("error_manager").handled < handled + 200


def test_an_error_whose_text_postgresql_cannot_hold_is_kept_all_the_same(
    tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url) as service:
        error = ValueError("a NUL \0 and half a character \ud800")
        notice = AskFailed(
            path="vatwatch/data/history", message_type="FindTrack", **describe_error(error)
        )
        service.tree.observers.notify(notice)
        until(lambda: errors(service, "service=history"))


def test_a_copy_that_cannot_be_written_is_reported(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "home" / "errors.outbox").mkdir(parents=True)
    with running(tmp_path, database_url) as service:
        fail_to_answer(service, "FindTrack")
        until(lambda: "copy" in service.reason("error_manager"))
        until(lambda: stored_errors(service) == [("FindTrack", 1)])

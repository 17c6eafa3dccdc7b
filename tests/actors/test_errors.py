"""Errors of the running service: faults go in, the API says what they were and what was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.actors.harness import Running, running, until
from tests.feed_server import DATA, FeedServer, status
from vatwatch.feed.times import parse_time
from vatwatch.messages import RetryWrite, SupervisionNoticed
from vatwatch.supervision import AskFailed, Fault, FaultKind, described

STORM = 10_000


def get(service: Running, path: str) -> Any:
    answer = service.http.simulate_get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def errors(service: Running, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(service, f"/api/errors?{query}")["errors"]
    return found


def inject(service: Running, kind: FaultKind, target: str, **more: Any) -> None:
    service.tree.directory.faults.inject(Fault(kind, target, **more))


def test_a_crash_is_told_with_its_context_and_its_recovery(
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
        assert "injection" in error["traceback"]
        analytics = get(service, "/api/errors/analytics")
        assert analytics["by_service"]["cache"] == 1
        assert analytics["recovery_success_rate"] == 1.0
        restarts = get(service, "/api/errors/recovery")["strategies"]["restart"]
        assert restarts["tries"] == restarts["successes"] == 1
        trends = get(service, "/api/errors/trends")
        assert trends["per_minute"][-1][1] + trends["per_minute"][-2][1] >= 1
        told = get(service, "/api/events?type=ERROR_OCCURRED")["events"]
        assert "vatwatch/data/cache" in {event["payload"]["path"] for event in told}


def test_a_dependency_that_fails_is_told_with_its_breaker(
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


def test_a_poll_that_fails_once_is_retried_and_told_as_mended(
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


def test_a_storm_of_errors_is_a_few_rows_and_hurts_nobody(
    tmp_path: Path, database_url: str
) -> None:
    with FeedServer() as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        manager = service.tree.directory.address("error_manager")
        notice = AskFailed(
            path="vatwatch/data/history",
            message_type="FindTrack",
            **described(KeyError("bug"), ""),
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
        service.http.simulate_get("/api/flights")
        until(lambda: errors(service, "service=cache"))
    with running(tmp_path, database_url) as service:
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("cache") == 1)


def test_without_a_database_the_list_is_what_is_in_memory(tmp_path: Path) -> None:
    with running(tmp_path, "host=/nowhere user=nobody dbname=nothing") as service:
        until(lambda: get(service, "/api/errors")["count"] > 0)
        assert get(service, "/api/errors")["source"] == "memory"


def test_switched_off_nothing_is_counted_and_everything_recovers(
    tmp_path: Path, database_url: str
) -> None:
    with (
        FeedServer() as feeds,
        running(tmp_path, database_url, feeds=feeds, ERROR_MANAGER_ENABLED="false") as service,
    ):
        inject(service, FaultKind.CRASH, "processor")
        service.until_next_is_through()
        assert get(service, "/api/errors/analytics")["total"] == 0
        assert get(service, "/api/metrics/errors")["error_manager"]["failures"] >= 1
        assert errors(service) == []


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


def test_a_store_that_hangs_with_a_full_mailbox_keeps_nobody_from_hearing_of_errors(
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
            **described(KeyError("bug"), ""),
        )
        manager.tell(SupervisionNoticed(notice))
        # It goes on answering while the store takes nothing, and what it heard is written later.
        until(lambda: get(service, "/api/errors/analytics")["by_service"].get("history") == 1)
        assert service.node("store").handling is not None
        assert service.node("error_manager").restarts_total == 0
        until(lambda: errors(service, "service=history"))

"""PostgreSQL, Redis and the feed go and come back: what the log, the status and the API say."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from tests.actors.harness import Poison, Running, running, until
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_cache_and_bus import redis_at
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import DATA, FeedServer, status
from vatwatch.actors.store import RetryWrite
from vatwatch.messages import DatabaseReturned
from vatwatch.messages.status import CacheStatus, JournalStatus, StoreStatus
from vatwatch.monitoring.counters import counters_of
from vatwatch.monitoring.health import Health
from vatwatch.supervision import BreakerState, Fault, FaultKind

GIVEN = updates(8)
RETRY, RETURNED = RetryWrite(), DatabaseReturned()


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="vatwatch")


def lines(caplog: pytest.LogCaptureFixture, what: str = "") -> list[str]:
    """The log lines for an operator, without alerts, starts and stops."""
    said = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("vatwatch")
        and record.name != "vatwatch.supervision.child_control"
    ]
    return [line for line in said if what in line and not line.startswith("Alert")]


@contextmanager
def with_a_cable(home: Path, database_url: str, **more: object) -> Iterator[tuple[Any, Running]]:
    with (
        PostgresProxy(home, database_url) as proxy,
        running(home, proxy.dsn, look_at=database_url, **more) as service,
    ):
        service.hand_in(GIVEN[0])
        service.until_stored(time_of(GIVEN[0]))
        # The row is there before the store knows it; the connection must not be cut in between.
        until(lambda: service.status("journal", JournalStatus).pending == 0)
        yield proxy, service


def breaker_of(service: Running, name: str) -> BreakerState:
    return next(b.state for b in service.tree.breakers() if b.name == name)


def shown(service: Running) -> Any:
    return service.http.simulate_get("/api/status")


def tries(service: Running) -> int:
    (breaker,) = (b for b in service.tree.breakers() if b.name == "PostgreSQL (store)")
    return breaker.failures


def test_an_outage_of_postgresql_is_logged_when_it_begins_and_when_it_is_over(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with with_a_cable(tmp_path, database_url) as (proxy, service):
        caplog.clear()
        proxy.cut()
        for publication in GIVEN[1:4]:
            service.hand_in(publication)
        until(lambda: tries(service) >= 8, "many tries")
        proxy.mend()
        service.until_stored(time_of(GIVEN[3]))
        until(lambda: lines(caplog, "PostgreSQL is back"))
        assert "Traceback" not in caplog.text
        begins = lines(caplog, "new snapshots wait in the journal")
        # The connections that it had, and then the ones that it cannot get.
        assert 1 <= len(begins) <= 2
        assert "cannot be reached (no such file or directory)" in begins[-1]
        assert "Next try in" in begins[0]
        (back,) = lines(caplog, "PostgreSQL is back")
        # Some may be written while it looks.
        assert re.search(r"[123] snapshots? waited and (is|are) written now", back)
        assert len(lines(caplog)) <= 5, lines(caplog)


def test_a_wrong_address_of_postgresql_is_a_handful_of_lines_at_the_start(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = make_dsn(database_url, dbname="no_such_database")
    with running(tmp_path, wrong) as service:
        until(lambda: tries(service) >= 8)
        assert "Traceback" not in caplog.text
        assert len(lines(caplog)) <= 4, lines(caplog)
        (line,) = lines(caplog, "new snapshots wait in the journal")
        assert 'database "no_such_database" does not exist' in line
        assert "DATABASE_URL" in line


def test_the_database_and_the_feed_away_are_a_few_lines_each(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        FeedServer(pilots=10) as feeds,
        PostgresProxy(tmp_path, database_url) as proxy,
        running(tmp_path, proxy.dsn, feeds=feeds, look_at=database_url) as service,
    ):
        service.until_next_is_through()
        caplog.clear()
        feeds.say(DATA, always=status("503 Service Unavailable"))
        proxy.cut()
        service.tree.directory.address("store").tell(RETRY)
        # As many tries as three minutes have with the usual settings.
        until(lambda: tries(service) >= 8)
        feeds.say(DATA)
        proxy.mend()
        service.until_next_is_through()
        until(lambda: lines(caplog, "PostgreSQL is back"))
        assert "Traceback" not in caplog.text
        assert len(lines(caplog)) <= 8, lines(caplog)


def test_the_last_error_is_the_cause_and_is_shown_with_the_next_try(
    tmp_path: Path, database_url: str
) -> None:
    with with_a_cable(tmp_path, database_url, CIRCUIT_BREAKER_TIMEOUT=600) as (proxy, service):
        proxy.cut()
        service.hand_in(GIVEN[1])
        until(lambda: breaker_of(service, "PostgreSQL (store)") is BreakerState.OPEN)
        service.hand_in(GIVEN[2])
        service.until_served(time_of(GIVEN[2]))
        until(lambda: service.status("journal", JournalStatus).pending >= 2)
        answer = service.http.simulate_get("/api/status").json
        store = answer["database"]["store"]
        assert "cannot be reached" in store["last_error"]
        assert "breaker" not in store["last_error"]
        assert store["since"] < store["retry_at"]
        assert "nothing can be written since" in answer["services"]["store"]["reason"]
        # A client that asks gets the cause, too.
        answer = service.http.simulate_get("/api/flights/NOBODY/track")
        assert answer.status_code == 503
        assert "The database is away; ask again in" in answer.json["detail"]
        assert "cannot be reached" in answer.json["detail"]


def test_the_first_actor_that_finds_the_database_back_lets_the_others_use_it_at_once(
    tmp_path: Path, database_url: str
) -> None:
    patient = {"CIRCUIT_BREAKER_TIMEOUT": 600, "SERVICE_HEALTH_CHECK_INTERVAL": 600}
    with with_a_cable(tmp_path, database_url, **patient) as (proxy, service):
        proxy.cut()
        service.hand_in(GIVEN[1])

        def nobody_tries() -> bool:
            service.http.simulate_get("/api/flights/NOBODY/track")
            return all(
                breaker_of(service, f"PostgreSQL ({name})") is BreakerState.OPEN
                for name in ("store", "history")
            )

        until(nobody_tries)
        proxy.mend()
        # One of the two is told, as by a monitor; the other one learns it from the first.
        service.tree.directory.address("store").tell(RETURNED)
        service.until_stored(time_of(GIVEN[1]))
        assert service.http.simulate_get("/api/flights/NOBODY/track").status_code == 404
        proxy.cut()
        service.hand_in(GIVEN[2])
        until(nobody_tries)
        proxy.mend()
        service.tree.directory.address("history").tell(RETURNED)
        service.until_stored(time_of(GIVEN[2]))


def run_sql(database_url: str, statement: str) -> None:
    conn = psycopg2.connect(database_url)
    try:
        with conn, conn.cursor() as cur:
            cur.execute(statement)
    finally:
        conn.close()


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        (
            "ALTER TABLE flights RENAME COLUMN server TO servr",
            "ALTER TABLE flights RENAME COLUMN servr TO server",
        ),
        ("ALTER TABLE snapshots RENAME TO lost", "ALTER TABLE lost RENAME TO snapshots"),
    ],
)
def test_a_broken_schema_is_a_bug_and_costs_no_snapshot(
    breaks: str,
    mends: str,
    tmp_path: Path,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(tmp_path, database_url) as service:
        service.hand_in(GIVEN[0])
        service.until_stored(time_of(GIVEN[0]))
        caplog.clear()
        run_sql(database_url, breaks)
        for publication in GIVEN[1:]:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        until(lambda: service.status("store", StoreStatus).broken)
        until(lambda: len(lines(caplog, "Traceback")) == 1, "one traceback")
        answer = service.http.simulate_get("/api/status").json
        assert answer["status"] == "unhealthy"
        assert "does not exist (42" in answer["reason"]
        # No breaker: the database is not away.
        assert breaker_of(service, "PostgreSQL (store)") is BreakerState.CLOSED
        assert service.reports().parts["postgresql"].health is Health.HEALTHY
        assert service.status("journal", JournalStatus).quarantined == 0
        assert service.node("store").restarts_total == 0
        run_sql(database_url, mends)
        service.until_stored(time_of(GIVEN[-1]))
        assert service.sql("SELECT count(*) FROM snapshots") == [(len(GIVEN),)]
        until(lambda: shown(service).json["status"] != "unhealthy")
        assert len(lines(caplog, "Traceback")) == 1


def test_a_detached_day_costs_no_snapshot(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=1) as service:
        service.hand_in(GIVEN[0])
        service.until_stored(time_of(GIVEN[0]))
        day = time_of(GIVEN[0]).date()
        name = f"positions_{day:%Y%m%d}"
        run_sql(database_url, f"ALTER TABLE positions DETACH PARTITION {name}")
        for publication in GIVEN[1:]:
            service.hand_in(publication)
        service.until_served(time_of(GIVEN[-1]))
        until(lambda: service.status("store", StoreStatus).broken)
        assert f"the table {name} is detached" in service.reason("store")
        assert lines(caplog, f"the table {name} is detached")
        run_sql(
            database_url,
            f"ALTER TABLE positions ATTACH PARTITION {name} FOR VALUES"
            f" FROM ('{day} 00:00+00') TO ('{day} 00:00+00'::timestamptz + '1 day')",
        )
        service.until_stored(time_of(GIVEN[-1]))
        assert service.sql("SELECT count(*) FROM snapshots") == [(len(GIVEN),)]
        assert service.status("journal", JournalStatus).quarantined_total == 0
        assert service.node("store").restarts_total == 0


def test_a_row_that_the_server_refuses_costs_its_snapshot_and_no_other(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, database_url) as service:
        service.hand_in(GIVEN[0])
        service.until_stored(time_of(GIVEN[0]))
        odd = time_of(GIVEN[2])
        run_sql(
            database_url,
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF new.update_timestamp = '{odd.isoformat()}' THEN "
            "RAISE 'not this one'; END IF; RETURN new; END $$; "
            "CREATE TRIGGER refuse BEFORE INSERT ON snapshots FOR EACH ROW "
            "EXECUTE FUNCTION refuse()",
        )
        for publication in GIVEN[1:]:
            service.hand_in(publication)
        service.until_stored(time_of(GIVEN[-1]))
        assert odd not in service.sql.snapshots()
        assert len(service.sql.snapshots()) == len(GIVEN) - 1
        until(lambda: service.status("journal", JournalStatus).quarantined == 1)
        assert lines(caplog, "not this one")
        assert lines(caplog, "Traceback")


def test_an_outage_of_redis_is_logged_when_it_begins_and_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "redis.sock"
    with running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:
        for publication in GIVEN[:5]:
            service.hand_in(publication)
            service.until_served(time_of(publication))
        until(lambda: service.status("cache", CacheStatus).last_error)
        away = service.status("cache", CacheStatus)
        why = "no such file or directory"
        assert away.last_error == f"Redis at {path} cannot be reached ({why})"
        assert away.since is not None
        (line,) = lines(caplog, "Redis cannot be used for the live state")
        assert away.last_error in line
        with redis_at(path):

            def back() -> bool:
                service.hand_in(GIVEN[5])
                return service.status("cache", CacheStatus).reachable

            until(back)
            until(lambda: lines(caplog, "Redis is back"))
            assert "Traceback" not in caplog.text
            assert len(lines(caplog, "Redis")) == 2


def test_a_redis_that_goes_while_no_snapshots_come_is_logged_once_each_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "redis.sock"
    with ExitStack() as first:
        first.enter_context(redis_at(path))  # before the service, so that it is never away at first
        with running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:

            def asked() -> CacheStatus:
                service.http.simulate_get("/api/cache/health")
                return service.status("cache", CacheStatus)

            service.hand_in(GIVEN[0])
            service.until_served(time_of(GIVEN[0]))
            first.close()
            until(lambda: not asked().reachable)
            away = asked()
            assert away.since is not None
            (line,) = lines(caplog, "Redis")
            assert "Redis cannot be used for the live state" in line
            assert away.last_error in line
            path.unlink(missing_ok=True)
            with redis_at(path):
                until(lambda: asked().reachable)
                (_, back) = lines(caplog, "Redis")
            assert back.startswith("Redis is back after ")
            assert "Traceback" not in caplog.text


def test_a_redis_that_answers_and_takes_nothing_stays_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "redis.sock"
    full = ("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    with redis_at(path, *full), running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:
        service.hand_in(GIVEN[0])
        service.until_served(time_of(GIVEN[0]))
        until(lambda: not service.status("cache", CacheStatus).reachable)
        service.http.simulate_get("/api/cache/health")
        assert not service.status("cache", CacheStatus).reachable
        assert not lines(caplog, "Redis is back")


def test_a_redis_that_wants_a_password_says_where_to_put_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "redis.sock"
    with redis_at(path, "--requirepass", "hidden"):
        with running(tmp_path, NOWHERE, REDIS_URL=f"unix://{path}") as service:
            until(lambda: service.status("cache", CacheStatus).last_error)
            assert "redis://:PASSWORD@host" in service.status("cache", CacheStatus).last_error
        with running(tmp_path, NOWHERE, REDIS_URL=f"unix://:wrong-secret@{path}") as service:
            until(lambda: service.status("cache", CacheStatus).last_error)
            assert "redis://:PASSWORD@host" in service.status("cache", CacheStatus).last_error
            everything = service.http.simulate_get("/api/status").text + caplog.text
            assert "wrong-secret" not in everything
    assert "Traceback" not in caplog.text


CRASHING = ["fetcher", "journal", "processor", "store", "cache", "history", "error_manager"]


@pytest.mark.parametrize("name", CRASHING)
def test_counters_survive_a_restart_of_their_part(
    name: str, tmp_path: Path, database_url: str
) -> None:
    with FeedServer(pilots=10) as feeds, running(tmp_path, database_url, feeds=feeds) as service:
        service.until_next_is_through()
        service.until_next_is_through()
        service.http.simulate_get("/api/flights/NOBODY/track")
        service.http.simulate_get("/api/flights")
        until(lambda: service.status("store", StoreStatus).stored >= 2)
        before = counted(service)
        restarts = service.node(name).restarts_total
        service.tree.directory.address(name).tell(Poison())
        until(lambda: service.node(name).restarts_total > restarts)
        service.until_next_is_through()
        until(lambda: service.status("store", StoreStatus).stored >= 3)
        after = counted(service)
        assert {key: after[key] for key, count in before.items() if after[key] < count} == {}
        answer = service.http.simulate_get("/api/metrics/performance").json
        assert answer["snapshots_stored"] == len(service.sql.snapshots())


def counted(service: Running) -> dict[str, int]:
    found = {}
    for name, report in service.reports().services.items():
        for counter in counters_of(report.status):
            value = getattr(report.status, counter)
            for key, count in value.items() if isinstance(value, dict) else [("", value)]:
                found[f"{name}.{counter}.{key}"] = count
    hits = service.http.simulate_get("/api/cache/health").json
    return {**found, "hits": hits["hits"], "misses": hits["misses"]}


@pytest.mark.parametrize("name", ["journal", "processor", "store"])
def test_while_nothing_can_be_collected_the_service_is_unhealthy_and_still_serves(
    name: str, tmp_path: Path, database_url: str
) -> None:
    with running(tmp_path, database_url, CIRCUIT_BREAKER_TIMEOUT=600) as service:
        service.hand_in(GIVEN[0])
        service.until_stored(time_of(GIVEN[0]))
        until(lambda: shown(service).json["status"] != "unhealthy")
        service.tree.faults.inject(Fault(FaultKind.CRASH, name, count=1000))
        service.suspend(name)
        # Those after it are restarted with it once more.
        until(lambda: f"{name}: it failed too often" in shown(service).json["reason"])
        assert (shown(service).status_code, shown(service).json["status"]) == (200, "unhealthy")

        def serves() -> bool:
            # The cache may be one of those that are restarted: what it serves comes back with it.
            paths = ("/readyz", "/api/flights")
            codes = [service.http.simulate_get(path).status_code for path in paths]
            return service.served() == time_of(GIVEN[0]) and codes == [200, 200]

        until(serves)
        service.tree.faults.clear()
        service.tree.restart(service.node(name).path)
        until(lambda: shown(service).json["status"] != "unhealthy")


def test_the_database_away_alone_degrades_the_whole(tmp_path: Path, database_url: str) -> None:
    with with_a_cable(tmp_path, database_url) as (proxy, service):
        proxy.cut()
        service.hand_in(GIVEN[1])
        until(lambda: service.reports().parts["postgresql"].health is Health.UNHEALTHY)
        until(lambda: service.reports().parts["store"].health is Health.UNHEALTHY)
        assert service.http.simulate_get("/api/status").json["status"] == "degraded"

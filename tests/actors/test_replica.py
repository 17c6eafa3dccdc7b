"""Questions about the past go to a replica, and to the primary while it is not well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
import psycopg2
import pytest

from tests.actors.harness import KEY, PATIENCE_S, Running, as_url, eventually, running, until
from tests.replicas import Pair, pair_in
from vatwatch.actors.history import HistoryActor
from vatwatch.actors.reads import Reads
from vatwatch.messages.reads_status import ReadsStatus
from vatwatch.messages.status import HistoryStatus

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair_in(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


@contextmanager
def house(home: Path, pair: Pair, **environment: object) -> Iterator[Running]:
    environment.setdefault("DATABASE_READ_URL", as_url(pair.replica))
    with running(home, pair.primary, **environment) as service:
        yield service


def reads(service: Running) -> ReadsStatus:
    found = service.status("history", HistoryStatus).reads
    assert found is not None
    return found


def until_answers(service: Running, who: str, why: str = "") -> ReadsStatus:
    def as_said() -> ReadsStatus:
        found = reads(service)
        assert (found.answers, why in found.reason) == (who, True), found
        return found

    return eventually(as_said)


def stored_events(service: Running) -> set[str]:
    """The correlation ids of what the table is said to have."""
    answer = service.http.simulate_get("/api/events", params={"type": "POSITION_UPDATE"})
    assert answer.status_code == 200, answer.text
    assert answer.json["source"] == "database", answer.json
    return {one["correlation_id"] for one in answer.json["events"]}


def put_event(pair: Pair, name: str) -> None:
    """A row that only the primary has until the replica has caught up."""
    pair.do(
        pair.primary,
        f"""INSERT INTO events (id, time, type, source, correlation_id, payload)
            VALUES (gen_random_uuid(), now(), 'POSITION_UPDATE', 'test', '{name}',
                    '{{"flights": 1, "moved": 1}}')""",
    )


def health(service: Running) -> dict[str, object]:
    return dict(service.http.simulate_get("/api/database/health").json)


def metric(service: Running, name: str) -> float:
    lines = service.http.simulate_get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def reads_of(service: Running) -> Reads:
    slot = service.tree.directory.find("history")
    assert slot is not None
    assert slot.incarnation is not None
    assert isinstance(slot.incarnation.actor, HistoryActor)
    assert slot.incarnation.actor._reads is not None
    return slot.incarnation.actor._reads


# What the service and its clients write themselves: where it is read, and a row.
WRITTEN = {
    "/api/events/dead-letters": """INSERT INTO dead_letters VALUES (gen_random_uuid(), 'message',
        'a', 'B', 'failed', 'of this moment', 1, now(), NULL, '')""",
    "/api/errors": """INSERT INTO errors VALUES (gen_random_uuid(), now(), now(), 1, 'f', 'cache',
        'vatwatch/data/cache', 'o', 'unexpected', 'warning', 'Exception', 'of this moment', '', '',
        '', NULL, NULL)""",
}


def test_the_replica_answers_and_says_how_far_it_is_behind(tmp_path: Path, pair: Pair) -> None:
    with house(tmp_path, pair, DATABASE_READ_MAX_LAG=3600) as service:
        found = until_answers(service, "replica")
        assert found.since is None
        pair.pause()
        try:
            put_event(pair, "unseen")
            assert "unseen" not in stored_events(service)
            eventually(lambda: _is_behind(service))
            body = health(service)
            assert body["status"] == "healthy", body
            assert reads(service).answers == "replica"
            assert metric(service, "vatwatch_replica_answers") == 1
            assert metric(service, "vatwatch_replica_fallbacks_total") == 0
        finally:
            pair.resume()
        until(lambda: "unseen" in stored_events(service), "it has come through")
        until(lambda: metric(service, "vatwatch_replica_lag_seconds") == 0, "it lags no more")


def _is_behind(service: Running) -> None:
    lag_s = reads(service).lag_s
    assert lag_s is not None
    assert lag_s > 0
    assert metric(service, "vatwatch_replica_lag_seconds") > 0


def test_beyond_the_greatest_lag_the_primary_answers_until_the_replica_is_well_again(
    tmp_path: Path, pair: Pair
) -> None:
    with house(tmp_path, pair, DATABASE_READ_MAX_LAG=0.001) as service:
        until_answers(service, "replica")
        pair.pause()
        try:
            put_event(pair, "late")
            found = until_answers(service, "primary", "s behind")
            assert found.since is not None
            assert "late" in stored_events(service)
            body = health(service)
            assert body["status"] == "degraded"
            assert "behind" in str(body["reason"])
            assert "behind" in service.reason("history")
            assert metric(service, "vatwatch_replica_answers") == 0
            assert metric(service, "vatwatch_replica_fallbacks_total") >= 1
        finally:
            pair.resume()
        until_answers(service, "replica")
        assert service.reason("history") == ""


def test_a_primary_at_which_nothing_happens_is_no_lag(tmp_path: Path, pair: Pair) -> None:
    with house(tmp_path, pair, DATABASE_READ_MAX_LAG=0.5) as service:
        until_answers(service, "replica")
        quiet = "SELECT extract(epoch FROM now() - pg_last_xact_replay_timestamp())"
        until(lambda: pair.on_replica(quiet)[0][0] > 1.5, "nothing was written for a while")
        assert reads(service).lag_s == 0
        assert reads(service).answers == "replica"


def test_a_replica_that_stalls_costs_no_answer(tmp_path: Path, pair: Pair) -> None:
    with house(tmp_path, pair) as service:
        until_answers(service, "replica")
        put_event(pair, "seen")
        with pair.stalled("replica"):
            # Asked of the replica before anybody knows, and of the primary then.
            assert "seen" in stored_events(service)
            until_answers(service, "primary")
            assert reads(service).reason
            assert "seen" in stored_events(service)
        until_answers(service, "replica")


def test_a_replica_that_is_stopped_costs_no_answer_and_is_used_again_once_it_is_back(
    tmp_path: Path, pair: Pair
) -> None:
    with house(tmp_path, pair) as service:
        until_answers(service, "replica")
        put_event(pair, "kept")
        pair.stop_server("replica")
        try:
            assert "kept" in stored_events(service)
            until_answers(service, "primary", "cannot be reached")
            assert "kept" in stored_events(service)
        finally:
            pair.start_server("replica")
        until_answers(service, "replica")


def test_what_the_replica_must_cancel_is_asked_of_the_primary(tmp_path: Path, pair: Pair) -> None:
    """The primary changes a table that the replica is just reading."""
    pair.do(pair.primary, "CREATE TABLE changed AS SELECT 1 AS one")
    pair.caught_up()

    def slowly_on_a_standby(conn: connection) -> object:
        with conn.cursor() as cur:
            cur.execute(
                """SELECT CASE WHEN pg_is_in_recovery() THEN pg_sleep(600)::text
                               ELSE 'the primary' END FROM changed"""
            )
            row = cur.fetchone()
            return row and row[0]

    with house(tmp_path, pair, DATABASE_TIMEOUT=600) as service:
        until_answers(service, "replica")
        asked = gevent.spawn(reads_of(service).run, slowly_on_a_standby)
        active = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        until(lambda: pair.on_replica(active), "the replica is at it")
        pair.do(pair.primary, "ALTER TABLE changed ADD COLUMN two int")
        assert asked.get(timeout=PATIENCE_S) == "the primary"
        found = until_answers(service, "replica")
        assert found.breaker == "closed"


def test_an_error_of_the_question_itself_is_the_askers_and_not_the_replicas(
    tmp_path: Path, pair: Pair
) -> None:
    def divide(conn: connection) -> None:
        with conn.cursor() as cur:
            cur.execute("SELECT 1 / 0")

    with house(tmp_path, pair) as service:
        until_answers(service, "replica")
        with pytest.raises(psycopg2.errors.DivisionByZero):
            reads_of(service).run(divide)
        assert reads_of(service).status().answers == "replica"


def test_what_a_client_has_written_it_reads_at_once_however_far_the_replica_is_behind(
    tmp_path: Path, pair: Pair
) -> None:
    with house(tmp_path, pair, DATABASE_READ_MAX_LAG=3600, VATWATCH_API_KEYS=KEY) as service:
        until_answers(service, "replica")
        headers = {"Authorization": f"Bearer {KEY}"}
        pair.pause()
        try:
            body = {"name": "of a test", "scopes": ["events"]}
            made = service.http.simulate_post("/api/keys", json=body, headers=headers)
            assert made.status_code == 201, made.text
            keys = service.http.simulate_get("/api/keys", headers=headers).json["keys"]
            assert "of a test" in {one["name"] for one in keys}
            for path, row in WRITTEN.items():
                pair.do(pair.primary, row)
                answer = service.http.simulate_get(path, headers=headers)
                assert "of this moment" in answer.text, (path, answer.text)
            assert reads(service).answers == "replica"
        finally:
            pair.resume()


def test_a_server_that_follows_another_primary_is_not_read(
    tmp_path: Path, pair: Pair, database_url: str
) -> None:
    with house(tmp_path, pair, DATABASE_READ_URL=as_url(database_url)) as service:
        until_answers(service, "primary", "is not a replica of")
        put_event(pair, "here")
        assert "here" in stored_events(service)


def test_while_the_primary_is_away_the_replica_goes_on_answering(
    tmp_path: Path, pair: Pair
) -> None:
    put_event(pair, "before")
    pair.caught_up()
    with house(tmp_path, pair, DATABASE_READ_MAX_LAG=1) as service:
        until_answers(service, "replica")
        pair.stop_server("primary")
        try:
            until(lambda: service.status("history", HistoryStatus).last_error, "it is noticed")
            assert "before" in stored_events(service)
            assert reads(service).answers == "replica"
        finally:
            pair.start_server("primary")
        until(lambda: not service.status("history", HistoryStatus).last_error, "it is back")

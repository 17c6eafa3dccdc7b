"""Blame follows the snapshot: whichever actor it makes fail, it alone is lost, and the others go
on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.actors.harness import PATIENCE_S, Running, running, until
from tests.actors.test_snapshot import (
    NOWHERE,
    assert_all_stored_once,
    pending,
    time_of,
    updates,
)
from vatsim_simulator.publication import Publication
from vatwatch.actors import cache as cache_module
from vatwatch.actors import processor as processor_module
from vatwatch.actors import recovered_state, snapshot_reader
from vatwatch.actors import store as store_module
from vatwatch.messages import AppendSnapshot
from vatwatch.messages.status import CacheStatus, JournalStatus
from vatwatch.monitoring.health import Health
from vatwatch.supervision import ChildFailed

TRIES = 3


def status(service: Running) -> JournalStatus:
    return service.status("journal", JournalStatus)


def quarantined(service: Running) -> int:
    return status(service).quarantined


def reasons(home: Path) -> list[str]:
    folder = home / "home" / "journal" / "quarantine"
    return [path.read_text() for path in folder.glob("*.reason.txt")]


def stamped(publication: Publication, text: str) -> bytes:
    feed = json.loads(publication.data.raw)
    feed["general"]["update_timestamp"] = text
    return json.dumps(feed).encode()


def errors_of(service: Running) -> list[dict[str, Any]]:
    errors: list[dict[str, Any]] = service.http.simulate_get("/api/errors?limit=200").json["errors"]
    return errors


def has_time(moment: datetime, *values: object) -> bool:
    """Whether the snapshot of this time is among what a function was given."""
    for value in values:
        if value == moment or getattr(value, "time", None) == moment:
            return True
        for name in ("snapshot", "changes"):
            if getattr(getattr(value, name, None), "time", None) == moment:
                return True
    return False


RUNTIME = RuntimeError("a bug that this snapshot wakes")
OVERFLOW = OverflowError("a bug that this snapshot wakes")
DATA = psycopg2.DataError("a bug that this snapshot wakes")

STAGES = [
    (snapshot_reader, "decode_snapshot", RecursionError("a bug that this snapshot wakes")),
    (snapshot_reader, "compare", OVERFLOW),
    (store_module, "write_batch", RUNTIME),
    (store_module, "write_batch", DATA),
    (cache_module, "encode_live", RUNTIME),
]


def poison(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, bad: Publication, error: Exception
) -> list[int]:
    """Let a stage fail at one snapshot, and count how often."""
    work: Callable[..., Any] = getattr(module, name)
    failed: list[int] = []

    def fail_at_it(*args: Any, **more: Any) -> Any:
        if bad.data.raw in args or has_time(time_of(bad), *args, *more.values()):
            failed.append(1)
            raise type(error)(*error.args)
        return work(*args, **more)

    monkeypatch.setattr(module, name, fail_at_it)
    return failed


@pytest.mark.parametrize(
    ("module", "name", "error"), STAGES, ids=[f"{name}-{error!r:.10}" for _, name, error in STAGES]
)
def test_a_snapshot_that_makes_any_stage_fail_is_set_aside_and_the_next_ones_go_on(
    module: Any,
    name: str,
    error: Exception,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = updates(6)
    bad = given[2]
    failed = poison(monkeypatch, module, name, bad, error)
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
        for publication in given[:2]:
            service.hand_in(publication)
        service.until_stored(time_of(given[1]))
        service.hand_in(bad)
        until(lambda: quarantined(service) == 1, "it is set aside")
        for publication in given[3:]:
            service.hand_in(publication)
            service.until_served(time_of(publication))
        good = [p for p in given if p is not bad or time_of(bad) in service.sql.snapshots()]
        assert_all_stored_once(service, good)
        # What the cache has counted is forgotten when the snapshot is stored meanwhile.
        assert len(failed) == TRIES or (module is cache_module and len(failed) > TRIES)
        assert not [notice for notice in service.notices if isinstance(notice, ChildFailed)]
        (error_record,) = until(
            lambda: [e for e in errors_of(service) if e["operation"] == "quarantine"]
        )
        assert error_record["category"] == "validation"
        assert (
            error_record["correlation_id"]
            == json.loads(bad.data.raw)["general"]["update_timestamp"]
        )
        until(lambda: service.reports().health is Health.HEALTHY)
    assert ["a bug that this snapshot wakes" in reason for reason in reasons(tmp_path)] == [True]


def test_a_snapshot_that_nothing_can_be_recovered_for_is_set_aside_and_the_next_ones_go_on(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(5)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
    with running(tmp_path, NOWHERE) as service:
        for publication in given[1:4]:
            service.hand_in(publication)
        service.until_served(time_of(given[3]))
    failed = poison(monkeypatch, recovered_state, "read_network_state", given[1], RUNTIME)
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
        service.hand_in(given[4])
        assert_all_stored_once(service, [given[0], *given[2:]])
        service.until_served(time_of(given[4]))
        assert len(failed) == TRIES
        assert quarantined(service) == 1
        assert not [notice for notice in service.notices if isinstance(notice, ChildFailed)]


def test_when_the_first_of_those_under_way_cannot_be_written_the_others_are_in_order_once(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(9)
    poison(monkeypatch, store_module, "write_batch", given[1], RuntimeError("no"))
    with running(tmp_path, NOWHERE, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
        for publication in given:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
        good = [given[0], *given[2:]]
        assert_all_stored_once(service, good)
        assert service.sql.snapshots() == [time_of(p) for p in good]
        assert quarantined(service) == 1


def test_the_failure_count_of_a_snapshot_outlives_the_process(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(3)
    failed = poison(monkeypatch, snapshot_reader, "compare", given[1], RuntimeError("no"))
    for starts in range(1, TRIES):
        with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
            if starts == 1:
                service.hand_in(given[0])
                service.until_stored(time_of(given[0]))
                monkeypatch.setattr(processor_module, "RETRY_S", 3600.0)
                service.hand_in(given[1])
            until(lambda n=starts: len(failed) == n, "one more failure")
            assert quarantined(service) == 0
    monkeypatch.setattr(processor_module, "RETRY_S", 0.1)
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
        until(lambda: quarantined(service) == 1)
        service.hand_in(given[2])
        assert_all_stored_once(service, [given[0], given[2]])
    assert len(failed) == TRIES


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59.9999999Z", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"],
)
def test_a_snapshot_at_the_ends_of_the_calendar_costs_itself(
    text: str, tmp_path: Path, database_url: str
) -> None:
    given = updates(5)
    with running(tmp_path, database_url, VATWATCH_SNAPSHOT_TRIES=TRIES) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
        # Past the fetcher, which would not take it, as an older version may have left it behind.
        moment = datetime.fromisoformat(text).astimezone(UTC)
        odd = AppendSnapshot(moment, moment, stamped(given[1], text), None, "test")
        service.tree.directory.address("journal").ask(odd, timeout_s=PATIENCE_S)
        for publication in given[2:]:
            service.hand_in(publication)
        service.until_served(time_of(given[-1]))
        until(lambda: pending(service) == 0, "nothing waits")
        stored = set(service.sql.snapshots())
        good = {time_of(publication) for publication in [given[0], *given[2:]]}
        assert good <= stored
        assert len(stored - good) + quarantined(service) == 1


def test_the_weather_is_never_blamed_on_a_snapshot(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(4)
    tries: list[int] = []
    write = store_module.write_batch

    def lose_the_connection(conn: Any, batch: Any) -> Any:
        if batch.changes.time == time_of(given[1]) and len(tries) < 3 * TRIES:
            tries.append(1)
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return write(conn, batch)

    monkeypatch.setattr(store_module, "write_batch", lose_the_connection)
    with running(
        tmp_path,
        database_url,
        VATWATCH_SNAPSHOT_TRIES=TRIES,
        CIRCUIT_BREAKER_FAILURE_THRESHOLD=1000,
    ) as service:
        for publication in given:
            service.hand_in(publication)
        assert_all_stored_once(service, given)
        assert len(tries) == 3 * TRIES
        assert quarantined(service) == 0


def test_the_snapshot_before_is_served_while_one_cannot_be_encoded(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(3)
    poison(monkeypatch, cache_module, "encode_live", given[1], RuntimeError("no"))
    monkeypatch.setattr(cache_module, "RETRY_S", 3600.0)
    with running(tmp_path, database_url) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        service.hand_in(given[1])
        service.until_stored(time_of(given[1]))
        until(lambda: "cannot be served" in service.reason("cache"))
        assert service.served() == time_of(given[0])
        service.hand_in(given[2])
        service.until_served(time_of(given[2]))
        until(lambda: service.reason("cache") == "")
        assert service.status("cache", CacheStatus).update_timestamp == time_of(given[2])


def test_when_one_snapshot_after_the_other_is_set_aside_there_is_an_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = updates(5)

    def fail(*_args: Any) -> Any:
        raise RuntimeError("a bug that all wake")

    with running(
        tmp_path, NOWHERE, VATWATCH_SNAPSHOT_TRIES=1, VATWATCH_ALERT_INTERVAL=0.1
    ) as service:
        service.hand_in(given[0])
        service.until_served(time_of(given[0]))
        monkeypatch.setattr(snapshot_reader, "decode_snapshot", fail)

        def firing() -> list[str]:
            alerts = service.http.simulate_get("/api/alerts").json["alerts"]
            return [a["rule"] for a in alerts if a["rule"] == "snapshots_quarantined"]

        for number, publication in enumerate(given[1:4], 1):
            assert firing() == []
            service.hand_in(publication)
            until(lambda n=number: status(service).quarantined_total == n)
        until(firing, "three within ten minutes are told")
        errors = until(
            lambda: (
                found
                if len(found := [e for e in errors_of(service) if e["operation"] == "quarantine"])
                == 3
                else []
            )
        )
        assert {e["correlation_id"] for e in errors} == {
            json.loads(p.data.raw)["general"]["update_timestamp"] for p in given[1:4]
        }

"""Filters by a name of the service's own: one that nothing has is refused, any other is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.actors.harness import KEY, Running, running, until
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import FeedServer
from tests.http.test_api import problem

EVENTS, LETTERS, ERRORS = "/api/events", "/api/events/dead-letters", "/api/errors"
BEARER = {"Authorization": f"Bearer {KEY}"}
# What is in each table of an older version, whose parts had other names.
OLD = {
    EVENTS: (
        "INSERT INTO events (id, type, time, source, correlation_id, payload) VALUES "
        "(gen_random_uuid(), 'SERVICE_STARTED', now(), 'collector', '', '{\"path\": \"x\"}')"
    ),
    LETTERS: (
        "INSERT INTO dead_letters (id, kind, receiver, type, reason, error, attempts, time, "
        "message) VALUES (gen_random_uuid(), 'message', 'vatwatch/old/collector', 'Collect', "
        "'stopped', '', 1, now(), 'Collect()')"
    ),
    ERRORS: (
        "INSERT INTO errors (id, time, last_at, count, fingerprint, service, path, operation,"
        " category, severity, error_type, message, correlation_id, traceback, recovery, recovered) "
        "VALUES (gen_random_uuid(), now(), now(), 1, '9f86d081884c7d65', 'collector',"
        " 'collector', 'collect', 'unknown', 'low', 'ValueError', '', '', '', 'none', true)"
    ),
}
RECORDS = {EVENTS: "events", LETTERS: "dead_letters", ERRORS: "errors"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service whose database has something of an older version."""
    home = tmp_path_factory.mktemp("names")
    with FeedServer(pilots=10) as feeds, running(home, None, feeds=feeds) as service:
        get = service.http.simulate_get
        until(lambda: get(EVENTS).json.get("source") == "database", "the tables are there")
        for statement in OLD.values():
            service.sql(f"{statement} RETURNING 1")
        yield service


def found(house: Running, path: str, **query: str) -> int:
    answer = house.http.simulate_get(path, query_string=urlencode(query))
    assert answer.status_code == 200, answer.text
    assert answer.json["source"] == "database"
    records = answer.json[RECORDS[path]]
    for name, value in query.items():
        assert {one[name] for one in records} <= {*value.split(",")}
    return len(records)


@pytest.mark.parametrize(
    ("path", "query", "meant"),
    [
        (EVENTS, {"source": "procesor"}, "processor"),
        (EVENTS, {"source": "Store"}, "store"),
        (EVENTS, {"source": "nothing-of-the-kind"}, None),
        (EVENTS, {"source": "colector", "type": "SERVICE_STARTED"}, None),
        (EVENTS, {"source": "jornal", "format": "csv"}, "journal"),
        (LETTERS, {"receiver": "vatwatch/data/stor"}, "vatwatch/data/store"),
        (LETTERS, {"receiver": "alerta"}, "alerter"),
        (LETTERS, {"type": "FLIGHT_DEPARTD"}, "FLIGHT_DEPARTED"),
        (LETTERS, {"type": "FLIGHT_DEPARTED,SnapshotJournald"}, "SnapshotJournaled"),
        (LETTERS, {"type": "feed_ages", "kind": "alert"}, "feed_age"),
        (ERRORS, {"service": "cach"}, "cache"),
        (ERRORS, {"service": "htp", "severity": "high"}, "http"),
        (ERRORS, {"fingerprint": "9f86d081884c7d6"}, None),
        (ERRORS, {"fingerprint": "9F86D081884C7D65"}, None),
    ],
)
def test_a_name_that_nothing_has_is_refused_with_the_near_match(
    service: Running, path: str, query: dict[str, str], meant: str | None
) -> None:
    said = problem(service.http.simulate_get(path, query_string=urlencode(query)), 400)
    assert said["parameter"] == next(iter(query))
    assert said.get("did_you_mean") == meant
    assert meant is None or f'Did you mean "{meant}"?' in said["detail"]


def test_every_part_of_the_tree_can_be_asked_for(service: Running) -> None:
    for node in service.tree.snapshot().walk():
        found(service, EVENTS, source=node.name)
        found(service, ERRORS, service=node.name)
        found(service, LETTERS, receiver=node.name)
        found(service, LETTERS, receiver=node.path)


def test_every_source_and_service_that_there_is_can_be_asked_for(service: Running) -> None:
    """Not a single name that records have is refused, whoever wrote them."""
    body = {"type": "POSITION_UPDATE", "payload": {"flights": 1, "moved": 1}}
    assert service.http.simulate_post(EVENTS, json=body, headers=BEARER).status_code == 202
    sources = "SELECT DISTINCT source FROM events"
    until(lambda: any(name.startswith("api:") for (name,) in service.sql(sources)))
    for (name,) in service.sql(sources):
        assert found(service, EVENTS, source=name) > 0
    for breaker in service.http.simulate_get("/api/errors/circuit-breakers").json["breakers"]:
        found(service, ERRORS, service=breaker["name"].rpartition("/")[2])
    found(service, ERRORS, service="http")


def test_what_an_older_version_has_left_can_be_found(service: Running) -> None:
    assert found(service, EVENTS, source="collector") == 1
    assert found(service, LETTERS, receiver="vatwatch/old/collector") == 1
    assert found(service, LETTERS, type="Collect,FLIGHT_DEPARTED") == 1
    assert found(service, ERRORS, service="collector", fingerprint="9f86d081884c7d65") == 1
    # Its name is known, so that what else is asked of it may be found or not.
    assert found(service, EVENTS, source="collector", type="FLIGHT_DEPARTED") == 0
    # And once it is deleted it is a name like any other that nothing has.
    service.sql("DELETE FROM events WHERE source = 'collector' RETURNING 1")
    problem(service.http.simulate_get(EVENTS, query_string="source=collector"), 400)
    service.sql(f"{OLD[EVENTS]} RETURNING 1")


def test_keys_may_have_any_name(service: Running) -> None:
    assert found(service, EVENTS, source="api:somebody who has published nothing") == 0


def test_while_the_database_is_away_any_name_is_answered(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        for query in (f"{EVENTS}?source=procesor", f"{LETTERS}?receiver=x", f"{ERRORS}?service=x"):
            answer = service.http.simulate_get(query)
            assert (answer.status_code, answer.json["source"]) == (200, "memory")
            assert answer.json["count"] == 0

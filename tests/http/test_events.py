"""Events over HTTP: listed, published, counted; dead letters sent again and let go."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import falcon.testing
import msgspec
import pytest

from tests.actors.bus_house import Event, House, Lost, bus_house, event, nothing
from tests.actors.harness import KEY, until
from tests.actors.postgres_proxy import PostgresProxy
from vatwatch.events.payloads import PAYLOADS, ContactPayload
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext

BEARER = {"Authorization": f"Bearer {KEY}"}
GOOD = {"type": "POSITION_UPDATE", "payload": {"flights": 5, "moved": 3}}
LETTERS = "/api/events/dead-letters"

# In a name, in a value, and below.
NOT_UTF_8 = (b'{"\xff": 1}', b'{"type": "\xed\xa0\x80"}', b'{"payload": {"callsign": "\xff"}}')


class Api:
    """What a client sees of a house."""

    def __init__(self, house: House) -> None:
        self.house = house
        authorization = WriteAuthorization([KEY], rate="1000/minute")
        self.client = falcon.testing.TestClient(
            create_app(AppContext(house.tree, datetime.now(UTC), authorization))
        )

    def get(self, path: str, **params: object) -> Any:
        answer = self.client.simulate_get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, body: object) -> falcon.testing.Result:
        return self.client.simulate_post("/api/events", json=body, headers=BEARER)

    def until_stored(self) -> None:
        until(lambda: self.house.status().unstored == 0)


class Broken:
    """A handler that fails until it is mended."""

    mended = False

    def __call__(self, _event: Event) -> None:
        if not self.mended:
            raise ValueError("broken")


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    with bus_house({"a": nothing}, database=database_url) as house:
        yield Api(house)


@contextmanager
def broken(database_url: str) -> Iterator[tuple[Api, Broken]]:
    handler = Broken()
    with bus_house({"a": handler}, database=database_url, retries=0) as house:
        yield Api(house), handler


def problem(answer: falcon.testing.Result, code: int) -> str:
    assert answer.status_code == code, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(answer.json.get("detail", ""))


def test_an_event_that_is_published_is_handled_stored_and_listed(api: Api) -> None:
    answer = api.post({**GOOD, "correlation_id": "mine"})
    assert answer.status_code == 202
    until(lambda: api.house.heard["a"])
    api.until_stored()
    body = api.get("/api/events", correlation_id="mine")
    assert (body["source"], body["count"], body["next_cursor"]) == ("database", 1, None)
    (listed,) = body["events"]
    assert listed["id"] == answer.json["id"] == str(api.house.heard["a"][0].id)
    assert listed["type"] == "POSITION_UPDATE"
    assert listed["payload"] == {"flights": 5, "moved": 3}
    assert listed["source"].startswith("api:")
    assert KEY not in listed["source"]


def test_events_come_as_lines_and_as_a_table_with_their_payloads(api: Api) -> None:
    for _ in range(3):
        assert api.post({**GOOD, "correlation_id": "mine"}).status_code == 202
    api.until_stored()
    until(lambda: api.get("/api/events", correlation_id="mine")["count"] == 3)
    plain = api.get("/api/events", correlation_id="mine", limit=2)
    get = api.client.simulate_get
    for name in ("ndjson", "csv"):
        answer = get("/api/events", params={"correlation_id": "mine", "limit": 2, "format": name})
        assert f"cursor={plain['next_cursor']}" in answer.headers["Link"]
        if name == "ndjson":
            assert [json.loads(line) for line in answer.content.splitlines()] == plain["events"]
        else:
            rows = list(csv.DictReader(StringIO(answer.text, newline="")))
            assert [row["id"] for row in rows] == [one["id"] for one in plain["events"]]
            assert json.loads(rows[0]["payload"]) == plain["events"][0]["payload"]
    problem(get("/api/events", headers={"Accept": "image/png"}), 406)


def test_an_event_that_does_not_fit_is_refused_with_the_reason(api: Api) -> None:
    bodies: list[tuple[object, str]] = [
        ({**GOOD, "type": "POSITION_UPDAT"}, "did you mean POSITION_UPDATE"),
        ({**GOOD, "payload": {"flights": "5", "moved": 3}}, "$.flights"),
        ({**GOOD, "payload": {"flights": -1, "moved": 3}}, "$.flights"),
        ({**GOOD, "payload": {"moved": 3}}, "flights"),
        ({**GOOD, "payload": None}, "payload"),
        ({**GOOD, "correlation_id": "a\0b"}, "correlation_id"),
        ({**GOOD, "correlation_id": 5}, "correlation_id"),
        ({"type": "POSITION_UPDATE"}, "payload"),
        ({"type": "SERVICE_STARTED", "payload": {"path": "a\0b"}}, "NUL"),
        ([], "object"),
    ]
    for body, names in bodies:
        assert names in problem(api.post(body), 422)
    assert api.house.status().published == 0


def test_an_unknown_field_of_the_body_is_named_with_its_near_match(api: Api) -> None:
    assert "source" in problem(api.post({**GOOD, "source": "processor"}), 400)
    answer = api.post({"type": "POSITION_UPDATE", "payloads": {}})
    assert 'did you mean "payload"?' in problem(answer, 400)
    assert (answer.json["field"], answer.json["did_you_mean"]) == ("payloads", "payload")
    assert api.house.status().published == 0


def test_a_body_that_is_not_json_or_too_large_is_refused(api: Api) -> None:
    post = api.client.simulate_post
    for body in (b"", b"{", b"\xff\xfe", b"[" * 60_000, *NOT_UTF_8):
        answer = post("/api/events", body=body, headers=BEARER)
        assert answer.status_code in (400, 422)
        assert problem(answer, answer.status_code)
    problem(post("/api/events", body=b"x" * 70_000, headers=BEARER), 413)


def test_nothing_is_changed_without_a_key(api: Api) -> None:
    simulate = api.client.simulate_request
    for method, path in (
        ("POST", "/api/events"),
        ("POST", f"{LETTERS}/x/redeliver"),
        ("DELETE", f"{LETTERS}/x"),
    ):
        problem(simulate(method, path, json=GOOD), 401)


def test_a_bad_parameter_is_named(api: Api) -> None:
    for path in ("/api/events", LETTERS):
        for name, value in (
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "many"),
            ("cursor", "x"),
            ("cursor", "éé"),
            ("cursor", "MjAyNi0wMS0zMXxub25l"),
            ("since", "yesterday"),
            ("since", "2026-01-31T12:00:00"),
            ("until", "9999-99-99T00:00:00Z"),
            ("since", "0001-01-01T00:00:00+23:00"),
            ("sinse", "2026-01-31T12:00:00Z"),
        ):
            assert name in problem(api.client.simulate_get(path, params={name: value}), 400)


def test_a_filter_that_can_match_nothing_is_named(api: Api) -> None:
    get = api.client.simulate_get
    assert "NONSENSE" in problem(get("/api/events", params={"type": "nonsense"}), 400)
    assert "source" in problem(get("/api/events", params={"source": "a\0"}), 400)
    assert "kind" in problem(get(LETTERS, params={"kind": "neither"}), 400)


def test_events_are_filtered_and_listed_page_by_page(api: Api) -> None:
    given = [event(n, source="x" if n % 2 else "y") for n in range(25)]
    api.house.publish(*given)
    api.until_stored()
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get("/api/events", limit=10, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in page["events"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [str(one.id) for one in reversed(given)]

    def listed(**params: object) -> list[int]:
        found = api.get("/api/events", **params)["events"]
        return [one["payload"]["flights"] for one in found]

    assert listed(source="x") == [*range(23, 0, -2)]
    since, until_ = given[3].time.isoformat(), given[6].time.isoformat()
    assert listed(since=since, until=until_) == [5, 4, 3]
    assert listed(type="flight_created,position_update", limit=2) == [24, 23]
    assert listed(type="FLIGHT_CREATED") == []


def test_while_the_database_is_away_the_ring_answers_and_says_so(
    database_url: str, tmp_path: Path
) -> None:
    with (
        PostgresProxy(tmp_path, database_url) as cable,
        bus_house({"a": Broken()}, database=cable.dsn, retries=0) as house,
    ):
        api = Api(house)
        house.publish(event(1))
        api.until_stored()
        cable.cut()
        house.publish(event(2))
        until(lambda: len(house.letters()) == 2)
        body = api.get("/api/events", limit=1)
        assert (body["source"], body["events"][0]["payload"]["flights"]) == ("memory", 2)
        page = api.get("/api/events", limit=1, cursor=body["next_cursor"])
        assert page["events"][0]["payload"]["flights"] == 1
        letters = api.get(LETTERS, receiver="a")
        assert (letters["source"], letters["count"]) == ("memory", 2)
        cable.mend()
        until(lambda: api.get("/api/events")["source"] == "database")
        api.until_stored()
        assert api.get(LETTERS, receiver="a")["count"] == 2


def test_a_dead_letter_is_listed_sent_again_and_gone_when_it_was_handled(
    database_url: str,
) -> None:
    with broken(database_url) as (api, handler):
        api.house.publish(event(7))
        until(lambda: api.house.letters())
        api.until_stored()
        (letter,) = api.get(LETTERS, kind="event", type="position_update", receiver="a")[
            "dead_letters"
        ]
        assert letter["event"]["payload"]["flights"] == 7
        assert (letter["error"], letter["attempts"]) == ("ValueError: broken", 1)
        path = f"{LETTERS}/{letter['id']}"
        assert api.get(path) == letter
        assert api.client.simulate_post(f"{path}/redeliver", headers=BEARER).status_code == 202
        until(lambda: api.get(path)["attempts"] == 2)
        handler.mended = True
        assert api.client.simulate_post(f"{path}/redeliver", headers=BEARER).status_code == 202
        until(lambda: api.get(LETTERS)["count"] == 0)
        assert len(api.house.heard["a"]) == 1
        problem(api.client.simulate_post(f"{path}/redeliver", headers=BEARER), 404)


def test_a_dead_letter_that_is_discarded_is_gone(database_url: str) -> None:
    with broken(database_url) as (api, _):
        api.house.publish(event(1), event(2))
        until(lambda: len(api.house.letters()) == 2)
        api.until_stored()
        first, second = api.get(LETTERS)["dead_letters"]
        gone = api.client.simulate_delete(f"{LETTERS}/{first['id']}", headers=BEARER)
        assert (gone.status_code, gone.content) == (204, b"")
        assert api.get(LETTERS)["dead_letters"] == [second]
        again = api.client.simulate_delete(f"{LETTERS}/{first['id']}", headers=BEARER)
        problem(again, 404)
        problem(api.client.simulate_get(f"{LETTERS}/nonsense"), 404)


def test_a_message_is_sent_again_only_while_it_is_in_memory(database_url: str) -> None:
    with bus_house(database=database_url, max_dead_letters=1) as house:
        api = Api(house)
        house.tell("nobody", Lost("x"))
        until(lambda: house.letters())
        house.tell("nobody", Lost("y"))
        until(lambda: house.status().dead_messages == 2)
        api.until_stored()
        newer, older = api.get(LETTERS, kind="message", type="Lost")["dead_letters"]
        post = api.client.simulate_post
        said = problem(post(f"{LETTERS}/{older['id']}/redeliver", headers=BEARER), 409)
        assert "memory" in said
        assert post(f"{LETTERS}/{newer['id']}/redeliver", headers=BEARER).status_code == 202


def test_the_analytics_count_by_type_source_and_handler(database_url: str) -> None:
    with broken(database_url) as (api, _):
        api.house.publish(event(1, source="x"), event(2, source="y"))
        until(lambda: api.house.status().dead == 2)
        body = api.get("/api/events/analytics")
        assert (body["published"], body["failed"], body["dead"]) == (2, 2, 2)
        assert body["by_source"] == {"x": 1, "y": 1}
        assert body["types"]["POSITION_UPDATE"]["dead"] == 2
        handler = body["handlers"]["a"]
        assert (handler["depth"], handler["breaker"], handler["metrics"]["failed"]) == (
            0,
            "closed",
            2,
        )
        assert 0 < handler["metrics"]["p50_s"] <= handler["metrics"]["max_s"]


def test_the_schemas_are_shown(api: Api) -> None:
    shown = api.get("/api/events/schemas")["schemas"]
    assert set(shown) == set(PAYLOADS)
    for schema in shown.values():
        assert schema["$ref"].startswith("#/$defs/")


def test_events_are_listed_by_whom_they_name_from_the_table_and_from_memory(
    database_url: str, tmp_path: Path
) -> None:
    given = [contact(n) for n in range(30)]
    with (
        PostgresProxy(tmp_path, database_url) as cable,
        bus_house(database=cable.dsn, home=tmp_path) as house,
    ):
        api = Api(house)
        house.publish(*given, *(event(n) for n in range(30)))
        api.until_stored()
        for source in ("database", "memory"):
            for wanted, numbers in (
                ({"callsign": "abc1"}, range(1, 30, 3)),
                ({"callsign": "ABC*"}, range(30)),
                ({"callsign": "exx?_twr"}, range(30)),
                ({"cid": 2}, range(2, 30, 3)),
                ({"cid": 100}, range(30)),
                ({"cid": 100, "callsign": "ABC0"}, range(0, 30, 3)),
                ({"cid": 1, "callsign": "ABC0"}, ()),
            ):
                found = list(paged(api, source, **wanted))
                assert found == [str(given[n].id) for n in reversed(numbers)], wanted
            if source == "database":
                cable.cut()
        for name, wrong in (("cid", "0"), ("cid", "x"), ("cid", str(2**31)), ("callsign", "")):
            answer = api.client.simulate_get("/api/events", params={name: wrong})
            assert name in problem(answer, 400)


def contact(number: int) -> Event:
    """A contact of one of three flights, one a second."""
    cid = number % 3
    began = event(number)
    payload = ContactPayload(
        "1", "2", cid, f"ABC{cid}", "EXXX_TWR", 100, 4, 118_500_000, "radios", began.time, 1.0
    )
    return msgspec.structs.replace(began, type="CONTACT_BEGAN", payload=payload)


def paged(api: Api, source: str, **wanted: object) -> Iterator[str]:
    """The ids of a list, over all its pages."""
    following: dict[str, object] = {}
    while True:
        page = api.get("/api/events", limit=4, **wanted, **following)
        assert page["source"] == source
        yield from (one["id"] for one in page["events"])
        if page["next_cursor"] is None:
            return
        following = {"cursor": page["next_cursor"]}

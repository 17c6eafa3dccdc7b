"""Every route of the app: what it does not know, cannot read or is told twice is a 400."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from falcon import inspect, testing

from vatwatch.config.settings import load
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext, BaseResource
from vatwatch.http.near import near_match
from vatwatch.http.params import Parameter
from vatwatch.http.problems import App
from vatwatch.supervision import Tree
from vatwatch.system import declare

PROBLEM = "application/problem+json"
KEY = "key-of-the-tests"
HEADERS = {"Authorization": f"Bearer {KEY}"}
# Of what a template has in braces: something that its resource would take.
FILLED_IN = {"path:path": "vatwatch/data/cache/restart"}
# What the router does not see: callsigns with a slash.
WITH_SLASHES = ("/api/flights/A/B", "/api/flights/A/B/track", "/api/controllers/A/B")


class Operation(NamedTuple):
    method: str
    path: str
    parameters: tuple[Parameter[Any], ...]


def app_of() -> App:
    tree = Tree(declare(load(env={}, directory=Path(__file__).parent)))
    authorization = WriteAuthorization([KEY], rate="100000/minute")
    service = AppContext(tree, datetime.now(UTC), authorization, faults_allowed=True)
    return create_app(service)


APP = app_of()


def operations() -> Iterator[Operation]:
    for route in inspect.inspect_app(APP).routes:
        path = re.sub(r"\{([\w:]+)\}", lambda found: FILLED_IN.get(found[1], "X"), route.path)
        resource = APP._router.find(path)[0]
        declared = getattr(resource, "parameters", {})
        methods = {method.method for method in route.methods if not method.internal}
        assert set(declared) <= methods - {"HEAD"}, f"{route.path} declares what it does not have"
        for method in sorted(methods):
            known = declared.get("GET" if method == "HEAD" else method, ())
            yield Operation(method, path, known)
    for path in WITH_SLASHES:
        for method in ("GET", "HEAD"):
            yield Operation(method, path, ())


OPERATIONS = list(operations())
# Anyone may log in and out (tests/http/test_session.py).
KEYED = [op for op in OPERATIONS if op.path != "/api/session"]
# What the page shows stands in its address: its own script reads it.
TAKES_ANY = "/"
KNOWN = [(op, parameter) for op in OPERATIONS for parameter in op.parameters]


def name_of(op: Operation) -> str:
    return f"{op.method} {op.path}"


known_ids = [f"{name_of(op)} {parameter.name}" for op, parameter in KNOWN]


@pytest.fixture
def client() -> testing.TestClient:
    return testing.TestClient(APP)


def refused(client: testing.TestClient, op: Operation, query: str) -> dict[str, Any]:
    answer = client.simulate_request(op.method, op.path, query_string=query, headers=HEADERS)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    # HEAD has no body; what it would be is what GET's is.
    return {} if op.method == "HEAD" else dict(answer.json)


def test_the_walk_finds_the_routes() -> None:
    found = {(op.method, op.path) for op in OPERATIONS}
    assert ("GET", "/metrics") in found
    assert ("POST", "/api/supervision/vatwatch/data/cache/restart") in found
    assert ("DELETE", "/api/supervision/faults") in found
    assert "limit" in {parameter.name for _, parameter in KNOWN}


@pytest.mark.parametrize(("op", "parameter"), KNOWN, ids=known_ids)
def test_a_parameter_says_what_it_means_and_takes_its_own_example(
    op: Operation, parameter: Parameter[Any]
) -> None:
    assert re.fullmatch(r"[A-Z][^\n]+\.", parameter.about), "one plain sentence"
    assert parameter.schema["type"] in ("string", "integer", "number", "boolean")
    example = parameter.schema["example"]
    text = str(example).lower() if isinstance(example, bool) else str(example)
    parameter.read(text)
    if "pattern" in parameter.schema:
        assert re.search(parameter.schema["pattern"], text)


QUERIES = pytest.mark.parametrize("query", ["colour=", "colour=RED", "colour", "=", "D%C3%A9=%00"])


@QUERIES
def test_the_page_takes_any_parameter(client: testing.TestClient, query: str) -> None:
    assert client.simulate_get(TAKES_ANY, query_string=query).status_code == 200


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op.path != TAKES_ANY], ids=name_of)
@QUERIES
def test_an_unknown_parameter_is_refused_whatever_its_value(
    client: testing.TestClient, op: Operation, query: str
) -> None:
    problem = refused(client, op, query)
    if op.method != "HEAD":
        assert problem["title"] == "Unknown parameter"
        assert problem["parameter"] == {"=": "", "D%C3%A9=%00": "Dé"}.get(query, "colour")
        for parameter in op.parameters:
            assert parameter.name in problem["detail"]


@pytest.mark.parametrize(("op", "parameter"), KNOWN, ids=known_ids)
def test_a_misspelt_parameter_is_refused_with_the_one_that_was_meant(
    client: testing.TestClient, op: Operation, parameter: Parameter[Any]
) -> None:
    for misspelt in (parameter.name.upper(), parameter.name + "s", "x" + parameter.name):
        problem = refused(client, op, f"{misspelt}=1")
        if op.method != "HEAD":
            assert problem["parameter"] == misspelt
            assert problem["did_you_mean"] == parameter.name
            assert f'did you mean "{parameter.name}"?' in problem["detail"]


@pytest.mark.parametrize(("op", "parameter"), KNOWN, ids=known_ids)
def test_a_parameter_that_is_empty_or_holds_a_control_character_is_refused(
    client: testing.TestClient, op: Operation, parameter: Parameter[Any]
) -> None:
    for query in (f"{parameter.name}=", parameter.name, f"{parameter.name}=a%00b"):
        problem = refused(client, op, query)
        if op.method != "HEAD":
            assert problem["parameter"] == parameter.name
            assert f'"{parameter.name}"' in problem["detail"]


@pytest.mark.parametrize(("op", "parameter"), KNOWN, ids=known_ids)
def test_a_parameter_that_is_given_twice_is_refused_unless_it_is_a_list(
    client: testing.TestClient, op: Operation, parameter: Parameter[Any]
) -> None:
    if parameter.many:
        # Of a list, an empty value between the others is the mistake.
        for query in (f"{parameter.name}=,", f"{parameter.name}=a&{parameter.name}="):
            refused(client, op, query)
    else:
        problem = refused(client, op, f"{parameter.name}=1&{parameter.name}=1")
        if op.method != "HEAD":
            assert "more than once" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/events", f"limit={value}")
        for value in ("0", "1001", "-1", "1.5", "1_0", "+5", "%205", "many", "٣", "1e2", "9" * 40)
    ]
    + [
        ("/api/events", "type=NONSENSE"),
        ("/api/events", "since=2026-01-31T12:00:00"),
        ("/api/events/dead-letters", "kind=neither"),
        ("/api/errors", "recovered=perhaps"),
        ("/api/errors", "severity=HIGH"),
        ("/api/errors/analytics", "window=1y"),
        ("/api/errors/analytics", "window=0m"),
        ("/api/errors/recovery", "window=32d"),
        ("/api/errors/recovery", "window=999999d"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_named(
    client: testing.TestClient, path: str, query: str
) -> None:
    problem = refused(client, Operation("GET", path, ()), query)
    assert problem["title"] == "Invalid parameter"
    assert problem["parameter"] == query.split("=")[0]
    assert " must " in problem["detail"]


@pytest.mark.parametrize(
    ("path", "query", "meant"),
    [
        ("/api/events", "type=FLIGHT_CREATD", "FLIGHT_CREATED"),
        ("/api/events/dead-letters", "kind=events", "event"),
        ("/api/errors", "category=databse", "database"),
        ("/api/errors", "severity=HIGH", "high"),
    ],
)
def test_the_error_for_a_misspelt_value_names_the_near_match(
    client: testing.TestClient, path: str, query: str, meant: str
) -> None:
    problem = refused(client, Operation("GET", path, ()), query)
    assert problem["did_you_mean"] == meant
    assert f'Did you mean "{meant}"?' in problem["detail"]


@pytest.mark.parametrize(
    ("path", "body", "field", "meant"),
    [
        ("/api/events", {"payload": {}}, "type", None),
        ("/api/events", {"type": 5, "payload": {}}, "type", None),
        ("/api/events", {"type": "FLIGHT_CREATD", "payload": {}}, "type", "FLIGHT_CREATED"),
        ("/api/events", {"type": "POSITION_UPDATE", "payload": {"flights": "x"}}, "payload", None),
        ("/api/supervision/faults", {"kind": "crash"}, "target", None),
        ("/api/supervision/faults", {"kind": "crush", "target": "cache"}, "kind", None),
        ("/api/supervision/faults", {"kind": "crash", "target": "cach"}, "target", "cache"),
        (
            "/api/supervision/faults",
            {"kind": "crash", "target": "cache", "message_type": "GetLiv"},
            "message_type",
            "GetLive",
        ),
        ("/api/keys", {"name": "x"}, "scopes", None),
    ],
)
def test_a_field_of_a_body_that_is_not_valid_is_named_with_what_was_meant(
    client: testing.TestClient, path: str, body: dict[str, Any], field: str, meant: str | None
) -> None:
    answer = client.simulate_post(path, json=body, headers=HEADERS)
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == PROBLEM
    assert (answer.json["field"], answer.json.get("did_you_mean")) == (field, meant)


def test_a_number_at_the_end_of_its_range_is_taken(client: testing.TestClient) -> None:
    most = 2**63 - 1
    for given, status in ((most, 404), (most + 1, 400), (1, 404), (0, 400)):
        answer = client.simulate_delete(
            "/api/supervision/faults", params={"id": given}, headers=HEADERS
        )
        assert (given, answer.status_code) == (given, status)


def test_a_resource_without_get_has_no_head(client: testing.TestClient) -> None:
    for path, resource in APP.routes.items():
        if not hasattr(resource, "on_get"):
            answer = client.simulate_head(re.sub(r"\{[\w:]+\}", "X", path), headers=HEADERS)
            assert (path, answer.status_code) == (path, 405)


@pytest.mark.parametrize("op", [op for op in KEYED if op.method == "POST"], ids=name_of)
def test_an_unknown_field_of_a_body_is_refused_and_named(
    client: testing.TestClient, op: Operation
) -> None:
    answer = client.simulate_post(op.path, json={"no_such_field": 1}, headers=HEADERS)
    assert answer.status_code == 400
    assert answer.json["field"] == "no_such_field"
    assert answer.headers["Content-Type"] == PROBLEM


@pytest.mark.parametrize(
    "op", [op for op in KEYED if op.method not in ("GET", "HEAD")], ids=name_of
)
def test_a_client_without_a_key_does_not_learn_the_parameters(
    client: testing.TestClient, op: Operation
) -> None:
    answer = client.simulate_request(op.method, op.path, query_string="colour=RED")
    assert answer.status_code == 401


def test_every_resource_that_can_be_read_declares_its_parameters() -> None:
    for op in OPERATIONS:
        if op.method == "GET" and op.path not in WITH_SLASHES:
            assert isinstance(APP._router.find(op.path)[0], BaseResource)


def test_a_long_name_costs_no_more_than_a_short_one(client: testing.TestClient) -> None:
    problem = refused(client, Operation("GET", "/api/events", ()), f"{'limit' * 700}=1")
    assert len(problem["detail"]) < 300


@pytest.mark.parametrize(
    ("given", "meant"), [("LIMIT", "limit"), ("limt", "limit"), ("departure", None), ("", None)]
)
def test_only_a_similar_name_is_a_near_match(given: str, meant: str | None) -> None:
    assert near_match(given, ["limit", "cursor"]) == meant

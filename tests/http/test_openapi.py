"""The OpenAPI document: valid, complete, and true of the answers that the docs show."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, ClassVar

import falcon
import msgspec
import pytest
from falcon import testing
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from scripts.api_examples import TARGET, written
from scripts.api_listed import listed
from tests.http.test_parameters import APP
from vatwatch.http.app_context import BaseResource
from vatwatch.http.describe import Tag, describe
from vatwatch.http.openapi import ALWAYS, KEYED, PROBLEMS, openapi
from vatwatch.http.params import Declared, KnownParameters, whole_number

ANSWER = testing.TestClient(APP).simulate_get("/openapi.json")
DOCUMENT: dict[str, Any] = ANSWER.json
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
each_operation = pytest.mark.parametrize(
    ("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS]
)


def closed(schema: Any) -> Any:
    """The same, but an object has no other fields than those that the schema names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(below) for name, below in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    components = closed(DOCUMENT["components"]["schemas"])
    whole = {**schema, "components": {"schemas": components}}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_document_is_valid_openapi_and_is_served_with_a_tag() -> None:
    assert ANSWER.status_code == 200
    assert ANSWER.headers["Content-Type"] == "application/json"
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    again = testing.TestClient(APP).simulate_get(
        "/openapi.json", headers={"If-None-Match": ANSWER.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_every_route_is_in_the_document_with_its_methods() -> None:
    served = {
        (method, re.sub(r":path\}", "}", path))
        for path, resource in APP.routes.items()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if hasattr(resource, f"on_{method.lower()}")
    }
    assert served == {
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert len(served) > 40


def opened_by(scope: str) -> list[dict[str, list[str]]]:
    """A key with the scope, or the operator's cookie."""
    return [{scheme: [scope]} for scheme in ("key", "session", "secure_session")]


@each_operation
def test_an_operation_says_what_it_does_and_how_it_may_end(
    name: str, operation: dict[str, Any]
) -> None:
    assert re.fullmatch(r"[A-Z][^\n]+\.", operation["summary"]), "one plain sentence"
    assert operation["description"]
    statuses = {int(status) for status in operation["responses"]}
    assert min(statuses) < 300
    limited = not name.endswith(("/healthz", "/readyz"))
    assert statuses >= {status for status in ALWAYS if limited or status != 429}
    assert statuses <= {*PROBLEMS, 200, 201, 202, 204, 304}
    security = operation.get("security", [])
    if name.endswith("/api/session"):
        assert security == [], "whoever has no key gets in there"
        return
    assert (statuses >= {*KEYED}) == bool(security)
    if not name.startswith("GET ") or name.startswith(("GET /api/keys", "GET /api/subscriptions")):
        (scope,) = {tuple(scopes) for each in security for scopes in each.values()}
        assert security == opened_by(*scope), "it needs a key, or the cookie"
    elif security:
        assert security == [{}, *opened_by("read")], "it needs one if reads are not public"
    else:
        assert name.split()[1] in ("/healthz", "/readyz") or operation["tags"] == ["documents"]


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]\w+", each, re.ASCII) for each in ids)


def test_the_examples_are_those_of_the_docs() -> None:
    assert TARGET.read_text() == written(), "run `make docs`"


SHOWN = [
    (name, media["schema"], media["example"])
    for name, operation in OPERATIONS
    for answer in operation["responses"].values()
    for media in answer.get("content", {}).values()
    if "example" in media
]


def test_there_are_examples_of_answers() -> None:
    assert len(SHOWN) > 20


@pytest.mark.parametrize(
    ("schema", "example"),
    [(schema, example) for _, schema, example in SHOWN],
    ids=[name for name, *_ in SHOWN],
)
def test_an_example_of_an_answer_is_of_its_schema(schema: dict[str, Any], example: Any) -> None:
    faults = [
        f"{error.json_path}: {error.message[:200]}"
        for error in validator(schema).iter_errors(example)
    ]
    assert faults == []


@each_operation
def test_the_example_of_a_parameter_is_of_its_schema(name: str, operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        assert not list(validator(parameter["schema"]).iter_errors(parameter["example"])), parameter


LIVE = ("LiveFlight", "LiveController", "LiveAtis", "LivePrefile", "FlightPlan", "LiveContact")


@pytest.mark.parametrize("name", LIVE)
def test_a_builder_finds_the_meaning_of_each_field_of_a_live_record(name: str) -> None:
    fields = DOCUMENT["components"]["schemas"][name]["properties"]
    assert [field for field, schema in fields.items() if not schema.get("description")] == []


OLD = whole_number("old", 1, 9, 1, about="As `new`, which goes on.")
OLD = replace(OLD, deprecated=True)
NEW = whole_number("new", 1, 9, 1, about="What counts.")


class Old(BaseResource):
    """Of which one method, and one parameter of another, are to go."""

    parameters: ClassVar[Declared] = {"GET": (OLD, NEW)}

    @describe("Read it.", tag=Tag.DOCUMENTS, answers={200: str})
    def on_get(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        """It stays."""

    @describe("Change it.", tag=Tag.DOCUMENTS, answers={204: None}, deprecated=True)
    def on_post(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        """Ask for it by another name instead."""


def test_what_is_to_go_is_marked_in_the_document_and_in_the_table() -> None:
    found = json.loads(msgspec.json.encode(openapi({"/api/old": Old()})))
    OpenAPIV31SpecValidator(found).validate()
    get, post = found["paths"]["/api/old"]["get"], found["paths"]["/api/old"]["post"]
    marks = {each["name"]: each.get("deprecated") for each in get["parameters"]}
    assert marks == {"old": True, "new": None}
    assert (get.get("deprecated"), post.get("deprecated")) == (None, True)
    rows = listed(found).splitlines()
    assert any(row.startswith("| `GET /api/old` |") for row in rows)
    assert any("| `old` (deprecated), `new` |" in row for row in rows)
    assert any(row.startswith("| `POST /api/old` (deprecated) |") for row in rows)


def test_a_deprecated_parameter_is_read_as_before() -> None:
    read: list[int] = []

    class Reads(Old):
        def on_get(self, req: falcon.Request, _resp: falcon.Response) -> None:
            read.append(OLD.of(req))

    app = falcon.App(middleware=[KnownParameters()])  # type: ignore[list-item]
    app.add_route("/api/old", Reads())
    assert testing.TestClient(app).simulate_get("/api/old?old=7").status_code == 200
    assert read == [7]


def test_the_docs_say_whether_anything_is_deprecated() -> None:
    marked = [name for name, each in OPERATIONS if each.get("deprecated")] + [
        f"{each['name']} of {name}"
        for name, operation in OPERATIONS
        for each in operation["parameters"]
        if each.get("deprecated")
    ]
    page = TARGET.parents[2] / "docs" / "api.md"
    assert ("Nothing is deprecated now." in page.read_text()) == (not marked), marked

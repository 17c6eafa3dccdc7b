"""Answers that the documentation shows have the fields that the service answers with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.frankfurt import SNAPSHOTS, FrankfurtToo
from tests.actors.harness import KEY, Running, running, until
from tests.test_docs import files_in_the_table
from vatsim_simulator.areas import BOUNDARIES, SECTORS, VATSPY, write_areas
from vatwatch.monitoring.alert_records import AlertRecord

ROOT = Path(__file__).parents[2]
BEARER = {"Authorization": f"Bearer {KEY}"}
# A flight with a plan, contacts and a hand-over.
WHO_HAS_ALL = "HANDED"
# Fields below these have variable names, or are not always there.
FREE = ("outcomes", "kept_out", "let_through", "payload", "lost_values", "radios_unreadable",
        "plan_texts_unreadable", "movements", "gaps", "phase_s", "blocked", "steps", "last_failure",
        "dependencies", "words")  # fmt: skip


def examples() -> Iterator[tuple[str, str, Any]]:
    """Page, path and answer of each GET that is shown with its answer."""
    for page in (ROOT / "README.md", ROOT / "docs" / "api.md"):
        path = ""
        for part in re.split(r"^```", page.read_text(), flags=re.MULTILINE):
            if part.startswith("json\n") and path:
                whole = re.sub(r",\s*…|…", "", part[5:])  # some records are left out
                yield page.name, path, json.loads(re.sub(r",(\s*[\]}])", r"\1", whole))
                path = ""
            for found in re.finditer(
                r"^### GET (\S+)|^### (?:POST|DELETE) |8001(/api/[^\s'\"]+)", part, re.MULTILINE
            ):
                path = found[1] or found[2] or ""
            if "-X POST" in part:
                path = ""


def shape(value: Any, name: str = "") -> set[str]:
    """Every field's name, with those of all records of a list together."""
    if isinstance(value, list):
        return ({name} if name else set()).union(*(shape(one, name) for one in value))
    if not isinstance(value, dict):
        return {name} if name else set()
    fields = {name} if name else set()
    for key, below in value.items():
        fields |= shape(below, f"{name}.{key}".lstrip("."))
    fields = {field for field in fields if not any(f".{free}." in f".{field}" for free in FREE)}
    return {re.sub(r"^services\.\w+", "services.*", field) for field in fields}


def answered_sectors(service: Running) -> list[str]:
    """The names of all."""
    answer = service.http.simulate_get("/api/sectors")
    return [one["name"] for one in answer.json["sectors"]] if answer.status_code == 200 else []


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Running]:
    """A service with its embedded PostgreSQL, areas, and some traffic behind it."""
    home = tmp_path_factory.mktemp("examples")
    areas = home / "areas"
    write_areas(areas)
    given = {
        "VATWATCH_POSITIONS_DATA": f"{areas / VATSPY},{areas / BOUNDARIES}",
        "VATWATCH_SECTORS": areas / SECTORS[0],
    }
    with FrankfurtToo() as feeds, running(home, None, feeds=feeds, **given) as service:
        until(lambda: answered_sectors(service), "the sectors are in use")
        for _ in range(SNAPSHOTS - 1):
            service.until_next_is_through()
        order = {"name": "bot", "scopes": ["read"]}
        made = service.http.simulate_post("/api/keys", json=order, headers=BEARER)
        assert made.status_code == 201
        body = {"watch": {"kind": "position", "callsign": "EDDF_*"}, "target": {"kind": "stream"}}
        made = service.http.simulate_post("/api/subscriptions", json=body, headers=BEARER)
        path = f"/api/subscriptions/{made.json['id']}/test"
        assert service.http.simulate_post(path, headers=BEARER).status_code == 202
        yield service


EXAMPLES = list(examples())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize(
    ("page", "path", "shown"), EXAMPLES, ids=[f"{page} {path}" for page, path, _ in EXAMPLES]
)
def test_an_answer_that_is_shown_has_the_fields_of_a_real_one(
    answers: Running, page: str, path: str, shown: Any
) -> None:
    flight = answers.http.simulate_get(f"/api/flights/{WHO_HAS_ALL}").json
    (talk,) = flight["contacts"]
    station = answers.http.simulate_get(f"/api/controllers/{talk['station']}").json
    path = re.sub(r"/api/flights/[^/?]+", f"/api/flights/{WHO_HAS_ALL}", path)
    path = re.sub(r"/api/controllers/[^/?]+", f"/api/controllers/{talk['station']}", path)
    path = re.sub(r"callsign=[^&]+", f"callsign={WHO_HAS_ALL}", path)
    path = re.sub(r"type=[A-Z_,]+", "type=FLIGHT_CREATED", path)
    path = path.replace("{flight_id}", flight["flight_id"])
    path = path.replace("{session_id}", station["session_id"])
    if "{subscription_id}" in path:
        made = answers.http.simulate_get("/api/subscriptions", headers=BEARER).json
        path = path.replace("{subscription_id}", made["subscriptions"][0]["id"])
    path = path.replace("/airports/{icao}", "/airports/EDDF").replace("/firs/{fir}", "/firs/EDGG")
    path = path.replace("/sectors/{name}", f"/sectors/{answered_sectors(answers)[0]}")
    real = answers.http.simulate_get(path, headers=BEARER).json
    if path == "/api/supervision/tree":
        node = next(
            node
            for part in real["children"]
            for node in part["children"]
            if node["name"] == shown["name"]
        )
        real = {**node, "nodes": real["nodes"]}
    if path == "/api/alerts":  # one that has fired is shown, and here none has
        real = dict.fromkeys(AlertRecord.__struct_fields__) | {"deliveries": shown["deliveries"]}
    assert shape(shown) == shape(real)


def test_a_service_writes_no_file_into_its_home_that_the_docs_do_not_name(answers: Running) -> None:
    home = answers.settings.general.home
    written = {path.name.removesuffix(".tmp") for path in home.iterdir()}
    assert {"journal", "postgres", "last-poll"} <= written
    assert written <= files_in_the_table()

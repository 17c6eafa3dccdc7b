"""Answers that the documentation shows have the fields that the service answers with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import Running, running
from tests.feed_server import FeedServer
from tests.test_docs import files_in_the_table
from vatwatch.monitoring.alert_records import AlertRecord

ROOT = Path(__file__).parents[2]
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


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Running]:
    """A service with its embedded PostgreSQL, and some traffic behind it."""
    with (
        FeedServer() as feeds,
        running(tmp_path_factory.mktemp("examples"), None, feeds=feeds) as service,
    ):
        for _ in range(3):
            service.until_next_is_through()
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
    kind = "controllers" if "controllers" in path else "flights"
    records = answers.http.simulate_get(f"/api/{kind}").json[kind]
    whole = next(r for r in records if r.get("flight_plan") or r.get("text_atis"))
    path = re.sub(r"/api/(flights|controllers)/[^/?]+", rf"/api/\1/{whole['callsign']}", path)
    path = re.sub(r"type=[A-Z_,]+", "type=FLIGHT_CREATED", path)
    real = answers.http.simulate_get(path).json
    if path == "/api/supervision/tree":
        real = next(
            node
            for part in real["children"]
            for node in part["children"]
            if node["name"] == shown["name"]
        )
    if path == "/api/alerts":  # one that has fired is shown, and here none has
        real = dict.fromkeys(AlertRecord.__struct_fields__) | {"deliveries": shown["deliveries"]}
    assert shape(shown) == shape(real)


def test_a_service_writes_no_file_into_its_home_that_the_docs_do_not_name(answers: Running) -> None:
    home = answers.settings.general.home
    written = {path.name.removesuffix(".tmp") for path in home.iterdir()}
    assert {"journal", "postgres", "last-poll"} <= written
    assert written <= files_in_the_table()

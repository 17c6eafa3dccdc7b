"""docs/events.md says of every type of event what its schema says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vatwatch.config.events import EventSettings
from vatwatch.events.payloads import PAYLOADS, schemas

PAGE = (Path(__file__).parents[1] / "docs" / "events.md").read_text(encoding="utf-8")
SECTIONS = {
    kind: section
    for section in re.split(r"(?m)^#{2,3} ", PAGE)
    for kind in re.findall(r"`([A-Z_]+)`", section.partition("\n")[0])
}


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_the_page_has_every_field_of_a_type_with_its_description(kind: str) -> None:
    schema = schemas()[kind]
    fields = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \|[^|]*\| (.*) \|$", SECTIONS[kind]))
    assert rows == {name: field["description"] for name, field in fields.items()}


def test_the_page_has_no_type_that_there_is_not() -> None:
    assert set(SECTIONS) == set(PAYLOADS)


def test_the_page_has_every_setting_of_the_bus() -> None:
    settings = {field.alias for field in EventSettings.model_fields.values()}
    assert {name for name in settings if name not in PAGE} == set()

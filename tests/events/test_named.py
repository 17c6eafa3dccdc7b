"""Whom events name: every payload that has a callsign or a CID is found by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from tests.events.test_payloads import TYPES, example
from vatwatch.events.event import Event, EventFilter
from vatwatch.events.payloads import decode, schemas

NAMES_CALLSIGN = re.compile(r"callsign", re.IGNORECASE)
NAMES_CID = re.compile(r"\bcid|number of the (person|pilot|controller)", re.IGNORECASE)


def naming(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """The fields of all payloads that say in their name or description what they name."""
    found = []
    for kind, schema in schemas().items():
        fields = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
        for name, field in fields.items():
            if pattern.search(f"{name} {field.get('description', '')}".replace("_", " ")):
                found.append((kind, name))
    return found


def told(kind: str, **fields: Any) -> Event:
    payload = decode(kind, msgspec.json.encode(example(kind) | fields))
    return Event(uuid4(), kind, datetime(2026, 5, 1, tzinfo=UTC), "test", "", payload)


@pytest.mark.parametrize(("kind", "field"), naming(NAMES_CALLSIGN))
def test_an_event_is_found_by_every_callsign_that_it_names(kind: str, field: str) -> None:
    event = told(kind, **{field: "Dlh_1"})
    for wanted in ("dlh_1", "DLH_1", "dlh*", "*_1", "DLH?1"):
        assert EventFilter(callsign=wanted).wants(event)
    for other in ("DLH", "DLH_12", "?LH", "DLH%1"):
        assert not EventFilter(callsign=other).wants(event)


@pytest.mark.parametrize(("kind", "field"), naming(NAMES_CID))
def test_an_event_is_found_by_every_cid_that_it_names(kind: str, field: str) -> None:
    event = told(kind, **{field: {"cid": 777} if field == "facts" else 777})
    assert EventFilter(cid=777).wants(event)
    assert not EventFilter(cid=77).wants(event)


def test_there_are_such_fields() -> None:
    assert {("CONTACT_BEGAN", "callsign"), ("CONTACT_BEGAN", "station")} <= {
        *naming(NAMES_CALLSIGN)
    }
    assert {("CONTACT_BEGAN", "cid"), ("CONTACT_BEGAN", "station_cid")} <= {*naming(NAMES_CID)}
    assert ("SUBSCRIPTION_MATCHED", "facts") in naming(NAMES_CID)


def test_a_station_ahead_of_a_flight_names_both() -> None:
    event = told("SUBSCRIPTION_MATCHED", subject="EXXX_TWR", facts={"flight": "ABC1"})
    assert all(EventFilter(callsign=one).wants(event) for one in ("EXXX_TWR", "ABC1"))


@pytest.mark.parametrize("kind", TYPES)
def test_an_event_that_names_nobody_fits_no_callsign_and_no_cid(kind: str) -> None:
    named = {kind for kind, _ in [*naming(NAMES_CALLSIGN), *naming(NAMES_CID)]}
    assert EventFilter(callsign="*").wants(told(kind)) == (kind in named)

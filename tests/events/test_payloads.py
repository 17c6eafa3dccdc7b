"""The schemas of events: what fits them, and what is refused with the field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traffic.test_diff import worlds
from vatwatch.errors import EventRefused
from vatwatch.events.event import Event, EventRow, check_event
from vatwatch.events.payloads import PAYLOADS, Payload, ServicePayload, check, decode, schemas
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot

TYPES = [
    "FLIGHT_CREATED",
    "FLIGHT_UPDATED",
    "FLIGHT_DEPARTED",
    "FLIGHT_ARRIVED",
    "FLIGHT_DIVERTED",
    "FLIGHT_DROPPED",
    "FLIGHT_RESUMED",
    "FLIGHT_COMPLETED",
    "FLIGHT_CANCELLED",
    "CONTROLLER_LOGON",
    "CONTROLLER_LOGOFF",
    "FREQUENCY_CHANGE",
    "SECTOR_ENTERED",
    "SECTOR_LEFT",
    "CONTACT_BEGAN",
    "CONTACT_ENDED",
    "POSITION_UPDATE",
    "SERVICE_STARTED",
    "SERVICE_STOPPED",
    "SERVICE_RECOVERED",
    "HEALTH_CHECK",
    "ERROR_OCCURRED",
    "CONFIG_RELOADED",
    "CONFIG_REJECTED",
    "DATA_FETCHED",
    "DATA_PROCESSED",
    "DATA_STORED",
    "DATA_CACHED",
    "SUBSCRIPTION_MATCHED",
]
FIELDS = [(kind, field.name) for kind in TYPES for field in msgspec.structs.fields(PAYLOADS[kind])]


# Made once: each of them takes as long as all the tests of a kind.
SCHEMAS = schemas()


def example(kind: str) -> dict[str, Any]:
    """A payload of each field's simplest kind, as the JSON schema says."""
    schema = SCHEMAS[kind]
    found = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    return {name: _value(field) for name, field in found["properties"].items()}


def _value(field: dict[str, Any]) -> Any:
    if "anyOf" in field:
        return _value(field["anyOf"][0])
    if field.get("format") == "date-time":
        return "2026-01-31T12:00:00Z"
    return {
        "string": "x",
        "integer": 1,
        "number": 1.5,
        "boolean": True,
        "object": {"x": "y"},
        "array": ["x"],
    }[field["type"]]


def test_there_is_a_schema_for_every_type_of_event_and_for_no_other() -> None:
    assert set(PAYLOADS) == set(TYPES) == set(schemas())


@pytest.mark.parametrize("kind", TYPES)
def test_an_event_that_fits_the_json_schema_is_accepted(kind: str) -> None:
    assert isinstance(decode(kind, json.dumps(example(kind)).encode()), Payload)


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_every_field_is_described_and_one_of_a_wrong_type_is_refused_by_its_name(
    kind: str, field: str
) -> None:
    schema = schemas()[kind]
    assert schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"][field]["description"]
    for wrong in ([[]], [1.5]):
        with pytest.raises(EventRefused, match=rf"\$\.{field}"):
            decode(kind, json.dumps({**example(kind), field: wrong}).encode())


@pytest.mark.parametrize("kind", TYPES)
def test_a_field_too_many_is_refused_by_its_name(kind: str) -> None:
    with pytest.raises(EventRefused, match="moreover"):
        decode(kind, json.dumps({**example(kind), "moreover": 1}).encode())


@pytest.mark.parametrize("field", ["flight_id", "cid", "callsign", "logon_time"])
def test_a_field_that_is_missing_is_refused_by_its_name(field: str) -> None:
    payload = example("FLIGHT_CREATED")
    del payload[field]
    with pytest.raises(EventRefused, match=field):
        decode("FLIGHT_CREATED", json.dumps(payload).encode())


@given(worlds())
def test_every_event_of_a_snapshot_fits_its_schema(world: list[Snapshot]) -> None:
    state = NetworkState()
    for snapshot in world:
        changes = diff(state, snapshot, Rules())
        for event in events_of(changes):
            check_event(event)
            assert EventRow.of(event).event() == event
        state = apply(state, changes)


@given(st.text())
def test_a_text_is_refused_only_for_characters_that_no_table_can_hold(text: str) -> None:
    payload = ServicePayload(text)
    if "\0" in text:
        with pytest.raises(EventRefused, match="NUL"):
            check("SERVICE_STARTED", payload)
    else:
        check("SERVICE_STARTED", payload)


def test_an_escaped_backslash_before_u0000_is_not_a_nul() -> None:
    check("SERVICE_STARTED", ServicePayload(r"\u0000"))
    check("SERVICE_STARTED", ServicePayload("\\\\u0000"))
    with pytest.raises(EventRefused):
        check("SERVICE_STARTED", ServicePayload("\\\0"))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 5000])
def test_an_invalid_payload_is_refused(data: bytes) -> None:
    with pytest.raises(EventRefused):
        decode("FLIGHT_CREATED", data)


def test_an_unknown_type_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(EventRefused, match="did you mean FLIGHT_CREATED"):
        decode("FLIGHT_CRATED", b"{}")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", datetime(2026, 1, 31)),
        ("source", "a\0"),
        ("correlation_id", "\ud800"),
    ],
)
def test_the_fields_around_the_payload_are_checked_too(field: str, value: object) -> None:
    event = Event(
        uuid4(), "SERVICE_STARTED", datetime(2026, 1, 31, tzinfo=UTC), "s", "", ServicePayload("x")
    )
    check_event(event)
    with pytest.raises(EventRefused, match=field):
        check_event(msgspec.structs.replace(event, **{field: value}))

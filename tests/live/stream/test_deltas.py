"""Deltas: a snapshot of the stream and the deltas after it are the next snapshot."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.feed_server import START
from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.live.encoding import encode_live
from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.deltas import (
    MOST_FIELDS,
    CollectionChanges,
    StateChanges,
    compare,
    encode_delta,
    join,
    parts_of,
)
from vatwatch.live.stream.records import ID_FIELDS, StreamState, read_state
from vatwatch.traffic import pipeline
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import Options, decode_snapshot

LISTS = {
    Collection.FLIGHTS: "flights",
    Collection.CONTROLLERS: "controllers",
    Collection.ATIS: "atis",
}


def encoded(bodies: list[tuple[bytes, bytes | None]]) -> list[dict[Collection, Body]]:
    """The live state after each of these bodies of the feeds, as the API serves it."""
    state, found = NetworkState(), []
    for data, transceivers in bodies:
        decoded = decode_snapshot(data, transceivers, Options())
        state = pipeline.compare(state, decoded, Rules()).state
        found.append(encode_live(state, decoded.snapshot.feed))
    return found


def simulated(updates: int = 6, pilots: int = 120) -> list[tuple[bytes, bytes | None]]:
    world, bodies = World(5, pilots, START), []
    for number in range(updates):
        update = publish(number, world.feed(), world.radios())
        bodies.append((update.data.raw, update.transceivers.raw))
        for _ in range(4):
            world.advance()
    return bodies


def captured(captures: Path) -> list[tuple[bytes, bytes | None]]:
    files = sorted(captures.glob("vatsim-data-*.json.gz"))
    return [(gzip.decompress(file.read_bytes()), None) for file in files]


def lists_of(bodies: dict[Collection, Body]) -> dict[str, Any]:
    """By id, what the API serves."""
    records: dict[str, Any] = {}
    for collection, name in LISTS.items():
        body = json.loads(bodies[collection].plain)
        for record in body[name]:
            assert record[ID_FIELDS[collection]] not in records
            records[record[ID_FIELDS[collection]]] = record
    return records


def whole_delta(changes: StateChanges, now: StreamState) -> bytes:
    parts: list[bytes] = []
    gone: set[str] = set()
    for collection, of_it in changes.collections.items():
        changed, away = parts_of(of_it, collection, now.of(collection))
        parts += changed
        gone |= away
    return encode_delta(changes.previous, changes.updated_at, parts, gone)


def id_of(record: dict[str, Any]) -> str:
    """As docs/api.md says it."""
    return str(record.get("flight_id") or record.get("session_id") or record["callsign"])


def applied(records: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """As a client does it."""
    after = dict(records)
    for record in delta["changed"]:
        after[id_of(record)] = {**after.get(id_of(record), {}), **record}
    for gone in delta["gone"]:
        after.pop(gone, None)
    return after


@pytest.fixture(scope="module", params=["captures", "simulated"])
def states(request: pytest.FixtureRequest) -> list[dict[Collection, Body]]:
    if request.param == "simulated":
        return encoded(simulated())
    return encoded(captured(request.getfixturevalue("captures")))


def test_a_state_and_its_delta_are_the_next_state(states: list[dict[Collection, Body]]) -> None:
    shown = lists_of(states[0])
    for before, after in pairwise(states):
        one, other = read_state(before), read_state(after)
        delta = json.loads(whole_delta(compare(one, other), other))
        shown = applied(shown, delta)
        assert shown == lists_of(after)
        assert delta["updated_at"] == json.loads(after[Collection.FLIGHTS].plain)["updated_at"]
        assert delta["previous"] == json.loads(before[Collection.FLIGHTS].plain)["updated_at"]


def as_bytes(bodies: dict[Collection, Body]) -> dict[Collection, Body]:
    """As Redis has them."""
    return {one: Body(body.plain, b"", "") for one, body in bodies.items()}


def test_the_same_changes_are_found_in_records_and_in_their_bytes(
    states: list[dict[Collection, Body]],
) -> None:
    for before, after in pairwise(states):
        known, now = read_state(before), read_state(after)
        assert known.values
        assert all(known.values.values())
        found = compare(known, now)
        assert found
        from_redis = read_state(as_bytes(before))
        assert (from_redis.updated_at, from_redis.records) == (known.updated_at, known.records)
        assert not from_redis.values
        assert compare(from_redis, now) == found
        assert compare(known, read_state(as_bytes(after))) == found


def test_no_record_has_more_fields_than_are_compared(
    states: list[dict[Collection, Body]],
) -> None:
    """Beyond them a change would not be told."""
    for collection in ID_FIELDS:
        for record in states[0][collection].records:
            assert len(record.__struct_fields__) <= MOST_FIELDS


def test_joined_steps_lead_from_any_state_to_any_later_one(
    states: list[dict[Collection, Body]],
) -> None:
    read = [read_state(one) for one in states]
    steps = [compare(one, other) for one, other in pairwise(read)]
    for first in range(len(read) - 1):
        for last in range(first + 1, len(read)):
            delta = json.loads(whole_delta(join(steps[first:last]), read[last]))
            there = applied(lists_of(states[first]), delta)
            assert there == lists_of(states[last]), (first, last)
            # Whoever has got part of it already may get it again.
            assert applied(there, delta) == there
            assert delta["previous"] == json.loads(read[first].updated_at)


def test_a_delta_has_only_what_has_changed(states: list[dict[Collection, Body]]) -> None:
    for before, after in pairwise(states):
        known, now = lists_of(before), lists_of(after)
        other = read_state(after)
        delta = json.loads(whole_delta(compare(read_state(before), other), other))
        changed = {id_of(record): record for record in delta["changed"]}
        assert set(delta["gone"]) == known.keys() - now.keys()
        assert changed.keys() == {id_ for id_ in now if known.get(id_) != now[id_]}
        for id_, record in changed.items():
            if id_ in known:
                differ = {name for name in now[id_] if now[id_][name] != known[id_].get(name)}
                assert differ <= record.keys()
                assert len(record.keys() - differ) == 1  # the id
            else:
                assert record == now[id_]


def test_a_state_compared_with_itself_has_no_changes(states: list[dict[Collection, Body]]) -> None:
    state = read_state(states[-1])
    assert not compare(state, state)
    assert not compare(StreamState(), StreamState())


def test_from_nothing_all_records_are_told_whole_and_to_nothing_all_are_gone(
    states: list[dict[Collection, Body]],
) -> None:
    state = read_state(states[0])
    delta = json.loads(whole_delta(compare(StreamState(), state), state))
    assert applied({}, delta) == lists_of(states[0])
    assert (delta["previous"], delta["gone"]) == (None, [])
    delta = json.loads(whole_delta(compare(state, StreamState()), StreamState()))
    assert delta["changed"] == []
    assert applied(lists_of(states[0]), delta) == {}


def test_any_walk_of_records_that_come_change_leave_and_come_back_is_followed() -> None:
    random = Random(1)
    shown: list[dict[str, dict[str, Any]]] = [{}]
    for _ in range(60):
        now = {id_: dict(record) for id_, record in shown[-1].items()}
        for number in range(8):
            id_ = str(number)
            match random.randrange(5):
                case 0:
                    now.pop(id_, None)
                case 1:
                    now[id_] = {"flight_id": id_, "callsign": f"ABC{id_}", "a": 0, "b": [0]}
                case 2 if id_ in now:
                    now[id_]["a"] = random.randrange(3)
                case 3 if id_ in now:
                    now[id_]["b"] = [random.randrange(3)] * random.randrange(3)
        shown.append(now)
    read = [
        read_state(
            {
                Collection.FLIGHTS: Body(
                    json.dumps({"updated_at": None, "flights": [*now.values()]}).encode(), b"", ""
                )
            }
        )
        for now in shown
    ]
    steps = [compare(one, other) for one, other in pairwise(read)]
    for first in range(len(read)):
        for last in range(first + 1, min(first + 8, len(read))):
            delta = json.loads(whole_delta(join(steps[first:last]), read[last]))
            assert applied(shown[first], delta) == shown[last]
            assert all(record["flight_id"] in shown[last] for record in delta["changed"])


def test_a_collection_that_is_not_there_has_no_records() -> None:
    state = read_state({})
    assert state == StreamState()
    assert join([compare(state, state)]).collections[Collection.ATIS] == CollectionChanges()

"""A live state that another process has encoded is served as that process served it."""

from __future__ import annotations

import pytest
from msgspec import MsgspecError

from tests.traffic.build import atis, controller, pilot, plan, radio, snapshot
from vatwatch.live.encoding import encode_live, encode_one
from vatwatch.live.records import Body, Collection
from vatwatch.live.restored import RestoredState
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.network_state import NetworkState, Rules

ONE = snapshot(
    15,
    pilots=[pilot(flight_plan=plan()), pilot(cid=2, callsign="ABC2"), pilot(cid=3, callsign="É/1")],
    controllers=[controller()],
    atis=[atis()],
    radios={"ABC1": (radio(), radio(1, 122_800_010))},
)
TRACKED = apply(NetworkState(), diff(NetworkState(), ONE, Rules()))
BODIES = encode_live(TRACKED, ONE.feed)


def test_every_record_and_id_is_found_as_in_the_original() -> None:
    restored = RestoredState(BODIES)
    assert restored.bodies == BODIES
    assert restored.updated_at == TRACKED.time
    assert restored.counts[Collection.FLIGHTS] == 3
    for collection in Collection:
        for callsign in ("ABC1", "abc2", "É/1", "EYYY_ATIS", "EXXX_TWR", "NOBODY", ""):
            original = encode_one(TRACKED, collection, callsign)
            if collection is Collection.TRANSCEIVERS and callsign != callsign.upper():
                continue  # the original knows radios by their exact callsign only
            assert restored.find(collection, callsign) == original
    for callsign, flight in TRACKED.flights.items():
        assert restored.flight_id(callsign) == flight.flight_id


def test_a_part_of_the_collections_is_what_it_is() -> None:
    restored = RestoredState({Collection.CONTROLLERS: BODIES[Collection.CONTROLLERS]})
    assert restored.find(Collection.FLIGHTS, "ABC1") is None
    assert restored.flight_id("ABC1") is None
    assert restored.counts == {Collection.CONTROLLERS: 1}


@pytest.mark.parametrize("text", [b"", b"[]", b'{"flights":[{}]}', b'{"flights":', b"\xff"])
def test_what_vatwatch_never_wrote_is_an_error_that_can_be_caught(text: bytes) -> None:
    with pytest.raises((MsgspecError, KeyError, ValueError)):
        RestoredState({Collection.FLIGHTS: Body(text, b"", "")})

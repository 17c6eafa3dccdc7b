"""A live state that another process has encoded is served as that process served it."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from msgspec import MsgspecError
from zstandard import ZstdDecompressor

from tests.traffic.build import atis, controller, pilot, plan, radio, snapshot
from vatwatch.live.encoding import encode_live
from vatwatch.live.records import Body, Collection, record_of
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
PLAIN = BODIES[Collection.FLIGHTS].plain


def test_every_record_and_id_is_found_as_in_the_original() -> None:
    restored = RestoredState(BODIES)
    for collection, body in restored.bodies.items():
        original = BODIES[collection]
        assert (body.plain, body.gzipped, body.etag) == (
            original.plain, original.gzipped, original.etag
        )  # fmt: skip
        assert ZstdDecompressor().decompress(body.zstd) == original.plain
        assert body.modified_s == int(TRACKED.time.timestamp())
    assert restored.updated_at == TRACKED.time
    assert restored.counts[Collection.FLIGHTS] == 3
    for collection in Collection:
        for callsign in ("ABC1", "abc2", "É/1", "EYYY_ATIS", "EXXX_TWR", "NOBODY", ""):
            found = restored.find(collection, callsign)
            assert (found and found.plain) == record_of(BODIES[collection], callsign)
    for callsign, flight in TRACKED.flights.items():
        assert restored.flight_id(callsign) == flight.flight_id


def test_a_part_of_the_collections_is_restored() -> None:
    restored = RestoredState({Collection.CONTROLLERS: BODIES[Collection.CONTROLLERS]})
    assert restored.find(Collection.FLIGHTS, "ABC1") is None
    assert restored.flight_id("ABC1") is None
    assert restored.counts == {Collection.CONTROLLERS: 1}


def body(text: bytes) -> Body:
    return Body(text, gzip.compress(text, mtime=0), "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"flights":[{}]}',
        b'{"flights":',
        b"\xff",
        b'{"flights":' + b"[" * 100_000,
        b'{"updated_at":"2026-01-01T00:00:00","flights":[]}',
        b'{"count":-1,"flights":[]}',
        b'{"flights":[{"callsign":"ABC1","flight_id":"%d"}]}' % 2**63,
    ],
)
def test_a_body_that_vatwatch_did_not_write_is_refused(text: bytes) -> None:
    with pytest.raises((MsgspecError, KeyError, ValueError, RecursionError)):
        RestoredState({Collection.FLIGHTS: body(text)})


@pytest.mark.parametrize(
    "gzipped", [b"", b"rubbish", gzip.compress(b"{}", mtime=0), body(PLAIN).gzipped[:-9]]
)
def test_a_compressed_body_that_is_not_the_plain_one_is_refused(gzipped: bytes) -> None:
    with pytest.raises((ValueError, zlib.error)):
        RestoredState({Collection.FLIGHTS: Body(PLAIN, gzipped, "")})


def test_a_body_that_unpacks_to_gigabytes_costs_no_memory() -> None:
    pack = zlib.compressobj(wbits=31)
    bomb = b"".join(pack.compress(bytes(1 << 20)) for _ in range(512)) + pack.flush()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="not the plain one"):
            RestoredState({Collection.FLIGHTS: Body(PLAIN, bomb, "")})
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()

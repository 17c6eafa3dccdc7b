"""A live state that another process has encoded, read back from Redis.

After a start it is served until our own first state is ready.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct, structs

from vatwatch.live.encoding import zstd_of
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.records import Body, Collection, FoundRecord
from vatwatch.traffic.identity import find_callsign

# PostgreSQL's bigint, as which a flight's track is looked for.
_IDS = range(-(2**63), 2**63)
# What zlib takes for the head and the end of gzip.
_GZIP = 16 + zlib.MAX_WBITS


class _Named(Struct, gc=False):
    callsign: str
    flight_id: str = ""


class _Head(Struct, gc=False):
    updated_at: Annotated[datetime, Meta(tz=True)] | None = None
    count: Annotated[int, Meta(ge=0)] = 0
    # Of ATIS: without the stations that have left.
    on_air: Annotated[int, Meta(ge=0)] | None = None


class RestoredState:
    """Collections as bytes, and an index by callsign. For a native thread: milliseconds to make.

    Raises:
        Exception: a body is not what vatwatch writes. Any program may have written it, so the
            possible errors cannot be listed: a body nested a thousand levels deep raises
            RecursionError
    """

    def __init__(self, bodies: Mapping[Collection, Body]) -> None:
        for one, body in bodies.items():
            _require_same(body)
            RecordTable(one, body.plain)  # what can be asked of the records can be read
        heads = {one: msgspec.json.decode(body.plain, type=_Head) for one, body in bodies.items()}
        times = [head.updated_at for head in heads.values() if head.updated_at is not None]
        self.updated_at = min(times, default=None)
        """The feed's time of the oldest of them."""
        self.counts = {
            one: head.count if head.on_air is None else head.on_air for one, head in heads.items()
        }
        self.bodies = {
            one: _ready(body, heads[one].updated_at or self.updated_at)
            for one, body in bodies.items()
        }
        self._records = {one: _index(one, body) for one, body in bodies.items()}
        self._flight_ids = {
            callsign: _flight_id(msgspec.json.decode(record, type=_Named).flight_id)
            for callsign, record in self._records.get(Collection.FLIGHTS, {}).items()
        }

    def find(self, collection: Collection, callsign: str) -> FoundRecord | None:
        """One record as JSON; None if it is not there."""
        record = find_callsign(self._records.get(collection, {}), callsign)
        return None if record is None else FoundRecord(bytes(record), self.bodies[collection])

    def flight_id(self, callsign: str) -> int | None:
        """The flight that was online under this callsign."""
        return find_callsign(self._flight_ids, callsign)


def _require_same(body: Body) -> None:
    """Check that the compressed and the plain body are the same."""
    unpacking = zlib.decompressobj(_GZIP)
    # No more than that: a few bytes can unpack to any size.
    unpacked = unpacking.decompress(body.gzipped, len(body.plain) + 1)
    if unpacked != body.plain or not unpacking.eof:
        raise ValueError("the compressed body is not the plain one")


def _ready(body: Body, time: datetime | None) -> Body:
    """A body with what is made anew of it."""
    modified_s = 0 if time is None else int(time.timestamp())
    return structs.replace(body, zstd=zstd_of(body.plain), modified_s=modified_s)


def _flight_id(text: str) -> int:
    found = int(text)
    if found not in _IDS:
        raise ValueError("a flight's id has more than 64 bits")
    return found


def _index(collection: Collection, body: Body) -> dict[str, Raw]:
    if collection in (Collection.PREFILES, Collection.NETWORK):  # have no single records
        return {}
    records = msgspec.json.decode(
        msgspec.json.decode(body.plain, type=dict[str, Raw])[collection.value], type=list[Raw]
    )
    return {msgspec.json.decode(record, type=_Named).callsign: record for record in records}

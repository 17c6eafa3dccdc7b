"""The records that the stream tells of, by their ids, read from the encoded live state.

They are parts of the bytes that the API serves, so the stream and the lists cannot differ, and
every process that has the bytes tells the same. The process that has encoded them also knows the
values of their fields, and need not read them from the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct, structs

from vatwatch.live.records import Body, Collection

ID_FIELDS: Mapping[Collection, str] = {
    Collection.FLIGHTS: "flight_id",
    Collection.CONTROLLERS: "session_id",
    Collection.ATIS: "callsign",
}
"""The collections of the stream, and which field is the id of their records. No id of one is an id
of another: those of flights and sessions are computed with their kind, callsigns are no numbers."""

RecordsById: TypeAlias = Mapping[str, Raw]
ValuesById: TypeAlias = Mapping[str, tuple[object, ...]]

UNKNOWN_TIME = b"null"


@dataclass(frozen=True, slots=True)
class StreamState:
    """One live state: the feed's time (JSON), and the records of each collection by id."""

    updated_at: bytes = UNKNOWN_TIME
    records: Mapping[Collection, RecordsById] = field(default_factory=dict)
    values: Mapping[Collection, ValuesById] = field(default_factory=dict)
    """The values of each record's fields, in their order; none of what has come as bytes."""

    def of(self, collection: Collection) -> RecordsById:
        """The records of a collection; none if it was not there."""
        return self.records.get(collection, {})


class _Ids(Struct, gc=False):
    callsign: str = ""
    flight_id: str = ""
    session_id: str = ""


class _Lists(Struct, gc=False):
    updated_at: Raw = Raw(UNKNOWN_TIME)
    flights: list[Raw] = []
    controllers: list[Raw] = []
    atis: list[Raw] = []


_read_lists = msgspec.json.Decoder(_Lists).decode
_read_ids = msgspec.json.Decoder(_Ids).decode


def read_state(bodies: Mapping[Collection, Body]) -> StreamState:
    """What the stream tells of an encoded live state. For a native thread: milliseconds.

    The records are views into the bodies, not copies.

    Raises:
        msgspec.MsgspecError: a body is not what vatwatch writes
    """
    records: dict[Collection, RecordsById] = {}
    values: dict[Collection, ValuesById] = {}
    updated_at = UNKNOWN_TIME
    for collection, id_field in ID_FIELDS.items():
        if collection not in bodies:
            continue
        body = bodies[collection]
        if body.records:
            ids = [getattr(record, id_field) for record in body.records]
            records[collection] = dict(zip(ids, _parts(body), strict=True))
            values[collection] = dict(zip(ids, map(structs.astuple, body.records), strict=True))
            updated_at = bytes(_read_lists(body.plain[: body.ends[0]] + b"]}").updated_at)
            continue
        lists = _read_lists(body.plain)
        updated_at = bytes(lists.updated_at)
        records[collection] = {
            getattr(_read_ids(record), id_field): record
            for record in getattr(lists, collection.value)
        }
    return StreamState(updated_at, records, values)


def _parts(body: Body) -> list[Raw]:
    """The records of a whole collection; between two of them stands a comma."""
    plain = memoryview(body.plain)
    return [
        Raw(plain[begin + (row > 0) : end]) for row, (begin, end) in enumerate(pairwise(body.ends))
    ]

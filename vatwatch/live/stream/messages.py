"""The messages of the stream, as clients get them: server-sent events (WHATWG HTML, 9.2).

A `snapshot` has all records, a `delta` what has changed since, an `event` what has happened. Their
`id` is the position in the log. What a client has is never older than the `id` that it got last
says: so it may be told a change twice, and never misses one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Raw

from vatwatch.live.records import Collection
from vatwatch.live.stream.deltas import (
    StateChanges,
    encode_delta,
    join,
    parts_of,
    parts_of_wanted,
)
from vatwatch.live.stream.known_state import KnownState
from vatwatch.live.stream.log import EventEntry, LogEntry, StateEntry, StreamPosition
from vatwatch.live.stream.query import Channel, StreamQuery


def encode_message(event: str, *data: bytes | Raw, position: StreamPosition | None = None) -> bytes:
    """One message. `data` is JSON in one line, in pieces: a snapshot of megabytes is put together
    once."""
    id_ = b"" if position is None else f"id: {position.text}\n".encode()
    return b"".join([id_, b"event: ", event.encode(), b"\ndata: ", *data, b"\n\n"])


def encode_position(position: StreamPosition) -> bytes:
    """An id alone: it moves the client's position, and nothing is dispatched there."""
    return f"id: {position.text}\n\n".encode()


def encode_snapshot(query: StreamQuery, known: KnownState, position: StreamPosition) -> bytes:
    """The whole state, or what is wanted of it: it replaces everything that the client has."""
    pieces: list[bytes | Raw] = [b'{"updated_at":', known.state.updated_at]
    for collection in query.collections:
        pieces += [b',"', collection.value.encode(), b'":[']
        for number, record in enumerate(_wanted_records(query, collection, known)):
            pieces += [b",", record] if number else [record]
        pieces.append(b"]")
    return encode_message("snapshot", *pieces, b"}", position=position)


def encode_after(
    query: StreamQuery, entries: Sequence[LogEntry], now: KnownState, before: KnownState | None
) -> bytes:
    """What these entries tell a client that knows everything before them.

    Nothing, if none of them is told. There is one delta, in the place of the first change of the
    state: so an event after it has a position which says that the client has at least that state.

    Args:
        query: what it wants
        entries: at least one, up to the end of the log
        now: the state after the last of them
        before: the state before the latest change of the state; None: nobody knows it
    """
    steps = [entry.changes for entry in entries if isinstance(entry, StateEntry)]
    pieces: list[bytes] = []
    told = None
    is_first_step = bool(query.collections)
    for entry in entries:
        if isinstance(entry, EventEntry):
            if Channel.EVENTS not in query.channels or not query.wants(entry.event):
                continue
            pieces.append(encode_message("event", entry.event.content, position=entry.position))
        elif is_first_step:
            is_first_step = False
            delta = _delta(query, join(steps), now, before if len(steps) == 1 else None)
            pieces.append(encode_message("delta", delta, position=entry.position))
        else:
            continue
        told = entry.position
    if pieces and told != entries[-1].position:
        pieces.append(encode_position(entries[-1].position))
    return b"".join(pieces)


def _wanted_records(
    query: StreamQuery, collection: Collection, known: KnownState
) -> Iterable[bytes | Raw]:
    records, filters = known.state.of(collection), query.filters_of(collection)
    if filters is None:
        return ()
    if not filters:
        return records.values()
    wanted = known.ids(collection, filters)
    return (record for id_, record in records.items() if id_ in wanted)


def _delta(
    query: StreamQuery, changes: StateChanges, now: KnownState, before: KnownState | None
) -> bytes:
    parts: list[bytes] = []
    gone: set[str] = set()
    for collection in query.collections:
        of_it, records = changes.collections[collection], now.state.of(collection)
        filters = query.filters_of(collection)
        if filters is None:
            continue
        if not filters:
            changed, away = parts_of(of_it, collection, records)
        else:
            had = None if before is None else before.ids(collection, filters)
            wanted = now.ids(collection, filters)
            changed, away = parts_of_wanted(of_it, collection, records, wanted, had)
        parts += changed
        gone |= away
    return encode_delta(changes.previous, changes.updated_at, parts, gone)

"""What the stream keeps in Redis, so that clients can go on after a restart or at another worker.

- `vatwatch:stream:head` (JSON): who has written it, and how far it goes
- `vatwatch:stream:log`: a list of its entries, the oldest first
- `vatwatch:stream:<collection>` (JSON, gzip): the live state at the end of the log

All are written together or not at all, and disappear when no client could use them any more.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import cast

import msgspec
from isal import igzip
from msgspec import Struct

from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.known_state import KnownState
from vatwatch.live.stream.log import WINDOW_S, LogEntry, StreamLog, StreamPosition
from vatwatch.live.stream.records import ID_FIELDS, read_state
from vatwatch.storage.redis_connection import RedisConnection

HEAD_KEY = "vatwatch:stream:head"
LOG_KEY = "vatwatch:stream:log"
TTL_S = int(WINDOW_S)
_GZIP_LEVEL = 2
_GZIP = 16 + zlib.MAX_WBITS
# Far more than the records of any network; a few bytes can unpack to any size.
_MOST_BYTES = 2**28


class StoredHead(Struct, frozen=True):
    """`writer`: the number of who has written. `whole`: nothing has happened that is not in the
    log, as its process has ended in order."""

    version: str
    writer: int
    start: StreamPosition
    end: StreamPosition
    whole: bool = False


class StoredEntry(Struct, frozen=True):
    """An entry of the log, and who has written it."""

    writer: int
    entry: LogEntry


class StoredStream(Struct, frozen=True):
    """As Redis had it."""

    head: bytes
    entries: tuple[bytes, ...]
    bodies: dict[Collection, bytes]


def encode_entries(entries: Sequence[LogEntry], writer: int) -> list[bytes]:
    """For a native thread: the changes of two thousand flights take half a millisecond."""
    return [
        igzip.compress(msgspec.json.encode(StoredEntry(writer, each)), _GZIP_LEVEL, mtime=0)
        for each in entries
    ]


def read_stream(stored: StoredStream, version: str) -> tuple[StreamLog, KnownState, bool] | None:
    """The log, the state at its end, and whether the log is whole; None if it is of another
    version of vatwatch or of nobody. For a native thread.

    Raises:
        Exception: it is not what vatwatch writes. Any program may have written it, so the possible
            errors cannot be listed
    """
    head = msgspec.json.decode(stored.head, type=StoredHead)
    if head.version != version or stored.bodies.keys() != ID_FIELDS.keys():
        return None
    entries = [msgspec.json.decode(_unpacked(each), type=StoredEntry) for each in stored.entries]
    own = [each.entry for each in entries if each.writer == head.writer]
    numbers = [head.start.sequence, *(each.position.sequence for each in own)]
    if (own[-1].position if own else head.start) != head.end or any(
        one >= other for one, other in pairwise(numbers)
    ):
        return None
    plain = {one: _unpacked(packed) for one, packed in stored.bodies.items()}
    state = read_state({one: Body(body, b"", "") for one, body in plain.items()})
    return StreamLog(head.start, own), KnownState(state, plain), head.whole


class StreamMirror(RedisConnection):
    """Reads and writes these keys."""

    def write(
        self,
        head: StoredHead,
        entries: Sequence[bytes],
        *,
        length: int,
        bodies: Mapping[Collection, Body] | None,
        anew: bool,
    ) -> None:
        """Append entries, and set the head and the state (None: as it is there).

        Args:
            head: how far it goes with these
            entries: those that Redis does not have yet
            length: of the whole log; what is before it is dropped
            bodies: the live state at the end
            anew: drop what is there first
        """
        pipeline = self.transaction()
        if anew:
            pipeline.delete(LOG_KEY)
        if entries:
            pipeline.rpush(LOG_KEY, *entries)
        if length:
            pipeline.ltrim(LOG_KEY, -length, -1)
            pipeline.expire(LOG_KEY, TTL_S)
        else:
            pipeline.delete(LOG_KEY)
        for collection in ID_FIELDS:
            if bodies is not None:
                pipeline.set(_key(collection), bodies[collection].gzipped, ex=TTL_S)
            else:
                pipeline.expire(_key(collection), TTL_S)
        pipeline.set(HEAD_KEY, msgspec.json.encode(head), ex=TTL_S)
        pipeline.execute()

    def read(self) -> StoredStream | None:
        """What is there; None if there is no head."""
        pipeline = self.transaction()
        pipeline.get(HEAD_KEY)
        pipeline.lrange(LOG_KEY, 0, -1)
        for collection in ID_FIELDS:
            pipeline.get(_key(collection))
        head, entries, *bodies = cast("list[bytes | None]", pipeline.execute())
        if head is None:
            return None
        return StoredStream(
            head,
            tuple(entries or ()),  # type: ignore[arg-type]
            {
                one: packed
                for one, packed in zip(ID_FIELDS, bodies, strict=True)
                if packed is not None
            },
        )


def _key(collection: Collection) -> str:
    return f"vatwatch:stream:{collection.value}"


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    plain = unpacking.decompress(packed, _MOST_BYTES)
    if not unpacking.eof:
        raise ValueError("it unpacks to more than any live state has, or is not whole")
    return plain

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
from redis.client import Pipeline

from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.known_state import KnownState
from vatwatch.live.stream.log import (
    WINDOW_S,
    LogEntry,
    StateEntry,
    StreamLog,
    StreamPosition,
)
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
    """`writer`: the number of who has written. `state_end`: the position of the live state.
    `whole`: nothing has happened that is not in the log, as its process has ended in order.
    `events_from`: see `StreamLog`."""

    version: str
    writer: int
    start: StreamPosition
    end: StreamPosition
    state_end: StreamPosition
    whole: bool = False
    events_from: int = 0


class StoredEntry(Struct, frozen=True):
    """An entry of the log, and who has written it."""

    writer: int
    entry: LogEntry


class _Writer(Struct, frozen=True):
    version: str
    writer: int = 0


class StoredStream(Struct, frozen=True):
    """As Redis had it. `is_tail`: only the latest entries were read."""

    head: bytes
    entries: tuple[bytes, ...]
    bodies: dict[Collection, bytes]
    is_tail: bool = False


class StreamNews(Struct, frozen=True):
    """What has come to a log that is followed: entries, or (`is_anew`) another log."""

    head: StoredHead
    entries: tuple[LogEntry, ...]
    is_anew: bool
    state: KnownState | None
    """At its end; None: the same as before."""


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
    news = read_news(stored, version, None)
    if news is None or news.state is None:
        return None
    log = StreamLog(news.head.start, news.entries)
    log.events_from = news.head.events_from
    return log, news.state, news.head.whole


def read_head(raw: bytes, version: str) -> StoredHead | None:
    """What the head says; None if it is of another version of vatwatch.

    Raises:
        msgspec.DecodeError: it is not what vatwatch writes
    """
    # Another version may have another form: it is looked at only as far as that.
    if msgspec.json.decode(raw, type=_Writer).version != version:
        return None
    return msgspec.json.decode(raw, type=StoredHead)


def read_news(
    stored: StoredStream, version: str, after: StreamPosition | None
) -> StreamNews | None:
    """What comes after a position; the whole log if the position is not in it or is None. None: it
    is of another version of vatwatch or of nobody, or too little of it was read. For a native
    thread.

    Raises:
        Exception: as `read_stream`
    """
    head = read_head(stored.head, version)
    if head is None:
        return None
    read = [msgspec.json.decode(_unpacked(each), type=StoredEntry) for each in stored.entries]
    own = tuple(each.entry for each in read if each.writer == head.writer)
    positions = [each.position for each in own]
    is_whole = not stored.is_tail
    if is_whole:
        positions.insert(0, head.start)
    if not positions or positions[-1] != head.end:
        return None
    if any(one.sequence >= other.sequence for one, other in pairwise(positions)):
        return None
    is_anew = after not in positions
    if is_anew and not is_whole:
        return None
    new = own if is_anew or after is None else own[positions.index(after) + (not is_whole) :]
    needs_state = is_anew or any(isinstance(each, StateEntry) for each in new)
    if not needs_state:
        return StreamNews(head, new, is_anew, None)
    if stored.bodies.keys() != ID_FIELDS.keys():
        return None
    plain = {one: _unpacked(packed) for one, packed in stored.bodies.items()}
    state = read_state({one: Body(body, b"", "") for one, body in plain.items()})
    return StreamNews(head, new, is_anew, KnownState(state, plain))


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
        in_turn: bool = False,
    ) -> bool:
        """Append entries, and set the head and the state (None: as it is there). Returns whether
        the whole log is there; if not, Redis has lost something.

        Args:
            head: how far it goes with these
            entries: those that Redis does not have yet
            length: of the whole log; what is before it is dropped
            bodies: the live state at the end
            anew: drop what is there first
            in_turn: others may write, too

        Raises:
            Superseded: `in_turn`, and a later writer has written
        """

        def fill(pipeline: Pipeline) -> None:
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
            pipeline.llen(LOG_KEY)

        if in_turn:
            *_, there = self.write_in_turn(HEAD_KEY, head.writer, writer_in, fill)
        else:
            pipeline = self.transaction()
            fill(pipeline)
            *_, there = pipeline.execute()
        return int(there) == length

    def head(self) -> bytes | None:
        """The head as it is there; None if there is none."""
        return cast("bytes | None", self._redis.get(HEAD_KEY))

    def read(self, last: int | None = None, *, with_state: bool = True) -> StoredStream | None:
        """What is there; None if there is no head. `last`: only so many entries, the latest."""
        pipeline = self.transaction()
        pipeline.get(HEAD_KEY)
        pipeline.lrange(LOG_KEY, 0 if last is None else -last, -1)
        for collection in ID_FIELDS if with_state else ():
            pipeline.get(_key(collection))
        head, entries, *bodies = cast("list[bytes | None]", pipeline.execute())
        if head is None:
            return None
        return StoredStream(
            head,
            tuple(entries or ()),  # type: ignore[arg-type]
            {
                one: packed
                for one, packed in zip(ID_FIELDS if with_state else (), bodies, strict=True)
                if packed is not None
            },
            is_tail=last is not None,
        )


def writer_in(raw: bytes) -> int:
    """The number of who has written a head, of any version; 0: it is none."""
    try:
        return msgspec.json.decode(raw, type=_Writer).writer
    except msgspec.DecodeError:
        return 0


def _key(collection: Collection) -> str:
    return f"vatwatch:stream:{collection.value}"


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    plain = unpacking.decompress(packed, _MOST_BYTES)
    if not unpacking.eof:
        raise ValueError("it unpacks to more than any live state has, or is not whole")
    return plain

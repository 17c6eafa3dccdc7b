"""Stream: knows what has changed and happened in the last ten minutes, and tells clients of it.

Receives  LiveEncoded, StreamEvents, TellEvents, OpenStream, AwaitStream
Sends     StreamStarted to cache, ServiceReport
Holds     in a memory that its successor gets: the live state, and the log of its changes and of the
          events of ten minutes; in Redis, if there is one, a copy of both
Restart   costs nothing: who waits asks again, and goes on where he was. If the successor fails,
          too, or the process was restarted, the log comes from Redis; without Redis it begins
          anew, and clients get a fresh snapshot
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, TypeAlias, assert_never

import msgspec
from pydantic import SecretStr

from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.service import Service
from vatwatch.actors.stream_redis import StreamRedis
from vatwatch.config.breaker import BreakerSettings
from vatwatch.events.event import Event
from vatwatch.events.named import callsigns_in, cids_in
from vatwatch.live.query.facts import RecordFacts
from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.blocks import StreamBlock, StreamedState, make_block
from vatwatch.live.stream.deltas import StateChanges, compare
from vatwatch.live.stream.known_state import NOTHING_KNOWN, KnownState
from vatwatch.live.stream.log import StateEntry, StreamedEvent, StreamLog, StreamPosition
from vatwatch.live.stream.query import Channel, StreamQuery
from vatwatch.live.stream.records import ID_FIELDS, StreamState, read_state
from vatwatch.messages import (
    AwaitStream,
    LiveEncoded,
    OpenStream,
    StreamEvents,
    StreamStarted,
)
from vatwatch.messages.stream import ToStream
from vatwatch.messages.stream_status import StreamStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.stream_mirror import StreamMirror
from vatwatch.supervision import NativePool, Reply, Tell, Timer


@dataclass(frozen=True, slots=True)
class TellEvents(Tell):
    """Tell of the events that have come, with or without the state of their snapshot."""


Received: TypeAlias = ToStream | TellEvents
Awaited: TypeAlias = Reply[tuple[StreamBlock | None, ...]]


# A snapshot's events come some tens of milliseconds before its state, which is encoded first. They
# wait for it, so that clients have the flight of which they are told; not for long, as it may fail.
SETTLE_S = 2.0


@dataclass(slots=True)
class StreamMemory:
    """What a stream hands over to its successor."""

    state: KnownState
    log: StreamLog
    before: KnownState = NOTHING_KNOWN
    """The state before its latest change."""
    held: tuple[Event, ...] = ()
    """Events that have come and are not in the log yet."""
    total: int | None = None
    """How many events the bus had published at its latest message; None: nobody knows."""


class StreamActor(Service):
    """Keeps the log, and makes the blocks that clients are sent."""

    def __init__(self, redis_url: SecretStr | None, breaker: BreakerSettings) -> None:
        super().__init__()
        self._redis_url, self._breaker = redis_url, breaker
        self._pool = NativePool(1, "stream")
        self._redis: StreamRedis | None = None
        self._waiting: list[tuple[AwaitStream, Awaited]] = []
        # Blocks that were made since the latest entry, for those who ask the same.
        self._made: dict[tuple[StreamQuery, StreamPosition | None], StreamBlock] = {}
        self._settling: Timer | None = None
        self._opened = self._resumed = 0

    def on_start(self) -> None:
        now = time()
        if self._redis_url is not None:
            self._redis = StreamRedis(
                self,
                StreamMirror(self._redis_url.get_secret_value()),
                dependency_policy(self._breaker),
                self._pool,
                writer=int(now * 1e6),
                on_news=self._report,
            )
        self._memory = self.inherited(StreamMemory) or self._restored(now)
        if self._redis is not None:
            self._redis.write(self._memory.log)
        self._tell_events()
        self.send("cache", StreamStarted())
        self._report()

    def on_stop(self) -> None:
        self._tell_events()
        if self._redis is not None:
            self._redis.close(self._memory.log)
        self._pool.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        if self._redis is not None:
            self._redis.give_back()
        self._pool.close()

    def hand_over(self) -> StreamMemory:
        return self._memory

    def on_receive(self, message: Received) -> Any:
        match message:
            case LiveEncoded(bodies):
                self._change(bodies)
            case StreamEvents(events, total):
                self._happened(events, total)
            case TellEvents():
                self._settling = None
                self._tell_events()
            case OpenStream(query, after):
                # In a greenlet, as it waits for what is made beside the log.
                self.spawn(self._open, query, after, self.reply_later())
            case AwaitStream():
                self._await(message, self.reply_later())
            case _:
                assert_never(message)
        return None

    def _restored(self, now: float) -> StreamMemory:
        found = None if self._redis is None else self._redis.restore()
        if found is None:
            return StreamMemory(NOTHING_KNOWN, StreamLog.beginning(StreamState(), now))
        log, state, whole = found
        log.take_over(now)
        if not whole:
            log.miss_events()
        return StreamMemory(state, log)

    def _change(self, bodies: Mapping[Collection, Body]) -> None:
        memory = self._memory
        known, changes = self._pool.run(_read_and_compare, bodies, memory.state.state)
        if not changes and changes.updated_at == changes.previous:
            return
        memory.before, memory.state = memory.state, known
        memory.log.add_state(changes, time())
        self._add_events()
        self._made.clear()
        self._tell_waiting()
        if self._redis is not None:
            self._redis.write(memory.log, bodies)
        self._report()

    def _happened(self, events: Sequence[Event], total: int) -> None:
        memory = self._memory
        if memory.total is not None and memory.total + len(events) != total:
            memory.log.miss_events()
        memory.total = total
        memory.held += tuple(events)
        if self._settling is None:
            self._settling = self.after(SETTLE_S, TellEvents())

    def _tell_events(self) -> None:
        if not self._memory.held:
            return
        self._add_events()
        # Snapshots that were made hold on: whoever gets one asks for what came after it.
        self._made = {key: made for key, made in self._made.items() if key[1] is None}
        self._tell_waiting()
        if self._redis is not None:
            self._redis.write(self._memory.log)

    def _add_events(self) -> None:
        memory = self._memory
        held, memory.held = memory.held, ()
        if not held:
            return
        told = self._pool.run(_encode_events, held, memory.state, memory.before)
        memory.log.add_events(told, time())

    def _open(
        self, query: StreamQuery, after: StreamPosition | None, reply: Reply[StreamBlock]
    ) -> None:
        self._opened += 1
        try:
            block = self._block(query, after)
        except Exception as error:  # noqa: BLE001 - a bug in a block must not end the log
            self.report_failure("open a stream", error)
            reply.fail(error)
            return
        if block.start is not None:
            self._resumed += 1
        reply.set(block)

    def _await(self, message: AwaitStream, reply: Awaited) -> None:
        if any(after != self._end_for(query) for query, after in message.wanted):
            self.spawn(self._answer, message, reply)
        else:
            self._waiting.append((message, reply))

    def _tell_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for message, reply in waiting:
            if not reply.abandoned:
                self._await(message, reply)

    def _end_for(self, query: StreamQuery) -> StreamPosition:
        return self._memory.log.end_for(with_events=Channel.EVENTS in query.channels)

    def _answer(self, message: AwaitStream, reply: Awaited) -> None:
        try:
            reply.set(
                tuple(
                    None if after == self._end_for(query) else self._block(query, after)
                    for query, after in message.wanted
                )
            )
        except Exception as error:  # noqa: BLE001 - as above
            self.report_failure("go on with a stream", error)
            reply.fail(error)

    def _block(self, query: StreamQuery, after: StreamPosition | None) -> StreamBlock:
        """What follows a position; a snapshot if that is not known, or nothing is."""
        log = self._memory.log
        entries = None
        if after is not None:
            entries = log.after(after, with_events=Channel.EVENTS in query.channels)
        start = None if entries is None else after
        known = self._made.get((query, start))
        if known is not None:
            return known
        end, made = self._end_for(query), self._made
        now = StreamedState(self._memory.state, self._memory.before, end)
        block = self._pool.run(make_block, query, now, start, entries or ())
        if made is self._made and self._end_for(query) == end:
            made[query, start] = block
        return block

    def _report(self) -> None:
        log = self._memory.log
        states = sum(isinstance(entry, StateEntry) for entry in log.entries)
        status = StreamStatus(
            position=log.end.text,
            since=None if log.since is None else datetime.fromtimestamp(log.since, UTC),
            states=states,
            events=len(log.entries) - states,
            opened=self._opened,
            resumed=self._resumed,
            mirrored="" if self._redis is None else self._redis.mirrored,
            redis_error="" if self._redis is None else self._redis.last_error,
        )
        self.report(Health.HEALTHY, "", status)


def _read_and_compare(
    bodies: Mapping[Collection, Body], before: StreamState
) -> tuple[KnownState, StateChanges]:
    state = read_state(bodies)
    plain = {one: body.plain for one, body in bodies.items() if one in ID_FIELDS}
    return KnownState(state, plain), compare(before, state)


def _encode_events(
    events: Sequence[Event], now: KnownState, before: KnownState
) -> list[StreamedEvent]:
    """With whom they are about; who is not there any more was there before."""

    def facts(collection: Collection, id_: str) -> RecordFacts | None:
        if not id_:
            return None
        return now.facts(collection, id_) or before.facts(collection, id_)

    return [
        StreamedEvent(
            msgspec.json.encode(event),
            facts(Collection.FLIGHTS, getattr(event.payload, "flight_id", "")),
            facts(Collection.CONTROLLERS, getattr(event.payload, "session_id", "")),
            callsigns_in(event.payload),
            cids_in(event.payload),
        )
        for event in events
    ]

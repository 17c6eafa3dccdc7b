"""Stream: knows what has changed and happened in the last ten minutes, and tells clients of it.

Receives  LiveEncoded, StreamEvents, TellEvents, OpenStream, AwaitStream, LookAtStream, UseRole
Sends     StreamStarted to cache, ServiceReport
Holds     in a memory that its successor gets: the live state, and the log of its changes and of the
          events of ten minutes; in Redis, if there is one, a copy of both. If another node
          collects, the log is that one's, as it is in Redis
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

from vatwatch.actors.breakers import redis_policy
from vatwatch.actors.node_role import NodeRole, leads
from vatwatch.actors.service import Service
from vatwatch.actors.stream_following import StreamFollowing
from vatwatch.actors.stream_memory import StreamMemory
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
    UseRole,
)
from vatwatch.messages.stream import ToStream
from vatwatch.messages.stream_status import StreamStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.stream_mirror import StreamMirror
from vatwatch.supervision import NativePool, Reply, Tell, Timer


@dataclass(frozen=True, slots=True)
class TellEvents(Tell):
    """Tell of the events that have come, with or without the state of their snapshot."""


@dataclass(frozen=True, slots=True)
class LookAtStream(Tell):
    """See what is in Redis: of several nodes one writes there, and the others follow."""


Received: TypeAlias = ToStream | TellEvents | LookAtStream
Awaited: TypeAlias = Reply[tuple[StreamBlock | None, ...]]


# A snapshot's events come some tens of milliseconds before its state, which is encoded first. They
# wait for it, so that clients have the flight of which they are told; not for long, as it may fail.
SETTLE_S = 2.0
# Seconds between two looks at what is in Redis, if there are several nodes.
LOOK_S = 1.0


class StreamActor(Service):
    """Keeps the log, and makes the blocks that clients are sent."""

    def __init__(
        self,
        redis_url: SecretStr | None,
        breaker: BreakerSettings,
        *,
        several_nodes: bool = False,
    ) -> None:
        """`several_nodes`: whether others may collect; then this one follows until it is told."""
        super().__init__()
        self._redis_url, self._breaker = redis_url, breaker
        self._several_nodes = several_nodes
        self._following: StreamFollowing | None = None
        self._look: Timer | None = None
        self._pool = NativePool(1, "stream")
        self._redis: StreamRedis | None = None
        self._waiting: list[tuple[AwaitStream, Awaited]] = []
        # Blocks that were made since the latest entry, for those who ask the same.
        self._made: dict[tuple[StreamQuery, StreamPosition | None], StreamBlock] = {}
        self._settling: Timer | None = None
        self._opened = self._resumed = 0
        # The live state as the cache serves it.
        self._bodies: Mapping[Collection, Body] | None = None

    def on_start(self) -> None:
        now = time()
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=self._several_nodes)
        if self._redis_url is not None:
            url = self._redis_url.get_secret_value()
            self._redis = StreamRedis(
                self,
                StreamMirror(url),
                redis_policy(self._breaker, url),
                self._pool,
                writer=int(now * 1e6),
                on_news=self._report,
                in_turn=lambda: self._role.publishes,
            )
        self._memory = self.inherited(StreamMemory) or self._restored(now)
        if not self._role.collects:
            self._follow()
        elif self._redis is not None:
            self._redis.write(self._memory.log)
        self._look_later()
        self._tell_events()
        self.send("cache", StreamStarted())
        self._report()

    def on_stop(self) -> None:
        self._tell_events()
        if self._following is not None:
            self._following.stop()
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
                self._bodies = bodies
                if self._role.collects:
                    self._change(bodies)
                else:
                    self._look_at_redis()
            case LookAtStream():
                self._look_at_redis()
                self._look_later()
            case UseRole(collects):
                if self._role.use(collects=collects):
                    self._use_role()
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
        memory = StreamMemory(state, log, is_whole=whole)
        if self._role.collects:
            _take_over(memory, now)
        return memory

    def _use_role(self) -> None:
        now = time()
        if self._role.collects:
            if self._following is not None:
                self._following.end()
                self._following = None
                _take_over(self._memory, now)
            if self._redis is not None:
                self._redis.begin_writing(int(now * 1e6))
                self._redis.write(self._memory.log)
            if self._bodies is not None:
                self._change(self._bodies)
        elif self._following is None:
            self._follow()
        self._look_later()

    def _follow(self) -> None:
        """Another node collects: what happens comes from its log."""
        self._memory.held = ()
        if self._redis is not None:
            self._redis.stop_writing()
            self._following = StreamFollowing(self, self._redis, self._memory, self._take_news)
            self._following.look()

    def _take_news(self) -> None:
        self._made.clear()
        self._tell_waiting()
        self._report()

    def _look_at_redis(self) -> None:
        if self._following is not None:
            self._following.look()
        elif self._redis is not None and self._role.publishes:
            if self._redis.is_superseded and leads(self):
                # The other node does not collect any more, or has a clock that is ahead.
                now = time()
                _take_over(self._memory, now)
                self._redis.begin_writing(int(now * 1e6))
            self.spawn(self._redis.look, self._memory.log)

    def _look_later(self) -> None:
        if self._look is not None:
            self._look.cancel()
        watches = self._redis is not None and (self._role.publishes or not self._role.collects)
        self._look = self.after(LOOK_S, LookAtStream()) if watches else None

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
        is_complete = memory.total is None or memory.total + len(events) == total
        if not is_complete and self._role.collects:
            memory.log.miss_events()
        memory.total = total
        if not self._role.collects:
            return  # what is in the log is what happened at the node that collects
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
        log, redis = self._memory.log, self._redis
        states = sum(isinstance(entry, StateEntry) for entry in log.entries)
        status = StreamStatus(
            position=log.end.text,
            since=None if log.since is None else datetime.fromtimestamp(log.since, UTC),
            states=states,
            events=len(log.entries) - states,
            opened=self._opened,
            resumed=self._resumed,
            mirrored="" if redis is None else redis.mirrored,
            redis_error="" if redis is None else redis.last_error or redis.unreadable,
        )
        self.report(Health.HEALTHY, "", status)


def _take_over(memory: StreamMemory, now: float) -> None:
    """Go on with the log of another process."""
    memory.log.take_over(now)
    if not memory.is_whole:
        memory.log.miss_events()
    # The bus has counted events of both nodes.
    memory.is_whole, memory.total = False, None


def _read_and_compare(
    bodies: Mapping[Collection, Body], before: StreamState
) -> tuple[KnownState, StateChanges]:
    state = read_state(bodies)
    plain = {one: body.plain for one, body in bodies.items() if one in ID_FIELDS}
    return KnownState(state, plain), compare(before, state)


def _encode_events(
    events: Sequence[Event], now: KnownState, before: KnownState | None
) -> list[StreamedEvent]:
    """With whom they are about; who is not there any more was there before."""

    def facts(collection: Collection, id_: str) -> RecordFacts | None:
        if not id_:
            return None
        found = now.facts(collection, id_)
        return found if found is not None or before is None else before.facts(collection, id_)

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

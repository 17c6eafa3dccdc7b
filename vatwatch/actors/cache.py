"""Cache: holds the live state ready-encoded, and mirrors it to Redis.

Receives  LiveChanged, MarksChanged, ServeAgain, SnapshotSetAside, StreamStarted, GetLive,
          QueryLive, FindFlightId, GetAirports, GetAirport, GetFirs, GetFir, ListFirIds,
          GetApproaches, GetSectors, GetSector, ListSectors, ListAreaNames, GetLiveMatches,
          InspectCache, MirrorEvents, LookAtPublished, UseRole, SettingsChanged
Asks      GetEvents of event_bus, when Redis has lost some
Sends     CacheStarted to processor, store and follower, LiveEncoded to stream, Publish
          (DATA_CACHED) to event_bus, SnapshotFailed to journal, ServiceReport
Holds     the live state, and every collection as bytes, made once a snapshot and shared with all
          who read. A snapshot that cannot be encoded is tried again until the journal sets it
          aside; the one before is served
Restart   costs nothing: the processor (the follower, if another node collects) is asked to send the
          live state again. Until it has one, what Redis holds is served
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, TypeAlias, assert_never

import msgspec
from msgspec import structs

from vatwatch.actors.breakers import redis_policy
from vatwatch.actors.cache_status import cache_status
from vatwatch.actors.live_queries import LiveQueries
from vatwatch.actors.live_views import LiveViews, ViewQuestion
from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.node_writer import NodeWriter
from vatwatch.actors.redis_side import RedisSide, lifetimes
from vatwatch.actors.service import Service
from vatwatch.actors.state_publisher import StatePublisher
from vatwatch.actors.unserved_state import UnservedState
from vatwatch.config.areas import AreaSettings
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.cache import CacheSettings
from vatwatch.config.settings import Described, Settings, describe
from vatwatch.errors import SupervisionError
from vatwatch.events.payloads import DataPayload
from vatwatch.live.arrivals import SnapshotArrivals
from vatwatch.live.contacts import live_matches
from vatwatch.live.encoded_plans import EncodedPlans
from vatwatch.live.encoding import encode_live
from vatwatch.live.live_table import LiveTable, LookUps
from vatwatch.live.records import Body, Collection
from vatwatch.live.restored import RestoredState
from vatwatch.messages import (
    CacheStarted,
    FindFlightId,
    GetAirport,
    GetAirports,
    GetApproaches,
    GetFir,
    GetFirs,
    GetLive,
    GetLiveMatches,
    GetSector,
    GetSectors,
    InspectCache,
    ListAreaNames,
    ListFirIds,
    ListSectors,
    LiveChanged,
    LiveEncoded,
    MarksChanged,
    MirrorEvents,
    QueryLive,
    SettingsChanged,
    SnapshotSetAside,
    StreamStarted,
    UseRole,
)
from vatwatch.messages.cache import ShownState, ToCache
from vatwatch.messages.status import CacheReport, CacheStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.redis_mirror import RedisMirror
from vatwatch.supervision import NativePool, Reply, Tell
from vatwatch.traffic.frequency_match import MatchFilter, MatchKey, MatchPage
from vatwatch.traffic.identity import find_callsign
from vatwatch.traffic.marks import NO_MARKS, Marks
from vatwatch.traffic.network_state import NetworkState


@dataclass(frozen=True, slots=True)
class ServeAgain(Tell):
    """Try once more to encode the live state that could not be encoded."""


@dataclass(frozen=True, slots=True)
class LookAtPublished(Tell):
    """See whether Redis still has what other nodes follow."""


Received: TypeAlias = ToCache | ServeAgain | LookAtPublished

# Seconds between two tries to encode a live state; the previous one is served meanwhile.
RETRY_S = 1.0


class CacheActor(Service):
    """Serves the live state; the module's docstring says what it holds and what a restart costs."""

    def __init__(
        self,
        settings: CacheSettings,
        breaker: BreakerSettings,
        areas: AreaSettings,
        *,
        stream_length: int,
        shown: Sequence[Described],
        several_nodes: bool = False,
    ) -> None:
        """`stream_length`: events in Redis's stream. `shown`: the settings in force, masked.
        `several_nodes`: whether others may collect; then this one follows until it is told."""
        super().__init__()
        self._url = "" if settings.redis_url is None else settings.redis_url.get_secret_value()
        self._mirror = RedisMirror(self._url, lifetimes(settings)) if self._url else None
        self._several_nodes = several_nodes
        self._breaker = breaker
        self._stream_length = stream_length
        self._configuration: bytes = msgspec.json.encode(shown)
        self._redis: RedisSide | None = None
        self._writer: NodeWriter | None = None
        self._pool = NativePool(1, "cache")
        self._views = LiveViews(self, areas, self._report)
        self._queries = LiveQueries(self)
        self._plans = EncodedPlans()
        self._state = NetworkState()
        self._served: LiveChanged | None = None
        # Of whom answers tell that they will be derived again; and the same by our own store, which
        # counts if this node collects.
        self._marks = self._own_marks = NO_MARKS
        self._bodies: dict[Collection, Body] = {}
        # What Redis gave at the start; until there is a live state of our own.
        self._restored: RestoredState | None = None
        self._recovered = False
        self._published: datetime | None = None
        self._changed_at: datetime | None = None
        self._arrivals = SnapshotArrivals()
        self._look_ups = LookUps()
        self._table: LiveTable | None = None
        self._unserved = UnservedState(self, ServeAgain())
        self._working_on: int | None = None

    def on_start(self) -> None:
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=self._several_nodes)
        if self._mirror is not None:
            self._redis = RedisSide(
                self,
                self._mirror,
                redis_policy(self._breaker, self._url),
                stream_length=self._stream_length,
                on_news=self._report,
                publisher=StatePublisher(self, self._url),
            )
            self._writer = NodeWriter(self, self._redis, self._role, LookAtPublished(), self._write)
            self._restored = self._redis.restore(self._pool)
            if self._restored is not None:
                self._recovered = True
                self._queries.show(self._restored.bodies)
                self._show(LiveTable(self._restored.bodies, self._look_ups, self._restored))
                self._changed_at = datetime.now(UTC)
        self.address("processor").tell(CacheStarted())
        # It also says it again and again.
        self.address("store").offer(CacheStarted())
        if self.worker_state("follower") is not None:
            self.address("follower").offer(CacheStarted())
        self._report()

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.with_totals(self._status())  # what was asked since the latest report
        self.blame_if_at_fault(self._working_on, error)
        self._give_back()

    def on_receive(self, message: Received) -> Any:
        match message:
            case LiveChanged():
                self._take(message)
            case MarksChanged(marks):
                self._own_marks = marks
                if self._role.collects:
                    self._mark(marks)
            case LookAtPublished():
                if self._writer is not None:
                    self._writer.look()
            case UseRole(collects):
                if self._role.use(collects=collects):
                    self._use_role()
            case ServeAgain():
                if self._unserved.live is not None:
                    self._change(self._unserved.live)
            case SnapshotSetAside(entry_id):
                if self._unserved.live is not None and self._unserved.live.entry_id == entry_id:
                    self._unserved.drop()
            case StreamStarted():
                self._tell_stream()
            case GetLive():
                if self._table is None:
                    self._look_ups.misses += 1
                return self._table
            case QueryLive():
                self._look_ups.counted(self._bodies_now().get(message.collection))
                self.spawn(self._queries.answer, message, self.reply_later())
            case FindFlightId(callsign):
                return self._find_flight_id(callsign)
            case GetAirports() | GetAirport() | GetFirs() | GetFir() | GetApproaches():
                self._view(message)
            case GetSectors() | GetSector() | ListSectors() | ListAreaNames() | ListFirIds():
                self._view(message)
            case GetLiveMatches(wanted, limit, after):
                return self._find_matches(wanted, limit, after)
            case InspectCache():
                # In a greenlet: a hanging Redis must not delay the live state.
                self.spawn(self._inspect, self.reply_later())
            case MirrorEvents(events):
                if self._redis is not None and self._role.collects:
                    self._redis.add_events(events)
            case SettingsChanged():
                self._use(message.settings)
            case _:
                assert_never(message)
        return None

    def _view(self, question: ViewQuestion) -> None:
        # In a greenlet, as it waits for what is made beside the live state.
        self.spawn(self._views.answer, question, self.reply_later())

    def _show(self, table: LiveTable) -> None:
        self._table = table
        self.share(table)

    def _bodies_now(self) -> Mapping[Collection, Body]:
        return {} if self._table is None else self._table.bodies

    def _find_flight_id(self, callsign: str) -> int | None:
        if self._restored is not None:
            return self._restored.flight_id(callsign)
        flight = find_callsign(self._state.flights, callsign)
        return None if flight is None or not flight.shown else flight.flight_id

    def _find_matches(
        self, wanted: MatchFilter, limit: int, after: MatchKey | None
    ) -> MatchPage | None:
        if self._served is None:
            return None
        now = datetime.now(UTC)
        return live_matches(
            self._state, wanted, limit=limit, after=after, now=now, marks=self._marks
        )

    def _inspect(self, reply: Reply[CacheReport]) -> None:
        report = CacheReport() if self._redis is None else self._redis.inspect()
        total = self.with_totals(self._status())
        reply.set(
            structs.replace(
                report,
                hits=total.hits,
                misses=total.misses,
                redis_hits=total.redis_hits,
                redis_misses=total.redis_misses,
            )
        )

    def _use(self, settings: Settings) -> None:
        """Use the changed settings. What is in Redis already gets its new TTL at once."""
        self._configuration = msgspec.json.encode(describe(settings))
        self._views.use(settings.areas)
        if self._redis is None or self._mirror is None:
            return
        self._mirror.ttl_s = lifetimes(settings.cache)
        length = settings.events.max_history_size
        self._redis.change(redis_policy(settings.breaker, self._url), stream_length=length)
        self._write()
        self._report()

    def _write(self) -> None:
        if self._writer is not None and self._served is not None:
            self._writer.write(self._served, self._marks, self._bodies, self._configuration)

    def _use_role(self) -> None:
        if self._writer is not None:
            self._writer.use_role(self._served)
        if self._role.collects:
            self._mark(self._own_marks)
            self._write()

    def _take(self, message: LiveChanged) -> None:
        """Serve it, if it comes from where this node has its live state from, and takes nobody
        back."""
        follows = self._served is not None and self._served.followed is not None
        is_ours = self._role.collects == (message.followed is None)
        # Of a node that has just ceased to collect one may be on its way.
        if not is_ours and (follows or message.followed is not None):
            return
        time = self._state.time if self._restored is None else self._restored.updated_at
        if message.goes_back(ShownState(time, self._changed_at, follows)):
            return
        if message.followed is not None:
            self._marks = message.followed.marks
        self._change(message)

    def _change(self, message: LiveChanged) -> None:
        self._unserved.drop()
        self._working_on = message.entry_id
        try:
            bodies = self._pool.run(
                encode_live,
                message.state,
                message.feed,
                self._plans,
                self._marks,
                message.areas,
            )
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this state
            # The previous one is still served, and the next one will be tried.
            self._unserved.keep(message, error, retry_s=RETRY_S)
        else:
            self._serve(message, bodies)
        self._working_on = None
        self._report()

    def _mark(self, marks: Marks) -> None:
        """Serve the same live state again with other marks."""
        if marks == self._marks:
            return
        self._marks = marks
        if self._served is not None and self._unserved.live is None:
            self._change(self._served)

    def _serve(self, message: LiveChanged, bodies: dict[Collection, Body]) -> None:
        self._unserved.because = ""
        if message.state.time != self._state.time:
            self._changed_at = datetime.now(UTC)
        bodies = self._arrivals.date(bodies, message.state.time, time(), new=not message.recovered)
        self._state, self._bodies, self._restored = message.state, bodies, None
        self._served = message
        self._show(LiveTable(bodies, self._look_ups))
        self._views.show(message, bodies[Collection.NETWORK])
        self._queries.show(bodies)
        self._recovered = message.recovered
        self._tell_stream()
        self._write()
        general = message.state.general
        moment = message.state.time
        if message.followed is not None:
            self._published = moment  # by the node that collects
        if moment is not None and general is not None and moment != self._published:
            # The same live state is sent again when the database has caught up with it.
            self._published = moment
            payload = DataPayload(
                update_timestamp=moment,
                bytes=sum(len(body.plain) for body in bodies.values()),
            )
            self.publish("DATA_CACHED", payload, correlation_id=general.update_timestamp)

    def _tell_stream(self) -> None:
        """Not of what Redis gave: it may be older than what the stream knows."""
        if self._bodies:
            self.address("stream").tell(LiveEncoded(self._bodies))

    def _status(self) -> CacheStatus:
        return cache_status(
            self._state if self._restored is None else self._restored,
            self._bodies_now(),
            self._redis,
            self._look_ups,
            changed_at=self._changed_at,
            recovered=self._recovered,
            sectors_over=self._views.reached,
        )

    def _report(self) -> None:
        status = self._status()
        if status.last_error:
            self.report(
                Health.DEGRADED, f"served in-process, Redis is away: {status.last_error}", status
            )
        elif self._unserved.because:
            self.report(Health.DEGRADED, self._unserved.because, status)
        else:
            self.report(Health.HEALTHY, "", status)

    def _give_back(self) -> None:
        self._views.close()
        self._queries.close()
        self._pool.close()
        if self._redis is not None:
            self._redis.close()
        if self._mirror is not None:
            self._mirror.close()

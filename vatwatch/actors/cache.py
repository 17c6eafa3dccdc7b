"""Cache: holds the live state ready-encoded, and mirrors it to Redis.

Receives  LiveChanged, GetLive, FindLive, FindFlightId, InspectCache
Sends     CacheStarted to processor, Publish (DATA_CACHED) to event_bus, ServiceReport
Holds     the live tracking, and every collection as bytes, made once a snapshot
Restart   costs nothing: the processor is asked to send the live state again
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

import redis

from vatwatch.actors.service import Service
from vatwatch.errors import BreakerOpen
from vatwatch.messages import (
    CacheStarted,
    FindFlightId,
    FindLive,
    GetLive,
    Health,
    InspectCache,
    LiveChanged,
)
from vatwatch.operations.status import CacheReport, CacheStatus
from vatwatch.storage.redis_mirror import RedisMirror
from vatwatch.supervision import BreakerPolicy, Degrade, Guard, Guarded, NativePool, Recovery, Reply
from vatwatch.traffic.live import Body, Collection, encode_live, encode_one
from vatwatch.traffic.payloads import DataPayload
from vatwatch.traffic.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Received = LiveChanged | GetLive | FindLive | FindFlightId | InspectCache

Found = TypeVar("Found")


class CacheActor(Service):
    """Keeper of what is served."""

    _guard: Guard
    _mirroring: Recovery

    def __init__(
        self,
        *,
        redis_url: str | None,
        ttl_s: Mapping[Collection, int],
        redis_breaker: BreakerPolicy,
    ) -> None:
        super().__init__()
        self._mirror = None if redis_url is None else RedisMirror(redis_url, ttl_s)
        self._redis_breaker = redis_breaker
        self._pool = NativePool(1, "cache")
        self._tracking = Tracking()
        self._bodies: dict[Collection, Body] = {}
        self._recovered = False
        self._last_error = ""
        self._hits = self._misses = 0

    def on_start(self) -> None:
        self._guard = self.guard("Redis", self._redis_breaker, counts=redis.RedisError)
        # Redis is a mirror: without it all is served the same, and the status says so.
        self._mirroring = self.recovery(
            "mirror", Degrade((redis.RedisError, BreakerOpen), self._degrade), Guarded(self._guard)
        )
        if self._mirror is not None:
            self._mirrored(self._mirror.ping)
        self.address("processor").tell(CacheStarted())
        self._report()

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> Any:
        match message:
            case LiveChanged():
                self._change(message)
            case GetLive(collection):
                return self._counted(self._bodies.get(collection))
            case FindLive(collection, callsign):
                return self._counted(encode_one(self._tracking, collection, callsign))
            case FindFlightId(callsign):
                flight = self._tracking.flights.get(callsign)
                return None if flight is None else flight.flight_id
            case InspectCache():
                # Aside: a Redis that hangs must not keep the live state waiting.
                self.spawn(self._inspect, self.reply_later())
            case _:
                assert_never(message)
        return None

    def _counted(self, found: Found) -> Found:
        if found is None:
            self._misses += 1
        else:
            self._hits += 1
        return found

    def _inspect(self, reply: Reply[CacheReport]) -> None:
        latency_ms = used_bytes = None
        error = ""
        if self._mirror is not None:
            mirror = self._mirror
            began = monotonic()
            try:
                self._guard.call(mirror.ping)
                latency_ms = (monotonic() - began) * 1000
                used_bytes = self._guard.call(mirror.used_memory)
            except (redis.RedisError, BreakerOpen) as failure:
                error = str(failure)
        reply.set(CacheReport(self._hits, self._misses, latency_ms, used_bytes, error))

    def _change(self, message: LiveChanged) -> None:
        bodies = self._pool.run(encode_live, message.tracking, message.feed)
        self._tracking, self._bodies = message.tracking, bodies
        self._recovered = message.recovered
        if self._mirror is not None:
            mirror = self._mirror
            self._mirrored(lambda: mirror.write(bodies))
        general = message.tracking.general
        if message.tracking.time is not None and general is not None:
            payload = DataPayload(
                update_timestamp=message.tracking.time,
                bytes=sum(len(body.plain) for body in bodies.values()),
            )
            self.publish("DATA_CACHED", payload, correlation_id=general.update_timestamp)
        self._report()

    def _mirrored(self, work: Callable[[], None]) -> None:
        self._last_error = ""
        self._mirroring.call(work)

    def _degrade(self, error: Exception) -> None:
        self._last_error = str(error)

    def _report(self) -> None:
        tracking = self._tracking
        status = CacheStatus(
            backend="in-process" if self._mirror is None else "redis",
            reachable=not self._last_error,
            last_error=self._last_error,
            update_timestamp=tracking.time,
            recovered=self._recovered,
            pilots=len(tracking.flights),
            controllers=len(tracking.sessions),
            atis=len(tracking.atis),
            prefiles=len(tracking.prefiles),
            bytes=sum(len(body.plain) + len(body.gzipped) for body in self._bodies.values()),
        )
        if self._last_error:
            self.report(
                Health.DEGRADED, f"served in-process, Redis is away: {self._last_error}", status
            )
        else:
            self.report(Health.HEALTHY, "", status)

    def _give_back(self) -> None:
        self._pool.close()
        if self._mirror is not None:
            self._mirror.close()

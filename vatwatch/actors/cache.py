"""Cache: holds the live state ready-encoded, and mirrors it to Redis.

Receives  LiveChanged, ServeAgain, SnapshotSetAside, GetLive, FindLive, FindFlightId, InspectCache
Sends     CacheStarted to processor, Publish (DATA_CACHED) to event_bus, SnapshotFailed to journal,
          ServiceReport
Holds     the live state, and every collection as bytes, made once a snapshot. A snapshot that
          cannot be encoded is tried again until the journal sets it aside; the one before is served
Restart   costs nothing: the processor is asked to send the live state again
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, assert_never

import redis

from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.cache import CacheSettings
from vatwatch.errors import BreakerOpen, RedisUnavailable, SupervisionError
from vatwatch.live.encoding import encode_live, encode_one
from vatwatch.live.records import Body, Collection
from vatwatch.messages import (
    CacheStarted,
    FindFlightId,
    FindLive,
    GetLive,
    InspectCache,
    LiveChanged,
    SnapshotSetAside,
)
from vatwatch.messages.cache import ToCache
from vatwatch.messages.status import CacheReport, CacheStatus
from vatwatch.monitoring.health import Health
from vatwatch.monitoring.outages import Outage, lasted, look
from vatwatch.storage.redis_mirror import RedisMirror
from vatwatch.supervision import (
    Degrade,
    Guard,
    Guarded,
    NativePool,
    Recovery,
    Reply,
    Tell,
    Timer,
    correlation_of,
)
from vatwatch.supervision.failures import text_of
from vatwatch.traffic.identity import find_callsign
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.payloads import DataPayload

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeAgain(Tell):
    """Try once more to encode the live state that could not be encoded."""


Received: TypeAlias = ToCache | ServeAgain

Found = TypeVar("Found")

# Between two tries of a live state that cannot be encoded; the one before is served meanwhile.
RETRY_S = 1.0
# What speaks against Redis: weather, and what it refuses of what we ask, which is a bug.
REDIS_FAILS = (RedisUnavailable, redis.RedisError)


class CacheActor(Service):
    """Keeper of what is served."""

    _guard: Guard
    _mirroring: Recovery

    def __init__(self, settings: CacheSettings, breaker: BreakerSettings) -> None:
        super().__init__()
        url = settings.redis_url
        self._mirror = (
            None if url is None else RedisMirror(url.get_secret_value(), _ttl_s(settings))
        )
        self._breaker = breaker
        self._pool = NativePool(1, "cache")
        self._state = NetworkState()
        self._bodies: dict[Collection, Body] = {}
        self._recovered = False
        self._succeeded = True
        self._last_error = ""
        self._retry_at: datetime | None = None
        self._outage: Outage | None = None
        # Whether only a question found that Redis is away, and no write has failed.
        self._found_by_asking = False
        self._published: datetime | None = None
        self._changed_at: datetime | None = None
        self._hits = self._misses = 0
        # The live state that could not be encoded, and why.
        self._unserved: LiveChanged | None = None
        self._unserved_because = ""
        self._again: Timer | None = None
        self._working_on: int | None = None

    def on_start(self) -> None:
        self._guard = self.guard("Redis", dependency_policy(self._breaker), counts=REDIS_FAILS)
        # Redis is a mirror: without it all is served the same, and the status says so.
        self._mirroring = self.recovery(
            "mirror", Degrade((*REDIS_FAILS, BreakerOpen), self._degrade), Guarded(self._guard)
        )
        if self._mirror is not None:
            self._mirrored(self._mirror, self._mirror.ping)
        self.address("processor").tell(CacheStarted())
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
                self._change(message)
            case ServeAgain():
                self._again = None
                if self._unserved is not None:
                    self._change(self._unserved)
            case SnapshotSetAside(entry_id):
                if self._unserved is not None and self._unserved.entry_id == entry_id:
                    self._try_no_more()
            case GetLive(collection):
                return self._counted(self._bodies.get(collection))
            case FindLive(collection, callsign):
                return self._counted(encode_one(self._state, collection, callsign))
            case FindFlightId(callsign):
                flight = find_callsign(self._state.flights, callsign)
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
                self._guard.call(lambda: mirror.plainly(mirror.ping))
                latency_ms = (monotonic() - began) * 1000
                used_bytes = self._guard.call(lambda: mirror.plainly(mirror.used_memory))
                self._learn("")
            except BreakerOpen:
                error = self._last_error or "Redis failed too often and is tried again soon"
            except REDIS_FAILS as failure:
                error = text_of(failure)
                self._learn(error)
        total = self.with_totals(self._status())
        reply.set(CacheReport(total.hits, total.misses, latency_ms, used_bytes, error))

    def _learn(self, error: str) -> None:
        """What a question found: without new snapshots nothing is written, and nothing else looks.

        An answer does not end what a write has found: a full Redis answers, and takes nothing.
        """
        if error and not self._last_error:
            self._found_by_asking = True
        elif error or not self._found_by_asking:
            return
        else:
            self._found_by_asking = False
        self._last_error = error
        self._tell_operator()
        self._report()

    def _change(self, message: LiveChanged) -> None:
        self._try_no_more()
        self._working_on = message.entry_id
        try:
            bodies = self._pool.run(encode_live, message.state, message.feed)
        except SupervisionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about this state
            # The one before is served, and the next one will be.
            self._cannot_serve(message, error)
        else:
            self._serve(message, bodies)
        self._working_on = None
        self._report()

    def _cannot_serve(self, message: LiveChanged, error: Exception) -> None:
        what = f"the snapshot of {message.state.time} cannot be served"
        self._unserved, self._unserved_because = message, f"{what}: {error!r}"
        if message.entry_id is None:
            self.report_failure("encode live state", error)
            return
        self.snapshot_failed(
            message.entry_id, "encode live state", error, correlation_id=correlation_of(message)
        )
        self._again = self.after(RETRY_S, ServeAgain())

    def _try_no_more(self) -> None:
        self._unserved = None
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _serve(self, message: LiveChanged, bodies: dict[Collection, Body]) -> None:
        self._unserved_because = ""
        if message.state.time != self._state.time:
            self._changed_at = datetime.now(UTC)
        self._state, self._bodies = message.state, bodies
        self._recovered = message.recovered
        if self._mirror is not None:
            mirror = self._mirror
            self._mirrored(mirror, lambda: mirror.write(bodies))
        general = message.state.general
        time = message.state.time
        if time is not None and general is not None and time != self._published:
            # The same live state comes again when the database has caught up with it.
            self._published = time
            payload = DataPayload(
                update_timestamp=time,
                bytes=sum(len(body.plain) for body in bodies.values()),
            )
            self.publish("DATA_CACHED", payload, correlation_id=general.update_timestamp)

    def _mirrored(self, mirror: RedisMirror, work: Callable[[], None]) -> None:
        self._succeeded, self._found_by_asking = True, False
        self._mirroring.call(lambda: mirror.plainly(work))
        if self._succeeded:
            self._last_error = ""
            self._retry_at = None
        else:
            retry_s = max(self._guard.retry_in_s, 0.0)
            self._retry_at = datetime.now(UTC) + timedelta(seconds=retry_s)
        self._tell_operator()

    def _degrade(self, error: Exception) -> None:
        """The breaker's own refusal says nothing new: the cause stays what it was."""
        self._succeeded = False
        if not isinstance(error, BreakerOpen):
            self._last_error = text_of(error)
        elif not self._last_error:
            # Of a breaker that was open before this incarnation.
            self._last_error = self._guard.info().last_failure.partition(": ")[2]

    def _tell_operator(self) -> None:
        """A line when Redis begins to fail, when the cause is another, and when it is back."""
        before, now = self._outage, datetime.now(UTC)
        self._outage, news = look(before, self._last_error, now)
        if news == "ends" and before is not None:
            seconds = (now - before.since).total_seconds()
            log.info("Redis is back after %s; it gets each new live state again.", lasted(seconds))
        elif news in ("begins", "changes"):
            log.warning(
                "The live state cannot be written to Redis: %s. The API goes on without it; the "
                "next snapshot tries again.",
                self._last_error,
            )

    def _status(self) -> CacheStatus:
        state = self._state
        return CacheStatus(
            backend="in-process" if self._mirror is None else "redis",
            reachable=not self._last_error,
            last_error=self._last_error,
            since=None if self._outage is None else self._outage.since,
            retry_at=self._retry_at,
            update_timestamp=state.time,
            changed_at=self._changed_at,
            recovered=self._recovered,
            pilots=len(state.flights),
            controllers=len(state.sessions),
            atis=len(state.atis),
            prefiles=len(state.prefiles),
            bytes=sum(len(body.plain) + len(body.gzipped) for body in self._bodies.values()),
            hits=self._hits,
            misses=self._misses,
        )

    def _report(self) -> None:
        status = self._status()
        if self._last_error:
            self.report(
                Health.DEGRADED, f"served in-process, Redis is away: {self._last_error}", status
            )
        elif self._unserved_because:
            self.report(Health.DEGRADED, self._unserved_because, status)
        else:
            self.report(Health.HEALTHY, "", status)

    def _give_back(self) -> None:
        self._pool.close()
        if self._mirror is not None:
            self._mirror.close()


def _ttl_s(settings: CacheSettings) -> dict[Collection, int]:
    """How long each collection lives in Redis."""
    return {
        Collection.FLIGHTS: settings.ttl_flight_data_s,
        Collection.CONTROLLERS: settings.ttl_atc_data_s,
        Collection.ATIS: settings.ttl_atc_data_s,
        Collection.TRANSCEIVERS: settings.ttl_flight_data_s,
        Collection.NETWORK: settings.ttl_default_s,
    }

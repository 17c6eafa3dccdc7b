"""What the cache tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from vatwatch.actors.redis_side import RedisSide
from vatwatch.live.live_table import LookUps
from vatwatch.live.records import Body, Collection
from vatwatch.live.restored import RestoredState
from vatwatch.messages.status import CacheStatus
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.sector_warnings import ReachedLevel


def cache_status(
    state: NetworkState | RestoredState,
    bodies: Mapping[Collection, Body],
    redis: RedisSide | None,
    look_ups: LookUps,
    *,
    changed_at: datetime | None,
    recovered: bool,
    sectors_over: tuple[ReachedLevel, ...] | None,
) -> CacheStatus:
    """The status. `state`: what is served; `bodies`: the same as served."""
    if isinstance(state, RestoredState):
        time, counts = state.updated_at, state.counts
    else:
        time = state.time
        counts = {
            Collection.FLIGHTS: state.shown_flights,
            Collection.CONTROLLERS: len(state.sessions),
            Collection.ATIS: len(state.atis),
            Collection.PREFILES: len(state.prefiles),
        }
    return CacheStatus(
        backend="in-process" if redis is None else "redis",
        reachable=redis is None or not redis.last_error,
        last_error="" if redis is None else redis.last_error,
        since=None if redis is None or redis.outage is None else redis.outage.since,
        retry_at=None if redis is None else redis.retry_at,
        update_timestamp=time,
        changed_at=changed_at,
        recovered=recovered,
        pilots=counts.get(Collection.FLIGHTS, 0),
        controllers=counts.get(Collection.CONTROLLERS, 0),
        atis=counts.get(Collection.ATIS, 0),
        prefiles=counts.get(Collection.PREFILES, 0),
        bytes=sum(len(body.plain) + len(body.gzipped) for body in bodies.values()),
        hits=look_ups.hits,
        misses=look_ups.misses,
        redis_hits=0 if redis is None else redis.hits,
        redis_misses=0 if redis is None else redis.misses,
        sectors_over=sectors_over,
    )

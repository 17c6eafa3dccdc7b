"""What the actors are given: each setting in the form that its actor wants."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
from pydantic import SecretStr

from vatwatch.actors.alerter import AlertSettings
from vatwatch.actors.database import DatabaseSettings
from vatwatch.actors.event_bus import BusSettings
from vatwatch.actors.event_lane import LanePolicy
from vatwatch.actors.event_memory import BusMemory, Subscription
from vatwatch.actors.feed_addresses import FeedPlaces
from vatwatch.actors.fetcher import JOURNAL_TIMEOUT_S, FeedSettings
from vatwatch.actors.resource_monitor import ResourceSettings
from vatwatch.actors.webhook import Webhook
from vatwatch.config.settings import (
    DEFAULT_API_URL,
    DEFAULT_TRANSCEIVERS_URL,
    Settings,
)
from vatwatch.errors import ConfigurationError
from vatwatch.live.records import Collection
from vatwatch.monitoring.resources import Limits, Machine, Resource, limits_for
from vatwatch.storage.embedded import RECOVERY_S
from vatwatch.storage.housekeeping import disk_bytes
from vatwatch.storage.retention import Retention
from vatwatch.supervision import (
    BreakerPolicy,
)
from vatwatch.traffic.boundary import Boundary
from vatwatch.traffic.filters import Filters
from vatwatch.traffic.pipeline import Options
from vatwatch.traffic.tracking import Rules

MEGABYTE = 1024 * 1024
# Calls that a breaker takes its rates over: half of them failed, and it opens.
WINDOW = 20
# One writes; the second is for the moment in which a dead one has not been noticed yet.
WRITERS = 2
POSTGRES_STOP_S = 10.0
# It may have to be started again, with its crash recovery.
POSTGRES_START_S = RECOVERY_S + 120.0
# It starts the server again when that has died.
POSTGRES_DEADLINE_S = POSTGRES_START_S
# An fsync on a busy disk takes its time.
JOURNAL_PATIENCE_S = 20.0


# Who of the tree hears of which events. Others subscribe by message.
SUBSCRIPTIONS: tuple[Subscription, ...] = ()


def bus_memory(s: Settings) -> BusMemory:
    """What the event bus hands on to its successor when it crashes."""
    return BusMemory(
        max_history_size=s.events.max_history_size,
        max_dead_letter_size=s.events.max_dead_letter_size,
    )


def bus(s: Settings, *, keeps_own: bool) -> BusSettings:
    """How patient the event bus is, and how much it holds."""
    return BusSettings(
        lane=LanePolicy(
            timeout_s=s.events.handler_timeout_s,
            retries=s.events.retry_attempts,
            size=s.events.lane_size,
        ),
        breaker=BreakerPolicy(
            failure_threshold=s.breaker.failure_threshold,
            timeout_s=s.breaker.timeout_s,
            max_timeout_s=max(s.breaker.timeout_s, s.breaker.max_timeout_s),
            trial_deadline_s=2 * s.events.handler_timeout_s,
        ),
        backlog_size=s.events.backlog_size,
        keeps_own=keeps_own,
        outbox=s.general.home / "events.outbox" if keeps_own else None,
    )


def retentions(s: Settings) -> tuple[Retention, ...]:
    """What is kept for how long: table, time of the wall clock, and how long."""
    events = timedelta(hours=s.events.retention_hours)
    return (
        Retention("events", "stored_at", events),
        Retention("dead_letters", "time", events),
        Retention("errors", "last_at", timedelta(hours=s.errors.retention_hours)),
        Retention("quarantine", "stored_at", timedelta(hours=s.traffic.quarantine_retention_hours)),
    )


def rules(s: Settings) -> Rules:
    """What makes a reconnect, and how often a parked aircraft gets a row."""
    return Rules(
        reconnect_window=timedelta(seconds=s.traffic.reconnect_window_s),
        position_keepalive=timedelta(seconds=s.traffic.position_keepalive_s),
    )


def options(s: Settings) -> Options:
    """The rules, the filters, and whether names are kept. Raises ConfigurationError."""
    boundary = None
    if s.traffic.boundary is not None:
        try:
            boundary = Boundary.from_geojson(
                s.traffic.boundary.read_bytes(), s.traffic.boundary.name
            )
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"VATWATCH_FILTER_BOUNDARY: {error}") from error
    return Options(
        rules=rules(s),
        filters=Filters(
            boundary=boundary,
            callsign=None if s.traffic.callsign is None else re.compile(s.traffic.callsign),
            min_rating=s.traffic.min_rating,
        ),
        keep_names=s.traffic.keep_names,
    )


def feed(s: Settings) -> FeedSettings:
    """Where the feeds are, and how to ask."""
    return FeedSettings(
        places=FeedPlaces(
            api_url=s.vatsim.api_url,
            transceivers_url=s.vatsim.transceivers_url,
            status_url=s.vatsim.status_url,
            default_api_url=DEFAULT_API_URL,
            default_transceivers_url=DEFAULT_TRANSCEIVERS_URL,
            may_ask=s.vatsim.may_ask,
        ),
        user_agent=s.vatsim.full_user_agent,
        timeout_s=s.vatsim.api_timeout_s,
        retry_attempts=s.vatsim.retry_attempts,
        poll_interval_s=s.vatsim.poll_interval_s,
        max_body_bytes=s.vatsim.max_body_mb * MEGABYTE,
        breaker=feed_breaker(s),
        last_poll=s.general.home / "last-poll",
    )


def write_deadline_s(s: Settings) -> float:
    """Several batches are written in one go, each within a time of its own."""
    return max(s.service.handler_deadline_s, 4 * s.database.timeout_s)


def poll_deadline_s(s: Settings) -> float:
    """Longer than a poll with all its tries, its look-up and what it asks of the journal can take:
    to tell the clock, to hold, and to release."""
    return s.vatsim.poll_interval_s + 3 * s.vatsim.api_timeout_s + 3 * JOURNAL_TIMEOUT_S + 10


def child_breaker(s: Settings) -> BreakerPolicy:
    """Of each worker of the tree; its supervisor's intensity decides when it opens."""
    return BreakerPolicy(
        timeout_s=s.breaker.timeout_s,
        max_timeout_s=max(s.breaker.timeout_s, s.breaker.max_timeout_s),
        half_open_trials=s.breaker.trials,
    )


def breaker(s: Settings) -> BreakerPolicy:
    """Of PostgreSQL and Redis. It does not grow: what waits for them must not wait for longer."""
    return BreakerPolicy(
        failure_threshold=s.breaker.failure_threshold,
        timeout_s=s.breaker.timeout_s,
        max_timeout_s=s.breaker.timeout_s,
        window=WINDOW,
    )


def feed_breaker(s: Settings) -> BreakerPolicy:
    """Of the feed: no longer than two polls, as each snapshot that is missed is missed for good."""
    timeout_s = min(s.breaker.timeout_s, 2 * s.vatsim.poll_interval_s)
    return BreakerPolicy(
        failure_threshold=s.breaker.failure_threshold,
        timeout_s=timeout_s,
        max_timeout_s=timeout_s,
    )


def database(s: Settings, *, connections: int) -> DatabaseSettings:
    """Where PostgreSQL is; without an address, the embedded cluster."""
    return DatabaseSettings(
        dsn=secret(s.database.url),
        connections=connections,
        timeout_s=s.database.timeout_s,
        breaker=replace(breaker(s), slow_call_s=s.database.timeout_s / 2),
    )


def patience_s(s: Settings) -> dict[str, float]:
    """Who may have a message in hand for longer than a probe waits, and is well all the same."""
    return {
        "fetcher": poll_deadline_s(s),
        "store": s.database.timeout_s,
        "processor": s.database.timeout_s,  # it asks the store
        "journal": JOURNAL_PATIENCE_S,
    }


def resources(s: Settings) -> ResourceSettings:
    """Where to look, and the limits, with what is not set taken from this machine."""
    return ResourceSettings(
        home=s.general.home,
        interval_s=s.resources.interval_s,
        cleanup_interval_s=s.resources.cleanup_interval_s,
        log_max_bytes=int(s.resources.log_max_mb * MEGABYTE),
        limits=limits(s),
    )


def limits(s: Settings) -> dict[Resource, Limits]:
    """Of the resources."""
    r = s.resources
    return limits_for(
        Machine(memory_mb(), disk_mb(s.general.home)),
        memory_mb=(r.memory_soft_mb, r.memory_hard_mb),
        disk_mb=(r.disk_soft_mb, r.disk_hard_mb),
        hub_ms=(r.hub_soft_ms, r.hub_hard_ms),
    )


def memory_mb() -> float:
    """The machine's, or what its container may have (cgroup, the second version or the first)."""
    total = float(psutil.virtual_memory().total)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, float(Path(path).read_text()))
        except (OSError, ValueError):
            continue  # no such file, or "max"
    return total / MEGABYTE


def disk_mb(home: Path) -> float:
    """Of the disk that `home` is on, or will be."""
    for place in (home, *home.absolute().parents):
        if place.is_dir():
            return disk_bytes(place) / MEGABYTE
    raise ConfigurationError(f"VATWATCH_HOME={home}: there is no such disk")


def alerts(s: Settings) -> AlertSettings:
    """When to tell, and whom."""
    a = s.alerts
    return AlertSettings(
        webhooks=[Webhook.at(url.get_secret_value(), n) for n, url in enumerate(a.webhooks, 1)],
        breaker=breaker(s),
        timeout_s=a.timeout_s,
        deliver_within_s=a.deliver_within_s,
        interval_s=a.interval_s,
        hold_s=a.hold_s,
        clear_s=a.clear_s,
        degraded_hold_s=a.degraded_hold_s,
        feed_age_s=a.feed_age_s,
        errors_per_minute=a.errors_per_minute,
    )


def cache_ttl_s(s: Settings) -> dict[Collection, int]:
    """How long each collection lives in Redis."""
    return {
        Collection.FLIGHTS: s.cache.ttl_flight_data_s,
        Collection.CONTROLLERS: s.cache.ttl_atc_data_s,
        Collection.ATIS: s.cache.ttl_atc_data_s,
        Collection.TRANSCEIVERS: s.cache.ttl_flight_data_s,
        Collection.NETWORK: s.cache.ttl_default_s,
    }


def secret(value: SecretStr | None) -> str | None:
    """A setting that is not to be shown, for who needs it."""
    return None if value is None else value.get_secret_value()

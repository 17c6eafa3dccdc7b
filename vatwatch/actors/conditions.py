"""What holds, for the alerter: conditions from the reports and the breakers, each with its cause.

One cause is one alert. What fails because of something else names it (`Condition.because_of`), and
is folded into its alert while that holds too (`monitoring.alerts.fold`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from vatwatch.counting import counted
from vatwatch.messages import Reports, ServiceReport
from vatwatch.messages.status import (
    CacheStatus,
    FetcherStatus,
    JournalStatus,
    ResourceStatus,
    StoreStatus,
)
from vatwatch.monitoring.alerts import Condition, Severity
from vatwatch.monitoring.health import COLLECTING, VITAL, Health, PartHealth
from vatwatch.monitoring.resources import Resource
from vatwatch.supervision import BreakerInfo, BreakerState

S = TypeVar("S", bound=Struct)

# What was fetched and could not be kept.
NOT_KEPT = ("journal_full", "journal_failed")
SUMMARIES = {
    ("postgresql", Health.UNHEALTHY): "PostgreSQL does not answer",
    ("redis", Health.UNHEALTHY): "Redis does not answer",
    ("feed", Health.UNHEALTHY): "VATSIM's feed cannot be used",
    ("feed", Health.DEGRADED): "VATSIM's feed stands still",
    ("transceivers", Health.DEGRADED): "VATSIM's transceivers feed stands still",
    ("alerter", Health.DEGRADED): "a webhook does not take alerts",
}
# Everything works without these, so nobody is to be woken up for them.
OPTIONAL = frozenset({"redis", "transceivers"})


def _part(*names: str) -> tuple[str, ...]:
    """The keys of the alerts that tell of these parts."""
    return tuple(f"{health}:{name}" for name in names for health in ("unhealthy", "degraded"))


def _resource(*resources: Resource) -> tuple[str, ...]:
    return tuple(f"resource_{level}:{r.value}" for r in resources for level in ("hard", "soft"))


_STORE = (*_part("postgresql", "store"), "breaker_open:vatwatch/data/store")
_KEPT = (
    *_part("journal"),
    "breaker_open:vatwatch/data/journal",
    *_resource(Resource.DISK, Resource.JOURNAL),
    *_STORE,
)
_PROCESSED = (
    *_part("processor"),
    "not_serving",
    "breaker_open:vatwatch/pipeline/processor",
    "breaker_open:vatwatch/data/cache",
)
_CAUSES: dict[str, tuple[str, ...]] = {
    "store": _part("postgresql"),
    "history": _part("postgresql"),
    "postgres": _part("postgresql"),
    "journal": (*_resource(Resource.DISK), *_STORE),
    "processor": _STORE,
    "cache": (*_part("redis"), "not_serving"),
    "transceivers": _part("feed"),
    "resource_monitor": _resource(*Resource),
}
# Which dependency a breaker guards, by the begin of its name.
_GUARDED = (("PostgreSQL", "postgresql"), ("Redis", "redis"), ("VATSIM", "feed"))


def of_health(reports: Reports, breakers: Iterable[BreakerInfo]) -> Iterator[Condition]:
    """Of every part that is not well, and of every breaker that is open."""
    suspended: dict[str, str] = {}
    for breaker in breakers:
        if breaker.state is not BreakerState.OPEN:
            continue
        if breaker.kind == "child":
            suspended[breaker.name.rpartition("/")[2]] = breaker.name
        yield _of_breaker(breaker)
    cache = status_of(reports, "cache", CacheStatus)
    part = reports.parts.get(VITAL)
    if reports.health is Health.UNHEALTHY and (
        cache.update_timestamp is None or part is None or part.health is Health.UNHEALTHY
    ):
        yield Condition("not_serving", "", reports.reason)
    for name, each in reports.parts.items():
        if each.health is Health.HEALTHY:
            continue
        severity: Severity | None = "warning" if name in OPTIONAL else None
        yield Condition(
            each.health.value,
            name,
            each.reason,
            summary=SUMMARIES.get((name, each.health), ""),
            severity=severity,
            because_of=causes_of(name, reports.services, reports.parts, suspended.get(name)),
        )


def of_age(
    reports: Reports, newest: dict[str, datetime], now: datetime, limit_s: float
) -> Iterator[Condition]:
    """Nothing new for too long: looked for at each stage, from the feed to the database.

    `newest` is the caller's to keep: when each stage was new last, as far as it was seen. A service
    that has just restarted knows of nothing new, and that is no reason for an alert.
    """
    if "fetcher" not in reports.services:
        return  # nothing is to come in
    fetcher = status_of(reports, "fetcher", FetcherStatus)
    cache, store = (
        status_of(reports, "cache", CacheStatus),
        status_of(reports, "store", StoreStatus),
    )
    journal = status_of(reports, "journal", JournalStatus)
    waits = counted(journal.pending, "snapshot waits", "snapshots wait")
    incoming = _part("feed", "fetcher")
    stages = (
        (
            "fetcher",
            fetcher.last_advanced_at,
            f"nothing new comes in: {fetcher.last_error or 'the feed stands still'}",
            (*incoming, *_KEPT) if fetcher.last_outcome in NOT_KEPT else incoming,
        ),
        ("cache", cache.changed_at, "what comes in is not served", (*_PROCESSED, *_part("cache"))),
        (
            "store",
            store.stored_at,
            f"what is served is not stored: {waits} in the journal",
            (*_STORE, *_PROCESSED),
        ),
    )
    for stage, at, what, causes in stages:
        # What was before the start, the journal remembers it, is no reason either.
        begin = newest.get(stage, now)
        since = newest[stage] = begin if at is None else max(at, begin)
        if (now - since).total_seconds() > limit_s:
            # A feed that stands still is told by this alert, and not the other way round.
            because = tuple(
                key for key in causes if key not in ("degraded:feed", "degraded:fetcher")
            )
            reason = f"nothing new since {since:%H:%M:%S} UTC: {what}"
            yield Condition("feed_age", "", reason, because_of=because)
            return


def of_resources(reports: Reports) -> Iterator[Condition]:
    """Of every limit that is passed."""
    status = status_of(reports, "resource_monitor", ResourceStatus)
    for name, level in status.levels.items():
        if level != "normal":
            reading = f"{status.readings.get(name, 0):g} {status.units.get(name, '')}"
            because = _STORE if name == Resource.JOURNAL.value else ()
            yield Condition(f"resource_{level}", name, f"{name}: {reading}", because_of=because)


def status_of(reports: Reports, name: str, kind: type[S]) -> S:
    """What a service says of itself; an empty one before it has said anything."""
    report = reports.services.get(name)
    return report.status if report is not None and isinstance(report.status, kind) else kind()


def _of_breaker(breaker: BreakerInfo) -> Condition:
    name = breaker.name
    if breaker.kind == "child":
        vital = name.rpartition("/")[2] in (*COLLECTING, VITAL)
        return Condition(
            "breaker_open",
            name,
            breaker.last_failure,
            summary="a part is suspended, as it failed too often",
            severity="critical" if vital else None,
        )
    causes: tuple[str, ...] = ()
    if breaker.kind == "webhook":
        causes = _part("alerter")
    elif breaker.kind == "dependency":
        causes = next((_part(of) for begin, of in _GUARDED if name.startswith(begin)), ())
    return Condition("breaker_open", name, breaker.last_failure, because_of=causes)


def causes_of(
    name: str,
    services: Mapping[str, ServiceReport],
    parts: Mapping[str, PartHealth],
    suspended: str | None = None,
) -> tuple[str, ...]:
    """Why a part may not be well: the keys of the conditions that would explain it.

    `suspended` is its breaker's name, if that is open.
    """
    if suspended is not None:
        return (f"breaker_open:{suspended}",)
    report = services.get(name)
    if report is not None and report.reason != parts[name].reason:
        # Its supervisor or a probe says so, not it itself: that is its own failure.
        return ("not_serving",) if name == VITAL else ()
    if name == "feed":
        # One that stands still is told by its age, and one that cannot be used tells of its age.
        return ("feed_age",) if parts[name].health is Health.DEGRADED else ()
    if name == "fetcher":
        status = None if report is None else report.status
        not_kept = isinstance(status, FetcherStatus) and status.last_outcome in NOT_KEPT
        return _KEPT if not_kept else (*_part("feed"), "feed_age")
    return _CAUSES.get(name, ())

"""The conditions of the alert rules: when does each rule hold, from the reports and the breakers?

For instance, the age of the feed is judged here. One cause is one alert: a condition that is caused
by another names it (`Condition.because_of`), and is folded into its alert while both hold
(`monitoring.alerts.fold`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vatwatch.actors.fetch_outcomes import NOT_KEPT
from vatwatch.config.alerts import AlertSettings
from vatwatch.counting import counted
from vatwatch.messages import Reports, ServiceReport
from vatwatch.messages.status import (
    CacheStatus,
    ErrorStatus,
    FetcherStatus,
    JournalStatus,
    ProcessorStatus,
    ResourceStatus,
    StoreStatus,
)
from vatwatch.monitoring.alerts import Condition, Rate, Severity
from vatwatch.monitoring.health import COLLECTING, VITAL, Health, PartHealth
from vatwatch.monitoring.resources import Resource
from vatwatch.supervision import BreakerInfo, BreakerState

ERROR_WINDOW_S = 60.0
# One bad snapshot has its own error record. Three of the forty that come in ten minutes are no
# accident: the feed has changed or vatwatch has a bug, and all of them are missing.
QUARANTINE_WINDOW_S = 600.0
QUARANTINED_MANY = 3
# A stop takes SERVICE_SHUTDOWN_TIMEOUT (30 s) at most, and the start of an embedded PostgreSQL some
# seconds more; what takes four times as long is not a normal restart.
ORDERED_S = 120.0
# The stages that a new snapshot passes, in order.
STAGES = ("fetcher", "cache", "store")

SUMMARIES = {
    ("postgresql", Health.UNHEALTHY): "PostgreSQL does not answer",
    ("redis", Health.UNHEALTHY): "Redis does not answer",
    ("feed", Health.UNHEALTHY): "VATSIM's feed cannot be used",
    ("feed", Health.DEGRADED): "VATSIM's feed has stopped updating",
    ("transceivers", Health.DEGRADED): "VATSIM's transceivers feed has stopped updating",
    ("areas", Health.DEGRADED): "a file or an address of areas cannot be used",
    ("alerter", Health.DEGRADED): "a webhook does not take alerts",
}
# Everything works without these, so they are never critical.
OPTIONAL = frozenset({"redis", "transceivers", "areas"})


def _part(*names: str) -> tuple[str, ...]:
    """The keys of the alerts about these parts."""
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
    "keys": _part("postgresql"),
    "sessions": _part("redis"),
    "subscriptions": _part("postgresql"),
    "handover": _part("postgresql"),
    "refill": _part("postgresql"),
    "leadership": _part("postgresql"),
    "nodes": _part("redis"),
    "follower": _part("redis"),
    "postgres": _part("postgresql"),
    "journal": (*_resource(Resource.DISK), *_STORE),
    "processor": _STORE,
    "cache": (*_part("redis"), "not_serving"),
    "transceivers": _part("feed"),
    "resource_monitor": _resource(*Resource),
}
# Which dependency a breaker guards, by the begin of its name.
_GUARDED = (
    ("PostgreSQL", "postgresql"),
    ("Redis", "redis"),
    ("VATSIM", "feed"),
    ("areas of", "areas"),
)


@dataclass(slots=True)
class Looked:
    """What earlier looks have seen. `since_s` is the time of the first look, by the alerter's
    clock."""

    since_s: float
    newest: dict[str, datetime] = field(default_factory=dict)
    """When each stage last had something new, as far as was seen."""
    has_advanced: set[str] = field(default_factory=set)
    """The stages that were seen to become new."""
    errors: Rate = field(default_factory=lambda: Rate(ERROR_WINDOW_S))
    quarantined: Rate = field(default_factory=lambda: Rate(QUARANTINE_WINDOW_S))


@dataclass(frozen=True, slots=True)
class AlertView:
    """The conditions that hold now, and the rules that cannot be judged at the moment."""

    conditions: list[Condition]
    unknown: frozenset[str]


def look(
    looked: Looked,
    reports: Reports,
    breakers: Iterable[BreakerInfo],
    settings: AlertSettings,
    now: datetime,
    now_s: float,
) -> AlertView:
    """See what holds, by every rule.

    Args:
        looked: what was seen before; it is changed
        reports: how every part is
        breakers: every breaker
        settings: the limits of the rules
        now: the wall clock's
        now_s: the alerter's clock, in seconds
    """
    ages = [*of_age(reports, looked, now, settings.feed_age_s)]
    return AlertView(
        [
            *of_health(reports, breakers, now),
            *ages,
            *of_content(reports),
            *_of_errors(reports, looked, settings.errors_per_minute, now_s),
            *_of_quarantine(reports, looked, now_s),
            *of_resources(reports),
            *of_sectors(reports),
        ],
        frozenset(_unknown(reports, looked, now_s)),
    )


def _unknown(reports: Reports, looked: Looked, now_s: float) -> Iterator[str]:
    """Whether the service was started too recently to say that something is over."""
    if "fetcher" in reports.services and not looked.has_advanced >= set(STAGES):
        yield "feed_age"
    if "fetcher" in reports.parts and "fetcher" not in reports.services:
        # It is on standby, or has just been told to collect: nobody can say how the feeds are.
        yield from (Health.UNHEALTHY.value, Health.DEGRADED.value)
    if reports.status_of(ProcessorStatus).fewer_pilots is None:
        yield "fewer_pilots"
    if not reports.status_of(ResourceStatus).levels:
        yield from ("resource_hard", "resource_soft")
    if reports.status_of(CacheStatus).sectors_over is None:
        yield "sector_load"
    if now_s - looked.since_s < ERROR_WINDOW_S:
        yield "error_rate"
    if now_s - looked.since_s < QUARANTINE_WINDOW_S:
        yield "snapshots_quarantined"


def of_health(
    reports: Reports, breakers: Iterable[BreakerInfo], now: datetime
) -> Iterator[Condition]:
    """The conditions of all parts that are not healthy, and of all open breakers.

    A part that is being stopped or started by order has not failed, unless that takes very long.
    """
    suspended: dict[str, str] = {}
    for breaker in breakers:
        if breaker.state is not BreakerState.OPEN:
            continue
        if breaker.kind == "child":
            suspended[breaker.name.rpartition("/")[2]] = breaker.name
        yield _of_breaker(breaker)
    cache = reports.status_of(CacheStatus)
    part = reports.parts.get(VITAL)
    if reports.health is Health.UNHEALTHY and (
        cache.update_timestamp is None or part is None or part.health is Health.UNHEALTHY
    ):
        yield Condition("not_serving", "", reports.reason)
    for name, each in reports.parts.items():
        if each.health in (Health.HEALTHY, Health.STANDBY) or _by_order(each, now):
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


def of_age(reports: Reports, looked: Looked, now: datetime, limit_s: float) -> Iterator[Condition]:
    """Whether nothing new has passed a stage for too long, from the feed to the database.

    A service that has just restarted has seen nothing new yet, which is no reason for an alert.
    """
    if "fetcher" not in reports.services:
        return  # there is no fetcher, so nothing new is expected
    fetcher = reports.status_of(FetcherStatus)
    cache, store = (
        reports.status_of(CacheStatus),
        reports.status_of(StoreStatus),
    )
    journal = reports.status_of(JournalStatus)
    waits = counted(journal.pending, "snapshot waits", "snapshots wait")
    incoming = _part("feed", "fetcher")
    stages = (
        (
            "fetcher",
            fetcher.last_advanced_at,
            f"nothing new comes in: {fetcher.last_error or 'the feed has stopped updating'}",
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
        # Times from before the start (the journal remembers them) are no reason either.
        begin = looked.newest.setdefault(stage, now)
        since = looked.newest[stage] = begin if at is None else max(at, begin)
        if since > begin:
            looked.has_advanced.add(stage)
        if (now - since).total_seconds() > limit_s:
            # This alert is the one that tells of a feed that has stopped updating.
            because = tuple(
                key for key in causes if key not in ("degraded:feed", "degraded:fetcher")
            )
            reason = f"nothing new since {since:%H:%M:%S} UTC: {what}"
            yield Condition("feed_age", "", reason, because_of=because)
            return


def of_content(reports: Reports) -> Iterator[Condition]:
    """Far fewer pilots than usual."""
    fewer = reports.status_of(ProcessorStatus).fewer_pilots
    if fewer:
        yield Condition("fewer_pilots", "", fewer, because_of=("feed_age", *_part("feed")))


def _of_errors(reports: Reports, looked: Looked, limit: int, now_s: float) -> Iterator[Condition]:
    report = reports.services.get("error_manager")
    if report is None or not isinstance(report.status, ErrorStatus):
        return
    errors = looked.errors = looked.errors.add(report.status.unexpected, now_s)
    if errors.total > limit:
        reason = (
            f"{counted(errors.total, 'failure')} in a minute; "
            f"the last: {report.status.last_failure}"
        )
        yield Condition("error_rate", "", reason)


def _of_quarantine(reports: Reports, looked: Looked, now_s: float) -> Iterator[Condition]:
    report = reports.services.get("journal")
    if report is None or not isinstance(report.status, JournalStatus):
        return
    total = report.status.quarantined_total
    recent = looked.quarantined = looked.quarantined.add(total, now_s)
    if recent.total >= QUARANTINED_MANY:
        reason = (
            f"{counted(recent.total, 'snapshot was', 'snapshots were')} quarantined within ten "
            "minutes; "
            "/api/errors says why, and the files are in the journal's quarantine"
        )
        yield Condition("snapshots_quarantined", "", reason)


def of_resources(reports: Reports) -> Iterator[Condition]:
    """The conditions of all limits that are passed."""
    status = reports.status_of(ResourceStatus)
    for name, level in status.levels.items():
        if level != "normal":
            reading = f"{status.readings.get(name, 0):g} {status.units.get(name, '')}"
            because = _STORE if name == Resource.JOURNAL.value else ()
            yield Condition(f"resource_{level}", name, f"{name}: {reading}", because_of=because)


def of_sectors(reports: Reports) -> Iterator[Condition]:
    """The FIRs and sectors that have reached their warning level, or will within the hour."""
    for sector in reports.status_of(CacheStatus).sectors_over or ():
        what = "FIR" if sector.kind == "fir" else "sector"
        now = counted(sector.load, "aircraft", "aircraft")
        ahead = f"up to {sector.expected} are expected by {sector.at:%H:%M} UTC"
        reason = f"the {what} {sector.name} has {now}, {ahead}; its level is {sector.level}"
        yield Condition("sector_load", f"{sector.kind} {sector.name}", reason)


def _by_order(part: PartHealth, now: datetime) -> bool:
    """Whether the part is only being restarted by order, and not for too long."""
    return part.is_ordered and (now - part.since).total_seconds() < ORDERED_S


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
    """The keys of the conditions that would explain why a part is not healthy.

    `suspended` is the name of its breaker, if that is open.
    """
    if suspended is not None:
        return (f"breaker_open:{suspended}",)
    report = services.get(name)
    if report is not None and report.reason != parts[name].reason:
        # Its supervisor or a probe says so, not the part itself: this is a failure of its own.
        return ("not_serving",) if name == VITAL else ()
    if name == "feed":
        # The rule for the feed's age also covers a feed that has stopped updating or cannot be
        # used.
        return ("feed_age",) if parts[name].health is Health.DEGRADED else ()
    status = None if report is None else report.status
    if isinstance(status, ProcessorStatus) and status.fewer_pilots:
        return ("fewer_pilots", *_STORE)
    if name == "fetcher":
        not_kept = isinstance(status, FetcherStatus) and status.last_outcome in NOT_KEPT
        return _KEPT if not_kept else (*_part("feed"), "feed_age")
    return _CAUSES.get(name, ())

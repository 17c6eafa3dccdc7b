"""The disk: how full it is, how fast it grows, and when it will be full."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vatwatch.actors.machine import limits_here
from vatwatch.cli.examination.database import dsn_of
from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.cli.examination.forecast import Growth, days_until_full
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.journal import JournalSettings
from vatwatch.config.resources import ResourceSettings
from vatwatch.config.traffic import TrafficSettings
from vatwatch.errors import ConfigurationError, DatabaseUnavailable
from vatwatch.monitoring.resources import Limits, Resource
from vatwatch.storage.database_look import look_at_growth
from vatwatch.storage.growth import DatabaseGrowth, JournalGrowth, journal_growth, tree_bytes

CHECK = "disk"
# Enough to order a disk, or to move the database.
SOON = timedelta(days=30)
AT_ONCE = timedelta(days=1)
# A date beyond is of no use, and of no truth.
FAR = timedelta(days=10 * 365)
# Share of a file system's files: each snapshot is one.
LEAST_FILES = 0.05
_MEBIBYTE, _GIBIBYTE = 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Sizes in bytes. `files` is 0 if the file system has no bound of files."""

    free: int
    size: int
    files_free: int
    files: int


def examine_disk(
    home: Path,
    database: DatabaseSettings,
    journal: JournalSettings,
    traffic: TrafficSettings,
    resources: ResourceSettings,
) -> Iterator[DoctorFinding]:
    """The disk of the home, with the journal and perhaps the database on it.

    First what needs no database, which may hang.
    """
    bound = journal.max_mb * _MEBIBYTE
    try:
        limits = limits_here(resources, home)[Resource.DISK]
        space = _space(home)
        yield from judge_space(space, limits)
        entries = journal_growth(home / "journal")
        here = database.url is None and _same_disk(home)
        cluster = tree_bytes(home / "postgres" / "data") if here else 0
    except (OSError, ConfigurationError) as error:
        yield fault(
            CHECK,
            f"The disk of {home} cannot be read: {error}.",
            "Mount it, give this user the right to read it, or set another VATWATCH_HOME.",
        )
        return
    yield ok(CHECK, _sizes(entries, bound, cluster))
    stored = _database_growth(database, home)
    growths = [_journal(entries, bound)] if entries.bytes_per_day is not None else []
    if here and stored is not None:
        growths.append(_stored(stored, _kept(traffic)))
    unknown = here and stored is None
    yield from judge_growth(space.free, growths, datetime.now(UTC), database_unknown=unknown)
    if not here and stored is not None:
        yield ok(
            CHECK,
            f"The database grows by {_size(stored.bytes_per_day)} a day, on a disk that cannot be "
            "seen from here.",
        )


def judge_space(space: DiskSpace, limits: Limits) -> Iterator[DoctorFinding]:
    """How full the disk is; `limits` are of free space, in MiB."""
    text = f"{_size(space.free)} of {_size(space.size)} are free."
    free_mb = space.free / _MEBIBYTE
    if free_mb > limits.soft:
        yield ok(CHECK, text)
    else:
        past = limits.hard if free_mb <= limits.hard else limits.soft
        yield (fault if free_mb <= limits.hard else warning)(
            CHECK,
            f"{text[:-1]}, less than {past:,.0f} MiB: the archive is deleted to make room.",
            "Free space or enlarge the disk; limits are VATWATCH_DISK_SOFT_MB and _HARD_MB. Lower "
            "VATWATCH_JOURNAL_MAX_MB, or let history go with VATWATCH_HISTORY_RETENTION_DAYS.",
        )
    if space.files and space.files_free < LEAST_FILES * space.files:
        yield warning(
            CHECK,
            f"Only {space.files_free:,} of {space.files:,} files can still be made; each snapshot "
            "is one.",
            "Delete files that nobody needs, or lower VATWATCH_JOURNAL_MAX_MB.",
        )


def judge_growth(
    free: float, growths: Sequence[Growth], now: datetime, *, database_unknown: bool
) -> Iterator[DoctorFinding]:
    """When the disk is full.

    Args:
        free: bytes
        growths: what grows on it
        now: the wall clock
        database_unknown: the database is on it, too, and its growth is not known
    """
    but = " The database is not counted: it has no history, or does not answer."
    but = but if database_unknown else ""
    if not growths:
        yield ok(CHECK, f"How fast it grows is not known yet.{but}")
        return
    by = ", ".join(f"{one.name} by {_size(one.per_day)}" for one in growths)
    days = days_until_full(free, growths)
    if days is None or days > FAR.days:
        yield ok(CHECK, f"A day adds to it: {by}. It is not full within ten years.{but}")
        return
    full_in = timedelta(days=days)
    text = f"A day adds to it: {by}. It is full on {now + full_in:%Y-%m-%d}.{but}"
    if full_in > SOON:
        yield ok(CHECK, text)
        return
    yield (fault if full_in <= AT_ONCE else warning)(
        CHECK,
        text,
        "Enlarge the disk, move the database to a server of its own (DATABASE_URL), or bound what "
        "is kept: VATWATCH_POSITION_RETENTION_DAYS, VATWATCH_JOURNAL_MAX_MB.",
    )


def _space(home: Path) -> DiskSpace:
    place = next(one for one in (home, *home.absolute().parents) if one.is_dir())
    about = os.statvfs(place)
    return DiskSpace(
        free=about.f_bavail * about.f_frsize,
        size=about.f_blocks * about.f_frsize,
        files_free=about.f_favail,
        files=about.f_files,
    )


def _same_disk(home: Path) -> bool:
    cluster = home / "postgres" / "data"
    return not cluster.is_dir() or cluster.stat().st_dev == home.stat().st_dev


def _database_growth(database: DatabaseSettings, home: Path) -> DatabaseGrowth | None:
    """None if it cannot be asked, too, which is a finding about the database."""
    dsn = dsn_of(database, home)
    try:
        return None if dsn is None else look_at_growth(dsn)
    except DatabaseUnavailable:
        return None


def _journal(entries: JournalGrowth, bound: int) -> Growth:
    """It replaces its oldest entries when it has reached its bound."""
    return Growth("the journal", entries.bytes_per_day or 0.0, max(0, bound - entries.bytes))


def _stored(stored: DatabaseGrowth, kept: timedelta | None) -> Growth:
    """With a retention it grows until the oldest history is as old."""
    if kept is None:
        return Growth("the database", stored.bytes_per_day)
    left = max(timedelta(), kept - stored.history) / timedelta(days=1)
    return Growth("the database", stored.bytes_per_day, stored.bytes_per_day * left)


def _kept(traffic: TrafficSettings) -> timedelta | None:
    """How long positions, most of the data, are kept; None: forever."""
    given = (traffic.history_retention_days, traffic.position_retention_days)
    kept = [days for days in given if days is not None]
    return timedelta(days=min(kept)) if kept else None


def _sizes(entries: JournalGrowth, bound: int, cluster: int) -> str:
    database = f" The database has {_size(cluster)}." if cluster else ""
    return (
        f"The journal has {_size(entries.bytes)} of the {_size(bound)} that it may have: "
        f"{_size(entries.pending_bytes)} wait for the database, {_size(entries.archived_bytes)} "
        f"are in its archive.{database}"
    )


def _size(size: float) -> str:
    if size >= _GIBIBYTE:
        return f"{size / _GIBIBYTE:,.1f} GiB"
    digits = 1 if size < 10 * _MEBIBYTE else 0
    return f"{size / _MEBIBYTE:,.{digits}f} MiB"

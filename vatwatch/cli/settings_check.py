"""`vatwatch check`: shows the settings in force, and checks what they refer to.

Starts and changes nothing. PostgreSQL and Redis are asked once, within seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vatwatch.actors.area_places import places_of
from vatwatch.actors.traffic_options import read_options
from vatwatch.config.area_copies import has_copy
from vatwatch.config.areas import is_address
from vatwatch.config.cache import CacheSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.settings import Described, Reading, Settings
from vatwatch.counting import counted
from vatwatch.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    EmbeddedPostgresError,
    RedisUnavailable,
    SchemaRefused,
)
from vatwatch.redaction import redact
from vatwatch.storage.area_files import read_place
from vatwatch.storage.embedded import DATABASE, SUPERUSER
from vatwatch.storage.first_look import DatabaseFound, look_at_database, look_at_redis
from vatwatch.storage.migrate import newest_known
from vatwatch.storage.postgres_binaries import choose_binaries


@dataclass(frozen=True, slots=True)
class DependencyCheck:
    """The result of one check. `answers` is None if the server was not asked."""

    text: str
    answers: bool | None = None
    server_version: str = ""
    schema: int | None = None


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """The whole result. Without `faults` the service would start and work."""

    settings: list[Described]
    faults: list[str]
    warnings: list[str]
    database: DependencyCheck
    redis: DependencyCheck

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {**asdict(self), "schema_of_this_version": newest_known()}


def check(reading: Reading, *, offline: bool) -> SettingsReport:
    """Check everything. `offline`: ask neither PostgreSQL nor Redis."""
    faults, warnings = list(reading.faults), list(reading.warnings)
    not_asked = DependencyCheck("not asked")
    database = redis = not_asked
    if reading.settings is not None:
        faults.extend(_boundary(reading.settings))
        warnings.extend(_areas(reading.settings))
    # The valid sections are checked, even if others have faults.
    sections = reading.sections
    if sections.keys() >= {"database", "general"}:
        database = _database(
            sections["database"], sections["general"].home, faults, offline=offline
        )
    if "cache" in sections:
        redis = _redis(sections["cache"], faults, offline=offline)
    return SettingsReport(
        settings=reading.describe(),
        faults=[redact(fault) for fault in faults],
        warnings=[redact(warning) for warning in warnings],
        database=database,
        redis=redis,
    )


def lines(report: SettingsReport) -> Iterator[str]:
    """The report for people: a line for each setting, then what was found."""
    names = max(len(one.name) for one in report.settings)
    values = max(len(_value(one)) for one in report.settings)
    for one in report.settings:
        yield f"{one.name:{names}}  {_value(one):{values}}  {one.source}".rstrip()
    yield ""
    yield f"PostgreSQL: {report.database.text}"
    yield f"Redis: {report.redis.text}"
    for warning in report.warnings:
        yield f"warning: {warning}"
    yield ""
    if not report.faults:
        yield "No fault was found."
        return
    yield f"{counted(len(report.faults), 'fault')}:"
    for fault in report.faults:
        yield f"  {fault}"


def _value(one: Described) -> str:
    return f"{one.value} {one.unit}".strip() if one.value else "unset"


def _boundary(settings: Settings) -> Iterator[str]:
    try:
        read_options(settings.traffic, settings.contacts)
    except ConfigurationError as error:
        yield str(error)


def _areas(settings: Settings) -> Iterator[str]:
    """What is wrong with files: the service starts, and uses what was good last."""
    for place in places_of(settings.areas):
        if is_address(place.given):
            continue
        kept = has_copy(settings.general.home, place.setting, place.given)
        for error in read_place(place, ()).errors:
            yield f"{place.setting}: {error}{'; its last good copy is used' if kept else ''}"


def _database(
    database: DatabaseSettings, home: Path, faults: list[str], *, offline: bool
) -> DependencyCheck:
    if database.url is None:
        return _embedded(home, database.bindir, faults, offline=offline)
    if offline:
        return DependencyCheck("not asked")
    return _external(database.url.get_secret_value(), faults)


def _external(dsn: str, faults: list[str]) -> DependencyCheck:
    try:
        found = look_at_database(dsn)
    except DatabaseUnavailable as error:
        faults.append(f"DATABASE_URL: {error}")
        return DependencyCheck(redact(str(error)), answers=isinstance(error, SchemaRefused))
    return _found(found, f"version {found.server_version}")


def _embedded(
    home: Path, bindir: Path | None, faults: list[str], *, offline: bool
) -> DependencyCheck:
    """Check the cluster's programs, and if a service runs it now, its schema."""
    try:
        programs = choose_binaries(home.absolute() / "postgres" / "data", bindir)
    except EmbeddedPostgresError as error:
        faults.append(str(error))
        return DependencyCheck(str(error))
    where = f"embedded, version {programs.version} in {programs.bindir}"
    if offline:
        return DependencyCheck(where, server_version=programs.version)
    dsn = embedded_dsn(home)
    if dsn is None:
        return DependencyCheck(
            f"{where}; it starts with the service", server_version=programs.version
        )
    try:
        found = look_at_database(dsn)
    except SchemaRefused as error:
        faults.append(str(error))
        return DependencyCheck(f"{where}: {error}", answers=True, server_version=programs.version)
    except DatabaseUnavailable:
        return DependencyCheck(f"{where}; not running now", server_version=programs.version)
    return _found(found, where)


def embedded_dsn(home: Path) -> str | None:
    """Where the running cluster of this home is; None if none runs, or we may not read it."""
    try:
        # The fifth line of a running server's file (PostgreSQL: src/include/utils/pidfile.h).
        directory = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[4]
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    return f"host='{directory}' user={SUPERUSER} dbname={DATABASE}"


def _found(found: DatabaseFound, where: str) -> DependencyCheck:
    ours = newest_known()
    if found.schema is None:
        schema = "without tables yet: the first start makes them"
    elif found.schema == ours:
        schema = f"with schema {ours}, that of this version"
    else:
        schema = f"with schema {found.schema}: the next start brings it up to {ours}"
    return DependencyCheck(f"{where}, {schema}", True, found.server_version, found.schema)


def _redis(cache: CacheSettings, faults: list[str], *, offline: bool) -> DependencyCheck:
    if cache.redis_url is None:
        return DependencyCheck("unset: the live state stays in the process")
    if offline:
        return DependencyCheck("not asked")
    try:
        version = look_at_redis(cache.redis_url.get_secret_value())
    except RedisUnavailable as error:
        faults.append(f"REDIS_URL: {error}")
        return DependencyCheck(redact(str(error)), answers=False)
    return DependencyCheck(f"version {version}", True, version)

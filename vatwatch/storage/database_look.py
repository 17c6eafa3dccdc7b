"""A close look at a PostgreSQL: everything about it that vatwatch depends on. Changes nothing.

It blocks, in a native thread; each wait is bounded, but not the sum of them for many hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg2

from vatwatch.errors import DatabaseUnavailable, SchemaRefused
from vatwatch.storage.connecting import connect
from vatwatch.storage.first_look import TIMEOUT_S
from vatwatch.storage.growth import DatabaseGrowth, growth_of
from vatwatch.storage.migrate import newest_of
from vatwatch.storage.pooler import Pooler, pooler_of
from vatwatch.storage.reachability import why_not
from vatwatch.storage.replication import LogPosition, log_position

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NAME = "vatwatch doctor"


class OptionsRefused(DatabaseUnavailable):
    """It takes connections, but not with our options: time zone and time limits."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What was found. Times are aware, sizes bytes."""

    server_version: str
    version_number: int
    """As libpq has it: 150018 is 15.18."""
    encoding: str
    time_zone: str
    """Of our session, which asks for UTC."""
    in_recovery: bool
    read_only: bool
    schema_name: str | None
    """The schema for new tables; None if there is none."""
    may_create: bool
    may_make_temporary: bool
    tables_denied: tuple[str, ...]
    """Tables of vatwatch that this user may not write, or not change when the schema changes."""
    connections_free: int
    """How many more this user may open in this database."""
    connections_ours: int
    """How many vatwatch has open already."""
    connections_max: int
    size_bytes: int
    clock_ahead: timedelta
    """How far the server's clock is ahead of ours; negative if it is behind."""
    pooler: Pooler
    schema: int | None
    """The number of the newest change of the schema; None before the first start."""


def look_closely(dsn: str) -> DatabaseFacts:
    """Look at the server at this address.

    Raises:
        SchemaRefused: this version cannot use what is there
        OptionsRefused: a pooler refuses the options of our sessions
        DatabaseUnavailable: there is no answer, or it refuses us; the text quotes nothing of the
            address
    """
    with _session(dsn) as conn:
        facts = _facts(conn)
        version = conn.info.server_version
        pooler = pooler_of(dsn, conn)
        schema = newest_of(conn)
        denied = tuple(_denied(conn)) if schema is not None else ()
    return DatabaseFacts(
        server_version=facts.server_version,
        version_number=version,
        encoding=facts.encoding,
        time_zone=facts.time_zone,
        in_recovery=facts.in_recovery,
        read_only=facts.read_only,
        schema_name=facts.schema_name,
        may_create=facts.may_create,
        may_make_temporary=facts.may_make_temporary,
        tables_denied=denied,
        connections_free=facts.connections_free,
        connections_ours=facts.connections_ours,
        connections_max=facts.connections_max,
        size_bytes=facts.size_bytes,
        clock_ahead=facts.clock_ahead,
        pooler=pooler,
        schema=schema,
    )


def look_at_growth(dsn: str) -> DatabaseGrowth | None:
    """How fast the database grows; None before it has history. Raises as `look_closely`."""
    with _session(dsn) as conn:
        return growth_of(conn) if newest_of(conn) is not None else None


@dataclass(frozen=True, slots=True)
class ServerPosition:
    """How far a server is, and the number of its schema; None before the first start."""

    at: LogPosition
    schema: int | None


def look_at_position(dsn: str, *, reads: bool = False) -> ServerPosition:
    """How far the server at this address is. `reads`: of several hosts, a standby is preferred.

    Raises:
        OptionsRefused, DatabaseUnavailable: as `look_closely`
    """
    with _session(dsn, reads=reads) as conn:
        try:
            return ServerPosition(log_position(conn), newest_of(conn))
        except SchemaRefused:
            return ServerPosition(log_position(conn), None)


@contextmanager
def _session(dsn: str, *, reads: bool = False) -> Iterator[connection]:
    """A session like the service's. Raises as `look_closely`."""
    try:
        conn = connect(
            dsn,
            application_name=NAME,
            statement_timeout_s=TIMEOUT_S,
            connect_timeout_s=TIMEOUT_S,
            reads=reads,
        )
    except psycopg2.Error as error:
        reason = why_not(dsn, error)
        if _takes_plain_sessions(dsn):
            raise OptionsRefused(reason) from None
        raise DatabaseUnavailable(reason) from None
    try:
        conn.autocommit = True
        yield conn
    except psycopg2.Error as error:
        raise DatabaseUnavailable(
            f"PostgreSQL does not answer what it is asked ({error.pgcode or 'it went away'})"
        ) from None
    finally:
        conn.close()


def _takes_plain_sessions(dsn: str) -> bool:
    try:
        psycopg2.connect(
            dsn, connect_timeout=TIMEOUT_S, fallback_application_name=NAME, options=""
        ).close()
    except psycopg2.Error:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Facts:
    """How far the clock is ahead, and one row of `_QUERY`."""

    clock_ahead: timedelta
    server_version: str
    encoding: str
    time_zone: str
    in_recovery: bool
    read_only: bool
    schema_name: str | None
    may_create: bool
    may_make_temporary: bool
    connections_free: int
    connections_ours: int
    connections_max: int
    size_bytes: int


# Three bounds of connections: the server's without those for superusers, the database's, the
# role's; each -1 if there is none. Of other users' sessions pg_stat_activity has a row without
# details, which is all that counting needs.
_QUERY = """
    WITH sessions AS (
        SELECT datname, usename, application_name FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    )
    SELECT current_setting('server_version'),
           current_setting('server_encoding'), current_setting('TimeZone'), pg_is_in_recovery(),
           current_setting('transaction_read_only')::boolean, current_schema(),
           coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
           has_database_privilege(current_database(), 'TEMPORARY'),
           least(
               current_setting('max_connections')::int
                   - current_setting('superuser_reserved_connections')::int
                   - (SELECT count(*) FROM sessions),
               (SELECT CASE WHEN datconnlimit < 0 THEN NULL ELSE datconnlimit
                    - (SELECT count(*) FROM sessions WHERE datname = current_database()) END
                FROM pg_database WHERE datname = current_database()),
               (SELECT CASE WHEN rolconnlimit < 0 THEN NULL ELSE rolconnlimit
                    - (SELECT count(*) FROM sessions WHERE usename = current_user) END
                FROM pg_roles WHERE rolname = current_user)
           )::int,
           (SELECT count(*) FROM sessions
            WHERE datname = current_database() AND application_name LIKE 'vatwatch%')::int,
           current_setting('max_connections')::int, pg_database_size(current_database())
"""


def _facts(conn: connection) -> _Facts:
    with conn.cursor() as cur:
        before = datetime.now(UTC)
        cur.execute("SELECT clock_timestamp()")
        row = cur.fetchone()
        after = datetime.now(UTC)
        assert row is not None
        ahead = row[0] - (before + (after - before) / 2)
        cur.execute(_QUERY)
        found = cur.fetchone()
        assert found is not None
        return _Facts(ahead, *found)


def _denied(conn: connection) -> Iterator[str]:
    """Tables of vatwatch are those that belong to the owner of `schema_migrations`."""
    with conn.cursor() as cur:
        cur.execute(
            """SELECT c.relname FROM pg_class c
               JOIN pg_class m ON m.oid = to_regclass('schema_migrations')
               WHERE c.relnamespace = m.relnamespace AND c.relowner = m.relowner
                 AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                 AND NOT (has_table_privilege(c.oid, 'SELECT')
                          AND has_table_privilege(c.oid, 'INSERT')
                          AND has_table_privilege(c.oid, 'UPDATE')
                          AND has_table_privilege(c.oid, 'DELETE')
                          AND pg_has_role(c.relowner, 'USAGE'))
               ORDER BY c.relname"""
        )
        yield from (name for (name,) in cur.fetchall())

"""The first look at a server, before anything depends on it: its version, and whether we can use
it.

Each look blocks, opens one connection, and takes at most its timeout for each address of the host.
It is used at the start, before the process has a hub that could be blocked, and by `vatwatch
check`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg2
import redis

from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import DatabaseUnavailable, RedisUnavailable, SchemaRefused
from vatwatch.storage.connecting import connect
from vatwatch.storage.migrate import newest_of
from vatwatch.storage.postgres_binaries import choose_binaries
from vatwatch.storage.reachability import why_not
from vatwatch.storage.redis_client import redis_client
from vatwatch.storage.redis_connection import weather

# libpq's own minimum is 2 s. A server that is away delays the start by no more than this.
TIMEOUT_S = 3


@dataclass(frozen=True, slots=True)
class DatabaseFound:
    """A PostgreSQL that answers."""

    server_version: str
    schema: int | None
    """The number of the newest change of the schema; None before the first start."""


def check_database(database: DatabaseSettings, home: Path) -> None:
    """Check whether this version can use the database, before anything else starts.

    A server that is away is weather, and no reason not to start.

    Raises:
        SchemaRefused: another version of vatwatch has changed the database
        EmbeddedPostgresError: there are no programs for the embedded cluster
    """
    if database.url is None:
        choose_binaries(home.absolute() / "postgres" / "data", database.bindir)
        return
    try:
        look_at_database(database.url.get_secret_value())
    except SchemaRefused:
        raise
    except DatabaseUnavailable:
        return


def look_at_database(dsn: str) -> DatabaseFound:
    """The server at this address, and its schema.

    Raises:
        DatabaseUnavailable: there is no answer, or it refuses us; the text quotes nothing of the
            address
        SchemaRefused: this version cannot use what is there
    """
    try:
        conn = connect(
            dsn,
            application_name="vatwatch check",
            statement_timeout_s=TIMEOUT_S,
            connect_timeout_s=TIMEOUT_S,
        )
    except psycopg2.Error as error:
        raise DatabaseUnavailable(why_not(dsn, error)) from None
    try:
        version = str(conn.info.parameter_status("server_version"))
        return DatabaseFound(version, newest_of(conn))
    except psycopg2.Error as error:
        raise DatabaseUnavailable(
            f"PostgreSQL does not answer what it is asked ({error.pgcode or 'it went away'})"
        ) from None
    finally:
        conn.close()


def look_at_redis(url: str) -> str:
    """The version of the server that answers at this address.

    Raises:
        RedisUnavailable: there is no answer, or it refuses us; the text quotes nothing of the
            address
    """
    server = redis_client(url, TIMEOUT_S)
    try:
        server.ping()
        return str(server.info("server").get("redis_version", ""))
    except redis.RedisError as error:
        raise RedisUnavailable(
            f"Redis {weather(error) or 'does not answer what it is asked'}"
        ) from None
    finally:
        server.close()

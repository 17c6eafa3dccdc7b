"""Brings the database's schema and reference data up to date, before the store writes anything."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from vatwatch.errors import SchemaRefused
from vatwatch.storage.migrate import is_current, migrate
from vatwatch.storage.pool import ConnectionPool
from vatwatch.storage.reference import airports_are_current, write_airports

if TYPE_CHECKING:
    from psycopg2.extensions import connection

log = logging.getLogger("vatwatch.actors.store")

# A schema change may rewrite tables of any size; there are 28,000 airports.
MIGRATE_S = 600.0
AIRPORTS_S = 60.0


def bring_up_to_date(
    pool: ConnectionPool,
    *,
    take_longer: Callable[[float], None],
    on_refused: Callable[[str], None],
) -> bool:
    """Apply missing migrations, and write the airports if their version differs.

    Args:
        pool: of the database
        take_longer: is told how many seconds more the work may take, before it begins
        on_refused: is told why this version cannot use the schema; waiting does not help

    Returns:
        Whether the schema was changed; others may wait for that.

    Raises:
        SchemaRefused: another version of vatwatch has changed the database
        StorageError, psycopg2.Error: as `ConnectionPool.run`
    """
    applied: list[str] = []
    if not pool.run(is_current):
        take_longer(MIGRATE_S)
        try:
            applied = pool.run(migrate, timeout_s=MIGRATE_S)
        except SchemaRefused as error:
            on_refused(str(error))
            raise
        if applied:
            log.info("The schema of the database was changed: %s.", ", ".join(applied))
    if not pool.run(airports_are_current):
        take_longer(AIRPORTS_S)
        pool.run(write_airports, timeout_s=AIRPORTS_S)
    return bool(applied)


def server_version(conn: connection) -> str:
    """PostgreSQL's version, such as `17.5`."""
    return str(conn.info.parameter_status("server_version"))

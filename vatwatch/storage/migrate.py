"""Brings the schema up to date: numbered SQL files, each applied once, in order.

These are sixty lines of our own: yoyo-migrations would add its own tables, its own lock and
timeout, and a second way to connect (docs/dependencies.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from vatwatch.errors import SchemaRefused

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from psycopg2.extensions import connection

# Any number; "vatwatch changes the schema".
MIGRATION_LOCK = 0x7661_7477_0002

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schema_migrations IS 'A change of the schema that was applied.';
COMMENT ON COLUMN schema_migrations.version IS 'Its number.';
COMMENT ON COLUMN schema_migrations.name IS 'What it is about.';
COMMENT ON COLUMN schema_migrations.checksum IS 'SHA-256 of its file, which must not change.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'Wall clock.';
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered SQL file of `migrations/`."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of its text, in hexadecimal. The database keeps it: a file must not change."""
        return sha256(self.sql.encode()).hexdigest()


def migrate(conn: connection, migrations: Iterable[Migration] | None = None) -> list[str]:
    """Apply the missing migrations under a lock, all or nothing. Returns their names.

    For a native thread, within a transaction that the caller commits.

    Raises:
        SchemaRefused: an applied file has changed since, or the database is newer than this version
        psycopg2.Error: a migration fails; nothing is changed
    """
    known = sorted(load() if migrations is None else migrations, key=lambda m: m.version)
    applied: list[str] = []
    with conn.cursor() as cur:
        cur.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        cur.execute("SELECT to_regclass('schema_migrations') IS NULL")
        row = cur.fetchone()
        if row is not None and row[0]:
            cur.execute(_HISTORY)
        cur.execute("SELECT version, checksum FROM schema_migrations")
        done: dict[int, str] = dict(cur.fetchall())
        _refuse_others(done, known)
        for migration in known:
            if migration.version not in done:
                cur.execute(migration.sql)
                cur.execute(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
                    (migration.version, migration.name, migration.checksum),
                )
                applied.append(migration.name)
    return applied


def newest_of(conn: connection) -> int | None:
    """The number of the newest change that the database has; None if it has none.

    Raises:
        SchemaRefused: as `migrate` would
    """
    with conn.cursor() as cur:
        cur.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
        if cur.fetchone() != (True,):
            return None
        cur.execute("SELECT version, checksum FROM schema_migrations")
        done: dict[int, str] = dict(cur.fetchall())
    _refuse_others(done, load())
    return max(done, default=None)


def newest_known() -> int:
    """The number of the newest change that this version has."""
    return max(migration.version for migration in load())


def _refuse_others(done: Mapping[int, str], known: Iterable[Migration]) -> None:
    by_version = {migration.version: migration for migration in known}
    newer = done.keys() - by_version.keys()
    if newer:
        raise SchemaRefused(
            f"the database has schema {max(newer)}, and this version of vatwatch does not know "
            "it: run the version that made it, or a later one"
        )
    for version, checksum in sorted(done.items()):
        migration = by_version[version]
        if checksum != migration.checksum:
            raise SchemaRefused(
                f"schema change {version} ({migration.name}) is not what was applied to this "
                "database: an applied change must not be edited; run an unchanged vatwatch"
            )


def is_current(conn: connection) -> bool:
    """Whether there is nothing to apply; quick, and without the lock."""
    with conn.cursor() as cur:
        cur.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
        if cur.fetchone() != (True,):
            return False
        cur.execute("SELECT version, checksum FROM schema_migrations")
        return dict(cur.fetchall()) == {m.version: m.checksum for m in load()}


def load(directory: Traversable | None = None) -> list[Migration]:
    """The package's own migrations, or those of a directory."""
    directory = directory or files("vatwatch.storage") / "migrations"
    found: list[Migration] = []
    for file in directory.iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    return found

"""Reference data that comes with packages."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from vatwatch.storage.copy import copy_rows, stage
from vatwatch.traffic.airports import load_airports

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_COLUMNS = (
    "icao",
    "iata",
    "name",
    "city",
    "country",
    "latitude",
    "longitude",
    "elevation_ft",
    "timezone",
)


def write_airports(conn: connection) -> int:
    """Update the table of airports from the package's data. Returns how many rows changed."""
    if airports_are_current(conn):
        return 0
    changed = _write_airports(conn)
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO reference_data (name, version) VALUES ('airports', %s)
               ON CONFLICT (name) DO UPDATE SET version = excluded.version, written_at = now()""",
            (_airports_version(),),
        )
    return changed


def airports_are_current(conn: connection) -> bool:
    """Whether the table holds this version of the package's data."""
    return _version(conn, "airports") == _airports_version()


def _airports_version() -> str:
    return f"airportsdata {metadata.version('airportsdata')}"


def _version(conn: connection, name: str) -> str | None:
    with conn.cursor() as cur:
        cur.execute("SELECT version FROM reference_data WHERE name = %s", (name,))
        row = cur.fetchone()
        return None if row is None else str(row[0])


def _write_airports(conn: connection) -> int:
    updates = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[1:])
    with conn.cursor() as cur:
        stage(cur, "stage_airports", "LIKE airports")
        copy_rows(
            cur,
            "stage_airports",
            _COLUMNS,
            [tuple(getattr(a, column) for column in _COLUMNS) for a in load_airports().values()],
        )
        cur.execute(
            f"""INSERT INTO airports ({", ".join(_COLUMNS)})
                SELECT {", ".join(_COLUMNS)} FROM stage_airports
                ON CONFLICT (icao) DO UPDATE SET {updates}
                WHERE airports IS DISTINCT FROM excluded"""
        )
        return cur.rowcount

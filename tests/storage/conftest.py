from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg2
import pytest

from vatwatch.storage.migrate import migrate

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """These tests make the schema themselves, or parts of one."""
    return empty_database_url


@pytest.fixture
def conn(database_url: str) -> Iterator[connection]:
    """A connection to a fresh database with our schema."""
    conn = psycopg2.connect(database_url)
    with conn.cursor() as cur:
        cur.execute("SET TIME ZONE 'UTC'")
    migrate(conn)
    conn.commit()
    yield conn
    conn.close()

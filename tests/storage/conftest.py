from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg2
import pytest

if TYPE_CHECKING:
    from psycopg2.extensions import connection


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """For tests that ask for `conn`, the address of what that is connected to. The others make the
    schema themselves, or parts of one."""
    has_schema = "conn" in request.fixturenames
    name = "migrated_database_url" if has_schema else "empty_database_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def conn(database_url: str) -> Iterator[connection]:
    """A connection to a fresh database with our schema.

    It is a copy: to make the schema takes longer than most of these tests. That it is made as it
    should be is seen by tests/storage/test_migrate.py.
    """
    conn = psycopg2.connect(database_url)
    with conn.cursor() as cur:
        cur.execute("SET TIME ZONE 'UTC'")
    conn.commit()
    yield conn
    conn.close()

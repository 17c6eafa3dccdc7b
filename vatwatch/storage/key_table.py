"""The table of API keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from vatwatch.access.api_keys import USE_NOTED_EVERY, ApiKey
from vatwatch.storage.paging import record_of

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_COLUMNS = ApiKey.__struct_fields__


def read_keys(conn: connection) -> tuple[ApiKey, ...]:
    """All keys, the newest first, with those that were revoked."""
    with conn.cursor() as cur:
        cur.execute(f"SELECT {', '.join(_COLUMNS)} FROM api_keys ORDER BY created_at DESC, id")
        return tuple(record_of(ApiKey, row) for row in cur)


def insert_key(conn: connection, key: ApiKey) -> None:
    """Write a new key; once, if it is done twice."""
    values = {
        **{column: getattr(key, column) for column in _COLUMNS},
        "id": str(key.id),
        "scopes": [scope.value for scope in key.scopes],
    }
    with conn.cursor() as cur:
        cur.execute(
            f"""INSERT INTO api_keys ({", ".join(_COLUMNS)})
                VALUES ({", ".join(f"%({column})s" for column in _COLUMNS)})
                ON CONFLICT (id) DO NOTHING""",
            values,
        )


def revoke_key(conn: connection, key_id: UUID, now: datetime) -> ApiKey | None:
    """Revoke the key; the time of an earlier revocation stays. Returns it; None if there is no such
    key."""
    with conn.cursor() as cur:
        cur.execute(
            f"""UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE id = %s
                RETURNING {", ".join(_COLUMNS)}""",
            (now, str(key_id)),
        )
        row = cur.fetchone()
    return None if row is None else record_of(ApiKey, row)


def note_uses(conn: connection, uses: Mapping[UUID, datetime]) -> None:
    """Write when keys were used last, if that is `USE_NOTED_EVERY` after what is written."""
    with conn.cursor() as cur:
        cur.execute(
            f"""UPDATE api_keys k SET last_used_at = u.at
                FROM unnest(%s::uuid[], %s::timestamptz[]) AS u (id, at)
                WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at
                    <= u.at - interval '{USE_NOTED_EVERY.total_seconds():.0f} s')""",
            ([str(key_id) for key_id in uses], [*uses.values()]),
        )

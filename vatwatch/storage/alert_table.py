"""Alerts: written whenever they change, looked for page by page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from vatwatch.events.event import Cursor
from vatwatch.monitoring.alert_records import AlertFilter, AlertRecord
from vatwatch.storage.copy import to_json
from vatwatch.storage.paging import conditions, page, record_of

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

_COLUMNS = AlertRecord.__struct_fields__
_CHANGING = ("severity", "summary", "cause", "until", "notified", "delivery", "deliveries",
             "revision")  # fmt: skip


def write_alerts(cur: cursor, records: Iterable[AlertRecord]) -> None:
    """Write the current state of alerts. One with an older revision than the row changes
    nothing."""
    for record in records:
        values = asdict(record)
        values |= {"id": str(record.id), "deliveries": to_json(record.deliveries)}
        cur.execute(
            f"""INSERT INTO alerts ({", ".join(_COLUMNS)})
                VALUES ({", ".join(f"%({column})s" for column in _COLUMNS)})
                ON CONFLICT (id) DO UPDATE
                SET {", ".join(f"{column} = excluded.{column}" for column in _CHANGING)}
                WHERE alerts.revision < excluded.revision""",
            values,
        )


def find_alerts(
    conn: connection, wanted: AlertFilter, *, limit: int, after: Cursor | None
) -> tuple[AlertRecord, ...]:
    """A page of alerts, the latest fired first, after the previous page."""
    where, values = conditions(
        ("rule = %s", wanted.rule),
        ("severity = %s", wanted.severity),
        ("(until IS NULL OR until >= %s)", wanted.since),
        ("fired_at < %s", wanted.until),
    )
    if wanted.state:
        where.append(f"until IS {'NULL' if wanted.state == 'active' else 'NOT NULL'}")
    with conn.cursor() as cur:
        page(
            cur,
            f"SELECT {', '.join(_COLUMNS)} FROM alerts",
            where,
            values,
            limit=limit,
            after=after,
            time="fired_at",
        )
        return tuple(record_of(AlertRecord, row) for row in cur)

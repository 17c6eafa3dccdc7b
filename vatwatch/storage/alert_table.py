"""Alerts: written whenever they change, looked for page by page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from vatwatch.events.event import Cursor
from vatwatch.monitoring.alert_records import AlertDelivery, AlertFilter, AlertRecord
from vatwatch.storage.copy import to_json
from vatwatch.storage.paging import conditions, page

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

_COLUMNS = AlertRecord.__struct_fields__
_CHANGING = ("severity", "summary", "cause", "until", "notified", "delivery", "deliveries",
             "revision")  # fmt: skip
_DELIVERIES = msgspec.json.Decoder(tuple[AlertDelivery, ...])


def write_alerts(cur: cursor, records: Iterable[AlertRecord]) -> None:
    """Write alerts as they are now; one of an older revision than the row's changes nothing."""
    for record in records:
        values = [
            str(record.id),
            *(getattr(record, column) for column in _COLUMNS[1:]),
        ]
        values[_COLUMNS.index("deliveries")] = to_json(record.deliveries)
        cur.execute(
            f"""INSERT INTO alerts ({", ".join(_COLUMNS)})
                VALUES ({", ".join(["%s"] * len(_COLUMNS))})
                ON CONFLICT (id) DO UPDATE
                SET {", ".join(f"{column} = excluded.{column}" for column in _CHANGING)}
                WHERE alerts.revision < excluded.revision""",
            values,
        )


def find_alerts(
    conn: connection, wanted: AlertFilter, *, limit: int, after: Cursor | None
) -> tuple[AlertRecord, ...]:
    """A page of alerts, the latest fired first, after the previous page."""
    where, values = conditions(("rule = %s", wanted.rule), ("severity = %s", wanted.severity),
        ("(until IS NULL OR until >= %s)", wanted.since), ("fired_at < %s", wanted.until),
    )  # fmt: skip
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
        return tuple(_record(row) for row in cur)


def _record(row: tuple[object, ...]) -> AlertRecord:
    fields = dict(zip(_COLUMNS, row, strict=True))
    fields["id"] = UUID(str(fields["id"]))
    # psycopg2 has decoded the JSON already.
    fields["deliveries"] = _DELIVERIES.decode(msgspec.json.encode(fields["deliveries"]))
    for name in ("since", "fired_at", "until"):
        if isinstance(moment := fields[name], datetime):
            fields[name] = moment.astimezone(UTC)
    return msgspec.convert(fields, AlertRecord)

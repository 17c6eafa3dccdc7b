"""Reads a table page by page, ordered by time and id; a cursor says where the last page ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from vatwatch.events.event import Cursor

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

S = TypeVar("S", bound=Struct)


def conditions(*given: tuple[str, object]) -> tuple[list[str], list[object]]:
    """The conditions that have a value, and these values."""
    said = [(text, value) for text, value in given if value not in ("", None, [])]
    return [text for text, _ in said], [value for _, value in said]


def page(
    cur: cursor,
    select: str,
    where: list[str],
    values: list[object],
    *,
    limit: int,
    after: Cursor | None,
    time: str = "time",
) -> None:
    """Execute `select` for one page, the newest rows first.

    `after` is the cursor of the last row of the previous page; `time` is the column that, with the
    id, makes the order.
    """
    if after is not None:
        where = [*where, f"({time}, id) < (%s, %s::uuid)"]
        values = [*values, after[0], str(after[1])]
    restriction = f" WHERE {' AND '.join(where)}" if where else ""
    cur.execute(f"{select}{restriction} ORDER BY {time} DESC, id DESC LIMIT %s", (*values, limit))


def record_of(kind: type[S], row: Sequence[object]) -> S:
    """Convert a row with a column for each field, in the same order, to a record.

    Times are converted to UTC, whatever the session's time zone is (PgBouncer may not pass on
    ours).
    """
    in_utc = (each.astimezone(UTC) if isinstance(each, datetime) else each for each in row)
    return msgspec.convert(dict(zip(kind.__struct_fields__, in_utc, strict=True)), kind)

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
    either: Sequence[tuple[str, object]] = (),
) -> None:
    """Execute `select` for one page, the newest rows first.

    `after` is the cursor of the last row of the previous page; `time` is the column that, with the
    id, makes the order. Of the conditions in `either` a row must fulfil one.
    """
    if after is not None:
        where = [*where, f"({time}, id) < (%s, %s::uuid)"]
        values = [*values, after[0], str(after[1])]
    order = f"ORDER BY {time} DESC, id DESC LIMIT %s"
    if not either:
        restriction = f" WHERE {' AND '.join(where)}" if where else ""
        cur.execute(f"{select}{restriction} {order}", (*values, limit))
        return
    # A page by each of them, as each has an index in this order, which an OR would not follow. What
    # fulfils several is in the page of the first alone.
    parts: list[str] = []
    given: list[object] = []
    for number, (condition, value) in enumerate(either):
        before = either[:number]
        all_of = [*where, condition, *(f"({text}) IS NOT TRUE" for text, _ in before)]
        parts.append(f"({select} WHERE {' AND '.join(all_of)} {order})")
        given += [*values, value, *(value for _, value in before), limit]
    cur.execute(f"{' UNION ALL '.join(parts)} {order}", (*given, limit))


def record_of(kind: type[S], row: Sequence[object]) -> S:
    """Convert a row with a column for each field, in the same order, to a record.

    Times are converted to UTC, whatever the session's time zone is (PgBouncer may not pass on
    ours).
    """
    in_utc = (each.astimezone(UTC) if isinstance(each, datetime) else each for each in row)
    return msgspec.convert(dict(zip(kind.__struct_fields__, in_utc, strict=True)), kind)

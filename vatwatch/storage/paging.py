"""Pages of a table that is ordered by time and id, by what the last page ended with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

Place: TypeAlias = tuple[datetime, UUID]
"""Where a row stands."""


def conditions(*given: tuple[str, object]) -> tuple[list[str], list[object]]:
    """The conditions whose value says something, and these values."""
    said = [(text, value) for text, value in given if value not in ("", None, [])]
    return [text for text, _ in said], [value for _, value in said]


def page(
    cur: cursor,
    select: str,
    where: list[str],
    values: list[object],
    *,
    limit: int,
    beyond: Place | None,
    oldest_first: bool,
) -> None:
    """Execute `select` for one page: the newest rows first, or the oldest."""
    if beyond is not None:
        where = [*where, f"(time, id) {'>' if oldest_first else '<'} (%s, %s::uuid)"]
        values = [*values, beyond[0], str(beyond[1])]
    restriction = f" WHERE {' AND '.join(where)}" if where else ""
    order = "time, id" if oldest_first else "time DESC, id DESC"
    cur.execute(f"{select}{restriction} ORDER BY {order} LIMIT %s", (*values, limit))

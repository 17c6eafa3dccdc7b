"""Pages of a table that is ordered by time and id, by what the last page ended with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.traffic.events import Cursor

if TYPE_CHECKING:
    from psycopg2.extensions import cursor


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
    after: Cursor | None,
    oldest_first: bool,
) -> None:
    """Execute `select` for one page, the newest rows first or the oldest.

    `after` is the cursor of the last row of the previous page.
    """
    if after is not None:
        where = [*where, f"(time, id) {'>' if oldest_first else '<'} (%s, %s::uuid)"]
        values = [*values, after[0], str(after[1])]
    restriction = f" WHERE {' AND '.join(where)}" if where else ""
    order = "time, id" if oldest_first else "time DESC, id DESC"
    cur.execute(f"{select}{restriction} ORDER BY {order} LIMIT %s", (*values, limit))

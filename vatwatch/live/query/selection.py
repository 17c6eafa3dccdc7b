"""Selections: a query, and the page of a table that answers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Raw

from vatwatch.live.query.fields import ALL_FIELDS, FieldChoice
from vatwatch.live.query.filters import NO_FILTERS, RecordFilters
from vatwatch.live.query.ordering import BY_ID, PageCursor, SortOrder
from vatwatch.live.query.record_table import RecordTable


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records, in which order, how many, and which of their fields."""

    filters: RecordFilters = NO_FILTERS
    order: SortOrder = BY_ID
    limit: int | None = None
    after: PageCursor | None = None
    fields: FieldChoice = ALL_FIELDS

    @property
    def text(self) -> str:
        """The normal form: equal queries have equal texts."""
        after = "" if self.after is None else self.after.text()
        parts = (self.filters.text, self.order.text, self.limit, after, self.fields.text)
        return "|".join(map(str, parts))


EVERYTHING = RecordQuery()


@dataclass(frozen=True, slots=True)
class SelectedPage:
    """The records of a page."""

    rows: Sequence[int]
    """Where they are in the table."""
    records: Sequence[Raw]
    total: int
    """How many match, on this page and on all others."""
    next_cursor: str | None
    """None: this is the last page."""


def select(table: RecordTable, query: RecordQuery) -> SelectedPage:
    """The page that answers a query.

    Without order, limit and cursor, records stand as in the table; else in the order of the query,
    and those that it leaves level by their id.
    """
    wanted = query.filters.mask(table)
    total = int(np.count_nonzero(wanted))
    if query.after is not None:
        wanted &= table.ranks.behind(query.order, query.after)
    rows = np.flatnonzero(wanted)
    if query.order != BY_ID or query.limit is not None or query.after is not None:
        rows = table.ranks.in_order(rows, query.order)
    shown = rows[: query.limit].tolist()
    cursor = None
    if shown and len(shown) < len(rows):
        cursor = table.ranks.cursor(shown[-1], query.order).text()
    return SelectedPage(shown, [table.records[row] for row in shown], total, cursor)

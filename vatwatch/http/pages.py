"""Pages of records, newest first: from the table, or from memory while the database is away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import falcon
from msgspec import Struct

from vatwatch.errors import StorageError, SupervisionError
from vatwatch.events.event import Cursor
from vatwatch.http.app_context import AppContext, send_json
from vatwatch.http.formats import tell_page
from vatwatch.http.params import next_cursor
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.csv_table import lines_of
from vatwatch.supervision import Ask


class NewestHead(Struct, frozen=True):
    """What every page of records says of itself."""

    source: Literal["database", "memory"]
    """Where the records are from: memory while the database is away."""
    count: int
    """How many records are in this answer."""
    next_cursor: str | None
    """Continues after this page; null: there is no more."""


class Newest(NewestHead, frozen=True, kw_only=True):
    """A page of records."""

    records: tuple[Any, ...]

    def head(self) -> dict[str, Any]:
        """What the answer says beside the records."""
        return {name: getattr(self, name) for name in NewestHead.__struct_fields__}


class Listed(Protocol):
    """A record with a position in a list of its kind."""

    @property
    def cursor(self) -> Cursor:
        """Its position: time and id."""


class Lines(NamedTuple):
    """How a page is sent in another format than JSON: its records alone, each on a line."""

    req: falcon.Request
    wanted: AnswerFormat
    record: type[Struct]
    """What `row` gives: its fields are the columns of CSV."""
    row: Callable[[Any], Struct]


def send_newest(
    service: AppContext,
    resp: falcon.Response,
    answer: Callable[[Newest], Struct],
    *,
    table: Ask[Sequence[Listed]],
    keeper: str,
    memory: Ask[Sequence[Listed]],
    limit: int,
    lines: Lines | None = None,
) -> None:
    """Answer with a page of records, in the form that `answer` gives it, or in `lines`.

    The question `table` goes to `history`. While the database is away, the question `memory` goes
    to `keeper`, the actor that has the latest records in memory; `source` in the answer says which
    it was. `limit` is the limit of both questions: a full page has a `next_cursor`.
    """
    source: Literal["database", "memory"] = "database"
    try:
        found = service.ask("history", table)
    except (StorageError, SupervisionError):
        source, found = "memory", service.ask(keeper, memory)
    last = found[-1].cursor if len(found) == limit else None
    following = None if last is None else next_cursor(last)
    if lines is not None:
        resp.append_header("Vary", "Accept")
        if lines.wanted is not AnswerFormat.JSON:
            # How many there are in all nobody has counted.
            tell_page(lines.req, resp, None, following)
            resp.content_type = lines.wanted.content_type
            rows = tuple(map(lines.row, found))
            resp.data = lines_of(rows, lines.record, lines.wanted)
            return
    page = Newest(source=source, count=len(found), next_cursor=following, records=tuple(found))
    send_json(resp, answer(page))

"""Pages of records, newest first: from the table, or from memory while the database is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import falcon

from vatwatch.errors import StorageError, SupervisionError
from vatwatch.events.event import Cursor
from vatwatch.http.app_context import AppContext, send_json
from vatwatch.http.params import next_cursor
from vatwatch.supervision import Ask


class Listed(Protocol):
    """A record with a position in a list of its kind."""

    @property
    def cursor(self) -> Cursor:
        """Its position: time and id."""


def send_newest(
    service: AppContext,
    resp: falcon.Response,
    name: str,
    *,
    table: Ask[Sequence[Listed]],
    keeper: str,
    memory: Ask[Sequence[Listed]],
    limit: int,
    more: Mapping[str, object] | None = None,
) -> None:
    """Answer with a page of records under `name`.

    The question `table` goes to `history`. While the database is away, the question `memory` goes
    to `keeper`, the actor that has the latest records in memory; `source` in the answer says which
    it was. `limit` is the limit of both questions: a full page has a `next_cursor`. `more` has
    further fields of the answer.
    """
    found: Sequence[Listed]
    try:
        source, found = "database", service.ask("history", table)
    except (StorageError, SupervisionError):
        source, found = "memory", service.ask(keeper, memory)
    last = found[-1].cursor if len(found) == limit else None
    send_json(
        resp,
        {
            **(more or {}),
            "source": source,
            "count": len(found),
            name: found,
            "next_cursor": None if last is None else next_cursor(last),
        },
    )

"""Live queries: pages of the live state, selected when somebody asks for them.

A collection is made ready for queries at the first one after a snapshot, in a native thread, so the
live state never waits for it. Equal queries share one answer until the next snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from vatwatch.actors.on_demand import OnDemand
from vatwatch.actors.service import Service
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.live_answers import answer, make_table
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.records import Body, Collection, as_old_as
from vatwatch.messages import QueryLive
from vatwatch.supervision import NativePool, Reply

# Answers kept until the next snapshot: how many, and bytes in all. Two of 10,000 flights at most.
MAX_KEPT = 100
MAX_KEPT_BYTES = 64 * 2**20

_Source: TypeAlias = tuple[Collection, Body]
_Key: TypeAlias = tuple[Collection, str, AnswerFormat]


class LiveQueries:
    """Of the cache."""

    def __init__(self, cache: Service) -> None:
        self._cache = cache
        self._pool = NativePool(1, "live queries")
        self._sources: dict[Collection, _Source] = {}
        self._tables: dict[Collection, OnDemand[_Source, RecordTable]] = {}
        self._answers: dict[_Key, Reply[Body]] = {}
        self._kept_bytes = 0

    def show(self, bodies: Mapping[Collection, Body]) -> None:
        """This is the live state now."""
        self._sources = {one: (one, body) for one, body in bodies.items()}
        self._tables = {one: OnDemand(self._pool, make_table) for one in bodies}
        self._answers = {}
        self._kept_bytes = 0

    def answer(self, question: QueryLive, reply: Reply[Any]) -> None:
        """Answer; None if there is no live state. For a greenlet, as it waits."""
        try:
            reply.set(self._find(question))
        except Exception as error:  # noqa: BLE001 - a bug of a query must not end the live state
            self._cache.report_failure("answer a query", error)
            reply.fail(error)

    def close(self) -> None:
        """Give the thread back."""
        self._pool.close()

    def _find(self, question: QueryLive) -> Body | None:
        collection, query, wanted = question.collection, question.query, question.format
        source = self._sources.get(collection)
        if source is None:
            return None
        answers, key = self._answers, (collection, query.text, wanted)
        known = answers.get(key)
        if known is not None:
            return known.get()
        making = answers[key] = Reply[Body]()
        try:
            body = self._tables[collection].read(source, answer, query, wanted)
        except BaseException as error:
            # Also the end of the actor: who waits for this answer must not wait for ever.
            answers.pop(key, None)
            making.fail(error)
            raise
        body = as_old_as(source[1], body)
        making.set(body)
        if answers is self._answers:
            self._keep(key, body)
        return body

    def _keep(self, key: _Key, body: Body) -> None:
        """Keep an answer, and let go of the oldest ones if there are too many."""
        self._kept_bytes += _size(body)
        finished = [(one, made.get()) for one, made in self._answers.items() if made.answered]
        while finished and (len(finished) > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES):
            oldest, its_body = finished.pop(0)
            del self._answers[oldest]
            self._kept_bytes -= _size(its_body)


def _size(body: Body) -> int:
    return len(body.plain) + len(body.gzipped)

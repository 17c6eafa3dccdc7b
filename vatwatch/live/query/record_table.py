"""Record tables: the records of one collection, ready to be filtered and put in order.

A table is made of the collection as it is served, so it is the same wherever that is. Its columns
are made when they are first looked at. For a native thread, and for one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from vatwatch.live.query.columns import Column
from vatwatch.live.query.facts import RecordFacts, read_facts
from vatwatch.live.query.ordering import RecordRanks, record_ids
from vatwatch.live.records import Collection

AnyColumn = TypeVar("AnyColumn", bound=Column)


class RecordTable:
    """The records of a collection."""

    def __init__(self, collection: Collection, plain: bytes, ends: Sequence[int] = ()) -> None:
        """`plain`: the whole collection in JSON. `ends`: where its records are, as in its `Body`;
        without these they are looked for.

        Raises:
            msgspec.MsgspecError: it is not what vatwatch writes
        """
        self.collection = collection
        self.head, self.records = (
            _cut(collection, plain, ends) if ends else _read(collection, plain)
        )
        """The other fields of the answer, and the records as served, in the order in which they are
        served."""
        # One by one, so that the interpreter is free in between.
        self.facts: Sequence[RecordFacts] = [read_facts(record) for record in self.records]
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def ids(self) -> Sequence[str]:
        """What tells the records apart."""
        return record_ids(self.collection, self.facts)

    @cached_property
    def ranks(self) -> RecordRanks:
        """The orders of the records."""
        return RecordRanks(self.facts, self.ids)

    def column(
        self,
        name: str,
        make: Callable[[Any], AnyColumn],
        values: Callable[[RecordFacts], Sequence[Any]],
    ) -> AnyColumn:
        """The column of this name: of the `values` of each record, made once."""
        found: Any = self._columns.get(name)
        if found is None:
            found = self._columns[name] = make(map(values, self.facts))
        return found  # type: ignore[no-any-return]


_Parts: TypeAlias = tuple[dict[str, Raw], Sequence[Raw]]


def _read(collection: Collection, plain: bytes) -> _Parts:
    head = msgspec.json.decode(plain, type=dict[str, Raw])
    return head, msgspec.json.decode(head.pop(collection.value, b"[]"), type=list[Raw])


def _cut(collection: Collection, plain: bytes, ends: Sequence[int]) -> _Parts:
    """The same without a look at each character, which takes 40 ms of 10,000 flights."""
    before = f',"{collection.value}":['
    head = msgspec.json.decode(plain[: ends[0] - len(before)] + b"}", type=dict[str, Raw])
    whole = memoryview(plain)
    # Between two records stands a comma.
    begins = [ends[0], *(end + 1 for end in ends[1:-1])]
    return head, [Raw(whole[begin:end]) for begin, end in zip(begins, ends[1:], strict=True)]

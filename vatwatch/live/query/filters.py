"""Filters that were given: which records fulfil them, one at a time or a table at once.

The names are the same wherever records are asked for. A record must fulfil all filters that are
given; a filter of several values is fulfilled by any of them, and a record without a value by none.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from vatwatch.live.query.columns import Bools
from vatwatch.live.query.facts import RecordFacts
from vatwatch.live.query.known_filters import RecordFilter, filters_of
from vatwatch.live.query.numbers import NumberCondition, RangeCondition
from vatwatch.live.query.places import BoxCondition, CircleCondition
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.query.texts import TextCondition
from vatwatch.live.records import Collection

FilterCondition: TypeAlias = (
    TextCondition | NumberCondition | RangeCondition | BoxCondition | CircleCondition
)


@dataclass(frozen=True, slots=True)
class RecordFilters:
    """Filters that were given, each with its condition. Equal ones have equal texts."""

    given: tuple[tuple[RecordFilter, FilterCondition], ...] = ()
    text: str = field(init=False)
    """The normal form: `altitude=10000..40000&callsign=BAW`."""

    def __post_init__(self) -> None:
        texts = sorted(f"{one.name}={condition.text}" for one, condition in self.given)
        object.__setattr__(self, "text", "&".join(texts))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.given)

    def condition(self, name: str) -> FilterCondition | None:
        """What the filter of this name asks for; None: it was not given."""
        return next((condition for one, condition in self.given if one.name == name), None)

    def only(self, names: AbstractSet[str]) -> RecordFilters:
        """Those of these names alone."""
        return RecordFilters(tuple(each for each in self.given if each[0].name in names))

    def without(self, names: AbstractSet[str]) -> RecordFilters:
        """All but those of these names."""
        return RecordFilters(tuple(each for each in self.given if each[0].name not in names))

    def wants(self, facts: RecordFacts) -> bool:
        """Whether a record fulfils all of them."""
        return all(any(map(condition.test, one.values(facts))) for one, condition in self.given)

    def mask(self, table: RecordTable) -> Bools:
        """Whether each record of a table fulfils all of them."""
        found = np.ones(len(table), np.bool_)
        for one, condition in self.given:
            column: Any = table.column(one.name, one.column, one.values)
            of_this = np.zeros(len(table), np.bool_)
            of_this[column.rows[condition.test_all(column)]] = True
            found &= of_this
        return found


NO_FILTERS = RecordFilters()


def read_filters(given: Mapping[str, str], collection: Collection) -> RecordFilters:
    """Filters by name, as they are written.

    Raises:
        KeyError: the collection has no filter of this name
        BadValue: a value cannot be read
    """
    known = {one.name: one for one in filters_of(collection)}
    return RecordFilters(
        tuple((known[name], known[name].read(text)) for name, text in given.items())
    )

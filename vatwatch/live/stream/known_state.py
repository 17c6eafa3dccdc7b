"""A live state that the stream knows, and which of its records fulfil filters."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from vatwatch.live.query.facts import RecordFacts, read_facts
from vatwatch.live.query.filters import RecordFilters
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.records import Collection
from vatwatch.live.stream.records import ID_FIELDS, StreamState


class KnownState:
    """For one thread at a time: what filters find is kept."""

    def __init__(self, state: StreamState, plain: Mapping[Collection, bytes]) -> None:
        """`plain`: the collections in JSON from which the state was read."""
        self.state = state
        self._plain = plain
        self._tables: dict[Collection, RecordTable] = {}
        self._found: dict[tuple[Collection, str], AbstractSet[str]] = {}

    def ids(self, collection: Collection, filters: RecordFilters) -> AbstractSet[str]:
        """The ids of the records that fulfil the filters."""
        if not filters:
            return self.state.of(collection).keys()
        key = (collection, filters.text)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._select(collection, filters)
        return found

    def facts(self, collection: Collection, id_: str) -> RecordFacts | None:
        """What filters look at in a record; None if it is not there."""
        record = self.state.of(collection).get(id_)
        return None if record is None else read_facts(record)

    def _select(self, collection: Collection, filters: RecordFilters) -> AbstractSet[str]:
        if collection not in self._plain:
            return frozenset()
        table = self._tables.get(collection)
        if table is None:
            table = self._tables[collection] = RecordTable(collection, self._plain[collection])
        id_field = ID_FIELDS[collection]
        return frozenset(
            getattr(table.facts[row], id_field) for row in filters.mask(table).nonzero()[0].tolist()
        )


NOTHING_KNOWN = KnownState(StreamState(), {})

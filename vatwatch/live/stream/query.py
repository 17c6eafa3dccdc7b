"""What a client of the stream asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from vatwatch.live.query.filters import NO_FILTERS, RecordFilters
from vatwatch.live.records import Collection
from vatwatch.live.stream.log import StreamedEvent


class Channel(Enum):
    """What a stream may tell of; the value is its name in the URL."""

    POSITIONS = "positions"
    """Flights."""
    EVENTS = "events"
    CONTROLLERS = "controllers"
    """Controllers and ATIS."""
    STATUS = "status"
    """How the service is."""


COLLECTIONS: Mapping[Channel, tuple[Collection, ...]] = {
    Channel.POSITIONS: (Collection.FLIGHTS,),
    Channel.CONTROLLERS: (Collection.CONTROLLERS, Collection.ATIS),
}
ALL_CHANNELS = frozenset(Channel)
# Of events these look at whom they name, as in the list of events.
OF_NAMES = frozenset({"callsign", "cid"})


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Equal queries get the same bytes.

    `filters`: by collection; None: none of its records is wanted. What is not in it has no filters.
    """

    channels: frozenset[Channel] = ALL_CHANNELS
    filters: Mapping[Collection, RecordFilters | None] = field(default_factory=dict, compare=False)
    text: str = field(init=False)
    """The filters in their normal form."""
    _names: RecordFilters = field(init=False, compare=False, repr=False)
    _others: Mapping[Collection, RecordFilters] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        texts = sorted(
            f"{one.value}?{'-' if filters is None else filters.text}"
            for one, filters in self.filters.items()
        )
        object.__setattr__(self, "text", " ".join(texts))
        given = {one: filters for one, filters in self.filters.items() if filters is not None}
        names = next((filters.only(OF_NAMES) for filters in given.values()), NO_FILTERS)
        object.__setattr__(self, "_names", names)
        others = {one: filters.without(OF_NAMES) for one, filters in given.items()}
        object.__setattr__(self, "_others", others)

    @property
    def collections(self) -> tuple[Collection, ...]:
        """The collections of the channels."""
        return tuple(
            collection
            for channel, collections in COLLECTIONS.items()
            if channel in self.channels
            for collection in collections
        )

    def filters_of(self, collection: Collection) -> RecordFilters | None:
        """The filters of a collection; None: none of its records is wanted."""
        return self.filters.get(collection, NO_FILTERS)

    def wants(self, event: StreamedEvent) -> bool:
        """Whether an event is told: with filters, if it names whom `callsign` and `cid` want, and
        the others show one whom it is about."""
        if not self.filters:
            return True
        about = ((Collection.FLIGHTS, event.flight), (Collection.CONTROLLERS, event.session))
        return self._wants_names(event) and any(
            not filters or (facts is not None and filters.wants(facts))
            for collection, facts in about
            if (filters := self._others.get(collection)) is not None
        )

    def _wants_names(self, event: StreamedEvent) -> bool:
        named: dict[str, tuple[Any, ...]] = {"callsign": event.callsigns, "cid": event.cids}
        return all(
            any(map(condition.test, named[one.name])) for one, condition in self._names.given
        )

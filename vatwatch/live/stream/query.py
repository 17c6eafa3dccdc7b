"""What a client of the stream asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

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


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Equal queries get the same bytes.

    `filters`: by collection; None: none of its records is wanted. What is not in it has no filters.
    """

    channels: frozenset[Channel] = ALL_CHANNELS
    filters: Mapping[Collection, RecordFilters | None] = field(default_factory=dict, compare=False)
    text: str = field(init=False)
    """The filters in their normal form."""

    def __post_init__(self) -> None:
        texts = sorted(
            f"{one.value}?{'-' if filters is None else filters.text}"
            for one, filters in self.filters.items()
        )
        object.__setattr__(self, "text", " ".join(texts))

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
        """Whether an event is told: with filters, if they show whom it is about."""
        if not self.filters:
            return True
        about = ((Collection.FLIGHTS, event.flight), (Collection.CONTROLLERS, event.session))
        return any(
            facts is not None
            and (filters := self.filters_of(collection)) is not None
            and filters.wants(facts)
            for collection, facts in about
        )

"""To the stream: live states and events as they come, and what clients ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.events.event import Event
from vatwatch.live.records import Body, Collection
from vatwatch.live.stream.blocks import StreamBlock
from vatwatch.live.stream.log import StreamPosition
from vatwatch.live.stream.query import StreamQuery
from vatwatch.messages.shared import UseRole
from vatwatch.supervision import Ask, BestEffort, Latest


@dataclass(frozen=True, slots=True)
class LiveEncoded(Latest):
    """cache → stream: this is the live state now, as it is served."""

    bodies: Mapping[Collection, Body]


@dataclass(frozen=True, slots=True)
class StreamEvents(BestEffort):
    """event_bus → stream: these were published. `total`: how many the bus has published, with
    these; so the stream notices if a message is lost."""

    events: tuple[Event, ...]
    total: int


@dataclass(frozen=True, slots=True)
class OpenStream(Ask[StreamBlock]):
    """http → stream: everything for a client that has got to `after`, or a snapshot if that is not
    known any more. None: a client that has nothing."""

    query: StreamQuery
    after: StreamPosition | None = None


@dataclass(frozen=True, slots=True)
class AwaitStream(Ask[tuple[StreamBlock | None, ...]]):
    """http → stream: what comes next for each of these; None: nothing yet. Answered as soon as
    there is something for one of them."""

    wanted: tuple[tuple[StreamQuery, StreamPosition], ...]


ToStream: TypeAlias = LiveEncoded | StreamEvents | OpenStream | AwaitStream | UseRole

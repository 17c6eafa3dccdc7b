"""What the event bus tells of itself."""

from __future__ import annotations

from vatwatch.actors.event_deliveries import EventDeliveries, metrics_of
from vatwatch.actors.event_memory import BusMemory
from vatwatch.actors.events_to_store import EventsToStore
from vatwatch.messages.status import EventBusStatus


def bus_status(
    memory: BusMemory, table: EventsToStore, deliveries: EventDeliveries
) -> EventBusStatus:
    """Its figures now."""
    queues = memory.queues.values()
    return EventBusStatus(
        published=memory.by_type.total(),
        handled=sum(queue.counts.handled for queue in queues),
        failed=sum(queue.counts.failed for queue in queues),
        retried=sum(queue.counts.retried for queue in queues),
        dead=sum(queue.counts.dead for queue in queues),
        refused=memory.refused,
        repeated=memory.repeated,
        by_type=dict(memory.by_type),
        by_source=dict(memory.by_source),
        types={kind: metrics_of(counts) for kind, counts in memory.types.items()},
        handlers=deliveries.status(),
        dead_messages=memory.dead_messages,
        dead_letters=len(memory.letters),
        unstored=len(table),
        given_up=memory.given_up,
        outbox_error=table.error,
    )

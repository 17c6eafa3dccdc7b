"""The bridge from the supervisors' notices to the actors that need them.

The runtime raises a notice and knows no service of vatwatch; here the notice becomes a message.
All of these messages are best effort: a supervisor never waits for a watcher.

The start and the stop of a service are events. The error manager publishes them, after its errors
about the same service. When the tree stops, error manager and event bus end before the last
services do. For these the bridge publishes the event itself: to the bus, or when the bus has ended,
to the bus's outbox file, which the next process reads.
"""

from __future__ import annotations

from pathlib import Path

from vatwatch.actors.service import new_event
from vatwatch.events.event import Event, EventRow
from vatwatch.events.payloads import ServicePayload
from vatwatch.messages import MessageUndelivered, NodeChanged, Publish, SupervisionNoticed
from vatwatch.storage.outbox import BUS_LINES, EventLine, Outbox
from vatwatch.supervision import (
    BreakerChanged,
    ChildFailed,
    ChildOnStandby,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    DeadLettered,
    Notice,
    Tree,
)


def subscribe_to_notices(tree: Tree, *, outbox: Path | None = None) -> None:
    """Tell error manager, health monitor and event bus what happens in `tree`.

    Call it once, before the tree is started. `outbox`: the event bus's; None: it has none.
    """
    error_manager = tree.directory.address("error_manager")
    health_monitor = tree.directory.address("health_monitor")
    event_bus = tree.directory.address("event_bus")

    def on_notice(notice: Notice) -> None:
        if isinstance(notice, ChildStopped) and tree.stopping and not error_manager.alive():
            publish(_started_or_stopped_event(notice))
        else:
            error_manager.tell(SupervisionNoticed(notice))
        if isinstance(notice, DeadLettered):
            take_undelivered(notice)
        changed = _changed_node(notice)
        if changed is not None:
            health_monitor.tell(changed)

    def take_undelivered(letter: DeadLettered) -> None:
        ended = tree.stopping and letter.reason == "stopped"
        match letter.message:
            case Publish(events, stored=False) if ended or (
                tree.stopping and not event_bus.alive()
            ):
                leave(*events)
            case SupervisionNoticed(ChildStarted() | ChildStopped() as unread) if ended:
                publish(_started_or_stopped_event(unread))
            case message if not ended:
                event_bus.tell(MessageUndelivered(letter.path, message, letter.reason))

    def publish(event: Event) -> None:
        if event_bus.alive():
            event_bus.tell(Publish((event,), checked=True))
        else:
            leave(event)

    def leave(*events: Event) -> None:
        """For the next process: the event bus has ended."""
        if outbox is not None:
            file = Outbox(outbox, BUS_LINES)
            file.append(*(EventLine(EventRow.of(event)) for event in events))
            file.close()

    tree.observe(on_notice)


def started_or_stopped(notice: ChildStarted | ChildStopped) -> tuple[str, ServicePayload]:
    """The type and the payload of the event that tells of it."""
    match notice:
        case ChildStarted(path):
            return "SERVICE_STARTED", ServicePayload(path)
        case ChildStopped(path, killed):
            reason = "killed: it did not stop in time" if killed else "stopped"
            return "SERVICE_STOPPED", ServicePayload(path, reason)


def _changed_node(notice: Notice) -> NodeChanged | None:
    match notice:
        case ChildStarted(path):
            return NodeChanged(_name(path), started=True)
        case ChildFailed(path=path):
            failure = f"{notice.error_type}: {notice.error_text}".strip(": ")
            return NodeChanged(_name(path), started=False, failure=failure or notice.reason)
        case ChildRestarting(path) | ChildStopped(path) | ChildOnStandby(path):
            return NodeChanged(_name(path), started=False)
        case BreakerChanged(name, "child"):
            return NodeChanged(_name(name), started=False)
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _started_or_stopped_event(notice: ChildStarted | ChildStopped) -> Event:
    return new_event("error_manager", *started_or_stopped(notice))

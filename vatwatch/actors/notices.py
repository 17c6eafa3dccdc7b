"""The bridge from the supervisors' notices to the actors that want to know of them.

A notice is raised inside the runtime, where no VATSIM service is known; here it becomes a message.
All of these messages are best effort: a supervisor never waits for a watcher.
"""

from __future__ import annotations

from vatwatch.messages import MessageUndelivered, NodeChanged, Publish, SupervisionNoticed
from vatwatch.supervision import (
    BreakerChanged,
    ChildFailed,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    DeadLettered,
    Notice,
    Tree,
)


def subscribe_to_notices(tree: Tree) -> None:
    """Tell error manager, health monitor and event bus what happens in `tree`.

    Call it once, before the tree is started.
    """
    error_manager = tree.directory.address("error_manager")
    health_monitor = tree.directory.address("health_monitor")
    event_bus = tree.directory.address("event_bus")

    def on_notice(notice: Notice) -> None:
        error_manager.tell(SupervisionNoticed(notice))
        if isinstance(notice, DeadLettered) and _is_a_loss(notice, tree):
            event_bus.tell(MessageUndelivered(notice.path, notice.message, notice.reason))
        changed = _changed_node(notice)
        if changed is not None:
            health_monitor.tell(changed)

    tree.observe(on_notice)


def _changed_node(notice: Notice) -> NodeChanged | None:
    match notice:
        case ChildStarted(path):
            return NodeChanged(_name(path), started=True)
        case ChildFailed(path=path):
            failure = f"{notice.error_type}: {notice.error_text}".strip(": ")
            return NodeChanged(_name(path), started=False, failure=failure or notice.reason)
        case ChildRestarting(path) | ChildStopped(path):
            return NodeChanged(_name(path), started=False)
        case BreakerChanged(name, "child"):
            return NodeChanged(_name(name), started=False)
    return None


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_a_loss(letter: DeadLettered, tree: Tree) -> bool:
    """While the tree stops, only events still have a receiver."""
    return not (tree.stopping and letter.reason == "stopped") or isinstance(letter.message, Publish)

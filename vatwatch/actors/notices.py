"""The bridge from the supervisors' notices to the actors that want to know of them.

A notice is raised inside the runtime, where no VATSIM service is known; here it becomes a message.
All of these messages are best effort: a supervisor never waits for a watcher.
"""

from __future__ import annotations

from vatwatch.messages import LetterDied, LookAgain, Publish, SupervisionNoticed
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
            event_bus.tell(LetterDied(notice.path, notice.message, notice.reason))
        if isinstance(notice, ChildStarted | ChildFailed | ChildRestarting | ChildStopped):
            look_again(notice.path, started=isinstance(notice, ChildStarted))
        elif isinstance(notice, BreakerChanged) and notice.kind == "child":
            look_again(notice.name, started=False)

    def look_again(path: str, *, started: bool) -> None:
        health_monitor.tell(LookAgain(path.rpartition("/")[2], started))

    tree.observe(on_notice)


def _is_a_loss(letter: DeadLettered, tree: Tree) -> bool:
    """While the tree stops, only events still have a receiver."""
    return not (tree.stopping and letter.reason == "stopped") or isinstance(letter.message, Publish)

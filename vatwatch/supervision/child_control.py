"""Child control: starts and stops one child of a supervisor at a time, and waits until that is
done. `supervisors.py` gives the orders; this module carries them out and returns the result.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import NoReturn

import gevent
from gevent.event import Event

from vatwatch.errors import StartFailed, SupervisionError
from vatwatch.supervision.actor import Actor
from vatwatch.supervision.child_node import ChildNode
from vatwatch.supervision.failures import describe_error, text_of, traceback_of
from vatwatch.supervision.incarnation import Exit, Incarnation
from vatwatch.supervision.message import correlation_of
from vatwatch.supervision.notices import ChildFailed, ChildStopped
from vatwatch.supervision.spec import ChildSpec, SupervisorSpec
from vatwatch.supervision.vocabulary import ExitReason, FailureReason, State

log = logging.getLogger(__name__)

# How long a killed actor may take to die. A greenlet dies as soon as it waits, so one that takes
# longer catches the kill or cleans up for too long.
_KILL_GRACE_S = 5.0


class ChildControl:
    """For one supervisor, in its greenlet."""

    def __init__(
        self,
        path: str,
        incarnation: Incarnation,
        make_supervisor: Callable[[ChildNode, SupervisorSpec], Actor],
        when_ended: Callable[[ChildNode, Incarnation], None],
    ) -> None:
        """For the supervisor at `path`, whose own incarnation is `incarnation`.

        Args:
            path: where the supervisor is in the tree
            incarnation: the supervisor's; if that is ordered to stop, it no longer waits for a
                start
            make_supervisor: makes the actor of a child that is a supervisor
            when_ended: told when a child's incarnation is over, in the hub; it must not block
        """
        self._path = path
        self._incarnation = incarnation
        self._make_supervisor = make_supervisor
        self._when_ended = when_ended
        self._changed = Event()

    def look_again(self) -> None:
        """Check the wait condition again, since something has changed. Can be called from the
        hub."""
        self._changed.set()

    # -- starting

    def start(self, node: ChildNode) -> None:
        """Start one child and wait until it runs.

        Raises:
            StartFailed: it did not start; the failure has been reported
        """
        self._ensure_predecessor_dead(node)
        node.starting()
        try:
            incarnation = self._create_actor(node)
        except Exception as error:
            # The constructor is the child's own code. Whatever it raises, the child cannot start.
            self.report(node, Exit("start", error, traceback_of(error)))
            raise _start_failed(node, error) from error
        self._wait(lambda: incarnation.started or incarnation.dead, _start_s(node), until_stop=True)
        if incarnation.started:
            node.running()
            log.log(_level(node), "%s started in %.2f s", node.path, node.last_start_s)
            return
        if self._incarnation.stop_ordered:
            # It is stopped in order, like the running children.
            raise StartFailed(f"{self._path}: told to stop while starting {node.name}")
        if not incarnation.dead:
            late = StartFailed(f"not started within {_start_s(node)} s")
            if not self._kill(incarnation, "start", late):
                self._refuse(node)
        ended = exit_of(incarnation)
        self.report(node, ended)
        node.incarnation_over(may_retry=False)
        raise _start_failed(node, ended.error) from ended.error

    def _create_actor(self, node: ChildNode) -> Incarnation:
        """Create a new actor, give it the node, and start it."""
        actor: object
        if isinstance(node.spec, SupervisorSpec):
            actor = self._make_supervisor(node, node.spec)
        else:
            actor = node.spec.actor_class(*node.spec.args, **node.spec.kwargs)
        if not isinstance(actor, Actor):
            raise TypeError(f"{node.path}: {type(actor).__name__} is not an Actor")
        node.incarnation = incarnation = Incarnation(actor, node, self._watch(node))
        actor._bind(node, incarnation)
        actor._start_actor_loop()
        return incarnation

    def _ensure_predecessor_dead(self, node: ChildNode) -> None:
        """Make sure that the predecessor is dead; an earlier supervisor may have left a dying
        one."""
        incarnation = node.incarnation
        if incarnation is None:
            return
        # Until now its end would be reported to the previous supervisor.
        incarnation.watch = self._watch(node)
        if not incarnation.dead and not self._kill(incarnation, "shutdown"):
            self._refuse(node)
        node.incarnation_over(may_retry=True)

    def _refuse(self, node: ChildNode) -> NoReturn:
        """Refuse to start a child whose predecessor still lives: two must never run at once."""
        error = StartFailed("the actor before it was killed and does not die")
        self.report(node, Exit("start", error, traceback_of(error)))
        raise _start_failed(node, error)

    # -- stopping

    def stop(self, node: ChildNode, *, for_good: bool) -> None:
        """Stop one child and wait until it has ended; kill it if it takes too long.

        A child that does not die even then is reported, and keeps its node.
        """
        incarnation = node.incarnation
        if incarnation is None:
            return
        node.state = State.STOPPING
        began = monotonic()
        incarnation.order_stop(for_good=for_good)
        killed = not self._wait(lambda: incarnation.dead, node.spec.shutdown_s)
        if killed and not self._kill(incarnation, "shutdown"):
            # The other children must be stopped nevertheless. This one keeps its node; no successor
            # gets it.
            self.report(node, Exit("hang", SupervisionError("killed, and does not die")))
            return
        ended = exit_of(incarnation)
        if ended.reason in ("crash", "hang"):
            self.report(node, ended)
        node.incarnation_over(may_retry=not for_good)
        how = "did not stop in time and was killed after" if killed else "stopped in"
        log.log(_level(node), "%s %s %.2f s", node.path, how, monotonic() - began)
        node.runtime.observers.notify(ChildStopped(node.path, killed))
        # The observers hear of it before the next child is told to stop: it may be one that they
        # tell.
        gevent.sleep(0)

    def _kill(
        self, incarnation: Incarnation, reason: ExitReason, error: BaseException | None = None
    ) -> bool:
        """Kill a child and wait until it is dead. Returns False if it does not die."""
        incarnation.kill(reason, error)
        return self._wait(lambda: incarnation.dead, _KILL_GRACE_S)

    # -- waiting

    def _wait(
        self, done: Callable[[], bool], timeout_s: float | None, *, until_stop: bool = False
    ) -> bool:
        """Wait until `done`, for `timeout_s` at most, or until the supervisor is told to stop."""
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            self._changed.set()

        timer = None if timeout_s is None else self._incarnation.after(timeout_s, expire)
        try:
            while not done():
                if expired or (until_stop and self._incarnation.stop_ordered):
                    return False
                self._changed.clear()
                self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()
        return True

    def _watch(self, node: ChildNode) -> Callable[[Incarnation], None]:
        """Make the callback of this child's incarnations: called in the hub when they have started
        or ended."""

        def watch(incarnation: Incarnation) -> None:
            self._changed.set()
            if not incarnation.dead:
                return
            if node.mailbox.closed and node.incarnation is incarnation:
                # Stopped together with the supervisor: nothing needs its result.
                node.incarnation_over(may_retry=False)
            else:
                self._when_ended(node, incarnation)

        return watch

    # -- reporting

    def report(self, node: ChildNode, ended: Exit) -> None:
        """Record that a child failed, and tell the observers."""
        reason: FailureReason = "crash" if ended.reason == "shutdown" else ended.reason
        node.failed(reason, ended.error, ended.traceback)
        in_hand = None if isinstance(node.spec, SupervisorSpec) else ended.in_hand
        node.runtime.observers.notify(
            ChildFailed(
                path=node.path,
                reason=reason,
                message_type=None if in_hand is None else type(in_hand.message).__name__,
                correlation_id="" if in_hand is None else correlation_of(in_hand.message),
                **describe_error(ended.error, ended.traceback),
            )
        )


def exit_of(incarnation: Incarnation) -> Exit:
    """The exit of an incarnation that has ended."""
    assert incarnation.exit is not None, "asked before the incarnation was over"
    return incarnation.exit


def _start_failed(node: ChildNode, error: BaseException | None) -> StartFailed:
    """The error for the supervisors above; the error of a grandchild names its place already."""
    if isinstance(node.spec, SupervisorSpec) and isinstance(error, StartFailed):
        return StartFailed(text_of(error))
    text = "" if error is None else text_of(error)
    if isinstance(error, StartFailed):
        return StartFailed(f"{node.path}: {text}")
    return StartFailed(f"{node.path}: {type(error).__name__}: {text}")


def _level(node: ChildNode) -> int:
    """Log it, but not for a supervisor: the lines of its children say the same."""
    return logging.DEBUG if isinstance(node.spec, SupervisorSpec) else logging.INFO


def _start_s(node: ChildNode) -> float | None:
    """A supervisor may take as long as its children, each of which has its own limit."""
    return node.spec.start_s if isinstance(node.spec, ChildSpec) else None

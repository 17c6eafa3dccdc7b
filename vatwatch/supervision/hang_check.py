"""Hang check: kills children of a supervisor that take too long to handle a message."""

from __future__ import annotations

from gevent import get_hub

from vatwatch.errors import SupervisionError
from vatwatch.supervision.child_node import ChildNode
from vatwatch.supervision.spec import ChildSpec


class HangCheck:
    """Looks at the children of `node`, in the hub, every `Runtime.hang_check_s`.

    It is not a message to the supervisor, so it also finds hangs while the supervisor waits for
    another child.
    """

    def __init__(self, node: ChildNode) -> None:
        self._node = node
        interval_s = node.runtime.hang_check_s
        # Not `ref`, so that an idle tree does not keep the process alive.
        self._timer = get_hub().loop.timer(interval_s, interval_s, ref=False)
        self._timer.start(self._find_hung)

    def close(self) -> None:
        """Stop the checks. Can be called again."""
        self._timer.close()

    def _find_hung(self) -> None:
        now = self._node.runtime.clock()
        for node in self._node.children:
            _kill_if_hung(node, now)


def _kill_if_hung(node: ChildNode, now: float) -> None:
    incarnation = node.incarnation
    if incarnation is None or not isinstance(node.spec, ChildSpec):
        return
    deadline_s = node.spec.handler_deadline_s
    # An incoming message may already have shown that the trial is too late.
    if node.on_trial and node.circuit_breaker is not None and node.circuit_breaker.expire():
        incarnation.kill("hang", SupervisionError("a trial message took too long"))
    elif (
        deadline_s is not None
        and incarnation.busy_since is not None
        and now - incarnation.busy_since > deadline_s
    ):
        # Again at each check: the handler may catch the first kill.
        incarnation.kill("hang", SupervisionError(f"a handler ran for more than {deadline_s:g} s"))

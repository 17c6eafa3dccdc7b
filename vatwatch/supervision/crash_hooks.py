"""Crash hooks: runs the last code of a dying actor, with a time limit; its errors do no harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from vatwatch.supervision.failures import describe_error
from vatwatch.supervision.message import correlation_of
from vatwatch.supervision.notices import CrashHookFailed
from vatwatch.supervision.protocols import Node

# Limit of each hook; the successor waits for it. As long as `shutdown_s` by default.
_CRASH_HOOK_S = 5.0


def run_hook(node: Node, hook: Callable[[], None], in_hand: Any) -> bool:
    """Call `hook` in the greenlet of the actor at `node`, for 5 s at most.

    Whatever it raises ends here: observers are told (`CrashHookFailed`). `in_hand` is the message
    that the actor was handling, if any.

    Returns:
        whether the hook returned
    """
    try:
        with gevent.Timeout(_CRASH_HOOK_S):
            hook()
    except BaseException as failure:  # noqa: BLE001 - the actor is dying anyway
        node.runtime.observers.notify(
            CrashHookFailed(
                path=node.path,
                correlation_id=correlation_of(in_hand),
                **describe_error(failure),
            )
        )
        return False
    return True

"""Why an actor ends: what it is told itself, so that it blames nothing but what is to blame."""

from __future__ import annotations

from typing import Any

import pytest

from vatwatch.errors import StartFailed
from vatwatch.supervision import (
    ChildFailed,
    ChildStopped,
    Restart,
    SupervisorSpec,
    Tree,
    worker,
)

from .helpers import Do, Fail, Hang, Note, Scribe, StopYourself, root, running, wait_until_handled


def _raise() -> None:
    raise RuntimeError("bug")


class Mortal(Scribe):
    """Notes why it ends."""

    def on_stop(self) -> None:
        self.log.append(f"stopped by {self.ended_by}")

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.log.append(f"crashed by {self.ended_by}")


def _mortal(log: list[str], start: Any = None, **options: Any) -> SupervisorSpec:
    options.setdefault("restart", Restart.TEMPORARY)
    return root(worker("store", Mortal, log, start, breaker=None, **options))


def test_crash_hook_knows_that_a_handler_failed_or_hung() -> None:
    for fatal in (Fail(RuntimeError("bug")), Do(lambda a: a.spawn(_raise)), Hang()):
        log: list[str] = []
        spec = _mortal(log, handler_deadline_s=0.01)
        with running(spec, hang_check_s=0.005) as (tree, notices):
            tree.directory.address("store").tell(fatal)
            reason = notices.wait(ChildFailed).reason
            assert log == ["store started", f"crashed by {reason}"]
            assert reason == ("hang" if isinstance(fatal, Hang) else "crash")


def test_crash_hook_knows_that_the_start_failed() -> None:
    log: list[str] = []
    with pytest.raises(StartFailed):
        Tree(_mortal(log, lambda _actor: _raise())).start()
    assert log == ["crashed by start"]


def test_actor_that_is_stopped_by_order_knows_it_even_if_killed_with_a_message_in_hand() -> None:
    for message in (Note("quick"), Hang()):
        log: list[str] = []
        with running(_mortal(log, shutdown_s=0.01, restart=Restart.PERMANENT)) as (tree, _):
            tree.directory.address("store").tell(message)
            if isinstance(message, Hang):
                message.reached.wait()
            tree.restart("root/store")
            assert wait_until_handled(tree, "store")
        end = "crashed" if isinstance(message, Hang) else "stopped"
        assert f"{end} by shutdown" in log


def test_failing_stop_hook_of_a_stopped_actor_is_its_own_fault() -> None:
    log: list[str] = []

    class Sore(Mortal):
        def on_stop(self) -> None:
            raise RuntimeError("bug")

    with running(root(worker("store", Sore, log))):
        pass
    assert log == ["store started", "crashed by crash"]


def test_actor_that_stops_by_itself_knows_that_it_was_not_ordered() -> None:
    log: list[str] = []
    with running(_mortal(log)) as (tree, notices):
        tree.directory.address("store").tell(StopYourself())
        notices.wait(ChildStopped)
    assert log == ["store started", "stopped by exit"]

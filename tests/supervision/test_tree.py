from __future__ import annotations

from datetime import UTC, datetime

import gevent
import pykka
import pytest
from gevent.event import Event

from vatwatch.errors import ActorUnavailable, StartFailed, SupervisionError
from vatwatch.supervision import (
    ChildFailed,
    ChildStarted,
    ChildStopped,
    DeadLettered,
    MailboxPolicy,
    Restart,
    State,
    Strategy,
    Tree,
)

from .helpers import (
    PATIENCE_S,
    Do,
    Echo,
    Fail,
    Hang,
    Note,
    Notices,
    Scribe,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)

BUG = Fail(RuntimeError("bug"))


def raise_os_error(_actor: Scribe) -> None:
    raise OSError("no disk")


def test_failed_start_stops_what_was_started_in_reverse_and_says_where() -> None:
    log: list[str] = []
    inner = root(scribe("b", log), scribe("c", log, raise_os_error), name="data")
    tree = Tree(root(scribe("a", log), inner, scribe("d", log)))
    notices = Notices(tree)
    with pytest.raises(StartFailed, match=r"root/data/c: OSError: no disk"):
        tree.start()
    assert log == [
        "a started",
        "b started",
        "c crashed: OSError NoneType",
        "b stopped",
        "a stopped",
    ]
    assert {info.state for info in tree.snapshot().walk()} == {State.STOPPED}
    failed = notices.wait(ChildFailed)
    assert (failed.path, failed.reason, failed.error_type) == ("root/data/c", "start", "OSError")
    with pytest.raises(ActorUnavailable):
        tree.directory.address("a").ask(Echo("hi"), timeout_s=PATIENCE_S)
    assert not tree.failed.is_set()


def test_tree_is_started_once() -> None:
    with (
        running(root(scribe("a", []))) as (tree, _),
        pytest.raises(SupervisionError, match="once"),
    ):
        tree.start()


def test_stop_finishes_what_is_in_hand_and_buries_what_is_queued() -> None:
    log: list[str] = []
    hang = Hang()
    with running(root(scribe("a", log), scribe("b", log))) as (tree, notices):
        a = tree.directory.address("a")
        a.tell(hang)
        hang.reached.wait(PATIENCE_S)
        a.tell(Note("queued"))
        asking = gevent.spawn(a.ask, Echo("queued too"), timeout_s=PATIENCE_S)
        stopping = gevent.spawn(tree.stop, PATIENCE_S)
        notices.wait(ChildStopped, "root/b")
        assert not stopping.ready()
        hang.gate.set()
        assert stopping.get(timeout=PATIENCE_S)
        assert log == ["a started", "b started", "b stopped", "a let go", "a stopped"]
        assert [(dead.message, dead.reason) for dead in notices.of(DeadLettered)] == [
            (Note("queued"), "stopped")
        ]
        with pytest.raises(ActorUnavailable):
            asking.get(timeout=PATIENCE_S)
        assert not tree.failed.is_set()


def test_child_that_does_not_stop_in_time_is_killed() -> None:
    log: list[str] = []
    hang = Hang()
    with running(root(scribe("a", log), scribe("b", log, shutdown_s=0.01))) as (tree, notices):
        tree.directory.address("b").tell(hang)
        hang.reached.wait(PATIENCE_S)
        assert tree.stop(PATIENCE_S)
        assert ChildStopped("root/b", killed=True) in notices.all
        assert ChildStopped("root/a", killed=False) in notices.all
        assert log[-2:] == ["b crashed: GreenletExit Hang", "a stopped"]
        assert notices.wait(DeadLettered).message is hang


def test_stop_whose_time_is_up_kills_everything() -> None:
    log: list[str] = []
    hang = Hang()
    inner = root(scribe("a", log), scribe("b", log, shutdown_s=1000), name="data")
    with running(root(inner)) as (tree, notices):
        tree.directory.address("b").tell(hang)
        hang.reached.wait(PATIENCE_S)
        assert not tree.stop(0.01)
        assert "b crashed: GreenletExit Hang" in log
        assert "a crashed: GreenletExit NoneType" in log
        assert {info.state for info in tree.snapshot().walk()} == {State.STOPPED}
        # The observers have heard of it before stop returns.
        assert [dead.message for dead in notices.of(DeadLettered)] == [hang]
        assert not tree.failed.is_set()


def test_stop_twice_and_stop_before_start_do_nothing() -> None:
    log: list[str] = []
    tree = Tree(root(scribe("a", log)))
    assert tree.stop()
    tree.start()
    assert tree.stop()
    assert tree.stop()
    assert log == ["a started", "a stopped"]


def test_stop_while_it_starts_ends_the_start() -> None:
    log: list[str] = []
    reached, gate = Event(), Event()

    def slow(_actor: Scribe) -> None:
        reached.set()
        gate.wait()

    inner = root(scribe("b", log), scribe("c", log, slow, shutdown_s=0.01), name="data")
    tree = Tree(root(scribe("a", log), inner))
    starting = gevent.spawn(tree.start)
    reached.wait(PATIENCE_S)
    assert tree.stop(PATIENCE_S)
    with pytest.raises(StartFailed):
        starting.get(timeout=PATIENCE_S)
    assert log[-2:] == ["b stopped", "a stopped"]


def test_exhausted_root_brings_the_tree_down_and_says_so() -> None:
    log: list[str] = []
    said: list[str] = []
    spec = root(scribe("a", log), scribe("b", log), intensity=1)
    with running(spec, on_exhausted=said.append) as (tree, notices):
        assert not tree.wait_exhausted(0)
        a = tree.directory.address("a")
        for _ in range(2):
            a.tell(BUG)
        assert tree.wait_exhausted(PATIENCE_S)
        assert tree.failed.is_set()
        assert said == ["root: more than 1 failure in 30 s"]
        assert log[-1] == "b stopped"
        assert {info.state for info in tree.snapshot().walk()} == {State.FAILED}
        a.tell(Note("late"))
        assert notices.wait(DeadLettered, count=3).reason == "stopped"


def test_killed_root_brings_the_tree_down_and_leaves_nobody_behind() -> None:
    hang = Hang()
    with running(root(scribe("a", []))) as (tree, notices):
        tree.directory.address("a").tell(hang)
        hang.reached.wait(PATIENCE_S)
        nodes = list(tree._root.walk())
        greenlets = [each.incarnation.greenlet for each in nodes if each.incarnation is not None]
        greenlets[0].kill()
        assert tree.wait_exhausted(PATIENCE_S)
        gevent.joinall(greenlets, timeout=PATIENCE_S)
        assert all(greenlet.dead for greenlet in greenlets)
        assert notices.wait(DeadLettered).message is hang


def test_message_in_hand_of_an_actor_that_fails_together_with_the_root_is_not_forgotten() -> None:
    with running(root(scribe("a", []))) as (tree, notices):
        life = tree._root.incarnation
        assert life is not None

        def both(_actor: Scribe) -> None:
            life.greenlet.kill(block=False)
            raise RuntimeError("bug")

        fatal = Do(both)
        tree.directory.address("a").tell(fatal)
        assert tree.wait_exhausted(PATIENCE_S)
        assert notices.wait(DeadLettered).message is fatal


def test_no_greenlet_of_a_stopped_tree_is_left_and_nothing_is_registered() -> None:
    inner = root(scribe("b", []), scribe("c", []), name="data")
    with running(root(scribe("a", []), inner)) as (tree, notices):
        tree.directory.address("b").tell(BUG)
        notices.wait(ChildStarted, "root/data/b", count=2)
        lives = [each.incarnation for each in tree._root.walk() if each.incarnation is not None]
        assert len(lives) == 5
        tree.stop(PATIENCE_S)
        assert all(life.greenlet.dead for life in lives)
    assert not pykka.ActorRegistry.get_all()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_snapshot_tells_the_whole_tree() -> None:
    clock = Clock()
    wall = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    inner = root(
        scribe("store", [], mailbox=7, policy=MailboxPolicy.REFUSE, restart=Restart.TRANSIENT),
        name="data",
        strategy=Strategy.REST_FOR_ONE,
    )
    with running(root(inner), clock=clock, wall_clock=lambda: wall) as (tree, notices):
        tree.directory.address("store").tell(BUG)
        notices.wait(ChildStarted, "root/data/store", count=2)
        wait_until_handled(tree, "store")
        clock.now += 5
        top = tree.snapshot()
        assert [info.path for info in top.walk()] == ["root", "root/data", "root/data/store"]
        data, store = top.children[0], top.children[0].children[0]
        assert (top.kind, data.kind, store.kind) == ("supervisor", "supervisor", "worker")
        assert (data.strategy, store.strategy) == (Strategy.REST_FOR_ONE, None)
        assert (data.mailbox, data.restart) == (None, Restart.PERMANENT)
        assert (store.state, store.uptime_s, store.restart) == (
            State.RUNNING,
            5,
            Restart.TRANSIENT,
        )
        assert (store.restarts_total, store.restarts_in_window) == (1, 1)
        assert (store.handled, store.failures) == (1, 1)
        assert store.mailbox is not None
        assert (store.mailbox.depth, store.mailbox.capacity) == (0, 7)
        assert store.mailbox.high_water == 1
        failure = store.last_failure
        assert failure is not None
        assert (failure.reason, failure.error_type, failure.error_text) == (
            "crash",
            "RuntimeError",
            "bug",
        )
        assert (failure.monotonic_s, failure.at) == (100.0, wall)
        assert "RuntimeError: bug" in failure.traceback
        assert store.latency is not None
        clock.now += 30
        assert node(tree, "store").restarts_in_window == 0

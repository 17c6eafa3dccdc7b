"""The actors are pykka's: what works with a pykka actor works with them, supervised or not."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import gevent
import pykka
import pytest
from gevent.event import Event

from vatwatch.errors import ActorUnavailable
from vatwatch.supervision import (
    Actor,
    ChildFailed,
    ChildStarted,
    ChildStopped,
    CrashHookFailed,
    DeadLettered,
    Fault,
    FaultKind,
    MailboxPolicy,
    Notice,
    Restart,
    State,
    Strategy,
    Tree,
    worker,
)

from .helpers import (
    PATIENCE_S,
    Do,
    Echo,
    Fail,
    Hang,
    HangAnswer,
    Note,
    Notices,
    Scribe,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)


class Inner:
    """An attribute that a proxy looks into."""

    pykka_traversable = True

    def __init__(self) -> None:
        self.depth = 2


class Player(Scribe):
    """As Mopidy's are: with attributes and methods that are used by a proxy."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(log)
        self.volume = 3
        self.inner = Inner()

    def twice(self, number: int, *, plus: int = 0) -> int:
        return 2 * number + plus

    def fail(self) -> None:
        raise KeyError("by proxy")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert exception_type is type(exception_value)
        place = "with" if traceback is not None else "without"
        self.log.append(f"on_failure {exception_value!r} {place} its place")

    def on_stop(self) -> None:
        alive = self.actor_ref.is_alive() or self.actor_ref in pykka.ActorRegistry.get_all()
        self.log.append("on_stop alive" if alive else "on_stop")


def player(log: list[str], name: str = "player", **options: Any) -> Any:
    return worker(name, Player, log, breaker=None, **options)


def ref_of(kind: type[Actor] = Player) -> Any:
    (ref,) = pykka.ActorRegistry.get_by_class(kind)
    return ref


def test_who_works_is_in_the_registry_from_its_start_to_its_end() -> None:
    inner = root(player([]), name="data", strategy=Strategy.REST_FOR_ONE)
    with running(root(scribe("a", []), scribe("b", []), inner)):
        refs = pykka.ActorRegistry.get_all()
        # In the order of their start; supervisors are not in it.
        assert [ref.actor_class for ref in refs] == [Scribe, Scribe, Player]
        assert pykka.ActorRegistry.get_by_class_name("Player") == [ref_of()]
        assert pykka.ActorRegistry.get_by_urn(refs[0].actor_urn) is refs[0]
        assert all(ref.is_alive() for ref in refs)
    assert not pykka.ActorRegistry.get_all()
    assert not any(ref.is_alive() for ref in refs)


def test_a_proxy_reads_sets_and_calls() -> None:
    with running(root(player([]))):
        proxy = ref_of().proxy()
        assert proxy.volume.get(timeout=PATIENCE_S) == 3
        proxy.volume = 11
        assert proxy.volume.get(timeout=PATIENCE_S) == 11
        assert proxy.twice(4, plus=1).get(timeout=PATIENCE_S) == 9
        assert proxy.inner.depth.get(timeout=PATIENCE_S) == 2
        assert (proxy.name.get(timeout=PATIENCE_S), proxy.path.get(timeout=PATIENCE_S)) == (
            "player",
            "root/player",
        )
        with pytest.raises(AttributeError):
            proxy.nothing  # noqa: B018


def test_failure_of_a_proxys_ask_is_the_askers_and_of_its_tell_the_actors() -> None:
    log: list[str] = []
    with running(root(player(log))) as (tree, notices):
        proxy = ref_of().proxy()
        with pytest.raises(KeyError, match="by proxy"):
            proxy.fail().get(timeout=PATIENCE_S)
        assert node(tree, "player").failures == 0
        proxy.fail.defer()
        assert notices.wait(ChildFailed).error_type == "KeyError"
        assert "on_failure KeyError('by proxy') with its place" in log
        wait_until_handled(tree, "player")
        with pytest.raises(pykka.ActorDeadError):
            proxy.volume.get(timeout=PATIENCE_S)
        assert ref_of().proxy().volume.get(timeout=PATIENCE_S) == 3


def test_a_ref_asks_and_tells() -> None:
    log: list[str] = []
    with running(root(player(log))):
        ref = ref_of()
        ref.tell(Note("by ref"))
        assert ref.ask(Echo("hi"), timeout=PATIENCE_S) == "player: hi"
        future = ref.ask(Echo("later"), block=False)
        assert future.get(timeout=PATIENCE_S) == "player: later"
        assert log[-1] == "player: by ref"
        hanging = HangAnswer()
        with pytest.raises(pykka.Timeout):
            ref.ask(hanging, timeout=0.001)
        hanging.gate.set()  # or the tree waits for it at its end


def test_asker_by_ref_of_an_actor_that_dies_gets_pykkas_error() -> None:
    with running(root(player([], handler_deadline_s=0.01)), hang_check_s=0.005):
        with pytest.raises(pykka.ActorDeadError) as dead:
            ref_of().ask(HangAnswer(), timeout=PATIENCE_S)
        assert isinstance(dead.value, ActorUnavailable)


@pytest.mark.parametrize("fills", [0, 1])
def test_stop_by_a_ref_waits_for_the_end_after_what_was_sent_before(fills: int) -> None:
    log: list[str] = []
    spec = root(player(log, mailbox=2, restart=Restart.TEMPORARY))
    with running(spec) as (tree, notices):
        ref = ref_of()
        hang = Hang()
        ref.tell(hang)
        hang.reached.wait(PATIENCE_S)
        for number in range(fills):
            ref.tell(Note(str(number)))
        future = ref.stop(block=False)
        hang.gate.set()
        assert future.get(timeout=PATIENCE_S)
        assert log[1:] == ["player let go", *(f"player: {n}" for n in range(fills)), "on_stop"]
        assert not ref.is_alive()
        assert ref.stop(timeout=PATIENCE_S) is False
        with pytest.raises(pykka.ActorDeadError):
            ref.tell(Note("too late"))
        notices.wait(ChildStopped, "root/player")
        assert node(tree, "player").state is State.STOPPED


def test_stop_by_a_ref_gets_through_a_full_mailbox() -> None:
    spec = root(player([], mailbox=1, policy=MailboxPolicy.REFUSE, restart=Restart.TEMPORARY))
    with running(spec):
        ref = ref_of()
        hang = Hang()
        ref.tell(hang)
        hang.reached.wait(PATIENCE_S)
        ref.tell(Note("fills it"))
        future = ref.stop(block=False)
        hang.gate.set()
        assert future.get(timeout=PATIENCE_S)


def test_who_waits_for_a_stop_learns_of_another_end() -> None:
    for fatal in (Fail(RuntimeError("bug")), Hang()):
        spec = root(player([], handler_deadline_s=0.05))
        with running(spec, hang_check_s=0.005):
            ref = ref_of()
            ref.tell(fatal)
            assert ref.stop(timeout=PATIENCE_S)
            assert not ref.is_alive()


def test_a_permanent_child_comes_back_with_a_new_ref_and_the_old_one_is_dead() -> None:
    with running(root(player([]))) as (tree, notices):
        old = ref_of()
        assert old.stop(timeout=PATIENCE_S)
        notices.wait(ChildStarted, "root/player", count=2)
        new = ref_of()
        assert new.actor_urn != old.actor_urn
        assert (old.is_alive(), new.is_alive()) == (False, True)
        with pytest.raises(pykka.ActorDeadError):
            old.ask(Echo("hi"), timeout=PATIENCE_S)
        with pytest.raises(pykka.ActorDeadError):
            old.proxy()
        assert new.ask(Echo("hi"), timeout=PATIENCE_S) == "player: hi"
        assert wait_until_handled(tree, "player")


def test_on_failure_is_called_for_what_nobody_has_handled_and_only_then() -> None:
    def hooks(message: Any, **options: Any) -> list[str]:
        log: list[str] = []
        spec = root(player(log, restart=Restart.TEMPORARY, **options))
        with running(spec, hang_check_s=0.005) as (tree, notices):
            tree.directory.address("player").tell(message)
            notices.wait(ChildFailed)
        return [line for line in log if line.startswith("on_")]

    bug = RuntimeError("bug")
    assert hooks(Fail(bug)) == [f"on_failure {bug!r} with its place"]
    assert hooks(Do(lambda actor: actor.spawn(_raise, bug))) == [
        f"on_failure {bug!r} with its place"
    ]
    (hung,) = hooks(Hang(), handler_deadline_s=0.01)
    assert hung.startswith("on_failure SupervisionError(")
    # Killed because it stops too slowly: nobody's error.
    log: list[str] = []
    with running(root(player(log, shutdown_s=0.01))) as (tree, _):
        hang = Hang()
        tree.directory.address("player").tell(hang)
        hang.reached.wait(PATIENCE_S)
    assert [line for line in log if line.startswith("on_")] == []


def _raise(error: BaseException) -> None:
    raise error


def test_a_failing_on_failure_is_announced_and_on_crash_runs_all_the_same() -> None:
    log: list[str] = []

    class Clumsy(Scribe):
        def on_failure(self, *_exc_info: object) -> None:
            raise SystemExit("clumsy")

    with running(root(worker("clumsy", Clumsy, log))) as (tree, notices):
        tree.directory.address("clumsy").tell(Fail(RuntimeError("bug")))
        assert notices.wait(CrashHookFailed).error_type == "SystemExit"
        notices.wait(ChildStarted, "root/clumsy", count=2)
        assert "clumsy crashed: RuntimeError Fail" in log


def test_a_broadcast_reaches_all_of_a_class() -> None:
    logs: dict[str, list[str]] = {name: [] for name in "abc"}
    spec = root(player(logs["a"], "a"), player(logs["b"], "b"), scribe("c", logs["c"]))
    with running(spec) as (tree, _):
        pykka.ActorRegistry.broadcast(Note("players"), target_class=Player)
        pykka.ActorRegistry.broadcast(Note("all"))
        for name, log in logs.items():
            wait_until_handled(tree, name)
            said = [line.removeprefix(f"{name}: ") for line in log[1:]]
            assert said == (["all"] if name == "c" else ["players", "all"])


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("block", [True, False])
def test_stop_all_stops_who_works_in_order_and_the_supervisors_start_them_again(
    strategy: Strategy, block: bool
) -> None:
    log: list[str] = []
    inner = root(player(log, "b"), player(log, "c"), name="data", strategy=strategy)
    spec = root(player(log, "a"), inner, strategy=strategy)
    with running(spec) as (tree, notices):
        before = pykka.ActorRegistry.get_all()
        with gevent.Timeout(PATIENCE_S):
            stopped = pykka.ActorRegistry.stop_all(block=block)
            if not block:
                assert all(isinstance(future.get(), bool) for future in stopped)
            while not _all_run(tree) or len(pykka.ActorRegistry.get_all()) < len(before):
                gevent.sleep(0.001)
        assert not any(ref.is_alive() for ref in before)
        assert not set(before) & set(pykka.ActorRegistry.get_all())
        for name in "abc":
            assert wait_until_handled(tree, name)
        # Each was stopped in order, and no supervisor gave up.
        assert not [line for line in log if "crashed" in line or "alive" in line]
        assert not tree.failed.is_set()
        assert {n.reason for n in notices.of(ChildFailed)} <= {"exit"}


def _all_run(tree: Tree) -> bool:
    return all(info.state is State.RUNNING for info in tree.snapshot().walk())


class Strict(Actor):
    """As the services are: it knows its messages, and fails at any other."""

    def on_receive(self, message: Note) -> None:
        assert isinstance(message, Note), message


def test_what_pykka_says_to_itself_never_gets_to_on_receive() -> None:
    with running(root(worker("strict", Strict, breaker=None))) as (tree, notices):
        proxy = ref_of(Strict).proxy()
        assert proxy.name.get(timeout=PATIENCE_S) == "strict"
        proxy.ended_by = None
        proxy.on_probe().get(timeout=PATIENCE_S)
        assert ref_of(Strict).stop(timeout=PATIENCE_S)
        notices.wait(ChildStarted, "root/strict", count=2)
        assert [notice.reason for notice in notices.of(ChildFailed)] == ["exit"]
        assert node(tree, "strict").asks_failed == 0


def test_faults_apply_to_pykkas_messages_too() -> None:
    with running(root(player([]))) as (tree, notices):
        tree.faults.inject(Fault(FaultKind.DROP, "player"))
        ref_of().proxy().fail.defer()
        assert notices.wait(DeadLettered).reason == "injected"
        tree.faults.inject(Fault(FaultKind.CORRUPT, "player"))
        ref_of().proxy().fail.defer()
        assert notices.wait(ChildFailed).error_type == "InjectedFault"


def test_an_actor_that_fails_to_start_is_not_left_in_the_registry() -> None:
    opened = Event()

    def start(_actor: Scribe) -> None:
        if not opened.is_set():
            opened.set()
            raise RuntimeError("not yet")

    tree = Tree(root(scribe("a", []), scribe("late", [], start)))
    notices: list[Notice] = Notices(tree).all
    with pytest.raises(Exception, match="not yet"):
        tree.start()
    assert notices
    assert not pykka.ActorRegistry.get_all()

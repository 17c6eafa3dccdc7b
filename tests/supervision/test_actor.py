from __future__ import annotations

import socket
import time
import warnings
import weakref
from dataclasses import dataclass
from typing import Any

import gevent
import pykka
import pytest
from gevent.event import Event

from vatwatch.errors import ActorUnavailable, SupervisionError
from vatwatch.supervision import (
    Actor,
    AskFailed,
    ChildFailed,
    ChildStarted,
    ContinueWithout,
    CrashHookFailed,
    DeadLettered,
    FailureHandled,
    OnFailedMessage,
    crash_hooks,
    worker,
)

from .helpers import (
    PATIENCE_S,
    Compute,
    Do,
    Echo,
    Fail,
    FailToAnswer,
    Hang,
    HangAnswer,
    Note,
    Scribe,
    node,
    root,
    running,
    scribe,
    wait_until_handled,
)


def test_messages_are_handled_in_order_and_asks_are_answered() -> None:
    log: list[str] = []
    with running(root(scribe("store", log))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(Note("one"))
        store.tell(Note("two"))
        assert store.ask(Echo("three"), timeout_s=PATIENCE_S) == "store: three"
        assert log == ["store started", "store: one", "store: two"]


def test_actor_knows_its_name_path_and_the_others() -> None:
    log: list[str] = []
    inner = root(scribe("store", log), name="data")
    with running(root(inner, scribe("fetcher", log))) as (tree, _):
        fetcher = tree.directory.address("fetcher")

        def look(actor: Any) -> Any:
            return actor.address("store").ask(
                Compute(lambda store: (store.name, store.path)), timeout_s=PATIENCE_S
            )

        answer = fetcher.ask(Compute(look), timeout_s=PATIENCE_S)
        assert answer == ("store", "root/data/store")


def test_failed_ask_raises_in_the_asker_is_reported_and_costs_the_actor_nothing() -> None:
    log: list[str] = []
    with running(root(scribe("store", log))) as (tree, notices):
        store = tree.directory.address("store")
        with pytest.raises(KeyError, match="why"):
            store.ask(FailToAnswer(KeyError("why")), timeout_s=PATIENCE_S)
        failed = notices.wait(AskFailed)
        assert (failed.path, failed.error_type) == ("root/store", "KeyError")
        assert failed.message_type == "FailToAnswer"
        assert "on_receive" in failed.traceback
        assert wait_until_handled(tree, "store")
        assert log == ["store started"]
        assert node(tree, "store").asks_failed == 1
        assert node(tree, "store").failures == 0


@dataclass(frozen=True, slots=True)
class Traced(Fail):
    """It belongs to something, or fails to say to what."""

    belongs_to: str | None

    @property
    def correlation_id(self) -> str:
        if self.belongs_to is None:
            raise LookupError("nobody knows")
        return self.belongs_to


@pytest.mark.parametrize(("belongs_to", "told"), [("snapshot 7", "snapshot 7"), (None, "")])
def test_a_failure_has_the_correlation_id_of_the_message_in_hand(
    belongs_to: str | None, told: str
) -> None:
    with running(root(scribe("store", []))) as (tree, notices):
        tree.directory.address("store").tell(Traced(RuntimeError("bug"), belongs_to))
        failed = notices.wait(ChildFailed)
        assert (failed.message_type, failed.correlation_id) == ("Traced", told)


def test_a_handled_failure_has_the_correlation_id_of_the_message_in_hand() -> None:
    def work(actor: Actor) -> None:
        mended = actor.recovery("work", ContinueWithout((OSError,), lambda _error: None))
        mended.call(lambda: (_ for _ in ()).throw(OSError("away")))
        # Whoever works beside the handler does not work on its message.
        actor.spawn(mended.call, lambda: (_ for _ in ()).throw(OSError("beside"))).join()

    with running(root(scribe("store", []))) as (tree, notices):
        tree.directory.address("store").tell(TracedDo(work))
        wait_until_handled(tree, "store")
        told = {n.error_text: n.correlation_id for n in notices.of(FailureHandled)}
        assert told == {"away": "snapshot 7", "beside": ""}


@dataclass(frozen=True, slots=True)
class TracedDo(Do):
    correlation_id = "snapshot 7"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("bug"),
        SystemExit(3),
        KeyboardInterrupt(),
        gevent.GreenletExit(),
        gevent.Timeout(1),
        BaseException("odd"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_raised_fails_this_actor_only_and_it_comes_back(error: BaseException) -> None:
    log: list[str] = []
    other: list[str] = []
    with running(root(scribe("store", log), scribe("cache", other))) as (tree, notices):
        store = tree.directory.address("store")
        store.tell(Fail(error))
        store.tell(Note("after"))
        failed = notices.wait(ChildFailed)
        assert (failed.path, failed.reason) == ("root/store", "crash")
        assert (failed.error_type, failed.message_type) == (type(error).__name__, "Fail")
        wait_until_handled(tree, "store")
        wait_until_handled(tree, "cache")
        assert log == [
            "store started",
            f"store crashed: {type(error).__name__} Fail",
            "store started",
            "store: after",
        ]
        assert other == ["cache started"]


def test_base_exception_in_an_ask_fails_the_actor_and_the_asker_gets_an_error() -> None:
    with running(root(scribe("store", []))) as (tree, notices):
        store = tree.directory.address("store")
        with pytest.raises(ActorUnavailable) as unavailable:
            store.ask(FailToAnswer(SystemExit(1)), timeout_s=PATIENCE_S)
        assert isinstance(unavailable.value.__cause__, SystemExit)
        assert notices.wait(ChildFailed).error_type == "SystemExit"
        assert wait_until_handled(tree, "store")


def test_killed_greenlet_is_a_failure() -> None:
    with running(root(scribe("store", []))) as (tree, notices):
        store = tree.directory.address("store")
        greenlet = store.ask(Compute(lambda actor: gevent.getcurrent()), timeout_s=PATIENCE_S)
        greenlet.kill()
        assert notices.wait(ChildFailed).error_type == "GreenletExit"
        assert wait_until_handled(tree, "store")


def test_unknown_message_is_a_failure() -> None:
    class Silent(Actor):
        pass

    with running(root(worker("silent", Silent))) as (tree, notices):
        tree.directory.address("silent").tell(Note("hello"))
        assert notices.wait(ChildFailed).error_type == "NotImplementedError"


# -- after


def test_after_tells_itself_later() -> None:
    log: list[str] = []
    done = Event()
    with running(root(scribe("store", log))) as (tree, _):
        tree.directory.address("store").tell(
            Do(lambda actor: actor.after(0.001, Do(lambda _actor: done.set())))
        )
        assert done.wait(PATIENCE_S)


def test_cancelled_timer_tells_nothing() -> None:
    log: list[str] = []
    done = Event()

    def arm(actor: Scribe) -> None:
        actor.after(0.001, Note("cancelled")).cancel()
        actor.after(0.002, Do(lambda _actor: done.set()))

    with running(root(scribe("store", log))) as (tree, _):
        tree.directory.address("store").tell(Do(arm))
        assert done.wait(PATIENCE_S)
        assert log == ["store started"]


def test_timer_gets_past_a_full_mailbox() -> None:
    log: list[str] = []
    hang, armed = Hang(), Event()

    def arm(actor: Scribe) -> None:
        actor.after(0, Note("tick"))
        actor.after(0.001, Do(lambda _actor: armed.set()))

    with running(root(scribe("store", log, mailbox=1))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(Do(arm))
        store.tell(hang)
        hang.reached.wait(PATIENCE_S)
        store.tell(Note("fills it"))
        hang.gate.set()
        assert armed.wait(PATIENCE_S)
        assert "store: tick" in log
        assert "store: fills it" in log


def test_timers_die_with_the_actor() -> None:
    log: list[str] = []
    done = Event()

    def arm(actor: Scribe) -> None:
        actor.after(0.001, Note("of the dead"))
        raise RuntimeError("dies")

    with running(root(scribe("store", log))) as (tree, notices):
        store = tree.directory.address("store")
        store.tell(Do(arm))
        notices.wait(ChildStarted, "root/store", count=2)
        store.tell(Do(lambda actor: actor.after(0.005, Do(lambda _actor: done.set()))))
        assert done.wait(PATIENCE_S)
        assert "store: of the dead" not in log


# -- spawn


def test_failure_of_a_spawned_greenlet_is_the_actors() -> None:
    log: list[str] = []

    def fails() -> None:
        raise LookupError("in the background")

    with running(root(scribe("store", log))) as (tree, notices):
        tree.directory.address("store").tell(Do(lambda actor: actor.spawn(fails)))
        failed = notices.wait(ChildFailed)
        assert (failed.error_type, failed.error_text) == ("LookupError", "in the background")
        assert "in fails" in failed.traceback
        wait_until_handled(tree, "store")
        assert log.count("store started") == 2


def test_failure_of_a_spawned_greenlet_interrupts_the_handler() -> None:
    hang = Hang()

    def fails() -> None:
        hang.reached.wait(PATIENCE_S)
        raise LookupError

    with running(root(scribe("store", []))) as (tree, notices):
        store = tree.directory.address("store")
        store.tell(Do(lambda actor: actor.spawn(fails)))
        store.tell(hang)
        failed = notices.wait(ChildFailed)
        assert (failed.error_type, failed.message_type) == ("LookupError", "Hang")


def test_spawned_greenlet_is_killed_with_the_actor() -> None:
    killed, begun = Event(), Event()

    def waits() -> None:
        begun.set()
        try:
            Event().wait()
        finally:
            killed.set()

    with running(root(scribe("store", []))) as (tree, _):
        store = tree.directory.address("store")
        store.tell(Do(lambda actor: actor.spawn(waits)))
        begun.wait(PATIENCE_S)
        store.tell(Fail(RuntimeError("dies")))
        assert killed.wait(PATIENCE_S)


def test_what_a_killed_greenlet_had_open_is_closed_without_a_warning() -> None:
    begun, closed = Event(), Event()

    def connects() -> None:
        # As a library that opens a socket and would close it after an OSError alone.
        connection = socket.socket()
        weakref.finalize(connection, closed.set)
        begun.set()
        Event().wait()
        connection.close()

    spec = root(scribe("store", []))
    with warnings.catch_warnings(record=True) as warned, running(spec) as (tree, _):
        warnings.simplefilter("always")
        store = tree.directory.address("store")
        store.tell(Do(lambda actor: actor.spawn(connects)))
        begun.wait(PATIENCE_S)
        store.tell(Fail(RuntimeError("dies")))
        assert closed.wait(PATIENCE_S)
    assert not warned


def test_killing_a_spawned_greenlet_does_no_harm_and_its_result_can_be_read() -> None:
    def work(actor: Scribe) -> str:
        actor.spawn(Event().wait).kill()
        return str(actor.spawn(lambda a, b: a + b, "done ", "well").get(timeout=PATIENCE_S))

    with running(root(scribe("store", []))) as (tree, notices):
        store = tree.directory.address("store")
        assert store.ask(Compute(work), timeout_s=PATIENCE_S) == "done well"
        assert wait_until_handled(tree, "store")
        assert not notices.of(ChildFailed)


# -- reply_later


def test_reply_later_leaves_the_actor_free_meanwhile() -> None:
    replies: list[Any] = []
    with running(root(scribe("store", []))) as (tree, _):
        store = tree.directory.address("store")
        asking = gevent.spawn(
            store.ask,
            Compute(lambda actor: replies.append(actor.reply_later())),
            timeout_s=PATIENCE_S,
        )
        gevent.idle()
        assert wait_until_handled(tree, "store")
        assert not asking.ready()
        replies[0].set("at last")
        assert asking.get(timeout=PATIENCE_S) == "at last"


def test_reply_later_can_fail_and_that_is_reported() -> None:
    def later(actor: Scribe) -> None:
        reply = actor.reply_later()
        actor.spawn(reply.fail, KeyError("no"))

    with running(root(scribe("store", []))) as (tree, notices):
        with pytest.raises(KeyError, match="no"):
            tree.directory.address("store").ask(Compute(later), timeout_s=PATIENCE_S)
        assert notices.wait(AskFailed).message_type == "Compute"
        assert not notices.of(ChildFailed)


def test_reply_owed_by_a_dead_actor_is_unavailable() -> None:
    replies: list[Any] = []

    def later(actor: Scribe) -> None:
        replies.append(actor.reply_later())
        actor.after(0, Fail(RuntimeError("dies")))

    with running(root(scribe("store", []))) as (tree, notices):
        with pytest.raises(ActorUnavailable):
            tree.directory.address("store").ask(Compute(later), timeout_s=PATIENCE_S)
        replies[0].set("too late")
        assert wait_until_handled(tree, "store")
        assert len(notices.of(ChildFailed)) == 1


def test_handler_that_raises_after_reply_later_fails_the_ask() -> None:
    def both(actor: Scribe) -> None:
        actor.reply_later()
        raise KeyError("changed my mind")

    with running(root(scribe("store", []))) as (tree, notices):
        store = tree.directory.address("store")
        with pytest.raises(KeyError):
            store.ask(Compute(both), timeout_s=PATIENCE_S)
        assert store.ask(Echo("still answers"), timeout_s=PATIENCE_S)
        assert len(notices.of(AskFailed)) == 1


def test_reply_later_without_an_ask_in_hand_is_an_error() -> None:
    with running(root(scribe("store", []))) as (tree, notices):
        tree.directory.address("store").tell(Do(lambda actor: actor.reply_later()))
        assert notices.wait(ChildFailed).error_type == SupervisionError.__name__


# -- on_crash


def test_failing_crash_hook_is_reported_and_changes_nothing() -> None:
    class Clumsy(Scribe):
        def on_crash(self, error: BaseException, in_hand: object | None) -> None:
            raise SystemExit("clumsy")

    with running(root(worker("store", Clumsy, []))) as (tree, notices):
        tree.directory.address("store").tell(Fail(RuntimeError("bug")))
        failed = notices.wait(CrashHookFailed)
        assert (failed.path, failed.error_type) == ("root/store", "SystemExit")
        assert notices.wait(ChildFailed).error_type == "RuntimeError"
        assert wait_until_handled(tree, "store")


def test_crash_hook_that_hangs_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Scribe):
        def on_crash(self, error: BaseException, in_hand: object | None) -> None:
            Event().wait()

    monkeypatch.setattr(crash_hooks, "_CRASH_HOOK_S", 0.001)
    with running(root(worker("store", Slow, []))) as (tree, notices):
        tree.directory.address("store").tell(Fail(RuntimeError("bug")))
        assert notices.wait(CrashHookFailed).error_type == "Timeout"
        assert wait_until_handled(tree, "store")


def test_crash_hook_runs_in_a_hung_actor_too_and_knows_what_was_in_hand() -> None:
    log: list[str] = []
    spec = root(scribe("store", log, handler_deadline_s=0.01))
    with running(spec, hang_check_s=0.005) as (tree, notices):
        tree.directory.address("store").tell(Hang())
        assert notices.wait(ChildFailed).reason == "hang"
        assert "store crashed: SupervisionError Hang" in log


# -- the message in hand


def test_message_in_hand_at_a_crash_becomes_a_dead_letter() -> None:
    with running(root(scribe("store", []))) as (tree, notices):
        bad = Fail(RuntimeError("bug"))
        tree.directory.address("store").tell(bad)
        dead = notices.wait(DeadLettered)
        assert (dead.path, dead.message, dead.reason) == ("root/store", bad, "in hand")


def test_ask_in_hand_of_a_hung_actor_is_unavailable_and_is_not_tried_again() -> None:
    log: list[str] = []
    spec = root(
        scribe("store", log, handler_deadline_s=0.01, on_failed_message=OnFailedMessage.RETRY)
    )
    hang = HangAnswer()
    with running(spec, hang_check_s=0.005) as (tree, notices):
        with pytest.raises(ActorUnavailable):
            tree.directory.address("store").ask(hang, timeout_s=PATIENCE_S)
        wait_until_handled(tree, "store")
        assert not notices.of(DeadLettered)
        assert len(notices.of(ChildFailed)) == 1


# -- pykka


def test_pykkas_own_ref_reaches_the_actor_and_stops_it() -> None:
    log: list[str] = []
    with running(root(scribe("store", log))) as (tree, notices):
        ref = tree.directory.address("store").ask(
            Compute(lambda actor: actor.actor_ref), timeout_s=PATIENCE_S
        )
        ref.tell(Note("by ref"))
        assert ref.ask(Echo("hi"), timeout=PATIENCE_S) == "store: hi"
        assert ref.stop(timeout=PATIENCE_S)
        # A permanent child: it comes back.
        notices.wait(ChildStarted, "root/store", count=2)
        assert log == ["store started", "store: by ref", "store stopped", "store started"]
        assert not ref.is_alive()


def test_actor_without_a_tree_says_so() -> None:
    with pytest.raises(SupervisionError, match="supervisor"):
        Scribe.start([])
    assert not pykka.ActorRegistry.get_all()


def test_busy_actor_gives_way_to_the_others() -> None:
    turns: list[str] = []
    clock = iter(range(10**9))
    with running(root(scribe("store", turns)), clock=lambda: next(clock) / 1000) as (tree, _):
        turns.clear()
        store = tree.directory.address("store")
        for number in range(100):
            store.tell(Note(str(number)))
        seen_between: list[int] = []
        watching = gevent.spawn(lambda: seen_between.append(len(turns)))
        wait_until_handled(tree, "store")
        watching.join(PATIENCE_S)
        assert seen_between[0] < 100


def test_timers_have_their_turn_while_an_actor_has_much_to_do() -> None:
    handled: list[int] = []

    def take_a_turn(_actor: Any) -> None:
        until = time.monotonic() + 0.006  # longer than a turn
        while time.monotonic() < until:
            pass
        handled.append(1)

    with running(root(scribe("a", []))) as (tree, _):
        seen: list[int] = []
        address = tree.directory.address("a")
        for _number in range(80):
            address.tell(Do(take_a_turn))
        timer = gevent.get_hub().loop.timer(0.001)
        timer.start(lambda: seen.append(len(handled)))
        wait_until_handled(tree, "a")
        timer.close()
        assert seen[0] < 20

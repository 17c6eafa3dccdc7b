"""The same law, on a real tree of real actors: a smaller one, for it runs in real time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import gevent
import pytest
from gevent.event import Event
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vatwatch.errors import ActorOnStandby
from vatwatch.supervision import (
    Backoff,
    BreakerPolicy,
    BreakerState,
    ChildFailed,
    ChildSpec,
    MailboxPolicy,
    NodeInfo,
    State,
    Strategy,
    Tree,
    supervisor,
    worker,
)

from .helpers import PATIENCE_S, Fail, Hang, Note, Notices, Scribe, StopYourself

# Short, as each is waited for; nothing is asserted about how long anything took.
SOON = BreakerPolicy(timeout_s=0.01, max_timeout_s=0.02)
NAMES = st.sampled_from("abcde")
PLACES = st.sampled_from(["a", "below", "below/b", "below/c", "below/d", "e"])
# None, or long enough that something may happen meanwhile.
BACKOFFS = st.sampled_from([Backoff.none(), Backoff(0.01, 0.01)])


class Lodger(Scribe):
    """Knows whether there is another one of it, and does not start while it is broken."""

    def __init__(self, house: LawOnATree) -> None:
        super().__init__([], None)
        self.house = house

    def on_start(self) -> None:
        self.house.present[self.name] += 1
        if self.house.present[self.name] > 1:
            self.house.doubled.append(self.name)
        if self.name in self.house.broken:
            raise OSError("does not start")

    def on_receive(self, message: Any) -> Any:
        self.house.stops += isinstance(message, StopYourself)
        return super().on_receive(message)

    def on_stop(self) -> None:
        self.house.present[self.name] -= 1

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self.house.present[self.name] -= 1


class LawOnATree(RuleBasedStateMachine):
    """Whatever is done to the tree: in the end all that are wanted run, once, and nobody else was
    disturbed."""

    def __init__(self) -> None:
        super().__init__()
        self.present: Counter[str] = Counter()
        self.doubled: list[str] = []
        self.broken: set[str] = set()
        self.stops = 0
        self.exhausted: list[str] = []

    @initialize(
        outer=st.sampled_from(list(Strategy)),
        inner=st.sampled_from(list(Strategy)),
        breakers=st.sets(NAMES),
        backoff=BACKOFFS,
        standby=st.sets(PLACES, max_size=2),
    )
    def build(
        self,
        outer: Strategy,
        inner: Strategy,
        breakers: set[str],
        backoff: Backoff,
        standby: set[str],
    ) -> None:
        self.unwanted = set(standby)

        def lodger(name: str) -> ChildSpec:
            return worker(
                name,
                Lodger,
                self,
                breaker=SOON if name in breakers else None,
                drain_on_stop=name in "ad",
                shutdown_s=0.02,
                handler_deadline_s=0.2,
                policy=MailboxPolicy.DROP_OLDEST,
                standby=not standby.isdisjoint({name, f"below/{name}"}),
            )

        below = supervisor(
            "below",
            inner,
            intensity=2,
            backoff=backoff,
            children=map(lodger, "bcd"),
            standby="below" in standby,
        )
        spec = supervisor(
            "root",
            outer,
            intensity=1_000_000,
            backoff=backoff,
            children=[lodger("a"), below, lodger("e")],
        )
        # Always the longest wait that the backoff allows.
        self.tree = Tree(
            spec, random=lambda: 0.999, hang_check_s=0.01, on_exhausted=self.exhausted.append
        )
        self.notices = Notices(self.tree)
        self.tree.start()

    def _tell(self, name: str, message: Any) -> None:
        self.tree.directory.address(name).offer(message)

    # -- what is done to it

    @rule(name=NAMES, times=st.integers(1, 4))
    def crash(self, name: str, times: int) -> None:
        for _ in range(times):
            self._tell(name, Fail(RuntimeError("bug")))

    @rule(name=NAMES, reached=st.booleans())
    def hang(self, name: str, reached: bool) -> None:
        hang = Hang(Event())
        self._tell(name, hang)
        if reached:
            hang.reached.wait(0.02)

    @rule(name=NAMES)
    def break_its_start(self, name: str) -> None:
        self.broken.add(name)
        self._tell(name, Fail(RuntimeError("bug")))

    @rule(name=NAMES)
    def mend_its_start(self, name: str) -> None:
        self.broken.discard(name)

    @rule(name=NAMES, place=PLACES)
    def order_a_restart_while_one_hangs(self, name: str, place: str) -> None:
        self.hang(name, reached=True)
        self.order_a_restart(place)
        gevent.sleep(0.03)

    @rule(name=NAMES, place=PLACES)
    def order_a_restart_while_one_waits(self, name: str, place: str) -> None:
        self.crash(name, 1)
        gevent.sleep(0.001)
        self.order_a_restart(place)

    @rule(place=PLACES)
    def order_a_restart(self, place: str) -> None:
        path = f"root/{place}"
        parent = self.tree.find(path.rpartition("/")[0])
        if self._is_off(path):
            with pytest.raises(ActorOnStandby):
                self.tree.restart(path)
        elif parent is not None and parent.state is State.RUNNING:
            self.tree.restart(path)

    def _is_off(self, path: str) -> bool:
        return any(path == f"root/{o}" or path.startswith(f"root/{o}/") for o in self.unwanted)

    @rule(place=PLACES, wanted=st.booleans())
    def want_it_or_not(self, place: str, wanted: bool) -> None:
        self.unwanted = self.unwanted - {place} if wanted else self.unwanted | {place}
        self.tree.want(f"root/{place}", wanted=wanted)

    @rule(place=PLACES)
    def want_it_not_for_a_moment(self, place: str) -> None:
        self.want_it_or_not(place, wanted=False)
        self.want_it_or_not(place, wanted=True)

    @rule(name=NAMES, place=PLACES, reached=st.booleans(), again=st.booleans())
    def want_it_not_while_one_hangs(
        self, name: str, place: str, reached: bool, again: bool
    ) -> None:
        self.hang(name, reached=reached)
        self.want_it_or_not(place, wanted=False)
        gevent.sleep(0.005)
        if again:
            self.want_it_or_not(place, wanted=True)

    @rule(name=NAMES)
    def let_it_stop_by_itself(self, name: str) -> None:
        self._tell(name, StopYourself())

    @rule()
    def kill_the_supervisor_below(self) -> None:
        nodes = {each.name: each for each in self.tree._root.walk()}
        life = nodes["below"].incarnation
        if life is not None:
            life.kill("crash", RuntimeError("bug"))

    @rule(seconds=st.sampled_from([0.0, 0.005, 0.03]))
    def wait(self, seconds: float) -> None:
        gevent.sleep(seconds)

    @rule()
    def mend_everything_and_wait(self) -> None:
        """In the end all that are wanted run, and stay."""
        self.broken.clear()
        with gevent.Timeout(PATIENCE_S, AssertionError(f"down for ever: {self._nodes()}")):
            while not self._all_are_well():
                for name in "abcde":
                    self._tell(name, Note("a trial, if it is on trial"))
                gevent.sleep(0.005)
        before = [node.restarts_total for node in self._nodes()]
        gevent.sleep(0.02)
        assert [node.restarts_total for node in self._nodes()] == before, "a healthy one disturbed"
        up = [n.name for n in self._nodes() if n.kind == "worker" and not self._is_off(n.path)]
        assert self.present == Counter(up)

    def _nodes(self) -> list[NodeInfo]:
        return list(self.tree.snapshot().walk())

    def _all_are_well(self) -> bool:
        for _ in range(2):
            if not all(self._is_well(node) for node in self._nodes()):
                return False
            # Whatever has happened and is not yet known to its supervisor.
            gevent.idle()
        return True

    def _is_well(self, node: NodeInfo) -> bool:
        closed = node.breaker is None or node.breaker.state is BreakerState.CLOSED
        if self._is_off(node.path):
            return node.state is State.STANDBY and closed and not self.present[node.name]
        quiet = node.mailbox is None or (node.mailbox.depth == 0 and node.handling is None)
        return node.state is State.RUNNING and closed and quiet

    # -- the law

    @invariant()
    def nobody_runs_twice_and_nobody_stops_unasked(self) -> None:
        assert not self.doubled
        assert not self.exhausted
        if hasattr(self, "notices"):
            exits = [n for n in self.notices.of(ChildFailed) if n.reason == "exit"]
            assert len(exits) <= self.stops

    @invariant()
    def whoever_does_not_run_says_when_it_will(self) -> None:
        if not hasattr(self, "tree"):
            return
        for node in self._nodes():
            waits = node.state in (State.RESTARTING, State.SUSPENDED)
            assert (node.retry_in_s is not None) == (node.retry_at is not None) == waits
            assert node.retry_in_s is None or node.retry_in_s <= SOON.max_timeout_s
            assert node.state is not State.FAILED

    def teardown(self) -> None:
        if hasattr(self, "tree"):
            try:
                self.mend_everything_and_wait()
            finally:
                in_order = self.tree.stop(PATIENCE_S)
            assert in_order
            assert {node.state for node in self._nodes()} == {State.STOPPED}
            assert not +self.present


TestLawOnATree = LawOnATree.TestCase
TestLawOnATree.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, report_multiple_bugs=False
)

"""The supervisor's law, held against everything that may happen, in any order, on a fake clock.

In the end every wanted permanent child runs, or its breaker is open and the time of its next trial
is known; none that is not wanted runs; nobody runs twice; a healthy child is disturbed only by its
strategy, or by no longer being wanted.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from vatwatch.supervision import (
    Actor,
    Backoff,
    BreakerPolicy,
    BreakerState,
    ChildSpec,
    Restart,
    Strategy,
    SupervisorSpec,
    supervisor,
    worker,
)
from vatwatch.supervision import child_events as events
from vatwatch.supervision.group import Mode, Phase

from .house import House, Node, Supervised, Worker

STRATEGIES = st.sampled_from(list(Strategy))
RESTARTS = st.sampled_from(
    [Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY]
)
# Most are wanted from the start.
STANDBY = st.sampled_from([False, False, False, True])
NUMBERS = st.integers(0, 7)
BREAKERS = st.sampled_from(
    [None, BreakerPolicy(timeout_s=10, max_timeout_s=50, trial_deadline_s=30)]
)
BACKOFFS = st.sampled_from([Backoff(1, 10), Backoff.none()])
# No wait is longer than a breaker's longest timeout.
LONGEST_S = 50.0


@st.composite
def specs(draw: st.DrawFn, depth: int = 0, prefix: str = "n") -> SupervisorSpec:
    children: list[ChildSpec | SupervisorSpec] = [
        worker(
            f"{prefix}{index}",
            Actor,
            restart=draw(RESTARTS),
            breaker=draw(BREAKERS),
            standby=draw(STANDBY),
        )
        for index in range(draw(st.integers(1, 3)))
    ]
    if depth < 2 and draw(st.booleans()):
        at = draw(st.integers(0, len(children)))
        children.insert(at, draw(specs(depth + 1, f"{prefix}x")))
    return supervisor(
        f"s{prefix}",
        draw(STRATEGIES),
        # The root is to live long enough for something to happen.
        intensity=draw(st.integers(0, 2)) if depth else draw(st.sampled_from([2, 1, 20])),
        period_s=30,
        backoff=draw(BACKOFFS),
        children=children,
        restart=Restart.PERMANENT if depth == 0 else draw(RESTARTS),
        breaker=draw(BREAKERS) if depth else None,
        standby=draw(STANDBY) if depth else False,
    )


class Law(RuleBasedStateMachine):
    """What may happen to a tree of supervisors."""

    house: House
    draws = 0

    def _random(self) -> float:
        """Full jitter, in turns: no delay at all, and the longest."""
        self.draws += 1
        return (0.5, 0.999, 0.0)[self.draws % 3]

    @initialize(spec=specs())
    def build(self, spec: SupervisorSpec) -> None:
        self.house = House(spec, self._random)
        self.house.wait_until_handled()

    def up(self) -> bool:
        return hasattr(self, "house") and not self.house.exhausted

    def _node(self, number: int) -> Node:
        nodes = list(self.house.root.walk())
        return nodes[number % len(nodes)]

    def _worker(self, number: int) -> Worker | None:
        workers = self.house.workers
        return workers[number % len(workers)] if workers else None

    # -- what happens

    @precondition(up)
    @rule(number=NUMBERS, normal=st.booleans(), at_once=st.booleans())
    def ends(self, number: int, normal: bool, at_once: bool) -> None:
        """A worker crashes or stops by itself, or is killed as hung; now, or during a start."""
        self._do(lambda: self._end(self._worker(number), normal=normal), at_once)

    def _end(self, one: Worker | None, *, normal: bool) -> None:
        if one is not None and one.alive and not one.immortal:
            one.alive = False
            self.house.ended(one, normal=normal)

    @precondition(up)
    @rule(number=NUMBERS, times=st.integers(2, 5), mended=st.booleans())
    def keeps_failing(self, number: int, times: int, mended: bool) -> None:
        """It crashes, and then does not start either, until it has failed so many times."""
        if (one := self._worker(number)) is None:
            return
        self._end(one, normal=False)
        one.broken = True
        self.house.wait_until_handled()
        for _ in range(times - 1):
            self._wait_for_next()
        one.broken = not mended

    def _wait_for_next(self) -> bool:
        """Let time pass until somebody is started; False if nobody will be."""
        due = self.house.next_due()
        if due is None or self.house.exhausted:
            return False
        self.house.now = max(self.house.now, due)
        self.house.fire_due()
        self.house.wait_until_handled()
        return True

    @precondition(up)
    @rule(number=NUMBERS)
    def supervisor_is_killed(self, number: int) -> None:
        node = self._node(number)
        if isinstance(node, Supervised) and node.alive:
            node.kill()
            self.house.ended(node, normal=False)
            self.house.wait_until_handled()

    @precondition(up)
    @rule(number=NUMBERS, at_once=st.booleans())
    def restart_is_ordered(self, number: int, at_once: bool) -> None:
        self._do(lambda: self.house.order(self._node(number)), at_once)

    @precondition(up)
    @rule(number=NUMBERS)
    def supervisor_ends_before_it_comes_to_an_order(self, number: int) -> None:
        node = self._node(number)
        parent = node.parent
        if parent is not None and parent.alive and parent.parent is not None:
            self.house.order(node)
            parent.kill()
            self.house.ended(parent, normal=False)
            self.house.wait_until_handled()

    @precondition(up)
    @rule(number=NUMBERS, wanted=st.booleans(), at_once=st.booleans())
    def is_wanted_or_not(self, number: int, wanted: bool, at_once: bool) -> None:
        self._do(lambda: self.house.want(self._node(number), wanted=wanted), at_once)

    @precondition(up)
    @rule(number=NUMBERS, ends=st.booleans(), again=st.booleans())
    def is_unwanted_for_a_moment(self, number: int, ends: bool, again: bool) -> None:
        """All before its supervisor looks; perhaps it has just ended, too."""
        node = self._node(number)
        if ends and isinstance(node, Worker):
            self._end(node, normal=False)
        was_alive, lives = node.alive, node.lives
        was_wanted, closed = node.want.wanted, node.closed
        self.house.want(node, wanted=False)
        if again:
            self.house.want(node, wanted=True)
        self.house.wait_until_handled()
        if was_alive and was_wanted and not closed and isinstance(node, Worker):
            stopped = not node.alive or node.lives > lives
            assert stopped or node.immortal, "goes on as if it had not been let go"

    @precondition(up)
    @rule(number=NUMBERS, wanted=st.booleans())
    def supervisor_ends_before_it_looks_who_is_wanted(self, number: int, wanted: bool) -> None:
        node = self._node(number)
        parent = node.parent
        if parent is not None and parent.alive and parent.parent is not None:
            self.house.want(node, wanted=wanted)
            parent.kill()
            self.house.ended(parent, normal=False)
            self.house.wait_until_handled()

    @precondition(up)
    @rule(number=NUMBERS)
    def is_wanted_again_while_suspended_or_waiting(self, number: int) -> None:
        """It starts afresh: at once, if nobody else is waited for, and on no trial."""
        node = self._node(number)
        parent = node.parent
        if parent is None or not parent.alive or node.phase not in (Phase.WAITING, Phase.SUSPENDED):
            return
        if self.house.during:
            return  # it may be wanted again, or not, before this is over
        lives = node.lives
        self.house.want(node, wanted=False)
        self.house.wait_until_handled()
        assert node.phase is Phase.STANDBY
        self.house.want(node, wanted=True)
        self.house.wait_until_handled()
        if parent.alive and not parent.group.waited_for_by(node.index):
            tried = node.lives > lives or node.phase is not Phase.READY
            assert tried, "it was not tried at once"

    def _do(self, what: object, at_once: bool) -> None:
        assert callable(what)
        if at_once:
            what()
            self.house.wait_until_handled()
        else:
            self.house.during.append(what)

    @precondition(up)
    @rule(number=NUMBERS, broken=st.booleans())
    def start_is_broken_or_mended(self, number: int, broken: bool) -> None:
        if one := self._worker(number):
            one.broken = broken

    @precondition(up)
    @rule(number=NUMBERS)
    def becomes_immortal(self, number: int) -> None:
        if (one := self._worker(number)) and one.alive:
            one.immortal = True

    @precondition(up)
    @rule(number=NUMBERS)
    def immortal_dies_at_last(self, number: int) -> None:
        if (one := self._worker(number)) and one.immortal:
            self._let_die(one)
            self.house.wait_until_handled()

    def _let_die(self, one: Worker) -> None:
        one.immortal = False
        if one.alive and one.killed:
            one.alive = False
            self.house.ended(one, normal=False)

    @precondition(up)
    @rule(number=NUMBERS, well=st.booleans())
    def trial_message(self, number: int, well: bool) -> None:
        """Somebody tells a child on trial something; it handles that, or hangs."""
        one = self._worker(number)
        if one is None or not one.alive or not one.on_trial or one.phase is not Phase.RUNNING:
            return
        assert one.breaker is not None
        one.breaker, allowed = one.breaker.allow(self.house.now)
        if allowed and well:
            one.breaker = one.breaker.success(self.house.now)

    @precondition(up)
    @rule(seconds=st.sampled_from([0.5, 1.0, 7.0, 11.0, 31.0, 51.0]))
    def time_passes(self, seconds: float) -> None:
        for node in self.house.root.walk():
            if node.parent is not None and node.parent.alive and node.phase is Phase.SUSPENDED:
                # Timers may be early, and must not be believed.
                self.house.fire(node.parent, node.index)
        self.house.wait_until_handled()
        self.house.now += seconds
        self.house.expire_trials()
        self.house.fire_due()
        self.house.wait_until_handled()

    @precondition(up)
    @rule()
    def all_is_mended_and_time_passes(self) -> None:
        """In the end every permanent child runs."""
        house = self.house
        house.during.clear()
        for one in house.workers:
            one.broken = False
            self._let_die(one)
        house.wait_until_handled()
        for _ in range(200):
            if not self._wait_for_next():
                break
        assert not house.exhausted, "given up, though nothing failed"
        for node in house.root.walk():
            if node.parent is None or not node.parent.alive:
                continue
            if not node.want.wanted:
                assert not node.alive, "runs though it is not wanted"
            elif node.spec.restart is Restart.PERMANENT:
                assert node.alive, "down for ever"
                assert node.phase is Phase.RUNNING
                if node.on_trial:
                    assert node.breaker is not None
                    node.breaker = node.breaker.success(house.now)
                    assert not node.on_trial

    @precondition(lambda self: hasattr(self, "house") and self.house.exhausted)
    @rule()
    def has_given_up(self) -> None:
        """The root has failed: nobody comes back, whatever time it is."""
        self.house.now += LONGEST_S
        self.house.fire_due()
        self.house.wait_until_handled()
        assert not any(node.alive for node in self.house.supervisors)

    # -- the law, at any time

    @invariant()
    def whoever_does_not_run_will_be_started_at_a_known_time(self) -> None:
        if not self.up():
            return
        now = self.house.now
        for parent in self.house.supervisors:
            if not parent.alive:
                continue
            assert parent.group.mode is Mode.WORKING
            for child in parent.children:
                self._check(parent, child, now)

    def _check(self, parent: Supervised, child: Node, now: float) -> None:
        known = parent.group.children[child.index]
        at = parent.group.starts_at(child.index, now)
        assert known.wanted is child.want.wanted is not child.is_off, "an order was forgotten"
        assert (known.phase is Phase.STANDBY) is not known.wanted
        match known.phase:
            case Phase.RUNNING:
                assert at is None
                assert child.alive or self.house.during
            case Phase.WAITING:
                assert at is not None
                assert at <= now + LONGEST_S
            case Phase.SUSPENDED:
                assert child.breaker is not None
                assert child.breaker.state is BreakerState.OPEN
                assert known.due_at is not None
                assert known.due_at == now + child.breaker.retry_in_s(now) or known.due_at <= now
                assert at is not None
                assert at <= now + LONGEST_S
            case Phase.READY:
                # It is held up by somebody whose time is known.
                assert at is not None
                assert parent.group.waited_for_by(child.index)
            case Phase.LEAVING:
                raise AssertionError("left half stopped")
            case Phase.STANDBY:
                assert child.closed
                assert at is None
                assert known.due_at is None
                assert known.attempt == 0
                assert not child.on_trial
                assert not known.failing.restarts
                assert not child.alive or (isinstance(child, Worker) and child.immortal)
            case Phase.DOWN | Phase.FAILED:
                assert child.closed
                assert child.spec.restart is not Restart.PERMANENT
                assert at is None

    @invariant()
    def nobody_runs_ahead_of_those_it_builds_on(self) -> None:
        if not self.up():
            return
        for parent in self.house.supervisors:
            waiting = [i for i, c in enumerate(parent.group.children) if c.phase is Phase.WAITING]
            for child in parent.children if parent.alive else ():
                if child.phase is not Phase.RUNNING:
                    continue
                match parent.group.strategy:
                    case Strategy.ONE_FOR_ALL:
                        assert not waiting
                    case Strategy.REST_FOR_ONE:
                        assert all(child.index < other for other in waiting)

    @invariant()
    def whoever_is_below_the_dead_is_dead(self) -> None:
        if not hasattr(self, "house"):
            return
        for parent in self.house.supervisors:
            if not parent.alive:
                for child in parent.children:
                    assert not child.alive or (isinstance(child, Worker) and child.immortal)

    def teardown(self) -> None:
        """Stopped for good, in whatever state: nobody is left, nobody comes back."""
        if not self.up():
            return
        self.house.during.clear()
        self.house.root.follow(events.Finish(for_good=True))
        self.house.root.alive = False
        for node in self.house.root.walk():
            assert node.closed
            assert not node.alive or (isinstance(node, Worker) and node.immortal)


TestLaw = Law.TestCase
TestLaw.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, report_multiple_bugs=False
)

"""Decisions, one at a time: what the law does not say, and the documents do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vatwatch.supervision import (
    Actor,
    Backoff,
    BreakerPolicy,
    BreakerState,
    Restart,
    Strategy,
    orders,
    supervisor,
    worker,
)
from vatwatch.supervision import child_events as events
from vatwatch.supervision.decision import decide
from vatwatch.supervision.group import Group, Mode, Phase

BREAKER = BreakerPolicy(timeout_s=60, max_timeout_s=600)


def group(
    *children: object, strategy: Strategy = Strategy.REST_FOR_ONE, intensity: int = 2
) -> Group:
    """A group all of whose children run."""
    spec = supervisor(
        "s",
        strategy,
        intensity=intensity,
        backoff=Backoff(10, 10),
        children=children,  # type: ignore[arg-type]
    )
    made, _ = after(Group.of(spec), events.Begin(first=True))
    for child in range(len(children)):
        made, _ = after(made, events.Started(child))
    assert made.mode is Mode.WORKING
    return made


def after(
    before: Group, event: events.ChildEvent, now: float = 0.0, random: float = 0.5
) -> tuple[Group, tuple[orders.Order, ...]]:
    return decide(before, event, now, lambda: random)


def phases(of: Group) -> list[Phase]:
    return [child.phase for child in of.children]


PLAIN = worker("plain", Actor, breaker=None)
GUARDED = worker("guarded", Actor, breaker=BREAKER)
TEMPORARY = worker("temporary", Actor, breaker=None, restart=Restart.TEMPORARY)
TRANSIENT = worker("transient", Actor, breaker=None, restart=Restart.TRANSIENT)


def test_successor_may_retry_the_message_in_hand_unless_its_breaker_opens() -> None:
    made = group(GUARDED, intensity=1)
    made, decided = after(made, events.Ended(0, normal=False))
    assert decided[:2] == (orders.Report(0), orders.Release(0, retry=True))
    made, _ = after(made, events.TimeCome(0))
    made, _ = after(made, events.Started(0))
    made, decided = after(made, events.Ended(0, normal=False, reason="KeyError: why"))
    assert decided[:2] == (orders.Report(0), orders.Release(0, retry=False))
    suspend = decided[2]
    assert isinstance(suspend, orders.Suspend)
    assert suspend.reason == "over 1 failure in 30 s: KeyError: why"


def test_message_in_hand_is_not_retried_when_the_supervisor_gives_up() -> None:
    made, decided = after(group(PLAIN, PLAIN, intensity=0), events.Ended(0, normal=False))
    assert decided == (
        orders.Report(0),
        orders.Release(0, retry=False),
        orders.Escalate(),
        orders.Stop(1, False),
    )
    assert made.mode is Mode.GIVING_UP
    made, decided = after(made, events.Stopped(1))
    assert decided == (orders.GiveUp(),)


@pytest.mark.parametrize("child", [TEMPORARY, TRANSIENT])
def test_message_in_hand_of_a_child_that_has_finished_is_not_retried(child: object) -> None:
    _, decided = after(group(child), events.Ended(0, normal=True))
    assert decided == (
        orders.Release(0, retry=False),
        orders.Close(0, failed=False),
        orders.TellStopped(0),
    )


def test_suspension_of_a_child_leaves_the_backoff_of_another_alone() -> None:
    waiting = group(GUARDED, replace(GUARDED, name="other"), intensity=1)
    waiting, _ = after(waiting, events.Ended(1, normal=False), now=5)
    due_at = waiting.children[1].due_at
    # The first was close to its limit: one failure more suspends it.
    first = waiting.children[0]
    near = replace(first, failing=first.failing.add(4.0))
    waiting = replace(waiting, children=(near, waiting.children[1]))
    waiting, _ = after(waiting, events.Ended(0, normal=False), now=6)
    assert phases(waiting) == [Phase.SUSPENDED, Phase.WAITING]
    assert waiting.children[1].due_at == due_at


def test_failure_takes_those_along_that_wait_behind_it() -> None:
    made, _ = after(group(PLAIN, PLAIN), events.Ended(1, normal=False), now=5)
    made, _ = after(made, events.Ended(0, normal=False), now=6)
    assert phases(made) == [Phase.WAITING, Phase.READY]
    # It starts with the first, and says so.
    assert made.starts_at(0, 6) == made.starts_at(1, 6) == 6 + 5


def test_nothing_starts_ahead_of_time_but_by_order() -> None:
    made, _ = after(group(PLAIN, PLAIN, PLAIN), events.Ended(0, normal=False))
    for child in (2, 1):
        made, decided = after(made, events.Stopped(child))
    assert decided == ()
    assert made.starts_at(2, 0) == made.children[0].due_at == 5
    made, decided = after(made, events.RestartRequested(2))
    assert decided == (orders.Start(0),)


@pytest.mark.parametrize("first", [True, False])
def test_child_with_a_breaker_that_does_not_start_fails_the_first_start_only(first: bool) -> None:
    made, _ = after(group(PLAIN, GUARDED, PLAIN), events.Begin(first))
    made, _ = after(made, events.Started(0))
    made, decided = after(made, events.NotStarted(1, "OSError: no disk"))
    if first:
        assert made.mode is Mode.NOT_BEGUN
        made, decided = after(made, events.Stopped(0))
        assert decided == (orders.RefuseToStart(),)
    else:
        assert made.mode is Mode.WORKING
        assert phases(made) == [Phase.RUNNING, Phase.WAITING, Phase.READY]


@pytest.mark.parametrize("first", [True, False])
def test_child_without_a_breaker_that_does_not_start_fails_every_start(first: bool) -> None:
    made, _ = after(group(PLAIN, PLAIN), events.Begin(first))
    made, decided = after(made, events.NotStarted(0, "OSError: no disk"))
    assert decided == (orders.RefuseToStart(),)


@pytest.mark.parametrize("for_good", [True, False])
@pytest.mark.parametrize("begins", [True, False])
def test_start_that_is_broken_off_is_undone(begins: bool, for_good: bool) -> None:
    made = group(PLAIN, PLAIN)
    if begins:
        made, _ = after(made, events.Begin(first=False))
        made, _ = after(made, events.Started(0))
    else:
        made, _ = after(made, events.Ended(1, normal=False))
        made, _ = after(made, events.TimeCome(1))
    made, decided = after(made, events.StartInterrupted(1, runs=True, for_good=for_good))
    assert decided[-1] == orders.Stop(1, for_good)
    made, decided = after(made, events.Stopped(1))
    assert decided[-1] == orders.Stop(0, for_good)
    made, decided = after(made, events.Stopped(0))
    end = Phase.DOWN if for_good else Phase.READY
    assert phases(made) == [end, end]
    # A supervisor that was starting must say why it does not run; another one simply stops.
    assert (orders.RefuseToStart() in decided) == begins


def test_start_that_is_broken_off_before_anybody_ran_stops_the_others() -> None:
    made, _ = after(group(PLAIN, PLAIN), events.Ended(1, normal=False))
    made, _ = after(made, events.TimeCome(1))
    made, decided = after(made, events.StartInterrupted(1, runs=False, for_good=False))
    assert decided == (orders.Stop(0, False),)


def test_order_is_ignored_by_a_supervisor_that_stops() -> None:
    made, _ = after(group(PLAIN, PLAIN), events.Finish(for_good=False))
    assert after(made, events.RestartRequested(0)) == (made, (orders.Stop(1, False),))


def test_child_on_trial_that_is_restarted_with_a_sibling_begins_its_trials_again() -> None:
    made = group(PLAIN, GUARDED)
    breaker = made.children[1].breaker
    assert breaker is not None
    tried, allowed = breaker.trip(0).allow(60)
    assert allowed
    made = replace(made, children=(made.children[0], replace(made.children[1], breaker=tried)))
    made, _ = after(made, events.Ended(0, normal=False), now=61)
    made, _ = after(made, events.Stopped(1), now=61)
    made, _ = after(made, events.TimeCome(0), now=66)
    made, decided = after(made, events.Started(0), now=66)
    begun = decided[0]
    assert isinstance(begun, orders.Try)
    assert begun.breaker.trials == ()
    assert decided[1] == orders.Start(1)


STANDBY = worker("standby", Actor, breaker=BREAKER, standby=True)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_child_on_standby_is_started_by_no_strategy_and_waited_for_by_nobody(
    strategy: Strategy,
) -> None:
    spec = supervisor("s", strategy, backoff=Backoff(10, 10), children=[STANDBY, PLAIN])
    made, decided = after(Group.of(spec), events.Begin(first=True, unwanted=frozenset({0})))
    assert decided == (orders.StandBy(0), orders.Start(1))
    made, _ = after(made, events.Started(1))
    made, _ = after(made, events.Ended(1, normal=False))
    made, decided = after(made, events.TimeCome(1), now=10)
    assert decided == (orders.Start(1),)
    assert made.children[0].phase is Phase.STANDBY
    assert made.starts_at(0, 10) is None


@pytest.mark.parametrize("strategy", list(Strategy))
def test_child_that_is_wanted_starts_without_restarting_its_siblings(strategy: Strategy) -> None:
    made = group(GUARDED, PLAIN, strategy=strategy)
    made, decided = after(made, events.WantsChanged(0, wanted=False))
    assert decided == (orders.Stop(0, True),)
    made, decided = after(made, events.Stopped(0))
    assert decided == (orders.StandBy(0),)
    made, decided = after(made, events.WantsChanged(0, wanted=True))
    assert decided == (orders.StandReady(0), orders.Start(0))
    made, _ = after(made, events.Started(0))
    assert phases(made) == [Phase.RUNNING, Phase.RUNNING]


def test_child_that_is_wanted_waits_for_the_sibling_that_must_run_before_it() -> None:
    made = group(PLAIN, GUARDED)
    made, _ = after(made, events.WantsChanged(1, wanted=False))
    made, _ = after(made, events.Stopped(1))
    made, _ = after(made, events.Ended(0, normal=False))
    made, decided = after(made, events.WantsChanged(1, wanted=True))
    assert decided == (orders.StandReady(1),)
    assert made.starts_at(1, 0) == made.starts_at(0, 0) == 5


def test_suspended_child_that_is_wanted_again_starts_at_once_with_a_closed_breaker() -> None:
    made = group(GUARDED, intensity=0)
    made, _ = after(made, events.Ended(0, normal=False))
    assert phases(made) == [Phase.SUSPENDED]
    made, decided = after(made, events.WantsChanged(0, wanted=False))
    reset = decided[0]
    assert isinstance(reset, orders.Reset)
    assert (reset.breaker.state, decided[1:]) == (BreakerState.CLOSED, (orders.StandBy(0),))
    # The time of the trial that is not held any more.
    assert after(made, events.TimeCome(0), now=60) == (made, ())
    made, decided = after(made, events.WantsChanged(0, wanted=True))
    assert decided == (orders.StandReady(0), orders.Start(0))
    assert not made.children[0].on_trial


def test_sibling_waits_no_longer_for_one_that_is_not_wanted() -> None:
    made, _ = after(group(PLAIN, PLAIN), events.Ended(0, normal=False))
    made, _ = after(made, events.Stopped(1))
    assert phases(made) == [Phase.WAITING, Phase.READY]
    made, decided = after(made, events.WantsChanged(0, wanted=False))
    assert decided == (orders.StandBy(0), orders.Start(1))


def test_child_that_is_wanted_again_while_it_stops_is_stopped_and_then_started() -> None:
    made, decided = after(group(PLAIN), events.WantsChanged(0, wanted=False))
    assert decided == (orders.Stop(0, True),)
    made, _ = after(made, events.WantsChanged(0, wanted=True))
    assert phases(made) == [Phase.LEAVING]
    made, decided = after(made, events.Stopped(0))
    assert decided == (orders.Start(0),)


@pytest.mark.parametrize("finished", [TEMPORARY, TRANSIENT])
def test_child_that_had_finished_starts_when_it_is_wanted_anew(finished: object) -> None:
    made, _ = after(group(finished), events.Ended(0, normal=True))
    made, decided = after(made, events.WantsChanged(0, wanted=True))
    assert decided == ()  # it was wanted all the time, and has finished
    made, _ = after(made, events.WantsChanged(0, wanted=False))
    made, decided = after(made, events.WantsChanged(0, wanted=True))
    assert decided == (orders.StandReady(0), orders.Start(0))


def test_restart_of_a_child_on_standby_is_not_carried_out() -> None:
    made, _ = after(group(GUARDED, PLAIN), events.WantsChanged(0, wanted=False))
    made, _ = after(made, events.Stopped(0))
    assert after(made, events.RestartRequested(0)) == (made, ())
    _, decided = after(made, events.Begin(False, frozenset({0}), frozenset({0})))
    assert orders.Start(0) not in decided


@pytest.mark.parametrize("for_good", [True, False])
def test_what_is_wanted_changes_nothing_for_a_supervisor_that_stops(for_good: bool) -> None:
    made, _ = after(group(PLAIN, PLAIN), events.Finish(for_good=for_good))
    made, decided = after(made, events.WantsChanged(0, wanted=False))
    assert decided == (orders.Stop(1, for_good),)
    made, decided = after(made, events.Stopped(1))
    made, decided = after(made, events.Stopped(0))
    assert phases(made)[0] is (Phase.DOWN if for_good else Phase.STANDBY)

"""A tree goes on by another declaration of itself: what holds at once, what from the next start."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.supervision.helpers import Fail, Hang, Scribe, node, root, running
from vatwatch.supervision import (
    Breaker,
    BreakerChanged,
    BreakerPolicy,
    BreakerState,
    ChildFailed,
    ChildStarted,
    SupervisorSpec,
    worker,
)


def declared(log: list[str], **of_a: Any) -> SupervisorSpec:
    return root(worker("a", Scribe, log, **of_a), worker("b", Scribe, log))


def test_a_restarted_actor_has_the_new_arguments_and_nobody_is_restarted_for_them() -> None:
    before: list[str] = []
    after: list[str] = []
    with running(declared(before)) as (tree, notices):
        tree.use_spec(declared(after))
        assert before == ["a started", "b started"]
        assert after == []
        tree.directory.address("a").tell(Fail(RuntimeError("bug")))
        notices.wait(ChildStarted, "root/a", 2)
        assert after == ["a started"]
        assert node(tree, "b").restarts_total == 0


def test_a_handler_s_deadline_holds_at_once() -> None:
    log: list[str] = []
    with running(declared(log, handler_deadline_s=600.0), hang_check_s=0.01) as (tree, notices):
        hang = Hang()
        tree.directory.address("a").tell(hang)
        hang.reached.wait()
        tree.use_spec(declared(log, handler_deadline_s=0.01))
        assert notices.wait(ChildFailed, "root/a").reason == "hang"
        notices.wait(ChildStarted, "root/a", 2)


def test_a_breaker_s_policy_holds_at_once_and_cuts_an_opening_short() -> None:
    long = BreakerPolicy(timeout_s=600, max_timeout_s=600)
    breaker = Breaker(long).trip(0.0)
    assert breaker.retry_in_s(1.0) == 599
    assert breaker.with_policy(BreakerPolicy(timeout_s=5, max_timeout_s=5)).retry_in_s(1.0) == 4


def test_a_threshold_that_is_passed_already_opens_the_breaker_at_the_next_failure() -> None:
    breaker = Breaker(BreakerPolicy(failure_threshold=10)).failure(0.0).failure(0.0).failure(0.0)
    lower = breaker.with_policy(BreakerPolicy(failure_threshold=2))
    assert lower.state is BreakerState.CLOSED
    assert lower.failure(1.0).state is BreakerState.OPEN


@given(before=st.integers(1, 4), after=st.integers(1, 4), under_way=st.integers(0, 4))
def test_a_half_open_breaker_lets_trials_through_under_every_new_policy(
    before: int, after: int, under_way: int
) -> None:
    assume(before != after)

    def policy(trials: int) -> BreakerPolicy:
        return BreakerPolicy(timeout_s=1, max_timeout_s=1, half_open_trials=trials)

    breaker = Breaker(policy(before)).trip(0.0)
    for _ in range(under_way):
        breaker, _allowed = breaker.allow(2.0)
    breaker = breaker.with_policy(policy(after))
    for _ in range(after):
        breaker, allowed = breaker.allow(3.0)
        assert allowed
        breaker = breaker.success(3.0)
    assert breaker.state is BreakerState.CLOSED


def test_the_breaker_of_a_dependency_takes_the_policy_of_its_latest_user() -> None:
    with running(root(worker("a", Scribe, []))) as (tree, _):
        first = tree.circuit_breakers.get("feed", BreakerPolicy(failure_threshold=5))
        again = tree.circuit_breakers.get("feed", BreakerPolicy(failure_threshold=1))
        assert again is first
        assert first.breaker.policy.failure_threshold == 1


def test_a_supervisor_s_intensity_holds_at_once() -> None:
    log: list[str] = []

    def spec(intensity: int) -> SupervisorSpec:
        return root(worker("a", Scribe, log), intensity=intensity, period_s=600)

    with running(spec(50)) as (tree, notices):
        for count in (2, 3, 4):
            tree.directory.address("a").tell(Fail(RuntimeError("bug")))
            notices.wait(ChildStarted, "root/a", count)
        tree.use_spec(spec(1))
        tree.directory.address("a").tell(Fail(RuntimeError("bug")))
        notices.wait(ChildFailed, "root/a", 4)
        assert notices.wait(BreakerChanged).after is BreakerState.OPEN


@pytest.mark.parametrize(
    "other",
    [
        root(worker("a", Scribe, [])),
        root(worker("b", Scribe, []), worker("a", Scribe, [])),
        root(worker("a", Scribe, [], breaker=None), worker("b", Scribe, [])),
    ],
)
def test_another_tree_is_refused_and_changes_nothing(other: SupervisorSpec) -> None:
    log: list[str] = []
    with running(declared(log)) as (tree, notices):
        with pytest.raises(ValueError, match="another tree"):
            tree.use_spec(other)
        tree.directory.address("a").tell(Fail(RuntimeError("bug")))
        notices.wait(ChildStarted, "root/a", 2)
        assert log.count("a started") == 2

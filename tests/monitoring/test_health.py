"""How the whole follows from the parts, and what is kept of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.monitoring.health import (
    COLLECTING,
    DOWN_S,
    SEVERITY,
    TRANSITIONS,
    VITAL,
    Failing,
    Health,
    HealthRegistry,
    Observation,
    PartHealth,
    is_down,
    of_state,
    overall,
    worst,
)
from vatwatch.supervision import State

T0 = datetime(2025, 1, 1, tzinfo=UTC)
SIGNS = st.builds(Observation, st.sampled_from(Health), st.sampled_from(["a", "b", ""]))
SEEN = st.lists(st.tuples(SIGNS, st.integers(1, 100)), min_size=1, max_size=60)


def test_since_is_when_the_health_changed_and_not_when_its_reason_did() -> None:
    part = PartHealth.first(Observation(Health.DEGRADED, "slow"), T0)
    later = part.observe(Observation(Health.DEGRADED, "slower"), T0 + timedelta(seconds=5))
    assert (later.since, later.reason) == (T0, "slower")
    assert later.transitions == part.transitions
    gone = later.observe(Observation(Health.UNHEALTHY, "gone"), T0 + timedelta(seconds=9))
    assert gone.since == T0 + timedelta(seconds=9)
    assert [(c.before, c.after, c.reason) for c in gone.transitions] == [
        (None, Health.DEGRADED, "slow"),
        (Health.DEGRADED, Health.UNHEALTHY, "gone"),
    ]


HEALTHY, DEGRADED, DOWN = (
    Observation(),
    Observation(Health.DEGRADED, "slow"),
    Observation(Health.UNHEALTHY, "gone"),
)
ORDERED = of_state(State.STOPPING)


def regained(
    *seen: tuple[float, Observation | str], registry: HealthRegistry | None = None
) -> list[tuple[str, float]]:
    """What is told of recoveries; each sign with the seconds since the one before. A text is a
    failure that nobody saw."""
    registry, now, told = registry or HealthRegistry(), T0, []
    for seconds, observation in seen:
        now += timedelta(seconds=seconds)
        if isinstance(observation, str):
            registry.fail("part", observation, now)
        elif (found := registry.observe("part", observation, now).regained) is not None:
            told.append((found.reason, found.duration_s))
    return told


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([(0, HEALTHY), (5, DOWN), (7, HEALTHY), (1, HEALTHY)], [("gone", 7)]),
        ([(0, HEALTHY), (5, DEGRADED), (5, DOWN), (5, HEALTHY)], [("slow", 10)]),
        ([(0, HEALTHY), (5, DOWN), (5, DEGRADED)], []),
        # A crash whose restart was quicker than any look.
        ([(0, HEALTHY), (5, "boom"), (1, HEALTHY)], [("boom", 1)]),
        ([(0, HEALTHY), (5, "boom"), (0, DOWN), (3, HEALTHY)], [("boom", 3)]),
        # Ordered: nothing has failed.
        ([(0, HEALTHY), (5, ORDERED), (5, HEALTHY)], []),
        ([(0, HEALTHY), (5, ORDERED), (5, DOWN), (2, HEALTHY)], [("gone", 2)]),
        # The first moments are the start; what is away for longer was away.
        ([(0, DOWN), (DOWN_S - 1, HEALTHY)], []),
        ([(0, DOWN), (DOWN_S, HEALTHY)], [("gone", DOWN_S)]),
    ],
)
def test_a_recovery_is_reported_when_a_failure_is_over_and_only_then(
    seen: list[tuple[float, Observation | str]], told: list[tuple[str, float]]
) -> None:
    assert regained(*seen) == told


UNPROVEN = Observation(unproven=True)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([(0, HEALTHY), (1, HEALTHY)], [("was gone", 60)]),
        ([(0, DOWN), (5, DEGRADED), (5, HEALTHY), (1, HEALTHY)], [("was gone", 70)]),
        # That it runs says little in the first moments.
        ([(0, UNPROVEN), (5, UNPROVEN), (5, HEALTHY)], [("was gone", 70)]),
        ([(0, UNPROVEN), (5, DOWN), (5, UNPROVEN)], [("was gone", 70)]),
        ([(0, UNPROVEN), (5, "boom"), (5, UNPROVEN)], [("was gone", 70)]),
        ([(0, ORDERED), (5, UNPROVEN)], []),
        ([(0, ORDERED), (5, HEALTHY)], [("was gone", 65)]),
        ([(0, DOWN)], []),
    ],
)
def test_what_failed_in_the_process_before_is_told_well_when_it_has_proven_to_be(
    seen: list[tuple[float, Observation | str]], told: list[tuple[str, float]]
) -> None:
    before = {"part": Failing(T0 - timedelta(seconds=60), "was gone", at_start=False, down=True)}
    registry = HealthRegistry()
    registry.carry(before)
    assert regained(*seen, registry=registry) == told
    assert bool(registry.failing()) is not bool(told)


def test_what_failed_before_and_is_no_more_part_of_the_service_is_no_part_of_its_health() -> None:
    registry = HealthRegistry()
    registry.carry({"redis": Failing(T0, "away", at_start=False, down=True)})
    registry.observe("cache", HEALTHY, T0)
    assert {*registry.parts} == {"cache"}
    assert {*registry.failing()} == {"redis"}


@pytest.mark.parametrize(
    ("seen", "is_ordered"),
    [
        ([HEALTHY, ORDERED], True),
        ([DEGRADED, ORDERED], True),
        ([HEALTHY, DEGRADED, ORDERED, of_state(State.STARTING)], True),
        # It was down and runs again, though not well.
        ([DOWN, DEGRADED, ORDERED], True),
        ([HEALTHY, "boom", HEALTHY, ORDERED], True),
        ([ORDERED], True),
        ([HEALTHY], False),
        ([DEGRADED], False),
        ([DOWN], False),
        ([DOWN, ORDERED], False),
        ([DEGRADED, DOWN, ORDERED], False),
        ([HEALTHY, ORDERED, DOWN], False),
        # It starts because it has crashed, degraded or not.
        ([HEALTHY, "boom", of_state(State.STARTING)], False),
        ([DEGRADED, "boom", of_state(State.STARTING)], False),
        ([HEALTHY, of_state(State.RESTARTING), of_state(State.STARTING)], False),
        ([DEGRADED, of_state(State.SUSPENDED), of_state(State.STARTING)], False),
    ],
)
def test_a_part_that_is_stopped_and_started_by_order_has_not_failed(
    seen: list[Observation | str], is_ordered: bool
) -> None:
    registry = HealthRegistry()
    for observation in seen:
        if isinstance(observation, str):
            registry.fail("part", observation, T0)
        else:
            registry.observe("part", observation, T0)
    assert registry.parts["part"].is_ordered == is_ordered


@given(SEEN)
def test_the_transitions_kept_are_the_latest_and_each_begins_where_the_last_ended(
    seen: list[tuple[Observation, int]],
) -> None:
    registry, now = HealthRegistry(), T0
    expected: list[tuple[Health | None, Health, datetime]] = []
    before: Health | None = None
    for observation, seconds in seen:
        now += timedelta(seconds=seconds)
        changed = registry.observe("part", observation, now).changed
        assert changed == (observation.health is not before)
        if changed:
            expected.append((before, observation.health, now))
        before = observation.health
        part = registry.parts["part"]
        assert (part.health, part.reason) == (observation.health, observation.reason)
        assert part.since == expected[-1][2]
    kept = [(c.before, c.after, c.at) for c in registry.parts["part"].transitions]
    assert kept == expected[-TRANSITIONS:]


@given(st.lists(SIGNS))
def test_the_gravest_speaks(observations: list[Observation]) -> None:
    loudest = worst(observations)
    assert all(SEVERITY[s.health] <= SEVERITY[loudest.health] for s in observations)
    assert loudest in observations or (not observations and loudest.health is Health.HEALTHY)


@given(st.dictionaries(st.sampled_from([VITAL, "store", "redis"]), SIGNS), st.booleans())
def test_the_whole_serves_exactly_while_its_vital_part_does(
    parts: dict[str, Observation], serving: bool
) -> None:
    whole = overall(parts, serving=serving)
    vital = parts.get(VITAL)
    runs = vital is not None and vital.health not in (Health.UNHEALTHY, Health.STANDBY)
    can_serve = serving and runs
    assert (whole.health is Health.UNHEALTHY) == (not can_serve)
    if can_serve:
        counted = (Health.HEALTHY, Health.STANDBY)
        all_well = all(observation.health in counted for observation in parts.values())
        assert (whole.health is Health.HEALTHY) == all_well
    assert bool(whole.reason) == (whole.health is not Health.HEALTHY)


def test_one_cause_is_reported_once_with_its_consequences() -> None:
    away = Observation(Health.UNHEALTHY, "connection refused")
    parts = {
        VITAL: Observation(),
        "postgresql": away,
        "store": Observation(Health.UNHEALTHY, "nothing can be written: connection refused"),
        "history": away,
        "feed": Observation(Health.DEGRADED, "it has stopped updating"),
    }
    because_of = {"store": ("unhealthy:postgresql",), "history": ("unhealthy:postgresql",)}
    assert overall(parts, serving=True, because_of=because_of).reason == (
        "feed: it has stopped updating; postgresql: connection refused. "
        "Therefore also: history, store"
    )
    # What would explain it does not hold: it has a cause of its own.
    del parts["postgresql"], parts["feed"]
    whole = overall(parts, serving=True, because_of=because_of)
    assert whole.reason == (
        "history: connection refused; store: nothing can be written: connection refused"
    )


@given(
    st.dictionaries(st.sampled_from([VITAL, "store", "redis"]), SIGNS),
    st.dictionaries(st.sampled_from(COLLECTING), st.just("it is suspended")),
)
def test_the_whole_is_unhealthy_while_one_of_those_that_collect_cannot_work(
    parts: dict[str, Observation], cannot_work: dict[str, str]
) -> None:
    whole = overall(parts, serving=True, cannot_work=cannot_work)
    if cannot_work:
        assert whole.health is Health.UNHEALTHY
        vital = parts.get(VITAL)
        if vital is not None and vital.health not in (Health.UNHEALTHY, Health.STANDBY):
            assert all(name in whole.reason for name in cannot_work)
    else:
        assert whole == overall(parts, serving=True)


@pytest.mark.parametrize("state", State)
def test_a_restart_of_the_usual_kind_is_not_being_down(state: State) -> None:
    given_up = state in (State.SUSPENDED, State.STOPPED, State.FAILED)
    assert is_down(state, 0.0) == given_up
    assert is_down(state, DOWN_S) == (state not in (State.RUNNING, State.STANDBY))


def test_only_a_running_service_is_healthy() -> None:
    for state in State:
        assert (of_state(state).health is Health.HEALTHY) == (state is State.RUNNING)
    assert "KeyError: x" in of_state(State.SUSPENDED, "KeyError: x").reason


def test_a_part_on_standby_counts_neither_for_nor_against_the_whole() -> None:
    off = of_state(State.STANDBY, "KeyError: long ago")
    assert (off.health, off.reason) == (Health.STANDBY, "it is on standby")
    assert overall({VITAL: Observation(), "fetcher": off}, serving=True) == Observation()
    whole = overall({VITAL: off, "fetcher": Observation()}, serving=True)
    assert (whole.health, whole.reason) == (Health.UNHEALTHY, f"{VITAL}: it is on standby")


def test_a_part_that_failed_and_is_on_standby_has_not_recovered() -> None:
    registry = HealthRegistry()
    registry.observe("store", Observation(), T0)
    registry.observe("store", Observation(Health.UNHEALTHY, "no disk"), T0)
    seen = registry.observe("store", of_state(State.STANDBY), T0)
    assert seen.changed
    assert seen.regained is None
    assert not registry.failing()
    # When it is wanted again it begins anew: what was before is not told as over.
    assert registry.observe("store", Observation(), T0).regained is None

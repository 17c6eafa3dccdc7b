"""When somebody is told, and that nothing flaps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vatwatch.monitoring.alerts import (
    Alert,
    AlertState,
    Condition,
    Rate,
    Rule,
    fold,
    restored,
    step,
)

HOLD, CLEAR = 30.0, 60.0
RULE = Rule("unhealthy", "critical", "a part is unhealthy", HOLD, CLEAR)
RULES = {RULE.name: RULE}
STORE = Condition("unhealthy", "store", "gone")
# How long until the next look, and whether the condition holds then.
LOOKS = st.lists(st.tuples(st.floats(0.5, 40), st.booleans()), max_size=80)


class Teller:
    """Looks, and keeps what is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.alerts: dict[str, Alert] = {}
        self.told: list[tuple[float, str, str]] = []

    def look(self, *conditions: Condition, after: float = 0.0) -> None:
        self.now += after
        self.alerts, told = step(self.alerts, RULES, conditions, self.now)
        self.told += [(self.now, one.event, one.alert.key) for one in told]


def test_an_alert_fires_once_held_for_its_time_and_is_resolved_once_gone_for_its_time() -> None:
    teller = Teller()
    teller.look(STORE)
    teller.look(STORE, after=29)
    assert teller.told == []
    teller.look(STORE, after=1)
    assert teller.told == [(30, "firing", "unhealthy:store")]
    teller.look(after=10)
    assert teller.alerts["unhealthy:store"].state is AlertState.CLEARING
    teller.look(after=59)
    assert len(teller.told) == 1
    teller.look(after=1)
    assert teller.told[1:] == [(100, "resolved", "unhealthy:store")]
    assert teller.alerts == {}


def test_an_alert_that_comes_back_before_it_is_resolved_is_not_sent_again() -> None:
    teller = Teller()
    teller.look(STORE)
    teller.look(STORE, after=30)
    for _ in range(10):
        teller.look(after=30)
        teller.look(STORE, after=30)
    assert [event for _, event, _ in teller.told] == ["firing"]


def test_a_condition_that_flaps_faster_than_its_hold_time_fires_no_alert() -> None:
    teller = Teller()
    for _ in range(50):
        teller.look(STORE, after=5)
        teller.look(STORE, after=20)
        teller.look(after=4)
    assert teller.told == []


@given(LOOKS)
def test_fired_and_resolved_take_turns_and_each_only_after_its_time(
    looks: list[tuple[float, bool]],
) -> None:
    teller = Teller()
    held_since = gone_since = None
    for after, holds in looks:
        before = len(teller.told)
        teller.look(*([STORE] if holds else []), after=after)
        if holds:
            held_since, gone_since = teller.now if held_since is None else held_since, None
        else:
            gone_since, held_since = teller.now if gone_since is None else gone_since, None
        for _, event, _ in teller.told[before:]:
            if event == "firing":
                assert held_since is not None
                assert teller.now - held_since >= HOLD
            else:
                assert gone_since is not None
                assert teller.now - gone_since >= CLEAR
    events = [event for _, event, _ in teller.told]
    assert events == ["firing", "resolved"] * (len(events) // 2) + ["firing"] * (len(events) % 2)
    # And it is told when it must be: nothing holds for long enough unheard.
    if held_since is not None and teller.now - held_since >= HOLD:
        assert events[-1:] == ["firing"]
    if gone_since is not None and teller.now - gone_since >= CLEAR:
        assert events[-1:] != ["firing"]


@given(LOOKS, LOOKS)
def test_one_subject_has_nothing_to_do_with_another(
    one: list[tuple[float, bool]], other: list[tuple[float, bool]]
) -> None:
    cache = Condition("unhealthy", "cache", "slow")
    both, alone = Teller(), Teller()
    for (after, holds), (_, holds_too) in zip(one, other, strict=False):
        mine = [STORE] if holds else []
        alone.look(*mine, after=after)
        both.look(*mine, *([cache] if holds_too else []), after=after)
    assert [t for t in both.told if t[2].endswith("store")] == alone.told


def test_the_latest_reason_is_sent() -> None:
    teller = Teller()
    teller.look(STORE)
    _, told = step(teller.alerts, RULES, [Condition("unhealthy", "store", "worse")], 30.0)
    assert told[0].alert.reason == "worse"


def test_a_rate_counts_what_was_added_within_its_window() -> None:
    rate = Rate(60).add(1000, 0)
    assert rate.total == 0  # who knows when those were
    rate = rate.add(1004, 10).add(1004, 20).add(1010, 50)
    assert rate.total == 10
    assert rate.add(1010, 75).total == 6
    assert rate.add(2, 55).total == 12  # it began anew


@given(st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 20)), max_size=60))
def test_a_rate_is_the_sum_of_the_last_minute(steps: list[tuple[float, int]]) -> None:
    rate, now, counter, grown = Rate(60).add(0, 0.0), 0.0, 0, []
    for after, more in steps:
        now += after
        counter += more
        rate = rate.add(counter, now)
        grown.append((now, more))
        assert rate.total == sum(n for at, n in grown if now - at < 60)


KEYS = ["a", "b", "c", "d", "e"]
HOLDING = st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(KEYS)), max_size=5)


@given(HOLDING)
def test_of_what_holds_the_causes_are_told_and_each_of_the_others_is_named_by_one_of_them(
    holding: dict[str, list[str]],
) -> None:
    conditions = [
        Condition("unhealthy", name, "why", because_of=tuple(f"unhealthy:{c}" for c in causes))
        for name, causes in holding.items()
    ]
    told = fold(conditions)
    assert bool(told) == bool(holding)
    roots = {condition.subject for condition in told}
    named = [
        name
        for condition in told
        for name in condition.reason.removeprefix("why")
        .removeprefix(". Therefore also: ")
        .split(", ")
        if name
    ]
    assert sorted([*roots, *named]) == sorted(holding)
    # Whoever has no cause that holds is told.
    assert roots >= {n for n, causes in holding.items() if not set(causes) & set(holding)}


def test_an_alert_has_the_words_and_the_severity_of_its_condition() -> None:
    redis = Condition("unhealthy", "redis", "gone", "Redis does not answer", "warning")
    alerts, _ = step({}, RULES, [redis], 0.0)
    told = alerts["unhealthy:redis"].rule
    assert (told.summary, told.severity, told.hold_s) == ("Redis does not answer", "warning", HOLD)


def test_a_rule_that_cannot_be_judged_leaves_its_alerts_as_they_are() -> None:
    teller, unknown = Teller(), frozenset({RULE.name})
    teller.look(STORE)
    teller.look(STORE, after=30)
    for _ in range(10):
        alerts, told = step(teller.alerts, RULES, [], teller.now + 1000, unknown)
        assert (alerts, told) == (teller.alerts, [])
    # But what is seen to hold is seen.
    alerts, told = step({}, RULES, [STORE], 0.0, unknown)
    assert [alert.state for alert in alerts.values()] == [AlertState.PENDING]


def test_an_alert_of_an_earlier_process_goes_on_and_is_reported_when_it_is_over() -> None:
    teller = Teller()
    alert = restored(RULE, "store", "gone", "critical", "why", fired_s=-500.0, began_s=-530.0)
    teller.alerts = {alert.key: alert}
    teller.look(STORE, after=5)
    teller.look(after=5)
    assert teller.told == []
    teller.look(after=CLEAR)
    assert [event for _, event, _ in teller.told] == ["resolved"]

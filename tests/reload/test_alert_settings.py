"""Settings of alerts, changed while the tree runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import until
from tests.actors.hook_server import HookServer
from tests.actors.reloading import Reloading, reloading
from tests.feed_server import DATA, status
from tests.reload.effects import takes_effect
from vatwatch.config.settings import fields
from vatwatch.supervision import Fault, FaultKind

TIMES_OF_ALL = ("VATWATCH_ALERT_HOLD", "VATWATCH_ALERT_CLEAR", "VATWATCH_ALERT_DEGRADED_HOLD")
PREFIX = "VATWATCH_ALERT_"
TIMES_OF_RULES = [
    name
    for section, name, _ in fields()
    if section == "alerts" and name.endswith(("_HOLD", "_CLEAR")) and name not in TIMES_OF_ALL
]


def rules(one: Reloading) -> dict[str, dict[str, Any]]:
    return {rule["name"]: rule for rule in one.get("/api/alerts")["rules"]}


def active(one: Reloading) -> set[str]:
    return {alert["rule"] for alert in one.get("/api/alerts")["active"]}


@takes_effect(*TIMES_OF_RULES)
def test_each_rule_has_the_times_that_are_set_now(tmp_path: Path) -> None:
    """All of them in one tree, each with a time of its own."""
    times = {name: 1000 + number for number, name in enumerate(TIMES_OF_RULES)}
    with reloading(tmp_path) as (one, _feeds):
        one.take_over(**times)
        until(lambda: 1000 in {t for r in rules(one).values() for t in (r["hold_s"], r["clear_s"])})
        for name, time_s in times.items():
            rule, _, which = name.removeprefix(PREFIX).lower().rpartition("_")
            assert rules(one)[rule][f"{which}_s"] == time_s, name


@takes_effect(*TIMES_OF_ALL)
@pytest.mark.parametrize(
    ("setting", "rule", "which"),
    [
        ("VATWATCH_ALERT_HOLD", "unhealthy", "hold_s"),
        ("VATWATCH_ALERT_CLEAR", "unhealthy", "clear_s"),
        ("VATWATCH_ALERT_DEGRADED_HOLD", "degraded", "hold_s"),
    ],
)
def test_rules_without_times_of_their_own_have_those_of_all(
    tmp_path: Path, setting: str, rule: str, which: str
) -> None:
    with reloading(tmp_path) as (one, _feeds):
        assert rules(one)[rule][which] != 17
        one.take_over(**{setting: 17})
        until(lambda: rules(one)[rule][which] == 17, f"{setting} takes effect")


@takes_effect("VATWATCH_ALERT_HOLD")
def test_a_condition_that_holds_already_fires_after_the_time_that_is_set_now(
    tmp_path: Path,
) -> None:
    given = {"VATWATCH_ALERT_FEED_AGE": 0.001, "VATWATCH_ALERT_INTERVAL": 0.1}
    with reloading(tmp_path, VATWATCH_ALERT_HOLD=3600, **given) as (one, _feeds):
        until(lambda: one.running.node("alerter").handled > 5, "it has looked")
        assert "feed_age" not in active(one)
        one.take_over(VATWATCH_ALERT_HOLD=0)
        until(lambda: "feed_age" in active(one), "the alert fires")


@takes_effect("VATWATCH_ALERT_FEED_AGE")
def test_a_feed_is_too_old_by_the_age_that_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, VATWATCH_ALERT_FEED_AGE=3600, VATWATCH_ALERT_HOLD=0) as (one, _feeds):
        until(lambda: one.running.served() is not None, "the first update")
        assert "feed_age" not in active(one)
        one.take_over(VATWATCH_ALERT_FEED_AGE=0.001)
        until(lambda: "feed_age" in active(one), "the alert fires")


@takes_effect("VATWATCH_ALERT_INTERVAL")
def test_the_conditions_are_looked_at_as_often_as_is_set_now(tmp_path: Path) -> None:
    """The hold time is over at a look that nothing but the interval brings about."""
    given = {"VATWATCH_ALERT_FEED_AGE": 0.001, "VATWATCH_ALERT_FEED_AGE_HOLD": 1.5}
    with reloading(
        tmp_path, VATWATCH_ALERT_INTERVAL=3600, SERVICE_HEALTH_CHECK_INTERVAL=3600, **given
    ) as (one, feeds):
        feeds.say(DATA, always=status("304 Not Modified"))
        one.take_over(VATWATCH_ALERT_INTERVAL=0.05)
        until(lambda: "feed_age" in active(one), "the alert fires")
        handled = one.running.node("alerter").handled
        until(
            lambda: one.running.node("alerter").handled > handled + 20, "it looks again and again"
        )


@takes_effect("VATWATCH_ALERT_ERROR_RATE")
def test_so_many_failures_are_too_many_as_is_set_now(tmp_path: Path) -> None:
    given = {"VATWATCH_ALERT_ERROR_RATE_HOLD": 0, "VATWATCH_ALERT_INTERVAL": 0.1}
    with reloading(tmp_path, VATWATCH_ALERT_ERROR_RATE=1_000_000, **given) as (one, _feeds):
        one.running.tree.faults.inject(Fault(FaultKind.CRASH, "cache", count=3))
        until(lambda: one.running.node("cache").restarts_total >= 2, "failures")
        assert "error_rate" not in active(one)
        one.take_over(VATWATCH_ALERT_ERROR_RATE=1)
        until(lambda: "error_rate" in active(one), "the alert fires")


# --- webhooks -------------------------------------------------------------------------------------

NOW = {
    "VATWATCH_ALERT_FEED_AGE": 0.001,
    "VATWATCH_ALERT_FEED_AGE_HOLD": 0,
    "VATWATCH_ALERT_INTERVAL": 0.1,
}


@takes_effect("VATWATCH_ALERT_WEBHOOKS")
def test_alerts_go_to_the_webhooks_that_are_set_now(tmp_path: Path) -> None:
    with (
        HookServer() as first,
        HookServer() as second,
        reloading(tmp_path, VATWATCH_ALERT_WEBHOOKS=first.url, VATWATCH_ALERT_FEED_AGE=3600) as (
            one,
            _feeds,
        ),
    ):
        one.take_over(VATWATCH_ALERT_WEBHOOKS=second.url)
        one.change(**NOW)
        until(lambda: any(n["rule"] == "feed_age" for n in second.taken), "the second is told")
        assert not [n for n in first.taken if n["rule"] == "feed_age"]


@takes_effect("VATWATCH_ALERT_TIMEOUT")
def test_a_webhook_is_waited_for_as_long_as_is_set_now(tmp_path: Path) -> None:
    with (
        HookServer(hanging=True) as hook,
        reloading(tmp_path, VATWATCH_ALERT_TIMEOUT=3600, VATWATCH_ALERT_WEBHOOKS=hook.url) as (
            one,
            _feeds,
        ),
    ):
        one.take_over(VATWATCH_ALERT_TIMEOUT=0.1)
        one.take_over(**NOW)
        until(lambda: hook.tries >= 2, "it is tried again")


@takes_effect("VATWATCH_ALERT_DELIVER_WITHIN")
def test_a_notification_that_is_tried_already_is_given_up_by_what_is_set_now(
    tmp_path: Path,
) -> None:
    with (
        HookServer(status="503 Service Unavailable") as hook,
        reloading(
            tmp_path, VATWATCH_ALERT_DELIVER_WITHIN=36_000, VATWATCH_ALERT_WEBHOOKS=hook.url, **NOW
        ) as (one, _feeds),
    ):
        until(lambda: hook.tries >= 1, "it is tried")
        assert one.get("/api/alerts")["webhooks"][0]["undelivered"] == 0
        one.take_over(VATWATCH_ALERT_DELIVER_WITHIN=0.1)
        until(lambda: one.get("/api/alerts")["webhooks"][0]["undelivered"] > 0, "it is given up")
